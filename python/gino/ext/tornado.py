"""GINO in Tornado: `Application`, `await db.init_app(app, dsn=...)`, handlers with `connection`.

Owns: the mixins of application and request handlers.
Never does: give a connection to a websocket, or start and stop the server.
Called by: applications.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..crud import CRUDModel
from ..strategies import GinoStrategy
from ._extra import needed
from ._web import WebConnection, WebEngine, WebExecutor, WebGino, WebModelMixin

with needed("tornado"):
    from tornado import web
    from tornado.websocket import WebSocketHandler

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

    connection_cls = GinoConnection


class TornadoStrategy(GinoStrategy):
    """Makes this module's engines."""

    name = "tornado"
    engine_cls = GinoEngine


class Gino(_NotFound, WebGino):
    """A database of a Tornado application; `await db.shutdown()` after the server has stopped."""

    model_base_classes = (CRUDModel, TornadoModelMixin)
    query_executor = GinoExecutor
    strategy = TornadoStrategy()

    async def init_app(self, app: Any, **settings: Any) -> None:
        """Connect, and become `app.db`; see `gino.ext._web.Configuration` for settings."""
        self.configure(**settings)
        await self.startup()
        app.db = self


class DBMixin:
    """An application with a database."""

    db: Any = None

    async def init_db(self, db: Gino, **settings: Any) -> None:
        """Connect, and become `db`."""
        await db.init_app(self, **settings)


class RequestHandlerMixin:
    """A request handler with a lazy `connection`, and the application's `db`."""

    application: Any
    request: Any
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
        label = f"{self.request.method} {type(self).__qualname__}"
        async with self.db.handling(label) as self.connection:
            await execute(*args, **kwargs)


class Application(DBMixin, web.Application):
    """Tornado's application with a database."""


class GinoRequestHandler(RequestHandlerMixin, web.RequestHandler):
    """Tornado's request handler with a lazy `connection` and `db`."""
