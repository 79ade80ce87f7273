"""`query.gino`: a clause that runs on the engine of its metadata.

Owns: `GinoExecutor`, and how a clause finds its metadata.
Never does: hold a connection.
Called by: `gino.api`; public as `gino.api.GinoExecutor`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Self

from sqlalchemy.sql import visitors
from sqlalchemy.sql.schema import Table

from .cursor import Iteration
from .exceptions import UninitializedError


class GinoExecutor:
    """Runs a clause: `all first one one_or_none scalar status iterate`.

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

    def model(self, model: Any) -> Self:
        """Load instances of this model; None: rows."""
        return self.execution_options(model=model)

    def return_model(self, switch: bool) -> Self:
        """Whether models are loaded, or rows."""
        return self.execution_options(return_model=switch)

    def timeout(self, timeout: float | None) -> Self:
        """Seconds for borrowing a connection and running together."""
        return self.execution_options(timeout=timeout)

    def load(self, value: Any) -> Self:
        """Load what this loader expression makes."""
        return self.execution_options(loader=value)

    def execution_options(self, **options: Any) -> Self:
        """Set execution options."""
        self._query = self._query.execution_options(**options)
        return self

    def all(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """All rows or models, as a list."""
        waiting: Awaitable[Any] = self.bind.all(self._query, *multiparams, **params)
        return waiting

    def first(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first row or model, or None."""
        waiting: Awaitable[Any] = self.bind.first(self._query, *multiparams, **params)
        return waiting

    def one(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The only row or model. Errors: NoResultFound, MultipleResultsFound."""
        waiting: Awaitable[Any] = self.bind.one(self._query, *multiparams, **params)
        return waiting

    def one_or_none(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The only row or model, or None. Errors: MultipleResultsFound."""
        waiting: Awaitable[Any] = self.bind.one_or_none(self._query, *multiparams, **params)
        return waiting

    def scalar(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first column of the first row, or None."""
        waiting: Awaitable[Any] = self.bind.scalar(self._query, *multiparams, **params)
        return waiting

    def status(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The command tag and the rows or models."""
        waiting: Awaitable[Any] = self.bind.status(self._query, *multiparams, **params)
        return waiting

    def iterate(self, *multiparams: Any, **params: Any) -> Iteration:
        """A cursor on the current connection. Errors: ValueError without one."""
        found: Iteration = self.bind.iterate(self._query, *multiparams, **params)
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
