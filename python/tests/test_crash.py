"""PostgreSQL is killed (-9) under load, whole or by its backends, and recovers: nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from ledger import Ledger, is_balanced, settled, until_gone
from operations import OPERATIONS

from cluster import Cluster, cluster
from gino import create_engine
from gino import exceptions as exc

CLIENTS = 12
SIZE = 4
NAME = "gino_crash"
DURABLE = "-csynchronous_commit%3Don"  # the test cluster does without, and loses commits

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """Have a server of our own, since everybody else's must not go away."""
    with cluster() as made:
        yield made


async def start_again(server: Cluster) -> None:
    """Start the server; after SIGKILL its other processes first have to see that they are alone."""
    async with asyncio.timeout(30):
        server.launch_again()
        while not await asyncio.to_thread(server.wait_until_ready):
            await asyncio.sleep(0.1)
            server.launch_again()


class Load:
    """Clients that do what `operations` has, uncut, and go on whatever they are told."""

    def __init__(self, engine: Any, ledger: Ledger) -> None:
        self._engine, self._ledger = engine, ledger
        self._ended = False
        self.errors: list[str | None] = []
        self._tasks = [asyncio.create_task(self._work(number)) for number in range(CLIENTS)]

    async def _work(self, number: int) -> None:
        async def whole(work: Any) -> Any:
            return await work

        while not self._ended:
            for operation in OPERATIONS[number % len(OPERATIONS) :]:
                try:
                    await operation(self._engine, self._ledger, whole)
                except exc.OperationalError as error:
                    self.errors.append(error.sqlstate)
                    await asyncio.sleep(0.01)

    async def goes_on(self, count: int = 60) -> None:
        """Wait until so many more pieces of work are committed."""
        enough = len(self._ledger.kept) + count
        async with asyncio.timeout(30):
            while len(self._ledger.kept) < enough:
                await asyncio.sleep(0.01)
                for task in self._tasks:
                    if task.done():
                        task.result()

    async def end(self) -> None:
        """Let what is under way end."""
        self._ended = True
        async with asyncio.timeout(30):
            await asyncio.gather(*self._tasks)


@pytest.mark.parametrize("victim", ["postmaster", "backend"])
async def test_kill_under_load_loses_and_doubles_nothing(server: Cluster, victim: str) -> None:
    dsn = f"{server.dsn}?application_name={NAME}&options={DURABLE}"
    ledger = Ledger(server.dsn, f"gino_crash_{victim}")
    await ledger.create()
    engine = await create_engine(dsn, min_size=1, max_size=SIZE)
    engine.address = dsn  # type: ignore[attr-defined]
    load = Load(engine, ledger)
    for _ in range(2):
        await load.goes_on()
        before = len(load.errors)
        if victim == "postmaster":
            await asyncio.to_thread(server.crash, signal.SIGKILL)
            await start_again(server)
        else:
            with contextlib.suppress(exc.OperationalError):
                os.kill(await engine.scalar("SELECT pg_backend_pid()"), signal.SIGKILL)
        await load.goes_on()
        assert len(load.errors) > before
    await load.end()
    await settled(engine)
    await engine.close(5)
    witness = await create_engine(server.dsn, min_size=1, max_size=1)
    await until_gone(witness, NAME)
    await witness.close()
    balance = await ledger.balance()
    states = sorted(set(map(str, load.errors)))
    print(f"crash {victim}: {len(load.errors)} errors {states}", balance)
    assert is_balanced(balance), balance
