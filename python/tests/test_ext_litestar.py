"""What only Litestar has: its lifespan and hooks, streams, websockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import litestar
from litestar import Litestar, MediaType, Request, WebSocket
from litestar.response import Stream

from gino.ext.litestar import Gino, GinoConnection
from services import LitestarService


def serving(app: Any, db: Any) -> Any:
    service = LitestarService.__new__(LitestarService)
    service.app, service.db = app, db
    service.listen()
    return service.running()


async def test_lifespan_and_hooks_of_the_application_use_the_database(dsn: str) -> None:
    order: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        order.append(await db.scalar("SELECT 1"))
        yield
        order.append(await db.scalar("SELECT 2"))

    async def last() -> None:
        order.append(await db.scalar("SELECT 3"))

    @litestar.get("/", media_type=MediaType.TEXT)
    async def handler(request: Request[Any, Any, Any]) -> str:
        assert isinstance(request.scope["connection"], GinoConnection)  # type: ignore[typeddict-item]
        return str(await db.scalar("SELECT 4"))

    db: Any = Gino(dsn=dsn, pool_max_size=1)
    app = Litestar(
        [handler],
        lifespan=[lifespan],
        on_shutdown=[last],
        on_app_init=[db.on_app_init],
        logging_config=None,
    )
    async with serving(app, db) as service:
        assert await service.get("/") == (200, "4")
        await service.quiet()
    assert sorted(order) == [1, 2, 3]
    assert not db.bind


async def test_streams_do_not_wait_for_connections_of_their_own_requests(dsn: str) -> None:
    async def rows() -> AsyncIterator[bytes]:
        async with db.transaction():
            async for row in db.iterate("SELECT * FROM generate_series(1, 3)"):
                yield b"%d" % row[0]

    @litestar.get("/")
    async def handler() -> Stream:
        await db.scalar("SELECT 1")
        return Stream(rows())

    db: Any = Gino(dsn=dsn, pool_max_size=1)
    app = Litestar([handler], on_app_init=[db.on_app_init], logging_config=None)
    async with serving(app, db) as service:
        for _ in range(3):
            assert await service.get("/") == (200, "123")
        await service.quiet()


async def test_websocket_has_no_connection(dsn: str) -> None:
    @litestar.websocket("/socket")
    async def handler(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text(f"{'connection' in socket.scope} {await db.scalar('SELECT 1')}")
        await socket.close()

    db: Any = Gino(dsn=dsn, pool_max_size=1)
    app = Litestar([handler], on_app_init=[db.on_app_init], logging_config=None)
    async with serving(app, db) as service, service.client.ws_connect("/socket") as websocket:
        assert await websocket.receive_str() == "False 1"


async def test_request_connection_can_be_switched_off(dsn: str) -> None:
    @litestar.get("/", media_type=MediaType.TEXT)
    async def handler(request: Request[Any, Any, Any]) -> str:
        return f"{'connection' in request.scope} {await db.scalar('SELECT 1')}"

    db: Any = Gino(dsn=dsn, pool_max_size=1, use_connection_for_request=False)
    app = Litestar([handler], on_app_init=[db.on_app_init], logging_config=None)
    async with serving(app, db) as service:
        assert await service.get("/") == (200, "False 1")
