"""Runs the same storm of cancellations on the pools of gino and asyncpg, side by side.

Never times anything. `python benches/storm.py --dsn URL --seeds 1000`; without --dsn the server is
GINO_TEST_DSN. Each piece of work takes a connection, checks that it is clean by the server's word,
writes two rows in a transaction with a savepoint, reads, copies, commits, and is cancelled after a
random time. Afterwards the rows are compared with what the client was told.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg

import gino

SIZE = 4
AT_ONCE = 16
TABLE = "gino_storm_bench"
PATIENCE = 20.0


class Contestant(Protocol):
    """A pool; what it lends has asyncpg's methods."""

    name: str

    async def open(self, dsn: str) -> None: ...
    def lend(self) -> contextlib.AbstractAsyncContextManager[Any]: ...
    async def close(self) -> None: ...


class OfGino:
    """gino's pool."""

    name = "gino"

    async def open(self, dsn: str) -> None:
        self._engine = await gino.create_engine(dsn, min_size=1, max_size=SIZE)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Any]:
        async with self._engine.acquire(reusable=False) as connection:
            yield connection.raw_connection

    async def close(self) -> None:
        await self._engine.close(5)


class OfAsyncpg:
    """asyncpg's pool."""

    name = "asyncpg"

    async def open(self, dsn: str) -> None:
        self._pool = await asyncpg.create_pool(dsn, min_size=1, max_size=SIZE)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as connection:
            yield connection

    async def close(self) -> None:
        async with asyncio.timeout(5):
            await self._pool.close()


async def work(pool: Contestant, seed: int, told: Counter[str], kept: dict[int, bool]) -> None:
    """One piece of work; `kept` says whether its commit was on its way (False) or done (True)."""
    async with pool.lend() as connection:
        if await connection.fetchval("SELECT current_setting('gino.mark', true)"):
            told["dirty connections handed out"] += 1
        async with connection.transaction():
            await connection.execute("SET LOCAL gino.mark = 'used'")
            insert = f"INSERT INTO {TABLE} VALUES ($1, $2)"
            await connection.execute(insert, seed, 1)
            async with connection.transaction():
                await connection.execute(insert, seed, 2)
            await connection.fetch("SELECT generate_series(1, 300)")
            out = io.BytesIO()
            await connection.copy_from_query("SELECT generate_series(1, 500)", output=out)
            kept[seed] = False
        kept[seed] = True


async def storm(pool: Contestant, dsn: str, seeds: int) -> Counter[str]:
    """Run all seeds and say what became of them."""
    told: Counter[str] = Counter()
    kept: dict[int, bool] = {}
    witness = await asyncpg.connect(dsn)
    await witness.execute(f"DROP TABLE IF EXISTS {TABLE}; CREATE TABLE {TABLE} (n int, part int)")
    name = f"storm_{pool.name}"
    await pool.open(f"{dsn}?application_name={name}")

    async def one(seed: int) -> None:
        task = asyncio.create_task(work(pool, seed, told, kept))
        await asyncio.wait({task}, timeout=random.Random(seed).expovariate(6))
        told["operations"] += 1
        if not task.done():
            task.cancel()
            told["cancelled"] += 1
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            told["hangs"] += 1
        elif not task.cancelled() and task.exception() is not None:
            told[f"errors ({type(task.exception()).__name__})"] += 1

    for first in range(0, seeds, AT_ONCE):
        last = min(first + AT_ONCE, seeds)
        await asyncio.gather(*(one(seed) for seed in range(first, last)))
    try:
        async with contextlib.AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
            for _ in range(SIZE):
                connection = await stack.enter_async_context(pool.lend())
                await connection.fetchval("SELECT 1")
    except Exception as error:
        told[f"pool not whole afterwards ({type(error).__name__})"] += 1
    try:
        await pool.close()
    except Exception as error:
        told[f"pool does not close ({type(error).__name__})"] += 1
    await asyncio.sleep(0.5)
    told["leaked connections"] = await witness.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name
    )
    rows = await witness.fetch(f"SELECT n, part, count(*) FROM {TABLE} GROUP BY 1, 2")
    found = {(n, part) for n, part, _ in rows}
    told["committed"] = sum(kept.values())
    told["commit unknown"] = len(kept) - told["committed"]
    told["lost rows"] = sum(
        (seed, part) not in found for seed, done in kept.items() if done for part in (1, 2)
    )
    told["doubled rows"] = sum(count > 1 for _, _, count in rows)
    told["ghost rows"] = sum(n not in kept for n, _ in found)
    await witness.execute(f"DROP TABLE {TABLE}")
    await witness.close()
    return told


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dsn", default=os.environ.get("GINO_TEST_DSN"))
    parser.add_argument("--seeds", type=int, default=1000)
    given = parser.parse_args()
    if not given.dsn:
        parser.error("--dsn or GINO_TEST_DSN is needed")
    both = [await storm(pool, given.dsn, given.seeds) for pool in (OfGino(), OfAsyncpg())]
    lines = sorted({line for told in both for line in told})
    print(f"{'':48}{'gino':>10}{'asyncpg':>10}")
    for line in ["operations", *(line for line in lines if line != "operations")]:
        print(f"{line:48}{both[0][line]:>10}{both[1][line]:>10}")


if __name__ == "__main__":
    asyncio.run(main())
