"""Behind a real PgBouncer: in transaction mode, where each transaction may meet another server
process, and in session mode."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

import gino
from gino import _core, create_engine

from .pooler import PROGRAM, pgbouncer

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")


@pytest.fixture(params=["transaction", "session"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pooled_dsn(dsn: str, mode: str, tmp_path: Path) -> Iterator[str]:
    """A PgBouncer with two server connections that it hands out in turns."""
    config = _core.Config(dsn, {}, {})
    host, _, port = config.endpoints[0].rpartition(":")
    settings = {
        "pool_mode": mode,
        "default_pool_size": 2 if mode == "transaction" else 20,
        "server_round_robin": 1,
        "max_client_conn": 100,
    }
    with pgbouncer(tmp_path, (host, int(port)), **settings) as own:
        yield f"postgresql://gino@127.0.0.1:{own}/{config.get('dbname')}"


async def test_statements_of_many_clients_do_not_meet(pooled_dsn: str) -> None:
    """Each connection runs its own texts again and again, in and out of transactions."""
    engine = await create_engine(pooled_dsn, min_size=8, max_size=8)
    other = await create_engine(pooled_dsn, min_size=4, max_size=4)

    async def client(number: int, through: gino.GinoEngine) -> None:
        for turn in range(20):
            found = await through.scalar(f"SELECT {number} * 1000 + $1::int", turn)
            assert found == number * 1000 + turn
            async with through.transaction():
                assert await through.scalar(f"SELECT {number} + $1::int", turn) == number + turn
                assert await through.scalar("SELECT $1::text", str(number)) == str(number)
                assert await through.scalar(f"SELECT {number} + $1::int", turn) == number + turn

    engines = (engine, other)
    await asyncio.gather(*(client(number, engines[number % 2]) for number in range(16)))
    await engine.close()
    await other.close()


async def test_no_statement_is_left_with_the_server(pooled_dsn: str) -> None:
    engine = await create_engine(pooled_dsn, min_size=1, max_size=1)
    for _ in range(3):
        await engine.scalar("SELECT $1::int + 41", 1)
    names = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%+ 41'"
    assert await engine.scalar(names) == 0
    await engine.close()


async def test_cursors_executemany_and_cancelling_work(pooled_dsn: str) -> None:
    engine = await create_engine(pooled_dsn, min_size=2, max_size=2)
    await engine.status("CREATE TABLE IF NOT EXISTS pooled (n int)")
    await engine.status("TRUNCATE pooled")
    await engine.status("INSERT INTO pooled VALUES ($1)", [(n,) for n in range(100)])
    async with engine.transaction() as tx:
        rows = [row[0] async for row in tx.connection.iterate("SELECT n FROM pooled ORDER BY n")]
    assert rows == list(range(100))
    with pytest.raises(asyncio.TimeoutError):
        await engine.scalar(text("SELECT pg_sleep(10)").execution_options(timeout=0.2))
    assert await engine.scalar("SELECT count(*) FROM pooled") == 100
    await engine.status("DROP TABLE pooled")
    await engine.close()
