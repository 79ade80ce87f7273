"""Owns what a client may say of the rows it wrote, and the ways to cut its work short.

Never looks at how the driver works. Called by the tests of faults.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Generator
from pathlib import Path
from typing import Any

from gino import create_engine

# how many seeds each storm has; GINO_TEST_SEEDS=1000 is the full measure
SEEDS = int(os.environ.get("GINO_TEST_SEEDS") or 25)


class Ledger:
    """What became of each piece of work, by its number and as far as the client knows.

    `kept`: the parts that were committed; `unknown`: those whose commit was on its way when
    the work was cut short. All other work must have left nothing.
    """

    def __init__(self, dsn: str, table: str) -> None:
        self._dsn = dsn
        self.table = table
        self.insert = f"INSERT INTO {table} (work, part) VALUES ($1, $2)"
        self.begun = 0
        self.kept: dict[int, set[int]] = {}
        self.unknown: dict[int, set[int]] = {}

    async def create(self) -> None:
        """Make the table anew."""
        engine = await create_engine(self._dsn, min_size=1, max_size=1)
        await engine.status(f"DROP TABLE IF EXISTS {self.table}")
        await engine.status(f"CREATE TABLE {self.table} (work int, part int)")
        await engine.close()

    def begin(self) -> int:
        """A number for a piece of work."""
        self.begun += 1
        return self.begun

    def commits(self, work: int, parts: set[int]) -> None:
        """From now on it may have happened."""
        self.unknown[work] = parts

    def committed(self, work: int, parts: set[int]) -> None:
        """It has happened."""
        self.unknown.pop(work, None)
        self.kept[work] = parts

    async def balance(self) -> dict[str, int]:
        """Compare with the table, by a connection of its own, and drop it: `lost`, `doubled` and
        `ghost` (written though nobody asked to commit) should be 0.
        """
        engine = await create_engine(self._dsn, min_size=1, max_size=1)
        rows = await engine.all(f"SELECT work, part, count(*) FROM {self.table} GROUP BY 1, 2")
        await engine.status(f"DROP TABLE {self.table}")
        await engine.close()
        found: dict[int, set[int]] = {}
        for work, part, _ in rows:
            found.setdefault(work, set()).add(part)
        return {
            "begun": self.begun,
            "kept": len(self.kept),
            "unknown": len(self.unknown),
            "lost": sum(found.get(work) != parts for work, parts in self.kept.items()),
            "doubled": sum(count > 1 for _, _, count in rows),
            "ghost": sum(
                work not in self.kept and parts != self.unknown.get(work)
                for work, parts in found.items()
            ),
        }


def is_balanced(balance: dict[str, int]) -> bool:
    """Whether nothing was lost, doubled or written without being asked to."""
    return not (balance["lost"] or balance["doubled"] or balance["ghost"])


class CutAtStep:
    """Awaits `work`, and cancels the task where `work` waits for the (`step` + 1)th time."""

    def __init__(self, work: Awaitable[Any], step: int) -> None:
        self._work = work
        self._left = step
        self.was_cut = False

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._work.__await__()
        try:
            waits_for = next(inner)
            while True:
                if self._left == 0:
                    self.was_cut = True
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()
                self._left -= 1
                try:
                    sent = yield waits_for
                except BaseException as error:
                    waits_for = inner.throw(error)  # type: ignore[attr-defined]
                else:
                    waits_for = inner.send(sent) if sent is not None else next(inner)
        except StopIteration as end:
            return end.value


async def cut_after(work: Awaitable[Any], seconds: float) -> Any:
    """Await `work`, and cancel the task after so many seconds."""
    task = asyncio.current_task()
    assert task is not None
    timer = asyncio.get_running_loop().call_later(seconds, task.cancel)
    try:
        return await work
    finally:
        timer.cancel()


def cutter(seed: int | None, chance: random.Random, outcome: list[str]) -> Any:
    """What awaits, and is cut short where `seed` says: half of them at an await point, a quarter
    after a time, a quarter both. Without a seed nothing is.
    """

    async def cut(work: Awaitable[Any]) -> Any:
        if seed is None:
            return await work
        stepped = CutAtStep(work, seed // 4 % 24)
        try:
            if seed % 4 < 2:
                return await stepped
            late = chance.expovariate(chance.choice((50, 500)))
            return await cut_after(work if seed % 4 == 2 else stepped, late)
        except asyncio.CancelledError:
            outcome.append("cancelled")
            raise

    return cut


async def settled(engine: Any, seconds: float = 10) -> None:
    """Wait until nothing is borrowed, and see that all that the pool hands out is clean."""
    async with asyncio.timeout(seconds):
        while engine._native.figures["in_use"] or engine._native.figures["waiting"]:
            await asyncio.sleep(0.005)
        taken = [await engine.acquire(reusable=False) for _ in range(engine._native.figures["max"])]
        for connection in taken:
            assert await is_clean(connection)
            await connection.release()


async def is_clean(connection: Any) -> bool:
    """Whether a connection just borrowed is as nobody had used it: by the server's word."""
    mark = await connection.scalar("SELECT current_setting('gino.mark', true)")
    return not mark and connection.state == "idle"


async def until_gone(witness: Any, name: str, seconds: float = 10) -> None:
    """Wait until the server has no connection of the application `name`."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
    async with asyncio.timeout(seconds):
        while await witness.scalar(sql, name):
            await asyncio.sleep(0.02)


def open_files() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))


def resident() -> int:
    """Bytes of memory of this process."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
