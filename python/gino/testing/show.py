"""The one connection that a test has on an event loop, and savepoints in the place of transactions.

Owns: the order in which the tasks of a test use it.
Never does: know engines, or who asks.
Called by: `gino.testing.rollback`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from .. import _core
from ..sqlstate import make_exception

# a transaction that waits longer for another task's, waits for good
PATIENCE = 10.0
_BEGIN = re.compile(r"\s*(begin|start\s+transaction)\b[^;]*;?\s*", re.IGNORECASE)
_COMMIT = re.compile(r"\s*(commit|end)(\s+(work|transaction))?\s*;?\s*", re.IGNORECASE)
_ROLLBACK = re.compile(r"\s*(rollback|abort)(\s+(work|transaction))?\s*;?\s*", re.IGNORECASE)

_level: ContextVar[Level | None] = ContextVar("gino_testing_level", default=None)


class Level:
    """A transaction of the code under test: a savepoint. Its lock is for the next one inside."""

    def __init__(self, show: Show, parent: Level | None) -> None:
        self.show = show
        self.parent = parent
        self.name = show.new_name()
        self.task = asyncio.current_task()
        self.lock = asyncio.Lock()
        self.is_open = True


class Savepoint:
    """What `begin()` gives in the place of a native transaction."""

    def __init__(self, level: Level) -> None:
        self._level = level

    @property
    def depth(self) -> int:
        """1 for a transaction, more for one inside of another."""
        found, level = 0, self._level
        while level.parent is not None:
            found, level = found + 1, level.parent
        return found

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self._level.is_open

    @property
    def is_nested(self) -> bool:
        """Whether it is inside of another."""
        return self.depth > 1

    async def commit(self, timeout: float | None = None) -> None:
        """Keep what was done, until the test ends."""
        await self._end("RELEASE SAVEPOINT {0}")

    async def rollback(self, timeout: float | None = None) -> None:
        """Undo what was done."""
        await self._end("ROLLBACK TO SAVEPOINT {0}; RELEASE SAVEPOINT {0}")

    async def _end(self, sql: str) -> None:
        level = self._level
        if not level.is_open:
            raise make_exception("TransactionEnded", "the transaction has ended", {})
        level.is_open = False
        try:
            await level.show.script(sql.format(level.name))
        except BaseException:
            await level.show.script(f"ROLLBACK TO SAVEPOINT {level.name}")
            raise
        finally:
            if level.parent is not None:
                level.parent.lock.release()
            if _level.get() is level:
                _level.set(level.parent)


class Show:
    """The one connection of an engine on a loop, and the transaction on it."""

    def __init__(self, root: Any, transaction: _core.Transaction) -> None:
        self.root = root
        self.transaction = transaction
        self._names = itertools.count(1)
        self._wire = asyncio.Lock()
        self._by_sql: Savepoint | None = None
        self.bottom = Level(self, None)

    def new_name(self) -> str:
        """The name of a savepoint."""
        return f"gino_rollback_{next(self._names)}"

    async def script(self, sql: str) -> str:
        """Run SQL of our own."""
        async with self._wire:
            return await _core.Connection.script(self.root, sql)

    async def begin(self, timeout: float | None) -> Savepoint:
        """A transaction of the code under test. Those of tasks that do not belong together wait for
        each other: they are on one connection.
        """
        parent = _level.get()
        if parent is None or parent.show is not self or not parent.is_open:
            parent = self.bottom
        try:
            async with asyncio.timeout(PATIENCE if timeout is None else timeout):
                await parent.lock.acquire()
        except TimeoutError:
            if timeout is not None:
                raise
            raise RuntimeError(
                f"gino_rollback: a transaction waits for that of another task since {PATIENCE:g} "
                "seconds: all tasks of a test are on one connection, so it cannot begin before "
                "the other has ended"
            ) from None
        level = Level(self, parent)
        try:
            await self.script(f"SAVEPOINT {level.name}")
        except BaseException:
            parent.lock.release()
            raise
        _level.set(level)
        return Savepoint(level)

    async def run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Run a statement; outside of a transaction of its own its error hurts nobody else."""
        level = _level.get()
        is_own = level is not None and level.task is asyncio.current_task()
        if is_own and level is not None and level.show is self and level.is_open:
            async with self._wire:
                return await work()
        async with self._wire:
            name = self.new_name()
            await _core.Connection.script(self.root, f"SAVEPOINT {name}")
            try:
                found = await work()
            except BaseException:
                undo = f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}"
                await asyncio.shield(_script(self.root, undo))
                raise
            await _core.Connection.script(self.root, f"RELEASE SAVEPOINT {name}")
            return found

    async def control(self, sql: str) -> str | None:
        """Do what BEGIN, COMMIT and ROLLBACK as SQL mean here; the command tag, None for other
        SQL.
        """
        if _BEGIN.fullmatch(sql):
            if self._by_sql is None or not self._by_sql.is_active:
                self._by_sql = await self.begin(None)
            return "BEGIN"
        commits = _COMMIT.fullmatch(sql)
        if not commits and not _ROLLBACK.fullmatch(sql):
            return None
        begun, self._by_sql = self._by_sql, None
        if begun is not None and begun.is_active:
            await (begun.commit() if commits else begun.rollback())
        return "COMMIT" if commits else "ROLLBACK"

    async def undo(self) -> None:
        """Roll back and give the connection back."""
        was_there = self.transaction.is_active and self.root.state in ("in transaction", "failed")
        try:
            if was_there:
                await self.transaction.rollback()
        finally:
            await self.root.release()
        if not was_there:
            raise RuntimeError(
                "gino_rollback: the test's transaction was gone before its end, so what the test "
                "did is not undone: the connection was lost, or a script contained a COMMIT"
            )


async def _script(root: Any, sql: str) -> None:
    await _core.Connection.script(root, sql)
