"""`gino.ext.tornado` under the name that it had as a distribution of its own.

Owns: nothing.
Never does: differ from `gino.ext.tornado`.
Called by: applications (`from gino_tornado import Gino`).
"""

from gino.ext.tornado import (
    Application,
    DBMixin,
    Gino,
    GinoConnection,
    GinoEngine,
    GinoExecutor,
    GinoRequestHandler,
    RequestHandlerMixin,
    TornadoModelMixin,
    TornadoStrategy,
)

__all__ = [
    "Application",
    "DBMixin",
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "GinoRequestHandler",
    "RequestHandlerMixin",
    "TornadoModelMixin",
    "TornadoStrategy",
]
