"""The connection of a request, as an ASGI middleware.

Owns: `RequestConnection`: `scope["connection"]` of HTTP requests.
Never does: give a connection to a websocket.
Called by: `gino.ext.starlette` and `gino.ext.litestar` put it around their applications.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .application import WebGino
from .scope import give_back

_App = Callable[[Any, Any, Any], Awaitable[None]]


class RequestConnection:
    """Runs an ASGI application with a lazy connection for each HTTP request."""

    def __init__(self, app: _App, db: WebGino) -> None:
        self._app = app
        self._db = db

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request, a websocket or the lifespan."""
        if scope["type"] != "http" or not self._db.configuration.use_connection_for_request:
            await self._app(scope, receive, send)
            return
        async with self._db.request_connection(lambda: _label(scope)) as connection:

            async def send_without_connection(message: Any) -> None:
                await give_back(connection)
                await send(message)

            scope["connection"] = connection
            await self._app(scope, receive, send_without_connection)


def _label(scope: Any) -> str:
    # known once the request is routed; the path itself would show values
    route = getattr(scope.get("route"), "path", None) or scope.get("path_template")
    name = getattr(scope.get("endpoint"), "__qualname__", None)
    handler = getattr(scope.get("route_handler"), "handler_name", None)
    return f"{scope['method']} {route or name or handler or ''}".strip()
