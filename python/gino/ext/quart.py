"""GINO in Quart: `db = Gino(app)`, settings `DB_...` in `app.config`, `request.connection`.

Owns: the place in the application's start, end and handling of requests.
Never does: give a connection to a websocket.
Called by: applications.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..crud import CRUDModel
from ..strategies import GinoStrategy
from ._extra import needed
from ._web import ApplicationGino, WebConnection, WebEngine, WebExecutor, WebModelMixin

with needed("quart"):
    from quart import Quart
    from werkzeug.exceptions import NotFound

__all__ = [
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "QuartModelMixin",
    "QuartStrategy",
]


class _NotFound:
    __slots__ = ()

    @staticmethod
    def not_found(message: str) -> NoReturn:
        raise NotFound(message)


class QuartModelMixin(WebModelMixin):
    """Models with `get_or_404`."""


class GinoExecutor(_NotFound, WebExecutor):
    """`query.gino` with `first_or_404`."""


class GinoConnection(_NotFound, WebConnection):
    """A connection with `first_or_404`."""


class GinoEngine(_NotFound, WebEngine):
    """An engine with `first_or_404`."""

    connection_cls = GinoConnection


class QuartStrategy(GinoStrategy):
    """Makes this module's engines."""

    name = "quart"
    engine_cls = GinoEngine


class Gino(_NotFound, ApplicationGino[Quart]):
    """A database of a Quart application.

    `Gino(app, **settings)`, or `Gino(**settings)` and `init_app(app)`. Settings: these keywords,
    else `app.config["DB_DSN"]` and so on as it is when the application starts; see
    `gino.ext._web.Configuration`.
    """

    model_base_classes = (CRUDModel, QuartModelMixin)
    query_executor = GinoExecutor
    strategy = QuartStrategy()

    def init_app(self, app: Quart) -> None:
        """Connect before the application serves, close after it has.

        First and last, because the application's own functions may use the database.
        """
        handle_request = app.handle_request

        async def start() -> None:
            self.configure(app.config)
            await self.startup()
            if self.shutdown not in app.after_serving_funcs:
                app.after_serving_funcs.append(self.shutdown)

        async def handle_with_connection(request: Any) -> Any:
            # not in hooks of the request: one that fails keeps the others from running
            if not self.configuration.use_connection_for_request:
                return await handle_request(request)
            async with self.request_connection(lambda: _label(request)) as connection:
                request.connection = connection
                return await handle_request(request)

        app.before_serving_funcs.insert(0, start)
        items: Any = type("Request", (app.request_class,), {"__getitem__": _item})
        app.request_class = items
        app.handle_request = handle_with_connection  # type: ignore[method-assign]


def _item(request: Any, name: str) -> Any:
    # request["connection"], as with other frameworks
    return vars(request)[name]


def _label(request: Any) -> str:
    return f"{request.method} {request.url_rule or ''}".strip()
