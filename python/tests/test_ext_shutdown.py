"""The example services as programs that are told to end while they work, as a container is."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from ports import free_port

import gino
from pages import environment
from services import EXAMPLES, SERVICES

SIZE = 3  # of the pool
CLIENTS = 12

pytestmark = [
    pytest.mark.parametrize("kind", SERVICES, ids=lambda kind: kind.name),
    pytest.mark.asyncio(loop_factories=["asyncio"]),  # the program chooses its own loop
    pytest.mark.timeout(180),  # that of a program to start and to end, on a machine that is busy
]


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    """Look from outside, and hold a lock."""
    made = await gino.create_engine(dsn, min_size=2, max_size=2)
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def program(kind: Any, home: Path, **settings: str) -> AsyncIterator[Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXAMPLES / kind.file,
        cwd=home,
        env=environment(home) | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_requests_in_flight_are_answered_before_the_program_ends(
    kind: Any, dsn: str, tmp_path: Path, engine: Any
) -> None:
    tag, port = f"ext_{uuid4().hex}", free_port()
    settings = {
        "DB_DSN": f"{dsn}?application_name={tag}",
        "DB_POOL_MAX_SIZE": str(SIZE),
        "PORT": str(port),
    }

    async def count(state: str) -> int:
        # a transaction would see the same statistics again and again
        async with engine.acquire(reuse=False) as connection:
            found: int = await connection.scalar(
                f"SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND {state}",
                tag,
            )
        return found

    async def is_ready() -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with client.get("/users") as response:
                return response.status == 200
        return False

    async def ask() -> int:
        async with client.get("/users") as response:
            await response.read()
            return response.status

    async def all_connections_wait() -> bool:
        return await count("wait_event_type = 'Lock'") == SIZE

    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as client,
        program(kind, tmp_path, **settings) as process,
    ):
        await until(is_ready)
        async with engine.transaction() as held:
            await held.connection.status("LOCK TABLE gino_example_users")
            asking = [asyncio.create_task(ask()) for _ in range(CLIENTS)]
            await until(all_connections_wait)
            await asyncio.sleep(0.2)  # the others wait in the program, for a connection
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            assert process.returncode is None, "it did not wait for its requests"
            assert await count("true") == SIZE
        assert await asyncio.gather(*asking) == [200] * CLIENTS
        await client.close()
        async with asyncio.timeout(60):
            words = (await process.communicate())[0].decode()
        assert process.returncode in (0, -signal.SIGTERM), words
        assert "Traceback" not in words
        assert "closing the database took too long" not in words
        assert await count("true") == 0
