"""Connections and engines: acquire, reuse, laziness, release, settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from models import Team, bound
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError

import gino
from gino import Gino, create_engine
from gino.engine import GinoConnection
from gino.exceptions import ConnectError, InterfaceError


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    made = await create_engine(dsn, min_size=1, max_size=2)
    yield made
    await made.close()


async def test_acquire_is_awaited_or_a_block(engine: Any) -> None:
    connection = await engine.acquire()
    assert isinstance(connection, GinoConnection)
    assert await connection.scalar("SELECT 1") == 1
    assert engine.current_connection is connection
    await connection.release()
    assert engine.current_connection is None
    async with engine.acquire() as connection:
        assert await connection.scalar("SELECT 1") == 1
    assert engine.current_connection is None


async def test_reuse_takes_the_newest_reusable_connection(engine: Any) -> None:
    async with engine.acquire() as outer:
        pid = await outer.scalar("SELECT pg_backend_pid()")
        async with engine.acquire(reuse=True) as inner:
            assert await inner.scalar("SELECT pg_backend_pid()") == pid
            assert engine.current_connection is outer
        assert await engine.scalar("SELECT pg_backend_pid()") == pid
        async with engine.acquire() as other:
            assert await other.scalar("SELECT pg_backend_pid()") != pid
            assert engine.current_connection is other
        async with engine.acquire(reusable=False):
            assert engine.current_connection is outer


async def test_child_task_does_not_see_its_parents_connection(engine: Any) -> None:
    async def child() -> Any:
        return engine.current_connection, await engine.scalar("SELECT pg_backend_pid()")

    async with engine.acquire() as connection:
        current, pid = await asyncio.create_task(child())
        assert current is None
        assert pid != await connection.scalar("SELECT pg_backend_pid()")


async def test_exhausted_pool_times_out_and_heals(engine: Any) -> None:
    one = await engine.acquire()
    two = await engine.acquire()
    with pytest.raises(asyncio.TimeoutError):
        await engine.acquire(timeout=0.05)
    await two.release()
    await one.release()
    assert engine.current_connection is None
    assert await engine.scalar("SELECT 1") == 1


async def test_lazy_connection_borrows_on_first_use(engine: Any) -> None:
    async with engine.acquire(lazy=True) as connection:
        assert connection.raw_connection is None
        assert engine.current_connection is connection
        assert "use=0" in repr(engine)
    async with engine.acquire(lazy=True) as connection:
        assert await connection.scalar("SELECT 1") == 1
        assert connection.raw_connection is not None
        assert "use=1" in repr(engine)
    assert "use=0" in repr(engine)
    async with engine.acquire(lazy=True) as connection:
        raw = await connection.get_raw_connection()
        assert raw is connection.raw_connection
        assert "use=1" in repr(engine)
    assert "use=0" in repr(engine)


async def test_release_without_permanence_borrows_again(engine: Any) -> None:
    async with engine.acquire() as connection:
        for _ in range(3):
            assert await connection.scalar("SELECT 1") == 1
            await connection.release(permanent=False)
            assert connection.raw_connection is None


async def test_released_connection_says_so(engine: Any) -> None:
    connection = await engine.acquire()
    reusing = await engine.acquire(reuse=True)
    await connection.release()
    with pytest.raises(ValueError, match="released permanently"):
        await connection.scalar("SELECT 1")
    with pytest.raises(ValueError, match="released permanently"):
        await reusing.scalar("SELECT 1")
    with pytest.raises(ValueError, match="already released"):
        await connection.release()
    await reusing.release()
    assert engine.current_connection is None


async def test_execution_options_give_a_copy_on_the_same_connection(dsn: str) -> None:
    async with bound(dsn) as db, db.acquire() as connection:
        copy = connection.execution_options(return_model=False)
        assert copy is not connection
        assert type(copy) is type(connection)
        assert copy.raw_connection is connection.raw_connection
        pid = await connection.scalar("SELECT pg_backend_pid()")
        assert await copy.scalar("SELECT pg_backend_pid()") == pid
        await Team.create(name="core")
        assert await copy.first(Team.query) == (1, "core", None)
        assert isinstance(await connection.first(Team.query), Team)


async def test_prepared_statement_takes_values_by_name(dsn: str) -> None:
    async with bound(dsn) as db, db.acquire() as connection:
        insert = await connection.prepare(
            Team.insert().returning(*Team).execution_options(model=Team)
        )
        assert (await insert.first(name="a")).name == "a"
        assert await insert.status(name="b") == "INSERT 0 1"
        query = await connection.prepare(Team.query.where(Team.name == db.bindparam("name")))
        assert [team.id for team in await query.all(name="b")] == [2]
        assert await query.scalar(name="a") == 1
        with pytest.raises(ValueError, match="does not support multiple parameters"):
            await query.all([{"name": "a"}, {"name": "b"}])


async def test_repeated_queries_work_without_a_statement_cache(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1, statement_cache_size=0)
    for _ in range(3):
        assert await engine.scalar("SELECT $1::int", 1) == 1
    assert await engine.scalar("SELECT count(*) FROM pg_prepared_statements") == 0
    await engine.close()


async def test_schemes_all_mean_our_driver(dsn: str) -> None:
    rest = dsn.partition("://")[2]
    for scheme in ("postgresql", "postgres", "postgresql+asyncpg", "asyncpg"):
        url = make_url(f"{scheme}://{rest}")
        for address in (f"{scheme}://{rest}", url):
            made = await create_engine(address, min_size=0, max_size=1)
            assert await made.scalar("SELECT 1") == 1
            await made.close()
        assert url.drivername == scheme


async def test_bad_keywords_and_addresses_are_refused(dsn: str) -> None:
    with pytest.raises(TypeError, match=r"max_sise.*max_size"):
        await create_engine(dsn, max_sise=3)
    with pytest.raises(ArgumentError, match="sqlite"):
        await create_engine("sqlite:///x.db")
    with pytest.raises(ArgumentError, match="AUTOCOMMIT"):
        await create_engine(dsn, isolation_level="AUTOCOMMIT")
    with pytest.raises(ConnectError, match="server does not do TLS"):
        await create_engine(dsn, ssl="require")
    with pytest.raises(ValueError, match="no strategy"):
        await create_engine(dsn, strategy="nothing")


async def test_isolation_level_is_the_sessions_default(dsn: str) -> None:
    for level in ("READ_UNCOMMITTED", "READ UNCOMMITTED", "SERIALIZABLE"):
        made = await create_engine(dsn, min_size=0, max_size=1, isolation_level=level)
        found = await made.scalar("SHOW default_transaction_isolation")
        assert found == level.replace("_", " ").lower()
        await made.close()


async def test_pool_opens_its_minimum_and_shows_its_figures(dsn: str) -> None:
    made = await create_engine(dsn, min_size=2, max_size=3)
    assert "max=3 min=2 cur=2 use=0" in repr(made)
    async with made.acquire():
        assert "use=1" in repr(made)
    await made.close()
    made = await create_engine(dsn, min_size=0, max_size=3)
    assert "max=3 min=0 cur=0 use=0" in repr(made)
    await made.close()


async def test_closed_engine_says_so(dsn: str) -> None:
    made = await create_engine(dsn, min_size=0, max_size=1)
    await made.close()
    for kind in (InterfaceError, asyncpg.InterfaceError):
        with pytest.raises(kind):
            await made.scalar("SELECT 1")
        with pytest.raises(kind):
            await made.acquire()


async def test_echo_logs_the_statement_alone(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = await create_engine(dsn, min_size=0, max_size=1, echo=True)
    with caplog.at_level(logging.INFO, logger="gino"):
        await made.scalar("SELECT 1 + $1::int", 1)
        async with made.acquire() as connection:
            await connection.scalar("SELECT 2")
    await made.close()
    records = [record for record in caplog.records if record.name == "gino.engine._SAEngine"]
    assert [record.message for record in records] == ["SELECT 1 + $1::int", "SELECT 2"]
    assert {(record.levelno, record.args) for record in records} == {(logging.INFO, ())}
    caplog.clear()
    made = await create_engine(dsn, min_size=0, max_size=1)
    await made.scalar("SELECT 3")
    await made.close()
    assert not [record for record in caplog.records if record.name.startswith("gino")]


async def test_strategy_is_chosen_by_name(dsn: str) -> None:
    from gino.engine import GinoEngine
    from gino.strategies import GinoStrategy

    class OwnConnection(GinoConnection):
        pass

    class OwnEngine(GinoEngine):
        connection_cls = OwnConnection

    class OwnStrategy(GinoStrategy):
        name = "own"
        engine_cls = OwnEngine

    OwnStrategy()
    made = await create_engine(dsn, strategy="own", min_size=0)
    assert type(made) is OwnEngine
    async with made.acquire() as connection:
        assert type(connection) is OwnConnection
        assert type(made.current_connection) is OwnConnection
        assert type(connection.execution_options(timeout=5)) is OwnConnection
        async with made.transaction() as tx:
            assert type(tx.connection) is OwnConnection
    await made.close()


def test_public_names_have_public_modules() -> None:
    assert gino.create_engine.__module__ == "gino"
    assert GinoConnection.__module__ == "gino.engine"
    assert Gino.__module__ == "gino.api"
