"""GINO in Litestar: `Litestar(..., on_app_init=[db.on_app_init])`, `request.scope["connection"]`.

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
    RequestConnection,
    WebConnection,
    WebEngine,
    WebExecutor,
    WebGino,
    WebModelMixin,
)

with needed("litestar"):
    from litestar.config.app import AppConfig
    from litestar.exceptions import NotFoundException
    from litestar.middleware import DefineMiddleware

__all__ = [
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "LitestarModelMixin",
    "LitestarStrategy",
]


class _NotFound:
    __slots__ = ()

    @staticmethod
    def not_found(message: str) -> NoReturn:
        raise NotFoundException(detail=message)


class LitestarModelMixin(WebModelMixin):
    """Models with `get_or_404`."""


class GinoExecutor(_NotFound, WebExecutor):
    """`query.gino` with `first_or_404`."""


class GinoConnection(_NotFound, WebConnection):
    """A connection with `first_or_404`."""


class GinoEngine(_NotFound, WebEngine):
    """An engine with `first_or_404`."""

    connection_cls = GinoConnection


class LitestarStrategy(GinoStrategy):
    """Makes this module's engines."""

    name = "litestar"
    engine_cls = GinoEngine


class Gino(_NotFound, WebGino):
    """A database of a Litestar application: `Litestar(..., on_app_init=[db.on_app_init])`.

    Settings: see `gino.ext._web.Configuration`.
    """

    model_base_classes = (CRUDModel, LitestarModelMixin)
    query_executor = GinoExecutor
    strategy = LitestarStrategy()

    def on_app_init(self, config: AppConfig) -> AppConfig:
        """Connect before the application's own lifespan, close after its last shutdown hook."""

        @asynccontextmanager
        async def lifespan(_app: Any) -> AsyncIterator[None]:
            await self.startup()
            yield

        config.lifespan.insert(0, lifespan)
        config.on_shutdown.append(self.shutdown)
        config.middleware.insert(0, DefineMiddleware(RequestConnection, db=self))
        return config
