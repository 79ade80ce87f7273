"""What only Tornado has: its mixins, websockets, requests that shutdown waits for."""

from __future__ import annotations

from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from gino.ext.tornado import DBMixin, Gino, GinoConnection, GinoEngine, RequestHandlerMixin
from services import TornadoService


class MyApplication(DBMixin, Application):
    pass


class Handler(RequestHandlerMixin, RequestHandler):
    async def prepare(self) -> None:
        assert isinstance(self.connection, GinoConnection)
        self.pid = await self.connection.scalar("SELECT pg_backend_pid()")

    async def get(self) -> None:
        same = self.pid == await self.db.scalar("SELECT pg_backend_pid()")
        self.write(f"{same} {self.db is self.application.db}")


class Socket(RequestHandlerMixin, WebSocketHandler):
    async def open(self) -> None:  # type: ignore[override]
        await self.write_message(f"{self.connection} {await self.db.scalar('SELECT 1')}")
        self.close()


class Module:
    """The part of an example module that a service needs."""

    def __init__(self, app: MyApplication, db: Any) -> None:
        self.app, self.db = app, db

    async def start(self) -> HTTPServer:
        return HTTPServer(self.app)

    async def stop(self, server: HTTPServer) -> None:
        server.stop()
        await self.db.shutdown()
        await server.close_all_connections()


async def serving(dsn: str, **settings: Any) -> Any:
    app = MyApplication([("/", Handler), ("/socket", Socket)])
    db: Any = Gino()
    await app.init_db(db, dsn=dsn, pool_max_size=1, **settings)
    service = TornadoService.__new__(TornadoService)
    service.app, service.db = app, db
    service.module = Module(app, db)  # type: ignore[assignment]
    service.listen()
    return service.running()


async def test_prepare_and_method_share_the_connection_of_the_request(dsn: str) -> None:
    async with await serving(dsn) as service:
        assert isinstance(service.db.bind, GinoEngine)
        assert await service.get("/") == (200, "True True")
        await service.quiet()
        assert len(service.db.requests) == 0
    assert not service.db.bind


async def test_websocket_has_no_connection(dsn: str) -> None:
    async with await serving(dsn) as service, service.client.ws_connect("/socket") as websocket:
        assert await websocket.receive_str() == "None 1"


async def test_request_connection_can_be_switched_off(dsn: str) -> None:
    async with await serving(dsn, use_connection_for_request=False) as service:
        assert (await service.get("/"))[0] == 500
        assert await service.db.scalar("SELECT 1") == 1
