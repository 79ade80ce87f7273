"""`query.gino`: a clause that runs on the engine of its metadata.

Owns: `GinoExecutor`, and how a clause finds its metadata.
Never does: hold a connection.
Called by: `gino.api`; public as `gino.api.GinoExecutor`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from sqlalchemy.sql import visitors
from sqlalchemy.sql.schema import Table

from .cursor import Iteration
from .exceptions import UninitializedError
from .page import Page, Paging, counting, testing

if TYPE_CHECKING:
    from ._core import Row
    from .crud import CRUDModel
    from .loader import ModelLoader

T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound="CRUDModel")


class GinoExecutor(Generic[T_co]):
    """Runs a clause: `all first one one_or_none scalar status iterate count exists page`.

    `model()`, `return_model()`, `timeout()` (seconds), `load()` and `execution_options()` set
    options and chain; `query` is the clause with them.
    """

    __slots__ = ("_query",)

    def __init__(self, query: Any) -> None:
        self._query = query

    @property
    def query(self) -> Any:
        """The clause."""
        return self._query

    @property
    def bind(self) -> Any:
        """The engine of the clause's metadata. Errors: UninitializedError."""
        return bind_of(self._query)

    @overload
    def model(self, model: type[M]) -> GinoExecutor[M]: ...
    @overload
    def model(self, model: None) -> GinoExecutor[Row]: ...
    @overload
    def model(self, model: Any) -> GinoExecutor[Any]: ...
    def model(self, model: Any) -> Any:
        """Load instances of this model; None: rows."""
        return self.execution_options(model=model)

    def return_model(self, switch: bool) -> GinoExecutor[Any]:
        """Whether models are loaded, or rows."""
        return self.execution_options(return_model=switch)

    def timeout(self, timeout: float | None) -> Self:
        """Seconds for borrowing a connection and running together."""
        return self.execution_options(timeout=timeout)

    @overload
    def load(self, value: type[M]) -> GinoExecutor[M]: ...
    @overload
    def load(self, value: ModelLoader[M]) -> GinoExecutor[M]: ...
    @overload
    def load(self, value: Any) -> GinoExecutor[Any]: ...
    def load(self, value: Any) -> Any:
        """Load what this loader expression makes."""
        return self.execution_options(loader=value)

    def execution_options(self, **options: Any) -> Self:
        """Set execution options."""
        self._query = self._query.execution_options(**options)
        return self

    def all(self, *multiparams: Any, **params: Any) -> Awaitable[list[T_co]]:
        """All rows or models, as a list."""
        waiting: Awaitable[list[T_co]] = self.bind.all(self._query, *multiparams, **params)
        return waiting

    def first(self, *multiparams: Any, **params: Any) -> Awaitable[T_co | None]:
        """The first row or model, or None."""
        waiting: Awaitable[T_co | None] = self.bind.first(self._query, *multiparams, **params)
        return waiting

    def one(self, *multiparams: Any, **params: Any) -> Awaitable[T_co]:
        """The only row or model. Errors: NoResultFound, MultipleResultsFound."""
        waiting: Awaitable[T_co] = self.bind.one(self._query, *multiparams, **params)
        return waiting

    def one_or_none(self, *multiparams: Any, **params: Any) -> Awaitable[T_co | None]:
        """The only row or model, or None. Errors: MultipleResultsFound."""
        waiting: Awaitable[T_co | None] = self.bind.one_or_none(self._query, *multiparams, **params)
        return waiting

    def scalar(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first column of the first row, or None."""
        waiting: Awaitable[Any] = self.bind.scalar(self._query, *multiparams, **params)
        return waiting

    def status(self, *multiparams: Any, **params: Any) -> Awaitable[tuple[str, list[T_co]]]:
        """The command tag and the rows or models."""
        waiting: Awaitable[tuple[str, list[T_co]]] = self.bind.status(
            self._query, *multiparams, **params
        )
        return waiting

    async def count(self, *multiparams: Any, **params: Any) -> int:
        """How many rows the query has. Errors: TypeError for what is no query."""
        found: int = await self._other(counting(self.query)).scalar(*multiparams, **params)
        return found

    async def exists(self, *multiparams: Any, **params: Any) -> bool:
        """Whether the query has a row. Errors: TypeError for what is no query."""
        found: bool = await self._other(testing(self.query)).scalar(*multiparams, **params)
        return found

    async def page(
        self, *multiparams: Any, after: Any = None, size: int = 50, **params: Any
    ) -> Page[T_co]:
        """Up to `size` items that come after a key, and the key for the next page.

        `after`: `next` of the page before, a value for each expression of the query's `order_by`
        (None: the first page). Columns may be sorted in different directions and hold NULLs. The
        primary key is added to the order of a select from one table, so that equal rows have one.
        Errors: ValueError for a query without an order, with DISTINCT, GROUP BY or LIMIT, sorted
        by text, or with a loader that is `distinct`; for an `after` of another length.
        """
        paging = Paging(self.query, size)
        found = await self._other(paging.clause(after)).all(*multiparams, **params)
        return paging.page(found)

    def _other(self, query: Any) -> GinoExecutor[Any]:
        """An executor for another query on the same engine, with the same time-out."""
        options: dict[str, Any] = {"gino_bind": self.bind}
        timeout = self.query.get_execution_options().get("timeout")
        if timeout is not None:
            options["timeout"] = timeout
        return GinoExecutor(query.execution_options(**options))

    def iterate(self, *multiparams: Any, **params: Any) -> Iteration[T_co]:
        """A cursor on the current connection. Errors: ValueError without one."""
        found: Iteration[T_co] = self.bind.iterate(self._query, *multiparams, **params)
        return found


def bind_of(clause: Any) -> Any:
    """The engine that a clause runs on, from its model, its loader or its tables."""
    options = clause._execution_options
    model = options.get("model")
    if model is None:
        bind = options.get("gino_bind")
        if bind is not None:
            return bind
        model = getattr(options.get("loader"), "model", None)
    metadata = getattr(model, "__metadata__", None)
    if metadata is not None:
        return metadata.bind
    for element in visitors.iterate(clause):
        table = element if isinstance(element, Table) else getattr(element, "table", None)
        bind = getattr(getattr(table, "metadata", None), "bind", None)
        if bind is not None:
            return bind
    raise UninitializedError(
        "this clause has no table with an engine: run it on one, for example db.scalar(...)"
    )


GinoExecutor.__module__ = "gino.api"
