"""What only Sanic has: requests of one client in one task, streams, websockets."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from sanic import Request, Sanic, text

from gino.ext.sanic import Gino, GinoConnection, GinoEngine
from services import SanicService


@pytest.fixture
def app(dsn: str) -> Any:
    Sanic._app_registry.clear()
    made: Any = Sanic("gino_test", configure_logging=False)
    made.config.update({"TOUCHUP": False, "DB_DSN": dsn, "DB_POOL_MAX_SIZE": "1"})
    return made


def serving(app: Any, db: Any) -> Any:
    service = SanicService.__new__(SanicService)
    service.app, service.db = app, db
    service.listen()
    return service.running()


async def test_requests_of_one_client_have_connections_of_their_own(app: Any) -> None:
    db: Any = Gino(app)
    seen: list[Any] = []

    @app.get("/")
    async def handler(request: Request) -> Any:
        connection = request.ctx.connection
        assert isinstance(connection, GinoConnection)
        assert db.bind.current_connection is connection
        seen.append(connection)
        await connection.transaction()
        return text(str(await db.scalar("SELECT 1")))

    async with serving(app, db) as service, aiohttp.ClientSession(service.url) as client:
        assert isinstance(db.bind, GinoEngine)
        for _ in range(3):
            async with client.get("/") as response:
                assert await response.text() == "1"
        assert len(set(map(id, seen))) == 3
        await client.close()
        await service.quiet()
    assert not db.bind


async def test_websocket_has_no_connection(app: Any) -> None:
    db: Any = Gino(app)

    @app.websocket("/socket")
    async def handler(request: Request, websocket: Any) -> None:
        has_one = hasattr(request.ctx, "connection")
        await websocket.send(f"{has_one} {await db.scalar('SELECT 1')}")

    async with serving(app, db) as service, service.client.ws_connect("/socket") as websocket:
        assert await websocket.receive_str() == "False 1"


async def test_request_connection_can_be_switched_off(app: Any) -> None:
    db: Any = Gino()
    db.init_app(app)
    app.config.DB_USE_CONNECTION_FOR_REQUEST = False

    @app.get("/")
    async def handler(request: Request) -> Any:
        return text(f"{hasattr(request.ctx, 'connection')} {await db.scalar('SELECT 1')}")

    async with serving(app, db) as service:
        assert await service.get("/") == (200, "False 1")
