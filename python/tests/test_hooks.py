"""`init`, `setup` and `reset`: what runs on each connection, when, and what a failure does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gino import create_engine


class Calls:
    """Remembers which hook was called, with which process of the server."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def hook(self, name: str) -> Any:
        async def call(connection: Any) -> None:
            self.seen.append((name, await connection.fetchval("SELECT pg_backend_pid()")))

        return call


async def test_hooks_run_in_turn(dsn: str) -> None:
    calls = Calls()
    hooks = {name: calls.hook(name) for name in ("init", "setup", "reset")}
    engine = await create_engine(dsn, min_size=1, max_size=1, **hooks)
    assert [name for name, _ in calls.seen] == ["init"]
    async with engine.acquire() as connection:
        pid = await connection.scalar("SELECT pg_backend_pid()")
        assert calls.seen == [("init", pid), ("setup", pid)]
        async with engine.acquire(reuse=True):
            pass
        assert len(calls.seen) == 2
    assert calls.seen[2:] == [("reset", pid)]
    assert await engine.scalar("SELECT 1") == 1
    async with engine.raw_pool.acquire() as raw:
        assert await raw.fetchval("SELECT 1") == 1
    assert calls.seen[3:] == [("setup", pid), ("reset", pid)] * 2
    await engine.close()


async def test_init_comes_after_the_isolation_level(dsn: str) -> None:
    levels = []

    async def init(connection: Any) -> None:
        levels.append(await connection.fetchval("SHOW default_transaction_isolation"))
        await connection.execute("SET application_name = 'made by init'")

    level = "REPEATABLE_READ"
    engine = await create_engine(dsn, min_size=2, max_size=2, init=init, isolation_level=level)
    assert levels == ["repeatable read"] * 2
    assert await engine.scalar("SHOW application_name") == "made by init"
    await engine.close()


async def test_init_that_fails_fails_the_engine(dsn: str) -> None:
    async def init(connection: Any) -> None:
        assert await connection.fetchval("SELECT 1") == 1
        raise LookupError("no such luck")

    with pytest.raises(LookupError, match="no such luck"):
        await create_engine(dsn, min_size=1, max_size=1, init=init)
    engine = await create_engine(dsn, min_size=0, max_size=1, init=init)
    for _ in range(3):
        with pytest.raises(LookupError):
            await engine.scalar("SELECT 1")
    assert engine.raw_pool.get_size() == 0
    await engine.close()


async def test_setup_that_fails_closes_the_connection(dsn: str) -> None:
    failures = [LookupError(), LookupError()]

    async def setup(connection: Any) -> None:
        await connection.fetchval("SELECT 1")
        if failures:
            raise failures.pop()

    engine = await create_engine(dsn, min_size=1, max_size=1, setup=setup)
    for _ in range(2):
        with pytest.raises(LookupError):
            await engine.acquire()
        assert engine.raw_pool.get_size() == 0
        assert engine.current_connection is None
    assert await engine.scalar("SELECT 1") == 1
    await engine.close()


async def test_setup_counts_towards_the_timeout_of_acquire(dsn: str) -> None:
    cancelled = []

    async def setup(_connection: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    engine = await create_engine(dsn, min_size=1, max_size=1, setup=setup)
    with pytest.raises(TimeoutError):
        await engine.acquire(timeout=0.05)
    await asyncio.sleep(0)
    assert cancelled == [True]
    assert engine.raw_pool.get_size() == 0
    await engine.close()


async def test_reset_takes_the_place_of_the_reset(dsn: str) -> None:
    async def reset(connection: Any) -> None:
        assert not connection.is_in_transaction()
        if await connection.fetchval("SHOW application_name") == "gone":
            await connection.execute(connection.get_reset_query())

    engine = await create_engine(dsn, min_size=1, max_size=1, reset=reset)
    for name, kept in (("stays", True), ("gone", False)):
        async with engine.acquire() as connection:
            await connection.status(f"SET application_name = '{name}'")
            await connection.status("BEGIN")
        assert (await engine.scalar("SHOW application_name") == name) is kept
    await engine.close()


async def test_reset_that_fails_is_told_and_the_connection_closed(dsn: str) -> None:
    async def reset(_connection: Any) -> None:
        raise LookupError("cannot reset")

    engine = await create_engine(dsn, min_size=1, max_size=1, reset=reset)
    connection = await engine.acquire()
    with pytest.raises(LookupError):
        await connection.release()
    assert engine.raw_pool.get_size() == 0
    assert engine.current_connection is None
    with pytest.raises(LookupError):
        await engine.scalar("SELECT 1")
    with pytest.raises(Exception, match="nothing_like_this"):
        await engine.scalar("SELECT nothing_like_this")
    assert engine.raw_pool.get_size() == 0
    await engine.close()


async def test_raw_connection_resets_itself(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    async with engine.acquire() as connection:
        raw = connection.raw_connection
        await raw.execute("SET application_name = 'a'; BEGIN")
        await raw.reset()
        assert not raw.is_in_transaction()
        assert await raw.fetchval("SHOW application_name") != "a"
    await engine.close()
