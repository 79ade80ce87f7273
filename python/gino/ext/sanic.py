"""GINO in Sanic: `db = Gino(app)`, settings `DB_...` in `app.config`, `request.ctx.connection`.

Owns: the place in the server's start and stop, and in the life of a request.
Never does: give a connection to a websocket.
Called by: applications.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, NoReturn

from ..crud import CRUDModel
from ..strategies import GinoStrategy
from ._extra import needed
from ._web import ApplicationGino, WebConnection, WebEngine, WebExecutor, WebModelMixin, give_back

with needed("sanic"):
    from sanic import Sanic
    from sanic.exceptions import NotFound

__all__ = [
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "SanicModelMixin",
    "SanicStrategy",
]


class _NotFound:
    __slots__ = ()

    @staticmethod
    def not_found(message: str) -> NoReturn:
        raise NotFound(message)


class SanicModelMixin(WebModelMixin):
    """Models with `get_or_404`."""


class GinoExecutor(_NotFound, WebExecutor):
    """`query.gino` with `first_or_404`."""


class GinoConnection(_NotFound, WebConnection):
    """A connection with `first_or_404`."""


class GinoEngine(_NotFound, WebEngine):
    """An engine with `first_or_404`."""

    connection_cls = GinoConnection


class SanicStrategy(GinoStrategy):
    """Makes this module's engines."""

    name = "sanic"
    engine_cls = GinoEngine


class Gino(_NotFound, ApplicationGino[Sanic[Any, Any]]):
    """A database of a Sanic application.

    `Gino(app, **settings)`, or `Gino(**settings)` and `init_app(app)`. Settings: these keywords,
    else `app.config["DB_DSN"]` and so on as it is when the application starts; see
    `gino.ext._web.Configuration`.
    """

    model_base_classes = (CRUDModel, SanicModelMixin)
    query_executor = GinoExecutor
    strategy = SanicStrategy()

    def init_app(self, app: Sanic[Any, Any]) -> None:
        """Connect before the server starts, close after it has stopped."""

        async def start(app: Any) -> None:
            self.configure(app.config)
            await self.startup()

        async def stop(_app: Any) -> None:
            await self.shutdown()

        async def end(conn_info: Any) -> None:
            stack = getattr(conn_info.ctx, "gino", None)
            if stack is not None:
                conn_info.ctx.gino = None
                await stack.aclose()

        async def begin(request: Any) -> None:
            # one task handles all requests of a client's connection, and no hook comes when a
            # handler is cancelled: what the request before has left ends here
            await end(request.conn_info)
            is_websocket = request.headers.get("upgrade", "").lower() == "websocket"
            if self.configuration.use_connection_for_request and not is_websocket:
                request.conn_info.ctx.gino = stack = AsyncExitStack()
                request.ctx.connection = await stack.enter_async_context(
                    self.request_connection(lambda: _label(request))
                )

        async def respond(request: Any, _response: Any) -> None:
            # a handler that streams may still go on
            if hasattr(request.ctx, "connection"):
                await give_back(request.ctx.connection)

        app.register_listener(start, "before_server_start", priority=1)
        app.register_listener(stop, "after_server_stop", priority=1)
        app.register_middleware(begin, "request", priority=1000)
        app.register_middleware(respond, "response", priority=-1000)
        app.add_signal(end, "http.lifecycle.complete")


def _label(request: Any) -> str:
    return f"{request.method} /{request.route.path if request.route else ''}"
