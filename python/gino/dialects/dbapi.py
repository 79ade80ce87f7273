"""The driver under the names of PEP 249, for SQLAlchemy.

Owns: the module attributes that PEP 249 asks for, and `connect()`.
Never does: block: what waits must run inside of SQLAlchemy's `greenlet_spawn`.
Called by: `gino.dialects.sqlalchemy`, which gives it to SQLAlchemy as its DBAPI.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.util import await_only

from ..exceptions import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from .adapter import ExclusiveConnection, open_connection

__all__ = [
    "Binary",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 0  # connections belong to an event loop
paramstyle = "numeric_dollar"


class Warning(Exception):
    """Asked for by PEP 249; the driver raises none."""


def Binary(value: Any) -> Any:
    """What is given for a bytea: the driver takes bytes, bytearray and memoryview as they are."""
    return value


def connect(dsn: Any, **keywords: Any) -> ExclusiveConnection:
    """A connection of its own; `keywords` are those of `gino.create_engine`.

    Errors: OperationalError if the server cannot be reached; TypeError for an unknown keyword.
    """
    return await_only(open_connection(dsn, keywords))
