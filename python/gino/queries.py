"""The query methods that engine and connection share.

Owns: `all first one one_or_none scalar status`, on anything that can run plans.
Never does: find a connection; what it is mixed into has `run`.
Called by: `gino.engine` and `gino.connection` inherit it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from . import execution

if TYPE_CHECKING:
    from ._typed import Yields

T = TypeVar("T")


class QueryMethods:
    """Run statements: SQLAlchemy's, or plain SQL with `$1` and values by position.

    Several parameter sets are an executemany, which returns None.
    """

    __slots__ = ()

    @overload
    def all(self, clause: Yields[T], *multiparams: Any, **params: Any) -> Awaitable[list[T]]: ...
    @overload
    def all(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def all(self: Any, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """All rows or models, as a list."""
        return execution.execute(self, clause, multiparams, params, execution.ALL)

    @overload
    def first(self, clause: Yields[T], *multiparams: Any, **params: Any) -> Awaitable[T | None]: ...
    @overload
    def first(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def first(self: Any, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first row or model, or None."""
        return execution.execute(self, clause, multiparams, params, execution.FIRST)

    @overload
    def one(self, clause: Yields[T], *multiparams: Any, **params: Any) -> Awaitable[T]: ...
    @overload
    def one(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def one(self: Any, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The only row or model. Errors: NoResultFound, MultipleResultsFound."""
        return execution.execute(self, clause, multiparams, params, execution.ONE)

    @overload
    def one_or_none(
        self, clause: Yields[T], *multiparams: Any, **params: Any
    ) -> Awaitable[T | None]: ...
    @overload
    def one_or_none(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def one_or_none(self: Any, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The only row or model, or None. Errors: MultipleResultsFound."""
        return execution.execute(self, clause, multiparams, params, execution.ONE_OR_NONE)

    def scalar(self: Any, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first column of the first row, or None."""
        return execution.execute(self, clause, multiparams, params, execution.SCALAR)

    @overload
    def status(
        self, clause: Yields[T], *multiparams: Any, **params: Any
    ) -> Awaitable[tuple[str, list[T]]]: ...
    @overload
    def status(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def status(self: Any, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The command tag and the rows or models."""
        return execution.execute(self, clause, multiparams, params, execution.STATUS)
