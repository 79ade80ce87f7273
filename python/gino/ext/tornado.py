"""GINO in Tornado: `Application`, `await db.init_app(app, dsn=...)`, handlers with `connection`.

Owns: the mixins of application and request handlers, and the count of requests that run.
Never does: give a connection to a websocket, or start and stop the server.
Called by: applications.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, NoReturn

from tornado import web
from tornado.websocket import WebSocketHandler

from ..crud import CRUDModel
from ..engine import GinoConnection as _Connection
from ..engine import GinoEngine as _Engine
from ..executor import GinoExecutor as _Executor
from ..strategies import GinoStrategy
from ._web import WebConnection, WebEngine, WebExecutor, WebGino, WebModelMixin

__all__ = [
    "Application",
    "DBMixin",
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "GinoRequestHandler",
    "RequestHandlerMixin",
    "TornadoModelMixin",
    "TornadoStrategy",
]

GRACE = 10.0  # seconds


class _NotFound:
    __slots__ = ()

    @staticmethod
    def not_found(message: str) -> NoReturn:
        raise web.HTTPError(404, "%s", message)


class TornadoModelMixin(WebModelMixin):
    """Models with `get_or_404`."""


class GinoExecutor(_NotFound, WebExecutor):
    """`query.gino` with `first_or_404`."""


class GinoConnection(_NotFound, WebConnection):
    """A connection with `first_or_404`."""


class GinoEngine(_NotFound, WebEngine):
    """An engine with `first_or_404`."""

    connection_cls: ClassVar[type[_Connection]] = GinoConnection


class TornadoStrategy(GinoStrategy):
    """Makes this module's engines."""

    name: ClassVar[str] = "tornado"
    engine_cls: ClassVar[type[_Engine]] = GinoEngine


class Gino(_NotFound, WebGino):
    """A database of a Tornado application."""

    model_base_classes: ClassVar[tuple[type, ...]] = (CRUDModel, TornadoModelMixin)
    query_executor: ClassVar[type[_Executor]] = GinoExecutor
    strategy: ClassVar[GinoStrategy] = TornadoStrategy()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.requests: set[asyncio.Task[Any] | None] = set()

    async def init_app(self, app: Any, **settings: Any) -> None:
        """Connect, and become `app.db`; see `gino.ext._web.Configuration` for settings."""
        self.configure(**settings)
        await self.startup()
        app.db = self

    async def shutdown(self) -> None:
        """Close the engine; requests that run have 10 s to end. Stop the server first."""
        running = [task for task in self.requests if task is not None]
        if running:
            await asyncio.wait(running, timeout=GRACE)
        await super().shutdown()


class DBMixin:
    """An application with a database."""

    db: Any = None

    async def init_db(self, db: Gino, **settings: Any) -> None:
        """Connect, and become `db`."""
        await db.init_app(self, **settings)


class RequestHandlerMixin:
    """A request handler with a lazy `connection`, and the application's `db`."""

    application: Any
    connection: Any = None

    @property
    def db(self) -> Any:
        """The application's database."""
        return self.application.db

    async def _execute(self, *args: Any, **kwargs: Any) -> None:
        # around all of a request: on_finish does not come for a client that is gone
        execute: Any = super()._execute  # type: ignore[misc]
        if isinstance(self, WebSocketHandler):
            await execute(*args, **kwargs)
            return
        task = asyncio.current_task()
        self.db.requests.add(task)
        try:
            if not self.db.configuration.use_connection_for_request:
                await execute(*args, **kwargs)
                return
            async with self.db.request_connection() as self.connection:
                await execute(*args, **kwargs)
        finally:
            self.db.requests.discard(task)


class Application(DBMixin, web.Application):
    """Tornado's application with a database."""


class GinoRequestHandler(RequestHandlerMixin, web.RequestHandler):
    """Tornado's request handler with a lazy `connection` and `db`."""
