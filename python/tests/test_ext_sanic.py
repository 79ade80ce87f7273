"""What only Sanic has: listeners around the server, websockets."""

from __future__ import annotations

from typing import Any

import pytest
from sanic import Request, Sanic, text

from gino.ext.sanic import Gino
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


async def test_listeners_use_the_database_whenever_they_were_added(app: Any) -> None:
    db: Any = Gino()
    order: list[Any] = []

    def add(when: str) -> None:
        for event in ("before_server_start", "before_server_stop", "after_server_stop"):

            async def listener(_app: Any, name: str = f"{when} {event}") -> None:
                order.append(await db.scalar("SELECT $1", name))

            app.register_listener(listener, event)

    app.add_route(lambda _request: text("here"), "/")
    add("early")
    db.init_app(app)
    add("late")
    async with serving(app, db) as service:
        assert await service.get("/") == (200, "here")
        assert order == ["early before_server_start", "late before_server_start"]
    assert order[2:4] == ["late before_server_stop", "early before_server_stop"]
    assert order[4:] == ["late after_server_stop", "early after_server_stop"]
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
