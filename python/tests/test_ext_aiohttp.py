"""What only aiohttp has: settings in the application, `app["db"]`, sub-applications, websockets."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from aiohttp import web

from gino.ext.aiohttp import Gino, GinoConnection, GinoEngine
from services import AiohttpService


def serving(app: web.Application, db: Any) -> Any:
    service = AiohttpService.__new__(AiohttpService)
    service.app, service.db = app, db
    service.listen()
    return service.running()


async def test_settings_are_read_from_the_application_when_it_starts(dsn: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        figures = db.bind.raw_pool.native.figures
        return web.Response(text=f"{figures['min']} {figures['max']}")

    db: Any = Gino(pool_max_size=9)
    app = web.Application(middlewares=[db])
    db.init_app(app)
    app.router.add_get("/", handler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the key is a string, as documented
        app["config"] = {"gino": {"dsn": dsn, "pool_min_size": 1, "pool_max_size": 2}}
    async with serving(app, db) as service:
        assert app["db"] is db
        assert isinstance(db.bind, GinoEngine)
        assert await service.get("/") == (200, "1 2")
    assert not db.bind


async def test_application_keeps_the_database_under_another_name(dsn: str) -> None:
    db: Any = Gino()
    app = web.Application(middlewares=[db])
    db.init_app(app, {"dsn": dsn, "pool_max_size": 1}, db_attr_name="database")
    async with serving(app, db):
        assert app["database"] is db
        assert "db" not in app


async def test_unknown_setting_fails_the_start(dsn: str) -> None:
    db: Any = Gino()
    app = web.Application(middlewares=[db])
    db.init_app(app, {"dsn": dsn, "pool_max": 1})
    with pytest.raises(TypeError, match="'pool_max', did you mean 'pool_max_size'"):
        async with serving(app, db):
            pass


async def test_sub_application_and_cleanup_context_use_the_database(dsn: str) -> None:
    order: list[Any] = []

    async def context(app: web.Application) -> Any:
        order.append(await db.scalar("SELECT 1"))
        yield
        order.append(await db.scalar("SELECT 2"))

    async def handler(request: web.Request) -> web.Response:
        assert isinstance(request["connection"], GinoConnection)
        return web.Response(text=str(await request["connection"].scalar("SELECT 3")))

    db: Any = Gino()
    app = web.Application(middlewares=[db])
    app.cleanup_ctx.append(context)
    inner = web.Application()
    inner.router.add_get("/", handler)
    app.add_subapp("/inner", inner)
    db.init_app(app, {"dsn": dsn, "pool_max_size": 1})
    async with serving(app, db) as service:
        assert await service.get("/inner/") == (200, "3")
    assert order == [1, 2]


async def test_functions_of_start_and_end_use_the_database(dsn: str) -> None:
    order: list[Any] = []

    def adding(number: int) -> Any:
        async def function(_app: Any) -> None:
            order.append(await db.scalar("SELECT $1::int", number))

        return function

    db: Any = Gino()
    app, inner = web.Application(middlewares=[db]), web.Application()
    inner.on_startup.append(adding(2))
    inner.on_cleanup.append(adding(6))
    app.on_startup.append(adding(1))
    app.on_shutdown.append(adding(4))
    app.on_cleanup.append(adding(5))
    app.add_subapp("/inner", inner)
    db.init_app(app, {"dsn": dsn, "pool_max_size": 1})
    app.on_startup.append(adding(3))
    async with serving(app, db):
        assert order == [1, 2, 3]
    assert order == [1, 2, 3, 4, 5, 6]


async def test_application_inside_another_one_has_a_database_of_its_own(dsn: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=str(await request["connection"].scalar("SELECT 1")))

    db: Any = Gino()
    inner = web.Application(middlewares=[db])
    inner.router.add_get("/", handler)
    db.init_app(inner, {"dsn": dsn, "pool_max_size": 1})
    outer = web.Application()
    outer.add_subapp("/inner", inner)
    async with serving(outer, db) as service:
        assert await service.get("/inner/") == (200, "1")
        await service.quiet()
    assert not db.bind


async def test_websocket_has_no_connection(dsn: str) -> None:
    async def handler(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_str(f"{'connection' in request} {await db.scalar('SELECT 1')}")
        await websocket.close()
        return websocket

    db: Any = Gino()
    app = web.Application(middlewares=[db])
    db.init_app(app, {"dsn": dsn, "pool_max_size": 1})
    app.router.add_get("/socket", handler)
    async with serving(app, db) as service, service.client.ws_connect("/socket") as websocket:
        assert await websocket.receive_str() == "False 1"


async def test_request_connection_can_be_switched_off(dsn: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=f"{'connection' in request} {await db.scalar('SELECT 1')}")

    db: Any = Gino()
    app = web.Application(middlewares=[db])
    db.init_app(app, {"dsn": dsn, "pool_max_size": 1, "use_connection_for_request": False})
    app.router.add_get("/", handler)
    async with serving(app, db) as service:
        assert await service.get("/") == (200, "False 1")
