"""Event loops: each running loop has a pool of its own, on sockets or on asyncio's transports."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from gino import create_engine


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """A loop as Windows has it: transports, but no `add_reader`."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> bool:
        raise NotImplementedError


LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [
    asyncio.new_event_loop,
    uvloop.new_event_loop,
    LoopWithoutReaders,
]


async def work(engine: Any) -> None:
    rows = await engine.all("SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) i")
    assert [row[0] for row in rows] == list(range(1, 5001))
    large = "y" * 5_000_000
    assert await engine.scalar("SELECT length($1::text)", large) == len(large)
    numbers = (engine.scalar("SELECT $1::int", number) for number in range(100))
    assert await asyncio.gather(*numbers) == list(range(100))
    async with engine.transaction():
        assert len([row async for row in engine.iterate("SELECT generate_series(1, 120)")]) == 120
    await copy(engine)


async def copy(engine: Any) -> None:
    size = 0

    async def slowly(data: bytes) -> None:
        nonlocal size
        size += len(data)
        await asyncio.sleep(0.001)

    async with engine.acquire() as connection:
        raw = connection.raw_connection
        await raw.execute("CREATE TEMPORARY TABLE copied (t text)")
        lines = (b"z" * 999 + b"\n") * 8000
        assert await raw.copy_to_table("copied", source=lines) == "COPY 8000"
        assert await raw.copy_from_table("copied", output=slowly) == "COPY 8000"
        assert size == len(lines)
        paused = await connection.copy_out("COPY copied TO STDOUT")
        await asyncio.sleep(0.05)
        del paused
        assert await raw.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("factory", LOOPS)
@pytest.mark.parametrize("address", ["dsn", "socket_dsn"])
def test_every_kind_of_loop_and_socket(
    factory: Callable[[], asyncio.AbstractEventLoop], address: str, request: pytest.FixtureRequest
) -> None:
    async def main() -> None:
        engine = await create_engine(request.getfixturevalue(address), min_size=1, max_size=3)
        await work(engine)
        await engine.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


@pytest.mark.filterwarnings("ignore:unclosed resource:ResourceWarning")  # of uvloop, told rightly
@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_engine_made_under_one_loop_works_under_another(
    factory: Callable[[], asyncio.AbstractEventLoop], dsn: str
) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        engine = runner.run(create_engine(dsn, min_size=1, max_size=2))
        assert runner.run(engine.scalar("SELECT 1")) == 1
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(engine.scalar("SELECT 2")) == 2
        runner.run(engine.close())


async def test_awaitables_work_wherever_coroutines_do(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=2)
    assert await asyncio.gather(engine.scalar("SELECT 1"), engine.scalar("SELECT 2")) == [1, 2]
    assert await asyncio.create_task(engine.scalar("SELECT 3")) == 3
    assert await asyncio.wait_for(engine.scalar("SELECT 4"), 5) == 4
    assert await asyncio.shield(engine.scalar("SELECT 5")) == 5
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(engine.scalar("SELECT $1::int", i)) for i in range(10)]
    assert [task.result() for task in tasks] == list(range(10))
    waiting = engine.scalar("SELECT 6")
    assert await waiting == 6
    with pytest.raises(RuntimeError, match="already awaited"):
        await waiting
    await engine.close()


async def test_forgotten_await_is_told(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=2)
    with pytest.warns(RuntimeWarning, match="never awaited"):
        engine.scalar("SELECT 1")
    await engine.close()


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(3)", "os._exit(3)"])
def test_interpreter_exits_cleanly_with_an_engine_open(dsn: str, ending: str) -> None:
    program = f"""
        import asyncio, os
        from gino import create_engine

        kept = []

        async def main():
            engine = await create_engine({dsn!r}, min_size=2, max_size=3)
            kept.append((engine, await engine.acquire()))
            asyncio.create_task(engine.scalar("SELECT pg_sleep(60)::text"))
            assert await engine.scalar("SELECT 1") == 1
            {ending}

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == (0 if ending == "pass" else 3), done.stderr
    assert done.stderr == ""


async def test_exit_signals_pass_through_a_direct_wake(dsn: str) -> None:
    program = f"""
        import asyncio
        from gino import create_engine

        async def quits(engine):
            await engine.scalar("SELECT 1")
            raise KeyboardInterrupt

        async def main():
            engine = await create_engine({dsn!r}, min_size=1, max_size=2)
            asyncio.create_task(quits(engine))
            await asyncio.sleep(10)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(program), stdout=subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert out == b"interrupted\n"
