"""GINO Is Not ORM: models as thin active records over SQLAlchemy's expression language,
asynchronous, on a driver in Rust.

`from gino import Gino`; `db = Gino()`; `class User(db.Model): ...`; `async with
db.with_bind("postgresql://..."): ...`.
"""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy.dialects import registry

from . import _core
from .api import Gino
from .bakery import Bakery
from .exceptions import (
    GinoException,
    InitializedError,
    MultipleResultsFound,
    NoResultFound,
    NoSuchRowError,
    NotInstalledError,
    UninitializedError,
    UnknownJSONPropertyError,
)
from .sqlstate import make_exception
from .strategies import create_engine

__all__ = [
    "Bakery",
    "Gino",
    "GinoException",
    "InitializedError",
    "MultipleResultsFound",
    "NoResultFound",
    "NoSuchRowError",
    "NotInstalledError",
    "UninitializedError",
    "UnknownJSONPropertyError",
    "create_engine",
]

create_engine.__module__ = __name__
_core.set_exceptions(make_exception)
registry.register("postgresql.gino", "gino.dialects.sqlalchemy", "GinoDialect")

try:
    __version__ = version("gino")
except PackageNotFoundError:
    __version__ = "0"

_logger = logging.getLogger(__name__)
if _logger.level == logging.NOTSET:
    # a root logger at DEBUG must not show every statement
    _logger.setLevel(logging.WARNING)
