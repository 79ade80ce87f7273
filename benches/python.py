"""Compares GINO with its peers in one run: a table of ratios beside the targets.

Never claims an absolute figure: times are for orientation. Called by scripts/bench, or as
`python benches/python.py --dsn URL`. Before anything is timed, all contestants have to come to the
same values. Rounds are interleaved, medians are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import uvloop

from contestants import CONTESTANTS, TEAMS, USERS, Contestant

ROWS = 10_000
MANY = 1000
TASKS = 32

VALUES: dict[str, Any] = {
    "nickname": "fantix",
    "email": "fantix@example.org",
    "age": 32,
    "visits": 5_000_000_000,
    "is_active": True,
    "balance": Decimal("1234.56"),
    "created_at": datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC),
    "profile": {"city": "Kraków", "tags": ["a", "b"], "level": 3, "ratio": 0.5, "none": None},
}

TABLES = f"""
DROP TABLE IF EXISTS {USERS}, {TEAMS};
CREATE TABLE {USERS} (
    id serial PRIMARY KEY, nickname text, email text, age integer, visits bigint,
    is_active boolean, balance numeric(12, 2), created_at timestamptz, profile jsonb
);
INSERT INTO {USERS} (nickname, email, age, visits, is_active, balance, created_at, profile)
SELECT 'user ' || i, 'user' || i || '@example.org', i % 90, i * 1000003::bigint, i % 3 = 0,
    i * 1.37, timestamptz '2026-01-01 00:00:00.123456+00' + i * interval '977 seconds',
    jsonb_build_object('city', 'city ' || i % 50, 'level', i % 7, 'tags', array['a', 'b', 'c'],
        'ratio', i / 8.0, 'active', i % 2 = 0)
FROM generate_series(1, {ROWS}) i;
CREATE TABLE {TEAMS} (id serial PRIMARY KEY, name text, size integer);
INSERT INTO {TEAMS} (name, size) SELECT 'team ' || i, i % 90 FROM generate_series(1, {ROWS}) i;


"""


@dataclass(frozen=True)
class Workload:
    """`run` does `count` pieces of work; `targets` are ratios against contestants, by name."""

    title: str
    run: Callable[[Contestant, int], Awaitable[Any]]
    count: int
    targets: dict[str, float]


async def get(contestant: Contestant, count: int) -> None:
    for key in keys(count):
        await contestant.get(key)


async def get_in_tasks(contestant: Contestant, count: int) -> None:
    async def work() -> None:
        for key in keys(count // TASKS):
            await contestant.get_by_pool(key)

    await asyncio.gather(*(work() for _ in range(TASKS)))


async def load_users(contestant: Contestant, count: int) -> None:
    for _ in range(count):
        assert len(await contestant.load_users()) >= ROWS


async def load_teams(contestant: Contestant, count: int) -> None:
    for _ in range(count):
        assert len(await contestant.load_teams()) == ROWS


async def create(contestant: Contestant, count: int) -> None:
    for _ in range(count):
        await contestant.create(VALUES)


async def update(contestant: Contestant, count: int) -> None:
    await contestant.updates(1, range(count))


async def insert_many(contestant: Contestant, count: int) -> None:
    rows = [VALUES] * MANY
    for _ in range(count):
        await contestant.insert_many(rows)


async def load_joined(contestant: Contestant, count: int) -> None:
    for _ in range(count):
        assert len(await contestant.load_joined()) >= ROWS


async def filtered(contestant: Contestant, count: int) -> None:
    for number in range(count):
        assert len(await contestant.filtered(number % 60)) == 20


async def iterate(contestant: Contestant, count: int) -> None:
    for _ in range(count):
        assert await contestant.iterate() == ROWS


async def change_in_transaction(contestant: Contestant, count: int) -> None:
    for number, key in enumerate(keys(count)):
        await contestant.change_in_transaction(key, number % 90)


WORKLOADS = [
    Workload("get by key, one connection", get, 1000, {"asyncpg": 1.3}),
    Workload(f"get, {TASKS} tasks, pool of 10", get_in_tasks, 1600, {"asyncpg": 2.5}),
    Workload("load 10,000 x 9 columns", load_users, 2, {"asyncpg + orjson": 1.4}),
    Workload("load 10,000 x 3 columns", load_teams, 5, {"asyncpg": 1.0}),
    Workload("create", create, 500, {"asyncpg": 1.0}),
    Workload("update().apply()", update, 500, {"asyncpg": 1.0}),
    Workload("insert 1,000", insert_many, 3, {"asyncpg": 1.5}),
    Workload("load 10,000 with their team", load_joined, 2, {"asyncpg": 1.2}),
    Workload("filtered query, 20 rows", filtered, 300, {"asyncpg": 0.9}),
    Workload("cursor, row by row, 10,000", iterate, 2, {"asyncpg": 1.2}),
    Workload("begin, get, update, commit", change_in_transaction, 300, {"asyncpg": 1.2}),
]


def keys(count: int) -> Iterator[int]:
    chosen = random.Random(7)
    return (chosen.randint(1, ROWS) for _ in range(count))


async def verify(contestants: list[Contestant]) -> None:
    """All contestants come to the same values, or the program ends."""
    seen: dict[str, list[Any]] = {}
    for one in contestants:
        async with one.one_connection():
            seen[one.name] = [
                one.plain(await one.get(17)),
                one.plain(await one.get_by_pool(4321)),
                sorted(map(one.plain, await one.load_users())),
                sorted(map(one.plain, await one.load_teams())),
                sorted(map(one.plain_joined, await one.load_joined())),
                list(map(one.plain, await one.filtered(30))),
                await one.iterate(),
            ]
    for one in contestants:  # these write what the others have read above
        async with one.one_connection():
            seen[one.name] += [
                one.plain(await one.create(VALUES))[1:],
                one.plain(await one.updates(5, [40, 41])),
            ]
            await one.change_in_transaction(5, 42)
            await one.insert_many([VALUES] * 3)
            users = sorted(map(one.plain, await one.load_users()))
            seen[one.name] += [users[4], [user[1:] for user in users[-3:]]]
    first, *others = seen
    for name in others:
        for step, (ours, theirs) in enumerate(zip(seen[first], seen[name], strict=True), 1):
            if exact(ours) != exact(theirs):
                sys.exit(f"bench: {first} and {name} disagree on step {step} of verify()")


def exact(value: Any) -> Any:
    """Make types and the digits of a Decimal count in a comparison."""
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    return type(value), str(value) if isinstance(value, Decimal) else value


async def race(dsn: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds for one piece of work: by workload, by contestant, a figure for each round."""
    times: dict[str, dict[str, list[float]]] = {}
    admin = await asyncpg.connect(dsn)
    await admin.execute(TABLES)
    for table in (USERS, TEAMS):
        await admin.execute(f"VACUUM ANALYZE {table}")
    async with contextlib.AsyncExitStack() as stack:
        for contestant in CONTESTANTS:
            await stack.enter_async_context(contestant.opened(dsn))
        await verify(CONTESTANTS)
        await admin.execute(f"DELETE FROM {USERS} WHERE id > {ROWS}")
        for number in range(rounds + 1):
            for workload in WORKLOADS:
                for contestant in CONTESTANTS:
                    spent = await timed(workload, contestant)
                    await admin.execute(f"DELETE FROM {USERS} WHERE id > {ROWS}")
                    if number:  # the first round warms up
                        of_all = times.setdefault(workload.title, {})
                        of_all.setdefault(contestant.name, []).append(spent)
            print(f"bench: round {number} of {rounds}", file=sys.stderr)
    await admin.close()
    return times


async def timed(workload: Workload, contestant: Contestant) -> float:
    gc.collect()
    if workload.run is get_in_tasks:
        start = time.perf_counter()
        await workload.run(contestant, workload.count)
        return (time.perf_counter() - start) / workload.count
    async with contestant.one_connection():
        start = time.perf_counter()
        await workload.run(contestant, workload.count)
        return (time.perf_counter() - start) / workload.count


def memory(dsn: str) -> dict[str, float]:
    """MiB that 10,000 loaded rows add, for each contestant in a fresh process."""
    added: dict[str, float] = {}
    for contestant in CONTESTANTS:
        command = [sys.executable, __file__, "--dsn", dsn, "--memory", contestant.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        added[contestant.name] = float(done.stdout)
    return added


async def measure_memory(dsn: str, name: str) -> float:
    """MiB that the process grows by when the contestant keeps what it loads."""
    contestant = next(one for one in CONTESTANTS if one.name == name)
    async with contestant.opened(dsn), contestant.one_connection():
        await contestant.get(1)
        gc.collect()
        before = resident()
        kept = await contestant.load_users()
        gc.collect()
        added = resident() - before
        assert len(kept) >= ROWS
        return added


def resident() -> float:
    with open("/proc/self/statm") as figures:
        return int(figures.read().split()[1]) * resource.getpagesize() / 2**20


def report_memory(added: dict[str, float]) -> None:
    own = added["gino"]
    goal = "met" if own <= added["asyncpg"] else "missed"
    others = ", ".join(f"{mib:.1f} {name}" for name, mib in added.items() if name != "gino")
    print(f"\nmemory of 10,000 x 9 columns, MiB: {own:.1f} gino, {others}")
    print(f"target, no more than asyncpg's Records: {goal}")


def report(loop: str, times: dict[str, dict[str, list[float]]]) -> None:
    peers = [contestant.name for contestant in CONTESTANTS[1:]]
    print(f"\n{loop}: how many times as fast gino is (its own time for orientation)\n")
    header = "".join(f" {peer:>16} |" for peer in peers)
    print(f"| {'workload':<28} | {'gino':>9} |{header} target |")
    print("|" + "---|" * (len(peers) + 3))
    for workload in WORKLOADS:
        own = times[workload.title]["gino"]
        # Both figures of a ratio are of one round: what else the machine does hits them alike.
        ratios = {
            peer: statistics.median(
                theirs / ours for theirs, ours in zip(times[workload.title][peer], own, strict=True)
            )
            for peer in peers
        }
        cells = "".join(f" {ratios[peer]:>14.2f} x |" for peer in peers)
        goals = ", ".join(
            f"{goal} x {peer}: {'met' if ratios[peer] >= goal else 'missed'}"
            for peer, goal in workload.targets.items()
        )
        typical = statistics.median(own)
        unit = f"{typical * 1e6:.1f} µs" if typical < 1e-3 else f"{typical * 1e3:.1f} ms"
        print(f"| {workload.title:<28} | {unit:>9} |{cells} {goals} |")


async def clean_up(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    await admin.execute(f"DROP TABLE {USERS}, {TEAMS}")
    await admin.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="GINO and its peers: ratios of one run.")
    parser.add_argument("--dsn", default=os.environ.get("GINO_TEST_DSN"), help="the server")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], help="only this loop")
    parser.add_argument("--memory", metavar="NAME", help="print the MiB that NAME adds, no more")
    arguments = parser.parse_args()
    if not arguments.dsn:
        parser.error("--dsn or GINO_TEST_DSN is needed")
    if arguments.memory:
        print(asyncio.run(measure_memory(arguments.dsn, arguments.memory)))
        return
    factories = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    for loop, factory in factories.items():
        if arguments.loop in (None, loop):
            with asyncio.Runner(loop_factory=factory) as runner:
                report(loop, runner.run(race(arguments.dsn, arguments.rounds)))
    report_memory(memory(arguments.dsn))
    asyncio.run(clean_up(arguments.dsn))


if __name__ == "__main__":
    main()
