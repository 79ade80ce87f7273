"""Cursors in the manner of PEP 249.

Owns: `BufferedCursor`, and `StreamingCursor` whose rows stay at the server.
Never does: begin or end a transaction (the connection does), or convert values.
Called by: `gino.dialects.adapter` makes them; SQLAlchemy's results use them, inside of
`greenlet_spawn`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from .. import _core

if TYPE_CHECKING:
    from .adapter import ExclusiveConnection

_PREFETCH = 50
# commands whose tag says how many rows they concerned
_COUNTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "COPY", "FETCH", "MOVE"})


class BufferedCursor:
    """A cursor that holds all rows of its result."""

    server_side = False

    def __init__(self, connection: ExclusiveConnection) -> None:
        self.connection = connection
        self.arraysize = 1
        self.rowcount = -1
        self.lastrowid: Any = None
        self.description: list[tuple[Any, ...]] | None = None
        self._rows: deque[Any] = deque()

    def execute(self, operation: str, parameters: Sequence[Any] | None = None) -> None:
        """Run a statement, with `$1` for its parameters."""
        await_only(self._execute(operation, parameters or ()))

    def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each sequence of parameters; there are no rows."""
        self._forget()
        self.rowcount = await_only(self.connection.run_many(operation, list(parameters)))

    def fetchone(self) -> Any:
        """The next row as a tuple, or None."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """The next rows."""
        rows = self._rows
        return [rows.popleft() for _ in range(min(size or self.arraysize, len(rows)))]

    def fetchall(self) -> Sequence[Any]:
        """All rows that are left."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        """Forget the rows."""
        self._rows.clear()

    def setinputsizes(self, *sizes: Any) -> None:
        """Nothing: parameters are cast in SQL."""

    async def _async_soft_close(self) -> None:
        """Nothing: all rows are here already. SQLAlchemy's asyncio extension calls it."""

    async def _execute(self, operation: str, parameters: Sequence[Any]) -> None:
        self._forget()
        plan, tag, rows = await self.connection.run(operation, parameters)
        self._describe(plan)
        self._rows = deque(map(tuple, rows))
        word, _, count = tag.partition(" ")
        if word in _COUNTED and count:
            self.rowcount = int(count.rpartition(" ")[2])

    def _forget(self) -> None:
        self.rowcount = -1
        self.description = None
        self._rows = deque()

    def _describe(self, plan: _core.Plan) -> None:
        columns = plan.columns
        if columns:
            self.description = [(name, oid, None, None, None, None, None) for name, oid in columns]


class StreamingCursor(BufferedCursor):
    """A cursor whose rows stay at the server until they are fetched."""

    server_side = True
    _stream: _core.Cursor | None = None

    def fetchone(self) -> Any:
        """The next row as a tuple, or None."""
        if not self._rows:
            self._fetch(_PREFETCH)
        return super().fetchone()

    def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """The next rows."""
        wanted = size or self.arraysize
        if len(self._rows) < wanted:
            self._fetch(wanted - len(self._rows))
        return super().fetchmany(wanted)

    def fetchall(self) -> Sequence[Any]:
        """All rows that are left."""
        while self._stream is not None:
            self._fetch(_PREFETCH * 100)
        return super().fetchall()

    def close(self) -> None:
        """Forget the rows, here and at the server."""
        super().close()
        stream, self._stream = self._stream, None
        if stream is not None and in_greenlet():
            await_only(stream.close())

    async def _execute(self, operation: str, parameters: Sequence[Any]) -> None:
        self._forget()
        plan, self._stream, rows = await self.connection.stream(operation, parameters, _PREFETCH)
        await self._take(rows, _PREFETCH)
        self._describe(plan)

    def _fetch(self, count: int) -> None:
        if self._stream is not None:
            await_only(self._more(self._stream, count))

    async def _more(self, stream: _core.Cursor, count: int) -> None:
        await self._take(await stream.many(count), count)

    async def _take(self, rows: Sequence[Any], count: int) -> None:
        self._rows.extend(map(tuple, rows))
        if len(rows) < count and self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.close()
