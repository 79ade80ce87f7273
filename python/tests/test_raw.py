"""The driver's connection and pool under asyncpg's names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gino import create_engine


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
