"""PostgreSQL itself goes away under a service that runs, and comes back: nothing else restarts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

import gino
from cluster import Cluster, cluster
from services import SERVICES, Service

CLIENTS = 20
DURABLE = "-csynchronous_commit%3Don"  # the test cluster does without, and loses commits


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """Have a server of our own, since everybody else's must not go away."""
    with cluster() as made:
        yield made


@pytest.fixture(params=SERVICES, ids=lambda kind: kind.name)
async def service(
    request: pytest.FixtureRequest, server: Cluster, monkeypatch: pytest.MonkeyPatch
) -> tuple[Service, str]:
    """Have a service that is not started yet, and the name its connections have."""
    tag = f"restart_{uuid4().hex}"
    monkeypatch.setenv("DB_DSN", f"{server.dsn}?application_name={tag}&options={DURABLE}")
    monkeypatch.setenv("DB_POOL_MAX_SIZE", "5")
    monkeypatch.setenv("DB_RETRY_LIMIT", "30")
    return request.param(), tag


async def start_again(server: Cluster) -> None:
    """Start the server; after SIGKILL its other processes first have to see that they are alone."""
    async with asyncio.timeout(30):
        server.launch_again()
        while not await asyncio.to_thread(server.wait_until_ready):
            await asyncio.sleep(0.1)
            server.launch_again()


class Load:
    """Clients that ask and write without a pause; what they were told is in `seen`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ended = asyncio.Event()
        self.seen: list[int] = []
        self.written: set[str] = set()
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(CLIENTS)]

    async def hears(self, status: int, count: int) -> None:
        """Wait until that answer has come `count` times from now on."""
        enough = self.seen.count(status) + count
        async with asyncio.timeout(20):
            while self.seen.count(status) < enough:
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Let the requests in flight end."""
        self._ended.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*self._tasks)

    async def _ask(self, number: int) -> None:
        while not self._ended.is_set():
            if number % 4:
                self.seen.append((await self._service.get("/users/0" if number % 2 else "/"))[0])
            else:
                name = uuid4().hex
                asked = self._service.client.post("/users", json={"nickname": name})
                async with asked as response:
                    self.seen.append(response.status)
                    if response.status == 201:
                        self.written.add(name)
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGKILL], ids=lambda n: n.name)
async def test_service_outlives_a_restart_of_postgresql_under_load(
    service: tuple[Service, str], server: Cluster, number: signal.Signals
) -> None:
    app, tag = service
    async with app.running():
        load = Load(app)
        await load.hears(200, 50)
        await asyncio.to_thread(server.crash, number)
        await load.hears(500, 50)
        before = load.seen.count(500)
        await start_again(server)
        await load.hears(200, 100)
        await load.end()
        assert set(load.seen) <= {200, 201, 404, 500}
        assert before < len(load.seen)

        # all clients at once: whoever borrowed a dead connection would say 500
        answers = await asyncio.gather(*(app.get("/") for _ in range(CLIENTS)))
        assert {status for status, _ in answers} == {200}
        await app.quiet()
        assert app.figures["waiting"] == 0
        engine = await gino.create_engine(server.dsn, min_size=1, max_size=1)
        try:
            here = await engine.scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", tag
            )
            assert here == app.figures["size"] <= 5
            found = await engine.all("SELECT nickname FROM gino_example_users")
            assert load.written - {row.nickname for row in found} == set(), "a commit was lost"
        finally:
            await engine.close()


async def test_service_waits_for_a_postgresql_that_starts_later(
    service: tuple[Service, str], server: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    app, _ = service
    await asyncio.to_thread(server.crash, signal.SIGQUIT)

    async def later() -> None:
        await asyncio.sleep(0.6)
        await start_again(server)

    task = asyncio.create_task(later())
    try:
        async with app.running():
            assert (await app.get("/"))[0] == 200
    finally:
        await task
    tries: list[Any] = [r for r in caplog.records if r.name.startswith("gino.ext")]
    assert len(tries) >= 1
    assert "(try 1 of 30, next in 0.5 s): " in tries[0].getMessage()
    assert all("giving up" not in record.getMessage() for record in tries)
