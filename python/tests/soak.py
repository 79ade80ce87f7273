"""Owns the soak of the Python face: mixed load with cancels and a bad network, for minutes.

    python soak.py MINUTES

Memory, connections, tasks and files are afterwards what they were, or it fails. It takes three
minutes at least on each loop, of which the first is for warming up. Never part of the tests. Called
by scripts/soak.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import random
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import uvloop
from ledger import Ledger, cutter, is_balanced, open_files, resident, settled, until_gone
from operations import OPERATIONS

from gino import create_engine
from gino import exceptions as exc
from proxy import Fault, Proxy

NAME = "gino_soak"
SIZE = 8
CLIENTS = 12
ROUND = 15.0  # seconds of load between two looks
WARM = 4  # rounds that are not judged, at least
# from one half of the rounds that are judged to the other, in bytes: what is resident goes with
# whatever the allocator does, what is allocated is exact
GROWTH = {"resident": 2 * 1024 * 1024, "allocated": 128 * 1024}


class Allocator(ctypes.Structure):
    """What glibc's `mallinfo2` tells: ten sizes, of which two are wanted."""

    _fields_ = [
        ("_before", ctypes.c_size_t * 4),
        ("mapped", ctypes.c_size_t),
        ("_between", ctypes.c_size_t * 2),
        ("allocated", ctypes.c_size_t),
        ("_after", ctypes.c_size_t * 2),
    ]


async def client(engine: Any, ledger: Ledger, chance: random.Random, end: float) -> Counter[str]:
    """Does operations, of which every other is cut short, and goes on whatever it is told."""
    ends: Counter[str] = Counter()
    while time.monotonic() < end:
        operation = chance.choice(OPERATIONS)
        seed = chance.randrange(1000) if chance.random() < 0.5 else None
        task = asyncio.ensure_future(operation(engine, ledger, cutter(seed, chance, [])))
        await asyncio.wait({task}, timeout=30)
        assert task.done(), f"a hang: {operation.__name__}"
        if task.cancelled():
            ends["cancelled"] += 1
            continue
        error = task.exception()
        if error is None:
            ends["done"] += 1
        elif isinstance(error, exc.OperationalError):
            ends[type(error).__name__] += 1
            await asyncio.sleep(0.01)
        else:
            raise error
    return ends


async def trouble(proxy: Proxy, chance: random.Random, end: float) -> None:
    """A network that is bad until `end`, and good afterwards."""
    faults: list[Fault] = []
    while time.monotonic() < end:
        await asyncio.sleep(chance.random())
        proxy.fault = None
        match chance.randrange(4):
            case 0:
                await proxy.down()
                await proxy.up()
            case 1:
                kind = chance.choice(("close", "reset"))
                faults.append(Fault(kind, chance.randrange(3000), chance.random() < 0.5))
                proxy.fault = faults[-1]
    proxy.fault = None
    for fault in faults:  # a connection may be idle that it has not met yet
        fault.left = sys.maxsize


async def held(witness: Any) -> tuple[int, int, int]:
    """What must not drift: connections, tasks, files."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
    return await witness.scalar(sql, NAME), len(asyncio.all_tasks()), open_files()


def used() -> dict[str, int]:
    """Bytes of memory of this process, without what is garbage and what the allocator keeps.

    It keeps more and more, in pieces, where asyncio's streams, as those of the proxy, allocate
    256 KiB for whatever arrives. Python's small objects are resident only: it allocates them in
    bulk.
    """
    gc.collect()
    found = {}
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        library = ctypes.CDLL("libc.so.6")
        library.malloc_trim(0)
        library.mallinfo2.restype = Allocator
        figures = library.mallinfo2()
        found["allocated"] = figures.allocated + figures.mapped
    return found | {"resident": resident()}


def growth(memory: list[dict[str, int]]) -> dict[str, int]:
    """By how many bytes the median of the last rounds is above that of as many before.

    The first third warms up; rounds differ in how much is done.
    """
    judged = memory[max(WARM, len(memory) // 3) :]
    half = len(judged) // 2

    def median(rounds: list[dict[str, int]], kind: str) -> int:
        return int(statistics.median(one[kind] for one in rounds))

    return {
        kind: median(judged[half:], kind) - median(judged[:half], kind)
        for kind in GROWTH
        if kind in memory[-1]
    }


async def soak(dsn: str, minutes: float) -> None:
    """Rounds of load on one engine; fails if anything drifts, or a row is lost or doubled."""
    witness = await create_engine(dsn, min_size=1, max_size=1)
    memory: list[dict[str, int]] = []
    async with Proxy(dsn) as proxy:
        await proxy.up()
        address = f"{proxy.dsn}?application_name={NAME}"
        engine: Any = await create_engine(address, min_size=0, max_size=SIZE, command_timeout=5)
        engine.address = address
        await settled(engine)
        before = await held(witness)
        for number in range(max(3 * WARM, int(minutes * 60 / ROUND))):
            ledger = Ledger(dsn, "gino_soak")
            await ledger.create()
            end = time.monotonic() + ROUND
            seeds = [random.Random(f"{number} {one}") for one in range(CLIENTS)]
            clients = [client(engine, ledger, seed, end) for seed in seeds]
            _, *ends = await asyncio.gather(trouble(proxy, seeds[0], end), *clients)
            await settled(engine)
            async with asyncio.timeout(10):
                while await held(witness) != before:
                    gc.collect()
                    await asyncio.sleep(0.05)
            balance = await ledger.balance()
            assert is_balanced(balance), balance
            del ledger, clients  # the more was done, the larger
            memory.append(used())
            outcome = dict(sum(ends, Counter()))
            sizes = {kind: f"{size / 2**20:.2f} MiB" for kind, size in memory[-1].items()}
            print(f"round {number}: {sizes}, {before}, {balance}, {outcome}", flush=True)
        await engine.close(10)
    await until_gone(witness, NAME)
    await witness.close()
    grown = growth(memory)
    print(f"soak: {len(memory)} rounds of {ROUND:.0f} s, grown by {grown} bytes", flush=True)
    for kind, size in grown.items():
        assert size < GROWTH[kind], f"memory grows: {[one[kind] for one in memory]} {kind}"


def main(minutes: float) -> None:
    """Half of the time on each loop."""
    # a listener whose connection is lost is told so: here that is what is wanted
    warnings.simplefilter("ignore", exc.InterfaceWarning)
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "asyncio": asyncio.new_event_loop,
        "uvloop": uvloop.new_event_loop,
    }
    for name, factory in loops.items():
        print(f"soak: {name}", flush=True)
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(soak(os.environ["GINO_TEST_DSN"], minutes / 2))


if __name__ == "__main__":
    main(float(sys.argv[1]))
