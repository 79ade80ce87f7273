"""What every framework's extension has to do, on its real server with a real client."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

import gino
from proxy import Proxy
from services import SERVICES, Service, StartFailed

Make = Callable[..., Service]
QUERY = "SELECT pg_backend_pid()"


@pytest.fixture(params=SERVICES, ids=lambda kind: kind.name)
def make(request: pytest.FixtureRequest, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a service that is not started yet."""

    def make_service(address: str = dsn, size: int = 5, tries: int = 1) -> Service:
        monkeypatch.setenv("DB_DSN", address)
        monkeypatch.setenv("DB_POOL_MAX_SIZE", str(size))
        monkeypatch.setenv("DB_RETRY_LIMIT", str(tries))
        made: Service = request.param()
        return made

    return make_service


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    """Look from outside."""
    made = await gino.create_engine(dsn, min_size=0, max_size=2)
    yield made
    await made.close()


async def pid(connection: Any) -> str:
    return str(await connection.scalar(QUERY))


def tagged(dsn: str) -> tuple[str, str]:
    """Make an address whose connections can be told apart on the server."""
    tag = f"ext_{uuid4().hex}"
    return f"{dsn}?application_name={tag}", tag


async def on_server(engine: Any, tag: str) -> int:
    count: int = await engine.scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", tag
    )
    return count


async def statuses(service: Service, path: str, count: int) -> list[int]:
    answers = await asyncio.gather(*(service.get(path) for _ in range(count)))
    return [status for status, _ in answers]


# ---- the three routes ----------------------------------------------------------------------------


async def test_users_are_created_read_changed_and_deleted(make: Make) -> None:
    async with make().running() as service:
        async with service.client.post("/users", json={"nickname": "fantix"}) as response:
            assert response.status == 201
            user = await response.json()
        assert user["nickname"] == "fantix"
        path = f"/users/{user['id']}"
        async with service.client.get(path) as response:
            assert (response.status, await response.json()) == (200, user)
        async with service.client.get("/users") as response:
            assert user in await response.json()
        async with service.client.patch(path, json={"nickname": "daisy"}) as response:
            assert await response.json() == {**user, "nickname": "daisy"}
        async with service.client.delete(path) as response:
            assert response.status == 204
        assert (await service.get(path))[0] == 404
        status, text = await service.get("/")
        assert status == 200
        assert text[0].isdigit()
        await service.quiet()


async def test_missing_rows_are_the_frameworks_own_404(make: Make) -> None:
    service = make()
    db, user = service.db, service.User
    nobody = user.query.where(user.id == -1)
    service.add("/db", lambda _: db.first_or_404(nobody))
    service.add("/engine", lambda _: db.bind.first_or_404(nobody))
    service.add("/connection", lambda connection: connection.first_or_404(nobody))
    service.add("/executor", lambda _: nobody.gino.first_or_404())
    service.add("/model", lambda _: user.get_or_404(-1))

    async def found(connection: Any) -> str:
        one = db.text("SELECT 1 AS one")
        rows = [await db.first_or_404(one), await connection.first_or_404(one)]
        return str([row.one for row in rows])

    service.add("/found", found)
    async with service.running():
        for path in ("/db", "/engine", "/connection", "/executor", "/model", "/users/0"):
            assert (await service.get(path))[0] == 404, path
        assert await service.get("/found") == (200, "[1, 1]")
        await service.quiet()


# ---- the connection of a request -----------------------------------------------------------------


async def test_request_without_query_borrows_nothing(make: Make) -> None:
    service = make()

    async def idle(connection: Any) -> str:
        return f"{connection.raw_connection} {service.figures['in_use']}"

    service.add("/idle", idle)
    async with service.running():
        assert await service.get("/idle") == (200, "None 0")


async def test_queries_of_a_request_share_its_connection(make: Make) -> None:
    service = make()

    async def shared(connection: Any) -> str:
        pids = {await connection.scalar(QUERY), await service.db.scalar(QUERY)}
        pids.add(await service.db.text(QUERY).execution_options(model=service.User).gino.scalar())
        return f"{len(pids)} {service.figures['in_use']}"

    service.add("/shared", shared)
    async with service.running():
        assert await service.get("/shared") == (200, "1 1")
        await service.quiet()


async def test_requests_of_one_client_have_connections_of_their_own(make: Make) -> None:
    service = make(size=1)
    extension = importlib.import_module(type(service.db).__module__)
    seen: list[Any] = []

    async def leaving(connection: Any) -> str:
        assert isinstance(connection, extension.GinoConnection)
        assert isinstance(service.db.bind, extension.GinoEngine)
        assert service.db.bind.current_connection is connection
        seen.append(connection)
        await connection.transaction()  # and nobody ends it
        return str(await service.db.scalar("SELECT 1"))

    service.add("/leaving", leaving)
    # a server may handle all requests of a client's connection in one task
    async with service.running(), aiohttp.ClientSession(service.url) as client:
        for _ in range(3):
            async with client.get("/leaving") as response:
                assert await response.text() == "1"
        assert len(set(map(id, seen))) == 3
        await client.close()
        await service.quiet()


async def test_connection_is_given_back_early(make: Make) -> None:
    service = make()

    async def early(connection: Any) -> str:
        figures = []
        for _ in range(2):
            await pid(connection)
            figures.append(service.figures["in_use"])
            await connection.release(permanent=False)
            figures.append(service.figures["in_use"])
        return str(figures)

    async def for_good(connection: Any) -> str:
        await pid(connection)
        await connection.release()
        return "released"

    service.add("/early", early)
    service.add("/for-good", for_good)
    async with service.running():
        assert await service.get("/early") == (200, "[1, 0, 1, 0]")
        assert await service.get("/for-good") == (200, "released")
        await service.quiet()


async def test_exception_in_a_handler_gives_the_connection_back(make: Make) -> None:
    service = make(size=1)

    async def failing(connection: Any) -> str:
        await pid(connection)
        raise RuntimeError("this handler fails")

    async def failing_inside(connection: Any) -> str:
        async with service.db.transaction():
            await service.User.create(nickname="never seen")
            raise RuntimeError("this handler fails inside a transaction")

    async def wrong_sql(connection: Any) -> str:
        await connection.transaction()
        return str(await connection.scalar("SELECT no_such_column"))

    async def seen(connection: Any) -> str:
        user = service.User
        found = await user.query.where(user.nickname == "never seen").gino.all()
        return f"{len(found)} {connection.state}"

    for probe in (failing, failing_inside, wrong_sql, seen):
        service.add(f"/{probe.__name__}", probe)
    async with service.running():
        for path in ("/failing", "/failing_inside", "/wrong_sql"):
            assert (await service.get(path))[0] == 500, path
            assert await service.get("/seen") == (200, "0 idle"), path
        await service.quiet()


async def test_client_that_disconnects_mid_response_leaves_no_connection_behind(make: Make) -> None:
    service = make(size=2)
    ended = 0

    async def endless(connection: Any) -> AsyncIterator[bytes]:
        nonlocal ended
        try:
            async with service.db.transaction():
                await pid(service.db)
                while True:
                    yield b"x" * 65536
                    await asyncio.sleep(0.001)
        finally:
            ended += 1

    service.add("/endless", endless)
    async with service.running():
        for _ in range(3):
            async with service.client.get("/endless") as response:
                assert await response.content.readexactly(100_000)
                assert service.figures["in_use"] == 1
                response.close()
            await service.quiet()
        assert ended == 3
        assert (await service.get("/"))[0] == 200


async def test_client_that_disconnects_while_a_query_runs_leaves_no_connection_behind(
    make: Make,
) -> None:
    service = make(size=1)
    begun = asyncio.Event()

    async def slow(connection: Any) -> str:
        begun.set()
        await connection.scalar("SELECT pg_sleep(0.5)")
        return "slow"

    service.add("/slow", slow)
    async with service.running():
        task = asyncio.create_task(service.get("/slow"))
        await begun.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await service.quiet()
        assert (await service.get("/"))[0] == 200


async def test_cancelled_handler_gives_its_connection_back_and_ends_its_query(
    make: Make, dsn: str, engine: Any
) -> None:
    address, tag = tagged(dsn)
    service = make(address, size=1)
    tasks: list[asyncio.Task[Any] | None] = []

    async def endless(connection: Any) -> str:
        if tasks:
            return "again"  # the client asks once more when nobody answers
        tasks.append(asyncio.current_task())
        async with service.db.transaction():
            return str(await connection.scalar("SELECT pg_sleep(600)"))

    async def asleep() -> int:
        count: int = await engine.scalar(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = $1 AND query ~ 'pg_sleep' AND state <> 'idle'",
            tag,
        )
        return count

    service.add("/endless", endless)
    async with service.running():
        asking = asyncio.create_task(service.get("/endless"))
        async with asyncio.timeout(10):
            while not await asleep():
                await asyncio.sleep(0.01)
        assert tasks[0] is not None
        tasks[0].cancel()
        await service.quiet()
        assert await asleep() == 0
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
            await asking
        assert (await service.get("/"))[0] == 200


# ---- under load ----------------------------------------------------------------------------------


async def test_two_hundred_requests_on_a_pool_of_five(make: Make, dsn: str, engine: Any) -> None:
    address, tag = tagged(dsn)
    service = make(address, size=5)

    async def busy(connection: Any) -> str:
        await connection.scalar("SELECT pg_sleep(0.005)")
        async with service.db.transaction():
            return await pid(service.db)

    async def streamed(connection: Any) -> AsyncIterator[bytes]:
        async with service.db.transaction():
            async for row in service.db.iterate("SELECT * FROM generate_series(1, 10)"):
                yield b"%d " % row[0]

    service.add("/busy", busy)
    service.add("/streamed", streamed)
    async with service.running():
        paths = ["/busy", "/users", "/streamed", "/"] * 50
        answers = await asyncio.gather(*map(service.get, paths))
        assert [status for status, _ in answers] == [200] * 200
        assert {text for _, text in answers[2::4]} == {"1 2 3 4 5 6 7 8 9 10 "}
        await service.quiet()
        assert service.figures["size"] == await on_server(engine, tag) <= 5
        assert service.figures["waiting"] == 0


async def test_connections_killed_under_load_are_replaced(
    make: Make, dsn: str, engine: Any
) -> None:
    address, tag = tagged(dsn)
    service = make(address, size=5)
    stop = asyncio.Event()
    seen: list[int] = []

    async def ask() -> None:
        while not stop.is_set():
            seen.append((await service.get("/"))[0])

    async with service.running():
        tasks = [asyncio.create_task(ask()) for _ in range(10)]
        for _ in range(3):
            await asyncio.sleep(0.1)
            await engine.all(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = $1",
                tag,
            )
        await asyncio.sleep(0.1)
        stop.set()
        await asyncio.gather(*tasks)
        assert set(seen) <= {200, 500}
        assert await statuses(service, "/", 20) == [200] * 20
        await service.quiet()
        assert service.figures["size"] == await on_server(engine, tag) <= 5


async def test_service_recovers_from_an_outage_without_a_restart(make: Make, dsn: str) -> None:
    async with Proxy(dsn) as proxy:
        await proxy.up()
        service = make(proxy.dsn, size=5)
        async with service.running():
            assert await statuses(service, "/", 20) == [200] * 20
            load = asyncio.gather(*(service.get("/") for _ in range(100)))
            await asyncio.sleep(0.02)
            await proxy.down()
            assert {status for status, _ in await load} <= {200, 500}
            assert await statuses(service, "/", 20) == [500] * 20
            await proxy.up()
            assert await statuses(service, "/", 20) == [200] * 20
            await service.quiet()


# ---- start and stop ------------------------------------------------------------------------------


async def test_start_waits_for_a_database_that_comes_up_later(
    make: Make, dsn: str, engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    address, tag = tagged(dsn)
    async with Proxy(address) as proxy:
        service = make(proxy.dsn, tries=20)
        later = asyncio.create_task(_after(0.3, proxy.up))
        async with service.running():
            assert (await service.get("/"))[0] == 200
            assert await on_server(engine, tag) == service.figures["size"]
        await later
        tries = [r.getMessage() for r in caplog.records if r.name.startswith("gino.ext")]
        assert tries
        assert "(try 1 of 20, next in 0.5 s): ConnectError: " in tries[0]


async def _after(seconds: float, do: Callable[[], Any]) -> None:
    await asyncio.sleep(seconds)
    await do()


async def test_start_without_a_database_fails_with_the_real_error(
    make: Make, dsn: str, engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    address, tag = tagged(f"{dsn.rpartition('/')[0]}/no_such_database")
    service = make(address, tries=2)
    with pytest.raises((StartFailed, gino.exceptions.InvalidCatalogNameError)):
        async with service.running():
            pass
    tries = [
        record
        for record in caplog.records
        if record.name.startswith("gino.ext") and record.levelno == logging.WARNING
    ]
    assert [record.args[:3] for record in tries if record.args] == [
        (1, 2, "next in 0.5 s"),
        (2, 2, "giving up"),
    ]
    assert all("no_such_database" in record.getMessage() for record in tries)
    assert "no_such_database" in caplog.text
    assert not service.db.bind
    assert await on_server(engine, tag) == 0


async def test_shutdown_under_load_finishes_requests_then_closes(
    make: Make, dsn: str, engine: Any
) -> None:
    address, tag = tagged(dsn)
    service = make(address, size=3)
    begun = 0

    async def slow(connection: Any) -> str:
        nonlocal begun
        begun += 1
        await connection.scalar("SELECT pg_sleep(0.1)")
        return await pid(connection)

    service.add("/slow", slow)
    async with service.running():
        tasks = [asyncio.create_task(service.get("/slow")) for _ in range(12)]
        async with asyncio.timeout(10):
            while begun < 12:
                await asyncio.sleep(0.005)
        await service.stop()
        assert not service.db.bind
        answers = await asyncio.gather(*tasks)
        assert [status for status, _ in answers] == [200] * 12
    async with asyncio.timeout(5):
        while await on_server(engine, tag):
            await asyncio.sleep(0.01)
