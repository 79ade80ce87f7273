"""Errors of the native half become exceptions here.

Owns: the choice of a class for a kind of error and for a SQLSTATE, and the classes that are
asyncpg's at the same time.
Never does: require asyncpg; it is looked for when the first error arises, and used when it is
importable.
Called by: the native half, through `set_exceptions(make_exception)`.
"""

from __future__ import annotations

import types
from typing import Any

from sqlalchemy.exc import NoSuchColumnError

from . import exceptions as exc

_BY_CLASS: dict[str, type[exc.DatabaseError]] = {
    "08": exc.OperationalError,
    "0A": exc.NotSupportedError,
    "20": exc.ProgrammingError,
    "21": exc.ProgrammingError,
    "22": exc.DataError,
    "23": exc.IntegrityError,
    "24": exc.InternalError,
    "25": exc.InternalError,
    "26": exc.OperationalError,
    "27": exc.OperationalError,
    "28": exc.OperationalError,
    "2B": exc.InternalError,
    "2D": exc.InternalError,
    "2F": exc.InternalError,
    "34": exc.OperationalError,
    "3B": exc.InternalError,
    "3D": exc.ProgrammingError,
    "3F": exc.ProgrammingError,
    "40": exc.OperationalError,
    "42": exc.ProgrammingError,
    "44": exc.ProgrammingError,
    "53": exc.OperationalError,
    "54": exc.OperationalError,
    "55": exc.OperationalError,
    "57": exc.OperationalError,
    "58": exc.OperationalError,
    "F0": exc.InternalError,
    "HV": exc.OperationalError,
    "P0": exc.InternalError,
    "XX": exc.InternalError,
}

_KINDS: dict[str, type[BaseException]] = {
    "Protocol": exc.InternalError,
    "Connect": exc.ConnectError,
    "Auth": exc.OperationalError,
    "Timeout": exc.TimeoutError,
    "Codec": exc.DataError,
    "NoneFound": exc.NoResultFound,
    "SeveralFound": exc.MultipleResultsFound,
    "NoSuchColumn": NoSuchColumnError,
    "ParameterCount": exc.InterfaceError,
    "Released": ValueError,
    "AlreadyReleased": ValueError,
    "CursorOutsideTransaction": exc.NoActiveSQLTransactionError,
    "TransactionEnded": exc.TransactionStateError,
    "TransactionBegun": exc.TransactionStateError,
    "Config": exc.UsageError,
    "Usage": exc.UsageError,
}

# the asyncpg class that an application written for asyncpg expects for a kind of error
_ASYNCPG_KINDS = {
    "Codec": "DataError",
    "ParameterCount": "InterfaceError",
    "CursorOutsideTransaction": "NoActiveSQLTransactionError",
    "connection": "InterfaceError",
    "pool": "InterfaceError",
    "lost": "ConnectionDoesNotExistError",
}

# GINO's own words
_MESSAGES = {
    "NoneFound": "No row was found for one()",
    "SeveralFound": "Multiple rows found for one()",
}

_made: dict[str, type[BaseException]] = {}


def _named(cls: type[exc.Error], found: dict[str, type[exc.Error]]) -> dict[str, type[exc.Error]]:
    if "sqlstate" in cls.__dict__ and cls.sqlstate is not None:
        found[cls.sqlstate] = cls
    for sub in cls.__subclasses__():
        _named(sub, found)
    return found


_BY_STATE = _named(exc.DatabaseError, {})


def exception_class(sqlstate: str) -> type[exc.DatabaseError]:
    """The class for a SQLSTATE, by its five characters, else by its first two."""
    named = _BY_STATE.get(sqlstate)
    if named is not None and issubclass(named, exc.DatabaseError):
        return named
    return _BY_CLASS.get(sqlstate[:2], exc.DatabaseError)


def make_exception(kind: str, message: str, fields: dict[str, Any]) -> BaseException:
    """The exception for an error of the native half; see `gino._core.set_exceptions`."""
    if kind == "Database":
        state = fields.get("sqlstate") or "XX000"
        cls = _made.get(state)
        if cls is None:
            cls = _made[state] = _with_asyncpg(exception_class(state), _asyncpg_for_state(state))
    elif kind == "Closed":
        what = fields.get("what", "connection")
        cls = _made.get(what)
        if cls is None:
            own = exc.ConnectionLostError if what == "lost" else exc.ClosedError
            cls = _made[what] = _with_asyncpg(own, _asyncpg_for_kind(what))
    else:
        cls = _made.get(kind)
        if cls is None:
            cls = _made[kind] = _with_asyncpg(
                _KINDS.get(kind, exc.InternalError), _asyncpg_for_kind(kind)
            )
    error = cls(_MESSAGES.get(kind, message))
    if isinstance(error, exc.Error):
        # an instance attribute: the metaclass of asyncpg forbids a second class with one SQLSTATE
        error.__dict__.update(fields)
        error.message = fields.get("message", message)
    return error


def _asyncpg() -> Any:
    try:
        import asyncpg
    except ImportError:
        return None
    return asyncpg


def _asyncpg_for_state(sqlstate: str) -> type[BaseException] | None:
    asyncpg = _asyncpg()
    if asyncpg is None:
        return None
    classes = asyncpg.exceptions
    found: type[BaseException] = classes.PostgresError
    best = ""
    for value in vars(classes).values():
        if isinstance(value, type) and issubclass(value, classes.PostgresError):
            state = getattr(value, "sqlstate", None)
            if state == sqlstate:
                return value
            if state == sqlstate[:2] + "000" and not best:
                found, best = value, state
    return found


def _asyncpg_for_kind(kind: str) -> type[BaseException] | None:
    name = _ASYNCPG_KINDS.get(kind)
    asyncpg = _asyncpg() if name is not None else None
    return getattr(asyncpg, name, None) if asyncpg is not None and name is not None else None


def _with_asyncpg(
    own: type[BaseException], theirs: type[BaseException] | None
) -> type[BaseException]:
    if theirs is None:
        return own
    body = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
    return types.new_class(own.__name__, (own, theirs), {}, lambda ns: ns.update(body))
