"""`gino.ext.starlette` under the name that it had as a distribution of its own.

Owns: nothing.
Never does: differ from `gino.ext.starlette`.
Called by: applications (`from gino_starlette import Gino`).
"""

from gino.ext.starlette import (
    Gino,
    GinoConnection,
    GinoEngine,
    GinoExecutor,
    StarletteModelMixin,
    StarletteStrategy,
)

__all__ = [
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "StarletteModelMixin",
    "StarletteStrategy",
]
