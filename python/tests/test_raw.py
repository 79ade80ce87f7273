"""The driver's connection and pool under asyncpg's names."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gino import create_engine
from gino.exceptions import InterfaceError


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    made = await create_engine(dsn, min_size=1, max_size=2)
    yield made
    await made.close()


async def test_reusing_connections_have_one_raw_connection(engine: Any) -> None:
    async with engine.acquire() as outer, engine.acquire(reuse=True) as inner:
        assert outer.raw_connection is inner.raw_connection
        async with engine.acquire() as other:
            assert other.raw_connection is not outer.raw_connection


async def test_raw_connection_outlives_the_reusing_one(engine: Any) -> None:
    async with engine.acquire() as outer:
        async with engine.acquire(reuse=True) as inner:
            raw = inner.raw_connection
        assert outer.raw_connection is raw
        assert await raw.fetchval("SELECT 1") == 1


async def test_fetch_and_execute(engine: Any) -> None:
    async with engine.acquire() as connection:
        raw = await connection.get_raw_connection()
        assert await raw.fetch("SELECT generate_series(1, $1::int) AS i", 2) == [(1,), (2,)]
        assert (await raw.fetchrow("SELECT 1 AS a, 2 AS b"))["b"] == 2
        assert await raw.fetchval("SELECT 1, 2", column=1) == 2
        assert await raw.fetchrow("SELECT 1 WHERE false") is None
        await raw.execute("CREATE TEMPORARY TABLE t (a int); INSERT INTO t VALUES (1)")
        assert await raw.execute("INSERT INTO t VALUES ($1)", 2) == "INSERT 0 1"
        await raw.executemany("INSERT INTO t VALUES ($1)", [(3,), (4,)])
        assert await raw.fetchval("SELECT sum(a) FROM t") == 10
        statement = await raw.prepare("SELECT $1::int + 1")
        assert await statement.fetchval(1) == 2
        assert raw.get_server_version().major >= 13


async def test_what_the_server_says_of_itself(engine: Any) -> None:
    async with engine.acquire() as connection:
        raw = connection.raw_connection
        assert raw.get_server_pid() == await raw.fetchval("SELECT pg_backend_pid()")
        settings = raw.get_settings()
        assert settings.client_encoding == "UTF8"
        assert settings.server_version == await raw.fetchval("SHOW server_version")
        await raw.execute("SET timezone = 'Asia/Tokyo'")
        assert raw.get_settings().TimeZone == "Asia/Tokyo"
        major, minor, *_ = raw.get_server_version()
        number = await raw.fetchval("SELECT current_setting('server_version_num')::int")
        assert (major, minor) == divmod(number, 10_000)
    assert raw.get_server_pid() is None
    assert vars(raw.get_settings()) == {}


async def test_closed_connection_is_replaced_by_the_pool(engine: Any) -> None:
    async with engine.acquire() as connection:
        raw = connection.raw_connection
        before = raw.get_server_pid()
        asked = asyncio.ensure_future(raw.fetchval("SELECT 1 FROM pg_sleep(0.1)"))
        await asyncio.sleep(0)
        await raw.close()
        assert await asked == 1  # it was asked for before
        assert raw.is_closed()
        with pytest.raises(InterfaceError, match="closed"):
            await raw.fetchval("SELECT 1")
        await raw.close()  # that it is
        # for a while only, so that the next query borrows
        assert await connection.release(permanent=False)
        assert await connection.scalar("SELECT pg_backend_pid()") != before
    assert engine.raw_pool.get_size() == engine.raw_pool.get_idle_size() == 1


async def test_terminated_connection_fails_what_is_under_way(engine: Any) -> None:
    async with engine.acquire() as connection:
        raw = connection.raw_connection
        asked = asyncio.ensure_future(raw.fetchval("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            await raw.close(timeout=0.05)
        with pytest.raises(InterfaceError):
            await asked
        assert raw.is_closed()
    async with engine.raw_pool.acquire() as raw:
        raw.terminate()
        assert raw.is_closed()
    assert await engine.scalar("SELECT 1") == 1
    assert "use=0" in repr(engine)


async def test_many_sets_of_values(engine: Any) -> None:
    async with engine.acquire() as connection:
        raw = connection.raw_connection
        double = "SELECT $1::int * 2"
        assert await raw.fetchmany(double, [(1,), (2,)]) == [(2,), (4,)]
        statement = await raw.prepare(double)
        assert statement.get_query() == double
        assert await statement.fetch(3) == [(6,)]
        assert await statement.fetchrow(3) == (6,)
        assert await statement.fetchmany([(1,), (2,)]) == [(2,), (4,)]
        await raw.execute("CREATE TEMPORARY TABLE t (a int)")
        statement = await raw.prepare("INSERT INTO t VALUES ($1)")
        await statement.executemany([(1,), (2,)])
        assert await raw.fetchval("SELECT sum(a) FROM t") == 3
        async with raw.transaction():
            statement = await raw.prepare("SELECT a FROM t ORDER BY a")
            assert [row.a async for row in statement.cursor()] == [1, 2]


async def test_pool_runs_what_a_connection_does(engine: Any) -> None:
    pool = engine.raw_pool
    assert await pool.fetch("SELECT $1::int", 1) == [(1,)]
    assert await pool.fetchrow("SELECT 1 AS a", timeout=5) == (1,)
    assert await pool.fetchval("SELECT 1, 2", column=1) == 2
    assert await pool.fetchmany("SELECT $1::int", [(1,), (2,)]) == [(1,), (2,)]
    name = f"gt_pool_{id(pool)}"
    await pool.execute(f"CREATE TABLE {name} (a int)")
    try:
        await pool.executemany(f"INSERT INTO {name} VALUES ($1)", [(1,), (2,)])
        await pool.copy_records_to_table(name, records=[(3,)])
        out = io.BytesIO()
        assert await pool.copy_from_table(name, output=out) == "COPY 3"
        out.seek(0)
        assert await pool.copy_to_table(name, source=out) == "COPY 3"
        query = f"SELECT sum(a) FROM {name} WHERE a > $1"
        out = io.BytesIO()
        assert await pool.copy_from_query(query, 1, output=out) == "COPY 1"
        assert out.getvalue() == b"10\n"
    finally:
        await pool.execute(f"DROP TABLE {name}")
    assert engine.current_connection is None
    assert pool.get_idle_size() == pool.get_size()


async def test_pool_closes_at_once_or_in_peace(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    raw = await engine.raw_pool.acquire()
    assert not engine.raw_pool.is_closing()
    engine.raw_pool.terminate()
    assert engine.raw_pool.is_closing()
    with pytest.raises(InterfaceError):
        await raw.fetchval("SELECT 1")
    engine = await create_engine(dsn, min_size=1, max_size=1)
    raw = await engine.raw_pool.acquire()
    closing = asyncio.ensure_future(engine.raw_pool.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    assert await raw.fetchval("SELECT 1") == 1
    await engine.raw_pool.release(raw)
    await closing
    assert engine.raw_pool.get_size() == 0


async def test_transaction_of_the_driver_has_to_be_started(engine: Any) -> None:
    async with engine.acquire() as connection:
        transaction = connection.raw_connection.transaction()
        for end in (transaction.commit, transaction.rollback):
            with pytest.raises(AssertionError, match="has not been started"):
                await end()
        with pytest.raises(ZeroDivisionError):
            async with transaction:
                raise ZeroDivisionError
        assert not connection.raw_connection.is_in_transaction()


async def test_raw_transactions_and_cursors(engine: Any) -> None:
    async with engine.acquire() as connection:
        raw = connection.raw_connection
        assert not raw.is_in_transaction()
        async with raw.transaction(isolation="serializable", readonly=True):
            assert raw.is_in_transaction()
            assert await raw.fetchval("SHOW transaction_isolation") == "serializable"
            rows = [row[0] async for row in raw.cursor("SELECT generate_series(1, 3)")]
            assert rows == [1, 2, 3]
        transaction = raw.transaction()
        await transaction.start()
        await transaction.rollback()
        assert not raw.is_in_transaction()
        assert not raw.is_closed()
    assert raw.is_closed()


async def test_pool_gives_connections_outside_of_the_context(engine: Any) -> None:
    pool = engine.raw_pool
    async with pool.acquire() as raw:
        assert engine.current_connection is None
        assert await raw.fetchval("SELECT 1") == 1
        assert pool.get_idle_size() == pool.get_size() - 1
    raw = await pool.acquire(timeout=5)
    await pool.release(raw)
    assert pool.get_idle_size() == pool.get_size()
    assert (pool.get_min_size(), pool.get_max_size()) == (1, 2)


async def test_null_pool_keeps_nothing(dsn: str) -> None:
    from gino.dialects.asyncpg import NullPool

    engine = await create_engine(dsn, pool_class=NullPool)
    assert repr(engine) == "<NullPool max=inf min=0 cur=0 use=0>"
    async with engine.acquire() as connection:
        pid = await connection.scalar("SELECT pg_backend_pid()")
        assert repr(engine) == "<NullPool max=inf min=0 cur=1 use=1>"
    assert repr(engine.raw_pool) == "<NullPool max=inf min=0 cur=0 use=0>"
    assert await engine.scalar("SELECT pg_backend_pid()") != pid
    assert engine.raw_pool.get_size() == 0
    await engine.close()
