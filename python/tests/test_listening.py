"""LISTEN and NOTIFY, notices, and the end of a connection, under asyncpg's names."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gino import create_engine
from gino.exceptions import InterfaceWarning


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    made = await create_engine(dsn, min_size=1, max_size=2)
    yield made
    await made.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_idle_connection_hears_notifications_in_order(engine: Any) -> None:
    heard: list[Any] = []

    def hear(connection: Any, pid: int, channel: str, payload: str) -> None:
        heard.append((connection, pid, channel, payload))

    async with engine.acquire() as listening, engine.acquire() as other:
        raw = listening.raw_connection
        await raw.add_listener('odd "name"', hear)
        for number in range(100):
            await other.status("SELECT pg_notify($1, $2)", 'odd "name"', str(number))
        await until(lambda: len(heard) == 100)
        pid = await other.scalar("SELECT pg_backend_pid()")
        assert heard == [(raw, pid, 'odd "name"', str(number)) for number in range(100)]
        await raw.remove_listener('odd "name"', hear)
        assert await raw.fetch("SELECT pg_listening_channels()") == []


async def test_callbacks_of_a_channel_come_and_go(engine: Any) -> None:
    heard: list[str] = []

    def first(*event: Any) -> None:
        heard.append(f"first {event[3]}")

    async def second(*event: Any) -> None:
        await asyncio.sleep(0)
        heard.append(f"second {event[3]}")

    async with engine.acquire() as connection:
        raw = connection.raw_connection
        await raw.add_listener("a", first)
        await raw.add_listener("a", first)
        await raw.add_listener("a", second)
        await raw.execute("NOTIFY a, '1'")
        await until(lambda: len(heard) == 2)
        await raw.remove_listener("a", first)
        await raw.remove_listener("b", first)
        await raw.execute("NOTIFY a, '2'")
        await until(lambda: len(heard) == 3)
        await raw.remove_listener("a", second)
        await raw.remove_listener("a", second)
        assert heard == ["first 1", "second 1", "second 2"]
        with pytest.raises(TypeError, match="a function"):
            await raw.add_listener("c", None)


async def test_callback_may_query_its_connection(engine: Any) -> None:
    answers: asyncio.Queue[int] = asyncio.Queue()

    async def ask(connection: Any, *_event: Any) -> None:
        await answers.put(await connection.fetchval("SELECT 42"))

    async with engine.acquire() as connection:
        await connection.raw_connection.add_listener("a", ask)
        gc.collect()
        await connection.status("NOTIFY a")
        assert await asyncio.wait_for(answers.get(), 5) == 42
        await connection.raw_connection.remove_listener("a", ask)


async def test_notices_are_heard_with_their_fields(engine: Any) -> None:
    heard: list[Any] = []

    def hear(_connection: Any, message: Any) -> None:
        heard.append(message)

    async with engine.acquire() as connection:
        raw = connection.raw_connection
        raw.add_log_listener(hear)
        await raw.execute("DO $$BEGIN RAISE WARNING 'careful' USING HINT = 'look'; END$$")
        await until(lambda: heard)
        raw.remove_log_listener(hear)
        await raw.execute("DO $$BEGIN RAISE NOTICE 'nobody'; END$$")
        await asyncio.sleep(0.01)
    (message,) = heard
    assert (message.severity, message.sqlstate) == ("WARNING", "01000")
    assert (message.message, message.hint, message.detail) == ("careful", "look", None)
    assert str(message) == "WARNING:  careful"
    assert message.as_dict()["hint"] == "look"
    assert repr(message) == "<gino.PostgresLogMessage 01000 'WARNING:  careful'>"
    with pytest.raises(AttributeError):
        getattr(message, "_private")  # noqa: B009


async def test_listeners_are_dropped_when_the_connection_goes_back(engine: Any) -> None:
    heard: list[Any] = []
    connection = await engine.acquire()
    raw = connection.raw_connection
    await raw.add_listener("a", lambda *event: heard.append(event))
    raw.add_log_listener(lambda *event: heard.append(event))
    pid = await raw.fetchval("SELECT pg_backend_pid()")
    with pytest.warns(InterfaceWarning) as warned:
        await connection.release()
    assert ["1 notification listener," in str(w.message) for w in warned] == [True, False]
    async with engine.acquire() as connection:
        assert await connection.scalar("SELECT pg_backend_pid()") == pid
        assert await connection.all("SELECT pg_listening_channels()") == []
        await connection.status("NOTIFY a")
        await asyncio.sleep(0.01)
    assert heard == []
    with pytest.raises(ValueError, match="released"):
        raw.add_log_listener(print)


async def test_forgotten_connection_still_goes_back(engine: Any) -> None:
    held = [await engine.acquire(reusable=False)]
    await held[0].raw_connection.add_listener("a", print)
    held.clear()
    with pytest.warns(InterfaceWarning):
        gc.collect()
    await until(lambda: engine.raw_pool.get_idle_size() == engine.raw_pool.get_size())


async def test_end_of_the_connection_is_told(engine: Any) -> None:
    ended: list[Any] = []
    async with engine.acquire() as connection, engine.acquire() as other:
        raw = connection.raw_connection
        raw.add_termination_listener(ended.append)
        raw.add_termination_listener(print)
        raw.remove_termination_listener(print)
        pid = await raw.fetchval("SELECT pg_backend_pid()")
        await other.status("SELECT pg_terminate_backend($1)", pid)
        await until(lambda: ended)
        assert ended == [raw]
        assert raw.is_closed()
