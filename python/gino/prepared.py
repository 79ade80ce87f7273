"""`await connection.prepare(clause)`: one statement, run several times.

Owns: the values that a prepared clause still needs.
Never does: name statements on the server; the native statement cache does.
Called by: `gino.connection`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from . import execution
from .cursor import Iteration
from .statement import executable


class PreparedStatement:
    """Methods run the clause with values by keyword; several parameter sets are a ValueError."""

    __slots__ = ("_connection", "clause")

    def __init__(self, connection: Any, clause: Any) -> None:
        self._connection = connection
        self.clause = clause

    def all(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """All rows or models, as a list."""
        return self._run(multiparams, params, execution.ALL)

    def first(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first row or model, or None."""
        return self._run(multiparams, params, execution.FIRST)

    def scalar(self, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first column of the first row, or None."""
        return self._run(multiparams, params, execution.SCALAR)

    async def status(self, *multiparams: Any, **params: Any) -> Any:
        """The command tag alone."""
        return (await self._run(multiparams, params, execution.STATUS))[0]

    def iterate(self, *multiparams: Any, **params: Any) -> Iteration[Any]:
        """A cursor, inside of a transaction."""
        self._check(multiparams)
        return Iteration(
            lambda: execution.open_cursor(self._connection, self.clause, multiparams, params)
        )

    def _run(
        self, multiparams: tuple[Any, ...], params: Mapping[str, Any], mode: int
    ) -> Awaitable[Any]:
        self._check(multiparams)
        return execution.execute(self._connection, self.clause, multiparams, params, mode)

    def _check(self, multiparams: tuple[Any, ...]) -> None:
        several = len(multiparams) > 1 and isinstance(multiparams[0], dict | list | tuple)
        if several or (len(multiparams) == 1 and isinstance(multiparams[0], list)):
            raise ValueError("PreparedStatement does not support multiple parameters.")


async def prepare_statement(connection: Any, clause: Any) -> PreparedStatement:
    """A prepared statement on a connection, which is borrowed now."""
    if not isinstance(clause, str):
        executable(clause)
    await connection.borrow()
    return PreparedStatement(connection, clause)
