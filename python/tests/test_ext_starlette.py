"""What only Starlette and FastAPI have: mounts, other middleware, streams, background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI
from sqlalchemy.engine.url import make_url
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.websockets import WebSocket

import gino
from gino.ext.starlette import Gino, GinoConnection, GinoEngine, StarletteStrategy
from services import FastAPIService, Service, StarletteService

QUERY = "SELECT pg_backend_pid()"


@pytest.fixture(params=[StarletteService, FastAPIService], ids=lambda kind: kind.name)
def service(request: pytest.FixtureRequest, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("DB_DSN", dsn)
    monkeypatch.setenv("DB_POOL_MAX_SIZE", "2")
    made: Service = request.param()
    return made


async def test_mounted_application_has_the_connection(service: Service) -> None:
    async def inner(request: Request) -> Response:
        return PlainTextResponse(str(await request["connection"].scalar("SELECT 1")))

    service.app.mount("/sub", Starlette(routes=[Route("/inner", inner)]))
    async with service.running():
        assert await service.get("/sub/inner") == (200, "1")
        await service.quiet()


@pytest.mark.parametrize("is_started", [True, False])
async def test_application_inside_another_one_needs_its_lifespan_run(
    dsn: str, is_started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(str(await request["connection"].scalar("SELECT 1")))

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        async with inner.router.lifespan_context(inner):
            yield

    inner = Starlette(routes=[Route("/", endpoint)])
    db: Any = Gino(inner, dsn=dsn, pool_max_size=1)
    outer = Starlette(routes=[Mount("/inner", inner)], lifespan=lifespan if is_started else None)
    async with _serving(outer, db) as service:
        if is_started:
            assert await service.get("/inner/") == (200, "1")
            await service.quiet()
        else:
            assert (await service.get("/inner/"))[0] == 500
            assert "that is the one for init_app()" in caplog.text
    assert not db.bind


@pytest.mark.parametrize("is_outside", [True, False])
async def test_works_with_middleware_that_runs_the_rest_in_a_task(
    dsn: str, is_outside: bool
) -> None:
    async def endpoint(request: Request) -> Response:
        pids = {await request["connection"].scalar(QUERY) for _ in range(2)}
        return PlainTextResponse(f"{len(pids)} {await db.scalar('SELECT 1')}")

    async def passing(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    app = Starlette(routes=[Route("/", endpoint)])
    db: Any = Gino(dsn=dsn, pool_min_size=0, pool_max_size=2)
    if not is_outside:
        app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    db.init_app(app)
    if is_outside:
        app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    async with _serving(app, db) as service:
        assert await service.get("/") == (200, "1 1")
        await service.quiet()


async def test_background_task_runs_without_keeping_a_connection(service: Service) -> None:
    done = asyncio.Event()
    go_on = asyncio.Event()
    seen: list[Any] = []

    async def afterwards(connection: Any) -> None:
        seen.append(service.figures["in_use"])
        await go_on.wait()
        seen.append(await connection.scalar("SELECT 1"))
        seen.append(await service.db.scalar("SELECT 2"))
        done.set()

    async def endpoint(request: Request) -> Response:
        connection = request["connection"]
        await connection.scalar(QUERY)
        return PlainTextResponse("accepted", background=BackgroundTask(afterwards, connection))

    service.app.router.add_route("/task", endpoint)
    async with service.running():
        assert await service.get("/task") == (200, "accepted")
        go_on.set()
        await asyncio.wait_for(done.wait(), 5)
        assert seen == [0, 1, 2]
        await service.quiet()


async def test_streams_do_not_wait_for_connections_of_their_own_requests(
    service: Service,
) -> None:
    async def rows(connection: Any) -> AsyncIterator[bytes]:
        async with service.db.transaction():
            async for row in service.db.iterate("SELECT * FROM generate_series(1, 3)"):
                yield b"%d" % row[0]

    async def endpoint(request: Request) -> Response:
        await service.db.scalar(QUERY)
        return StreamingResponse(rows(request["connection"]))

    service.app.router.add_route("/rows", endpoint)
    async with service.running():
        answers = await asyncio.gather(*(service.get("/rows") for _ in range(50)))
        assert set(answers) == {(200, "123")}
        await service.quiet()


async def test_websocket_has_no_connection(service: Service) -> None:
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(f"{'connection' in websocket} {await service.db.scalar(QUERY)}")
        await websocket.close()

    service.app.router.add_websocket_route("/socket", socket)
    async with service.running(), service.client.ws_connect("/socket") as websocket:
        words = (await websocket.receive_str()).split()
        assert words[0] == "False"
        assert words[1].isdigit()


async def test_request_connection_can_be_switched_off(dsn: str) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(f"{'connection' in request} {await db.scalar('SELECT 1')}")

    app = Starlette(routes=[Route("/", endpoint)])
    db: Any = Gino(app, dsn=dsn, use_connection_for_request=False, pool_max_size=1)
    async with _serving(app, db) as service:
        assert await service.get("/") == (200, "False 1")


async def test_state_of_the_applications_own_lifespan_is_kept(dsn: str) -> None:
    order: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        order.append(await db.scalar("SELECT 1"))
        yield {"answer": 42}
        order.append(await db.scalar("SELECT 2"))

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(str(request.state.answer))

    app = Starlette(routes=[Route("/", endpoint)], lifespan=lifespan)
    db: Any = Gino(app, dsn=dsn, pool_max_size=1)
    async with _serving(app, db) as service:
        assert await service.get("/") == (200, "42")
    assert order == [1, 2]
    assert not db.bind


async def test_lifespans_of_routers_that_fastapi_merges_use_the_database(dsn: str) -> None:
    order: list[Any] = []

    def lifespan(name: str) -> Any:
        @asynccontextmanager
        async def around(_app: Any) -> AsyncIterator[dict[str, str]]:
            order.append(await db.scalar("SELECT $1", f"{name} begins"))
            yield {name: "is here"}
            order.append(await db.scalar("SELECT $1", f"{name} ends"))

        return around

    db: Any = Gino(dsn=dsn, pool_max_size=1)
    app = FastAPI(lifespan=lifespan("application"))
    db.init_app(app)
    router = APIRouter(lifespan=lifespan("router"))

    @router.get("/")
    async def endpoint(request: Request, later: BackgroundTasks) -> list[str]:
        later.add_task(afterwards)
        return [request.state.application, request.state.router]

    async def afterwards() -> None:
        order.append(await db.scalar("SELECT 'the task runs'"))

    app.include_router(router)
    async with _serving(app, db) as service:
        assert await service.get("/") == (200, '["is here","is here"]')
    assert order[:3] == ["application begins", "router begins", "the task runs"]
    assert order[3:] == ["router ends", "application ends"]
    assert not db.bind


async def test_parts_of_an_address_make_the_engine(dsn: str) -> None:
    url = make_url(dsn)
    db: Any = Gino(
        host=url.host,
        port=str(url.port),
        user=url.username,
        database=url.database,
        pool_max_size=1,
        kwargs={"isolation_level": "SERIALIZABLE"},
    )
    assert db.configuration.address.drivername == "asyncpg"
    await db.startup()
    assert isinstance(db.bind, GinoEngine)
    assert await db.scalar("SHOW default_transaction_isolation") == "serializable"
    async with db.acquire() as connection:
        assert isinstance(connection, GinoConnection)
    await db.shutdown()
    await db.shutdown()


def test_defaults_are_as_documented() -> None:
    configuration = Gino().configuration
    assert str(configuration.address) == "asyncpg://postgres@localhost:5432/postgres"
    assert configuration.engine_keywords == {"min_size": 5, "max_size": 10, "echo": False}
    assert (configuration.retry_limit, configuration.retry_interval) == (1, 1)
    assert configuration.use_connection_for_request
    assert gino.strategies.strategies["starlette"].__class__ is StarletteStrategy


def test_unknown_keyword_names_the_nearest() -> None:
    with pytest.raises(TypeError, match="'pool_maxsize', did you mean 'pool_max_size'"):
        Gino(pool_maxsize=3)
    with pytest.raises(ValueError, match="port has to be a whole number, not 'x'"):
        Gino(port="x")
    assert Gino(schema="s", retry_times=3).configuration.retry_limit == 3


def test_engine_that_was_bound_before_is_kept(dsn: str) -> None:
    async def scenario() -> None:
        engine = await gino.create_engine(dsn, min_size=0)
        db: Any = Gino(bind=engine)
        await db.startup()
        assert db.bind is engine
        await db.shutdown()
        assert await engine.scalar("SELECT 1") == 1
        await engine.close()

    asyncio.run(scenario())


def _serving(app: Any, db: Any) -> Any:
    service = StarletteService.__new__(StarletteService)
    service.app, service.db = app, db
    service.listen()
    return service.running()
