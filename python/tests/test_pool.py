"""The life of a pool's connections: age, idling, outages of the server."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from gino import Gino, create_engine
from gino.exceptions import Error, OperationalError
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


async def test_close_names_who_runs_a_statement_without_a_connection_of_its_own(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=2)
    db = Gino()
    db.bind = engine

    class Relation(db.Model):  # type: ignore[name-defined,misc]
        __tablename__ = "pg_class"
        oid = db.Column(db.Integer(), primary_key=True)

    line = sys._getframe().f_lineno

    async def sleeper() -> None:
        await db.all("SELECT pg_sleep(30)")

    async def inner() -> None:
        await Relation.query.where(db.text("pg_sleep(31) IS NULL")).gino.all()

    tasks = [asyncio.create_task(one(), name=one.__name__) for one in (sleeper, inner)]
    async with asyncio.timeout(20):
        while engine.stats().in_use < 2:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    with pytest.raises(TimeoutError) as caught:
        await engine.close(grace=0.05)
    words = str(caught.value)
    assert f"task sleeper at {__file__}:{line + 3} for " in words
    assert f"task inner at {__file__}:{line + 6} for " in words
    assert "last SQL: SELECT pg_sleep(30)" in words
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, Error)


async def test_statement_prepared_by_sql_is_gone_for_the_next_borrower(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    before = await engine.scalar("SELECT pg_backend_pid()")
    for _ in range(2):
        async with engine.acquire() as connection:
            await connection.status("PREPARE mine AS SELECT 1")
            assert await connection.scalar("EXECUTE mine") == 1
        # what the pool has prepared itself is prepared again, and nobody sees it
        assert await engine.scalar("SELECT pg_backend_pid()") == before
        assert await engine.all("SELECT name FROM pg_prepared_statements WHERE from_sql") == []
    async with engine.acquire() as connection:
        await connection.status("SET work_mem = '12MB'")
    assert await engine.scalar("SELECT count(*) FROM pg_prepared_statements") > 0
    await engine.close()


async def test_a_closed_engine_lets_the_loop_go_on(dsn: str) -> None:
    # with something left for later that will never come
    engine = await create_engine(dsn, min_size=0, max_lifetime=100)
    assert await engine.scalar("SELECT 1") == 1
    await engine.close()
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert "cur=0" in repr(engine)
