"""Tasks that share one connection: in order, and without a round trip for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from models import Team, metadata

from gino.exceptions import DivisionByZeroError, UniqueViolationError
from proxy import Proxy

QUERIES = 50


@pytest.fixture
async def proxy(dsn: str) -> AsyncIterator[Proxy]:
    async with Proxy(dsn) as proxy:
        await proxy.up()
        async with metadata.with_bind(proxy.dsn, min_size=1, max_size=1):
            await metadata.gino.create_all()
            yield proxy


async def test_queries_of_many_tasks_on_one_connection_are_pipelined(proxy: Proxy) -> None:
    async with metadata.acquire() as connection:
        assert await connection.scalar("SELECT $1::int", 0) == 0  # now it is prepared
        proxy.delay, proxy.round_trips = 0.05, 0
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(connection.scalar("SELECT $1::int", n)) for n in range(QUERIES)
            ]
        assert [task.result() for task in tasks] == list(range(QUERIES))
        # what does not come with the first answer comes with the second
        assert proxy.round_trips <= 3
        proxy.round_trips = 0
        for n in range(3):
            await connection.scalar("SELECT $1::int", n)
        assert proxy.round_trips == 3


async def test_models_of_many_tasks_on_one_connection_are_pipelined(proxy: Proxy) -> None:
    async with metadata.transaction():
        await Team.bulk_create([{"name": f"{n}"} for n in range(QUERIES)])
        keys = [team.id for team in await Team.query.order_by(Team.id).gino.all()][-QUERIES:]
        connection = metadata.bind.current_connection
        await Team.get(keys[0])
        proxy.delay, proxy.round_trips = 0.05, 0

        async def load(key: int) -> Any:
            return await Team.get(key, bind=connection)

        teams = await asyncio.gather(*map(load, keys))
        assert [team.id for team in teams] == keys
        assert proxy.round_trips <= 3


async def test_sets_of_executemany_go_together_and_count_together(proxy: Proxy) -> None:
    insert = Team.insert()
    rows = [{"name": f"{n}"} for n in range(QUERIES)]
    async with metadata.acquire() as connection:
        before = await connection.scalar(metadata.select(metadata.func.count(Team.id)))
        await connection.status(insert, *rows[:2])  # now it is prepared
        proxy.delay, proxy.round_trips = 0.05, 0
        await connection.status(insert, *rows)
        await connection.raw_connection.executemany(
            "INSERT INTO gt_teams (name) VALUES ($1)", [(row["name"],) for row in rows]
        )
        # that of the raw connection is prepared first
        assert proxy.round_trips <= 4
        proxy.delay = 0
        # one Sync after the last: what fails takes the sets before it along
        with pytest.raises(UniqueViolationError):
            await connection.status(insert, *({"id": n, "name": "n"} for n in (-1, -2, -1)))
        count = await connection.scalar(metadata.select(metadata.func.count(Team.id)))
        assert count == before + 2 + 2 * QUERIES


async def test_tasks_on_one_connection_queue_in_order(proxy: Proxy) -> None:
    heard: list[str] = []
    async with metadata.acquire() as connection:

        async def ask(name: str, sql: str) -> None:
            assert await connection.scalar(sql) is not None
            heard.append(name)

        await asyncio.gather(
            ask("slow", "SELECT 1 FROM pg_sleep(0.2)"),
            ask("new", "SELECT 2"),
            ask("other", "SELECT 3"),
        )
    assert heard == ["slow", "new", "other"]


async def test_error_of_one_task_is_not_seen_by_another(proxy: Proxy) -> None:
    async with metadata.acquire() as connection:
        await connection.scalar("SELECT 1 / $1::int", 1)
        proxy.delay = 0.02
        found = await asyncio.gather(
            *(connection.scalar("SELECT 1 / $1::int", n % 2) for n in range(10)),
            return_exceptions=True,
        )
    assert all(isinstance(one, DivisionByZeroError) for one in found[::2])
    assert found[1::2] == [1] * 5
