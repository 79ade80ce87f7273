"""`gino.ext.aiohttp` under the name that it had as a distribution of its own.

Owns: nothing.
Never does: differ from `gino.ext.aiohttp`.
Called by: applications (`from gino_aiohttp import Gino`).
"""

from gino.ext.aiohttp import (
    AiohttpModelMixin,
    AiohttpStrategy,
    Gino,
    GinoConnection,
    GinoEngine,
    GinoExecutor,
)

__all__ = [
    "AiohttpModelMixin",
    "AiohttpStrategy",
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
]
