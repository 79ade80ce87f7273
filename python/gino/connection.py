"""One contextual connection.

Owns: `GinoConnection`: queries, transactions, cursors and prepared statements on one place of the
task's stack.
Never does: borrow or return driver connections by itself; the native half does.
Called by: `gino.engine` makes them; public as `gino.engine.GinoConnection`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Self

from . import _core, execution
from .cursor import Iteration
from .prepared import PreparedStatement, prepare_statement
from .queries import QueryMethods
from .transaction import GinoTransaction


class GinoConnection(QueryMethods, _core.Connection):
    """What `acquire()` gives: query methods, transactions, `release()`.

    Methods take `timeout` in seconds through execution options. A released connection raises
    ValueError on use.
    """

    schema_for_object = staticmethod(lambda item: item.schema)

    def __init__(
        self, handle: _core.Handle, engine: Any, options: Mapping[str, Any] | None = None
    ) -> None:
        self._engine = engine
        self._options: Mapping[str, Any] = options or {}
        bounded = self._options.get("timeout") or engine.execution_opts.get("timeout")
        if engine.should_log or bounded is not None:
            self.run = engine.wrapped(super().run, bounded)  # type: ignore[method-assign]

    def __new__(cls, handle: _core.Handle, *args: Any, **kwargs: Any) -> Self:
        return super().__new__(cls, handle)

    @property
    def dialect(self) -> Any:
        """The dialect that statements are written in."""
        return self._engine.dialect

    @property
    def execution_opts(self) -> Mapping[str, Any]:
        """The execution options that statements on this connection have."""
        outer = self._engine.execution_opts
        return {**outer, **self._options} if self._options else outer

    @property
    def raw_connection(self) -> Any:
        """The driver's connection; None when none is borrowed."""
        return self._engine.raw_of(self)

    async def get_raw_connection(self, *, timeout: float | None = None) -> Any:
        """Borrow now, if not done yet; `timeout` in seconds. Returns the driver's connection."""
        await self.borrow(timeout)
        return self.raw_connection

    def execution_options(self, **options: Any) -> GinoConnection:
        """A copy with these execution options, on the same driver connection."""
        return type(self)(self.handle, self._engine, {**self._options, **options})

    def iterate(self, clause: Any, *multiparams: Any, **params: Any) -> Iteration[Any]:
        """A cursor, inside of a transaction."""
        return Iteration(lambda: execution.open_cursor(self, clause, multiparams, params))

    def prepare(self, clause: Any) -> Awaitable[PreparedStatement]:
        """A statement that is run several times with other values."""
        return prepare_statement(self, clause)

    def transaction(self, *args: Any, **kwargs: Any) -> GinoTransaction:
        """A transaction, or a savepoint inside of one: `isolation`, `readonly`, `deferrable`,
        `timeout` (seconds).
        """
        return GinoTransaction(self, args, kwargs)


GinoConnection.__module__ = "gino.engine"
