"""`gino.ext.sanic` under the name that it had as a distribution of its own.

Owns: nothing.
Never does: differ from `gino.ext.sanic`.
Called by: applications (`from gino_sanic import Gino`).
"""

from gino.ext.sanic import (
    Gino,
    GinoConnection,
    GinoEngine,
    GinoExecutor,
    SanicModelMixin,
    SanicStrategy,
)

__all__ = [
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "SanicModelMixin",
    "SanicStrategy",
]
