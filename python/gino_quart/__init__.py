"""`gino.ext.quart` under the name that it had as a distribution of its own.

Owns: nothing.
Never does: differ from `gino.ext.quart`.
Called by: applications (`from gino_quart import Gino`).
"""

from gino.ext.quart import (
    Gino,
    GinoConnection,
    GinoEngine,
    GinoExecutor,
    QuartModelMixin,
    QuartStrategy,
)

__all__ = [
    "Gino",
    "GinoConnection",
    "GinoEngine",
    "GinoExecutor",
    "QuartModelMixin",
    "QuartStrategy",
]
