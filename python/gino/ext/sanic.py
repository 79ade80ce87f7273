"""GINO in Sanic: `db = Gino(app)`, settings `DB_...` in `app.config`, `request.ctx.connection`.

Owns: the place in the server's start and stop, and in the life of a request.
Never does: give a connection to a websocket.
Called by: applications.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, ClassVar, NoReturn

from sanic import Sanic
from sanic.exceptions import NotFound

from ..crud import CRUDModel
from ..engine import GinoConnection as _Connection
from ..engine import GinoEngine as _Engine
from ..executor import GinoExecutor as _Executor
from ..strategies import GinoStrategy
from ._web import WebConnection, WebEngine, WebExecutor, WebGino, WebModelMixin, give_back

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

    connection_cls: ClassVar[type[_Connection]] = GinoConnection


class SanicStrategy(GinoStrategy):
    """Makes this module's engines."""

    name: ClassVar[str] = "sanic"
    engine_cls: ClassVar[type[_Engine]] = GinoEngine


class Gino(_NotFound, WebGino):
    """A database of a Sanic application.

    `Gino(app, **settings)`, or `Gino(**settings)` and `init_app(app)`. Settings: these keywords,
    else `app.config["DB_DSN"]` and so on as it is when the application starts; see
    `gino.ext._web.Configuration`.
    """

    model_base_classes: ClassVar[tuple[type, ...]] = (CRUDModel, SanicModelMixin)
    query_executor: ClassVar[type[_Executor]] = GinoExecutor
    strategy: ClassVar[GinoStrategy] = SanicStrategy()

    def __init__(self, app: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if app is not None:
            self.init_app(app)

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
                request.ctx.connection = await stack.enter_async_context(self.request_connection())

        async def respond(request: Any, _response: Any) -> None:
            # a handler that streams may still go on
            if hasattr(request.ctx, "connection"):
                await give_back(request.ctx.connection)

        app.register_listener(start, "before_server_start", priority=1)
        app.register_listener(stop, "after_server_stop")
        app.register_middleware(begin, "request", priority=1000)
        app.register_middleware(respond, "response", priority=-1000)
        app.add_signal(end, "http.lifecycle.complete")
