"""Cancellation and faults: whatever is cut short, the pool is whole afterwards, nothing hangs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from gino import create_engine
from gino import exceptions as exc


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    engine = await create_engine(dsn, min_size=1, max_size=2)
    yield engine
    await engine.close(5)


async def settled(engine: Any) -> None:
    """Wait until nothing is borrowed, and see that what the pool hands out is idle and clean."""
    async with asyncio.timeout(5):
        while "use=0" not in repr(engine):
            await asyncio.sleep(0.005)
    async with engine.acquire() as first, engine.acquire() as second:
        for connection in (first, second):
            assert await connection.scalar("SELECT 1") == 1
            assert connection.state == "idle"


async def cut_short(work: Awaitable[Any], after: float) -> None:
    """Cancel `work` after some seconds, unless it is done by then."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(after)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, exc.QueryCanceledError):
        await task


async def borrow_and_query(engine: Any) -> None:
    async with engine.acquire() as connection:
        await connection.scalar("SELECT count(*) FROM generate_series(1, 1000)")


async def write_in_nested_transaction(engine: Any) -> None:
    async with engine.transaction():
        await engine.status("SET LOCAL work_mem = '5MB'")
        async with engine.transaction():
            await engine.scalar("SELECT pg_sleep(0.002)::text")


async def read_by_cursor(engine: Any) -> None:
    async with engine.transaction():
        async for _ in engine.iterate("SELECT * FROM generate_series(1, 500)"):
            pass


@pytest.mark.parametrize("work", [borrow_and_query, write_in_nested_transaction, read_by_cursor])
async def test_cancelled_at_any_moment_the_pool_heals(
    engine: Any, work: Callable[[Any], Awaitable[None]]
) -> None:
    chance = random.Random(work.__name__)
    for _ in range(40):
        await asyncio.gather(*(cut_short(work(engine), chance.uniform(0, 0.006)) for _ in range(4)))
    await settled(engine)


async def test_cancelled_query_stops_on_the_server(engine: Any) -> None:
    async with engine.acquire() as connection:
        pid = await connection.scalar("SELECT pg_backend_pid()")
        await cut_short(connection.scalar("SELECT pg_sleep(60)::text"), 0.05)
        # The same connection is ready for the next query, long before the minute is over.
        async with asyncio.timeout(5):
            assert await connection.scalar("SELECT pg_backend_pid()") == pid
    await settled(engine)


async def test_cancelled_neighbour_on_one_connection_disturbs_nobody(engine: Any) -> None:
    async with engine.acquire() as connection:
        slow = asyncio.ensure_future(connection.scalar("SELECT pg_sleep(0.2)::text"))
        await asyncio.sleep(0.02)
        other = asyncio.ensure_future(connection.scalar("SELECT 'kept'"))
        await asyncio.sleep(0.02)
        slow.cancel()
        assert await other == "kept"
    await settled(engine)


async def test_cancelled_while_acquiring_gives_the_place_up(engine: Any) -> None:
    async with engine.acquire(), engine.acquire():
        waiting = [asyncio.ensure_future(engine.scalar("SELECT 1")) for _ in range(5)]
        await asyncio.sleep(0.01)
        for task in waiting[:-1]:
            task.cancel()
    assert await waiting[-1] == 1
    await asyncio.gather(*waiting, return_exceptions=True)
    await settled(engine)


async def test_time_out_of_a_statement_leaves_the_connection_usable(engine: Any) -> None:
    async with engine.acquire() as connection:
        with pytest.raises(TimeoutError):
            await connection.execution_options(timeout=0.05).scalar("SELECT pg_sleep(60)::text")
        async with asyncio.timeout(5):
            assert await connection.scalar("SELECT 2") == 2
    await settled(engine)


async def test_lost_connections_are_replaced(engine: Any) -> None:
    async with engine.acquire() as victim, engine.acquire() as killer:
        pid = await victim.scalar("SELECT pg_backend_pid()")
        sleeping = asyncio.ensure_future(victim.scalar("SELECT pg_sleep(60)::text"))
        await asyncio.sleep(0.02)
        assert await killer.scalar("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(exc.OperationalError):
            async with asyncio.timeout(5):
                await sleeping
    await settled(engine)


async def test_connections_killed_under_load_are_replaced(dsn: str) -> None:
    engine = await create_engine(f"{dsn}?application_name=killed", min_size=5, max_size=5)
    killer = await create_engine(dsn, min_size=1, max_size=1)
    stop = asyncio.Event()
    answers = 0

    async def ask() -> None:
        nonlocal answers
        while not stop.is_set():
            with contextlib.suppress(exc.OperationalError, exc.InterfaceError):
                assert await engine.scalar("SELECT 1") == 1
                answers += 1

    async with asyncio.timeout(30):
        tasks = [asyncio.create_task(ask()) for _ in range(10)]
        for _ in range(20):
            await asyncio.sleep(0.02)
            await killer.all(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'killed'"
            )
        stop.set()
        await asyncio.gather(*tasks)
        assert answers > 20
        assert await asyncio.gather(*(engine.scalar("SELECT 2") for _ in range(20))) == [2] * 20
        await settled(engine)
        await engine.close()
        await killer.close()


async def test_exhausted_pool_names_who_holds_connections(engine: Any) -> None:
    async def hold() -> None:
        async with engine.acquire() as connection:
            await connection.scalar("SELECT 'held by me'")
            await asyncio.sleep(0.3)

    holders = [asyncio.create_task(hold(), name=f"holder {i}") for i in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError, match=r"holder [01].*held by me.*holder [01]"):
        await engine.acquire(timeout=0.05)
    await asyncio.gather(*holders)
    await settled(engine)


async def test_close_waits_and_then_says_who_still_holds(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=2)
    async with asyncio.timeout(5):
        connection = await engine.acquire()
        with pytest.raises(TimeoutError, match="not given back"):
            await engine.close(0.05)
        with pytest.raises(exc.InterfaceError):
            await engine.scalar("SELECT 1")
        with pytest.raises(exc.Error):
            await connection.scalar("SELECT 1")
        await connection.release()


async def test_many_tasks_share_a_small_pool(engine: Any) -> None:
    async def one(number: int) -> int:
        return await engine.scalar("SELECT $1::int", number)

    assert await asyncio.gather(*(one(number) for number in range(500))) == list(range(500))
    await settled(engine)


@pytest.mark.parametrize("turns", range(10))
async def test_connecting_cancelled_in_any_turn_leaves_no_transport(
    dsn: str, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    loop = asyncio.get_running_loop()
    sock_connect = loop.sock_connect

    async def cancel() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()

    async def connect_and_cancel(*arguments: Any) -> None:
        await sock_connect(*arguments)
        cancelling.append(asyncio.ensure_future(cancel()))

    def transports() -> int:
        gc.collect()
        return sum(type(one).__name__.endswith("Transport") for one in gc.get_objects())

    before = transports()
    cancelling: list[asyncio.Future[None]] = []
    monkeypatch.setattr(loop, "sock_connect", connect_and_cancel)
    # without the question for TLS all goes on in the loop, a turn after the other
    address = f"{dsn}?sslmode=disable"
    opening = asyncio.ensure_future(create_engine(address, min_size=1, max_size=1))
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(5):
        while transports() > before:
            await asyncio.sleep(0.01)
