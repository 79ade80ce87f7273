"""GINO in aiohttp: `Application(middlewares=[db])`, `db.init_app(app)`, `request["connection"]`.

Owns: the middleware, which `db` itself is, and the place in the application's start and clean-up.
Never does: give a connection to a websocket.
Called by: applications.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from ..crud import CRUDModel
from ..strategies import GinoStrategy
from ._extra import needed
from ._web import WebConnection, WebEngine, WebExecutor, WebGino, WebModelMixin

with needed("aiohttp"):
    from aiohttp import web

__all__ = [
    "AiohttpModelMixin",
    "AiohttpStrategy",
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
]


class _NotFound:
    __slots__ = ()

    @staticmethod
    def not_found(message: str) -> NoReturn:
        raise web.HTTPNotFound(text=message)


class AiohttpModelMixin(WebModelMixin):
    """Models with `get_or_404`."""


class GinoExecutor(_NotFound, WebExecutor):
    """`query.gino` with `first_or_404`."""


class GinoConnection(_NotFound, WebConnection):
    """A connection with `first_or_404`."""


class GinoEngine(_NotFound, WebEngine):
    """An engine with `first_or_404`."""

    connection_cls = GinoConnection


class AiohttpStrategy(GinoStrategy):
    """Makes this module's engines."""

    name = "aiohttp"
    engine_cls = GinoEngine


class Gino(_NotFound, WebGino):
    """A database of an aiohttp application, and the middleware of its requests' connections."""

    model_base_classes = (CRUDModel, AiohttpModelMixin)
    query_executor = GinoExecutor
    strategy = AiohttpStrategy()
    __middleware_version__ = 1  # what aiohttp's own decorator sets

    def init_app(
        self,
        app: web.Application,
        config: Mapping[str, Any] | None = None,
        *,
        db_attr_name: str = "db",
    ) -> None:
        """Connect when the application starts, close when it cleans up.

        Settings: `config`, else `app["config"]["gino"]` as it is at the start, and those of the
        constructor; see `gino.ext._web.Configuration`. `app[db_attr_name]` becomes this object.
        """

        async def start(app: web.Application) -> None:
            outer = app.get("config")
            found = outer.get("gino") if isinstance(outer, Mapping) else None
            self.configure(**(config if config is not None else found or {}))
            await self.startup()

        async def stop(_app: web.Application) -> None:
            await self.shutdown()

        _store(app, db_attr_name, self)
        # before cleanup contexts, which may use the database
        app.on_startup.insert(0, start)
        app.on_cleanup.append(stop)

    async def __call__(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Handle a request, as a middleware."""
        is_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        if is_websocket or not self.configuration.use_connection_for_request:
            return await handler(request)
        async with self.request_connection(lambda: _label(request)) as connection:
            _store(request, "connection", connection)
            return await handler(request)


def _store(place: Any, key: str, value: Any) -> None:
    # aiohttp recommends keys of a class of its own; the documented names are strings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        place[key] = value


def _label(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else ''}".strip()
