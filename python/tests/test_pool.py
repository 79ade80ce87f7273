"""The life of a pool's connections: age, idling, outages of the server."""

from __future__ import annotations

import asyncio
import time

import pytest

from gino import create_engine
from gino.exceptions import OperationalError
from proxy import Proxy


async def test_who_gave_a_time_out_is_served_when_the_server_is_back(dsn: str) -> None:
    async with Proxy(dsn) as proxy:
        await proxy.up()
        engine = await create_engine(proxy.dsn, min_size=2, max_size=2)
        await proxy.down()
        waiting = [
            asyncio.ensure_future(engine.acquire(timeout=20, reusable=False).__aenter__())
            for _ in range(2)
        ]
        await asyncio.sleep(0.6)
        assert not any(one.done() for one in waiting)
        await proxy.up()
        for connection in await asyncio.gather(*waiting):
            assert await connection.scalar("SELECT 1") == 1
            await connection.release()
        metrics = engine.stats().metrics
        assert metrics.opened == 4
        assert 2 <= metrics.failed_connects < 10
        await engine.close()


async def test_who_gave_none_hears_soon_and_the_server_is_not_hammered(dsn: str) -> None:
    async with Proxy(dsn) as proxy:
        await proxy.up()
        engine = await create_engine(proxy.dsn, min_size=1, max_size=1)
        await proxy.down()
        await asyncio.sleep(0.05)
        attempts = 0
        start = time.monotonic()
        while time.monotonic() < start + 2:
            before = time.monotonic()
            with pytest.raises(OperationalError):
                await engine.scalar("SELECT 1")
            assert time.monotonic() < before + 2
            attempts += 1
            await asyncio.sleep(0.01)
        assert engine.stats().metrics.failed_connects < 9
        assert attempts >= 3
        with pytest.raises(asyncio.TimeoutError, match="the last attempt to connect failed"):
            await engine.acquire(timeout=0.2)
        await proxy.up()
        async with engine.acquire(timeout=10) as connection:
            assert await connection.scalar("SELECT 1") == 1
        assert await engine.scalar("SELECT 1") == 1
        await engine.close()


async def test_connections_are_replaced_by_age_in_the_background(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=2, max_size=2, max_lifetime=0.4)
    before = {one.process for one in engine.stats().connections}
    await asyncio.sleep(0.7)
    stats = engine.stats()
    after = {one.process for one in stats.connections}
    assert (stats.idle, len(after), after & before) == (2, 2, set())
    assert stats.metrics.opened - stats.metrics.closed == 2
    async with engine.acquire() as connection:
        own = await connection.scalar("SELECT pg_backend_pid()")
        await asyncio.sleep(0.5)
        assert await connection.scalar("SELECT pg_backend_pid()") == own, "not while it is held"
    assert own not in {one.process for one in engine.stats().connections}
    await engine.close()


async def test_connection_is_checked_after_idling(dsn: str) -> None:
    engine = await create_engine(f"{dsn}?idle_check=0.2", min_size=1, max_size=1)
    pid = await engine.scalar("SELECT pg_backend_pid()")
    assert engine.stats().metrics.health_checks == 0
    await asyncio.sleep(0.3)
    assert await engine.scalar("SELECT pg_backend_pid()") == pid
    assert engine.stats().metrics.health_checks == 1
    await engine.close()


async def test_deadline_holds_for_a_whole_block_and_its_commit(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    await engine.status("CREATE TABLE IF NOT EXISTS pool_deadline (id int)")
    await engine.status("TRUNCATE pool_deadline")
    start = time.monotonic()

    async def too_long() -> None:
        async with engine.transaction(deadline=0.3):
            await engine.status("INSERT INTO pool_deadline VALUES (1)")
            await engine.scalar("SELECT pg_sleep(0.1)")
            await engine.scalar("SELECT pg_sleep(10)")

    async def too_late_for_the_commit() -> None:
        async with engine.transaction(deadline=0.2):
            await engine.status("INSERT INTO pool_deadline VALUES (2)")
            await asyncio.sleep(0.3)

    for block in (too_long, too_late_for_the_commit):
        with pytest.raises(asyncio.TimeoutError, match="the block was not over within"):
            await block()
    assert time.monotonic() < start + 5
    assert await engine.scalar("SELECT count(*) FROM pool_deadline") == 0
    async with engine.transaction(deadline=20, command_timeout=0.1):
        await engine.status("INSERT INTO pool_deadline VALUES (3)")
    assert await engine.scalar("SELECT count(*) FROM pool_deadline") == 1
    await engine.status("DROP TABLE pool_deadline")
    assert engine.stats().in_use == 0
    await engine.close()


async def test_statement_time_out_of_the_server_is_a_setting(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1, statement_timeout="150ms")
    assert await engine.scalar("SHOW statement_timeout") == "150ms"
    with pytest.raises(OperationalError, match="statement timeout"):
        await engine.scalar("SELECT pg_sleep(10)")
    await engine.close()


async def test_no_connection_is_lost_over_outages_and_cancelled_waiters(dsn: str) -> None:
    async with Proxy(dsn) as proxy:
        await proxy.up()
        engine = await create_engine(proxy.dsn, min_size=0, max_size=3)

        async def work(number: int) -> None:
            async with engine.acquire(timeout=0.02 * (number % 9 + 1)) as connection:
                await connection.scalar("SELECT pg_sleep(0.005)")

        for turn in range(6):
            tasks = [asyncio.ensure_future(work(number)) for number in range(30)]
            await asyncio.sleep(0.03)
            await (proxy.down() if turn % 2 == 0 else proxy.up())
            for task in tasks[::4]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.2)
        stats = engine.stats()
        assert (stats.in_use, stats.waiting, stats.holders) == (0, 0, ())
        assert stats.metrics.opened - stats.metrics.closed == stats.size
        async with engine.acquire(timeout=10) as connection:
            assert await connection.scalar("SELECT 1") == 1
        await engine.close()
        assert engine.stats().metrics.opened == engine.stats().metrics.closed
