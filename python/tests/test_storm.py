"""Cancelled at every await point of every operation: the pool heals, and no row is lost or doubled.

GINO_TEST_SEEDS says how many seeds each operation has; half of them cut at an await point, a
quarter after a time, a quarter both.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ledger import SEEDS, Ledger, cutter, is_balanced, open_files, settled, until_gone
from operations import OPERATIONS, Operation

from gino import create_engine
from gino import exceptions as exc

AT_ONCE = 4
SIZE = 2

pytestmark = pytest.mark.timeout(60 + SEEDS)


@pytest.fixture
async def witness(dsn: str) -> AsyncIterator[Any]:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    yield engine
    await engine.close()


async def one(operation: Operation, engine: Any, ledger: Ledger, seed: int) -> str:
    """Run the operation once; says how it ended."""
    outcome: list[str] = []
    chance = random.Random(f"{operation.__name__} {seed}")
    task = asyncio.ensure_future(operation(engine, ledger, cutter(seed, chance, outcome)))
    try:
        async with asyncio.timeout(20):
            await asyncio.wait({task})
        await task
    except asyncio.CancelledError:
        assert task.cancelled()
    except exc.QueryCanceledError:
        return "cancelled"  # the commit was told so: see the ledger
    return outcome[0] if outcome else "done"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
async def test_cancelled_at_every_await_point(dsn: str, witness: Any, operation: Operation) -> None:
    name = f"gino_storm_{operation.__name__}"
    ledger = Ledger(dsn, name)
    await ledger.create()
    files, tasks = open_files(), len(asyncio.all_tasks())
    engine = await create_engine(f"{dsn}?application_name={name}", min_size=0, max_size=SIZE)
    engine.address = f"{dsn}?application_name={name}"
    ends: list[str] = []
    for first in range(0, SEEDS, AT_ONCE):
        seeds = range(first, min(first + AT_ONCE, SEEDS))
        ends += await asyncio.gather(*(one(operation, engine, ledger, seed) for seed in seeds))
        if first % (AT_ONCE * 12) == 0:
            await settled(engine)
    await settled(engine)
    assert await witness.scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
        " AND state NOT IN ('idle')",
        name,
    ) in (0, None)
    await engine.close(1)
    await until_gone(witness, name)
    gc.collect()
    async with asyncio.timeout(10):
        while open_files() > files or len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)
    balance = await ledger.balance()
    print(
        f"storm {operation.__name__}: {SEEDS} seeds, {ends.count('cancelled')} cancelled", balance
    )
    assert is_balanced(balance), balance
    assert ends.count("cancelled") > 0
