"""GINO in Starlette and FastAPI: `db = Gino(app, dsn=...)`, `request["connection"]`.

Owns: the place in the application's lifespan and middleware.
Never does: replace the lifespan that the application has; give a connection to a websocket.
Called by: applications.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from ..crud import CRUDModel
from ..strategies import GinoStrategy
from ._extra import needed
from ._web import (
    ApplicationGino,
    RequestConnection,
    WebConnection,
    WebEngine,
    WebExecutor,
    WebModelMixin,
)

with needed("starlette"):
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException

__all__ = [
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "StarletteModelMixin",
    "StarletteStrategy",
]


class _NotFound:
    __slots__ = ()

    @staticmethod
    def not_found(message: str) -> NoReturn:
        raise HTTPException(404, message)


class StarletteModelMixin(WebModelMixin):
    """Models with `get_or_404`."""


class GinoExecutor(_NotFound, WebExecutor):
    """`query.gino` with `first_or_404`."""


class GinoConnection(_NotFound, WebConnection):
    """A connection with `first_or_404`."""


class GinoEngine(_NotFound, WebEngine):
    """An engine with `first_or_404`."""

    connection_cls = GinoConnection


class StarletteStrategy(GinoStrategy):
    """Makes this module's engines."""

    name = "starlette"
    engine_cls = GinoEngine


class Gino(_NotFound, ApplicationGino[Starlette]):
    """A database of a Starlette or FastAPI application.

    `Gino(app, **settings)`, or `Gino(**settings)` and `init_app(app)` before the application
    starts. Settings: see `gino.ext._web.Configuration`.
    """

    model_base_classes = (CRUDModel, StarletteModelMixin)
    query_executor = GinoExecutor
    strategy = StarletteStrategy()

    def init_app(self, app: Starlette) -> None:
        """Connect when the application's lifespan begins, close when it has ended."""
        inner = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[Any]:
            await self.startup()
            try:
                async with inner(app) as state:
                    yield state
            finally:
                await self.shutdown()

        app.router.lifespan_context = lifespan
        app.add_middleware(RequestConnection, db=self)
