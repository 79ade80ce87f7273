"""The exceptions of gino.

Owns: every exception class, GINO's own names first, then the tree of PEP 249 with a class for each
common SQLSTATE.
Never does: decide which class an error of the server gets (that is `gino.sqlstate`).
Called by: every module of the package, and applications.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar


class GinoException(Exception):
    """Base of what gino itself raises."""


class NotInstalledError(GinoException):
    """An optional dependency is needed here, and is not installed."""


class InitializedError(GinoException):
    """The object has an engine already."""


class UninitializedError(GinoException, AttributeError):
    """There is no engine yet: call `set_bind()` or `with_bind()` first."""


class UnknownJSONPropertyError(GinoException):
    """A JSON column holds a key that is no property of the model."""


class NoSuchRowError(GinoException):
    """The row that should be updated is not there."""


class NoRowReturnedError(NoSuchRowError, AttributeError):
    """`Model.create()` did not get its row back."""


class NoResultFound(GinoException):
    """`one()` found no row."""


class MultipleResultsFound(GinoException):
    """`one()` or `one_or_none()` found more than one row."""


# ---- PEP 249 ------------------------------------------------------------------------------------


class Error(Exception):
    """Base of all errors of the driver and the server.

    The attributes are the server's fields of the error; those that the server did not send are
    None.
    """

    sqlstate: ClassVar[str | None] = None
    severity: str | None = None
    message: str | None = None
    detail: str | None = None
    hint: str | None = None
    position: str | None = None
    internal_position: str | None = None
    internal_query: str | None = None
    context: str | None = None
    schema_name: str | None = None
    table_name: str | None = None
    column_name: str | None = None
    data_type_name: str | None = None
    constraint_name: str | None = None
    deadline: str | None = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if args and isinstance(args[0], str):
            self.message = args[0]

    def __str__(self) -> str:
        text = str(self.args[0]) if self.args else ""
        if self.detail:
            text += f"\nDETAIL:  {self.detail}"
        if self.hint:
            text += f"\nHINT:  {self.hint}"
        return text


class InterfaceError(Error):
    """The driver was used in a way that cannot work."""


class InterfaceWarning(UserWarning):
    """The driver was used in a way that is probably a mistake."""


class UsageError(InterfaceError, ValueError):
    """An argument or a setting that is not accepted."""


class TransactionStateError(InterfaceError, AssertionError):
    """A transaction was begun twice, or used after its end."""


class DatabaseError(Error):
    """The server or the connection to it reported an error."""


class DataError(DatabaseError):
    """A value does not fit (SQLSTATE class 22, or found before it was sent)."""


class OperationalError(DatabaseError):
    """The environment failed: network, authentication, resources, time."""


class IntegrityError(DatabaseError):
    """A constraint is violated (SQLSTATE class 23)."""


class InternalError(DatabaseError):
    """The server or the protocol is in a state that should not be."""


class ProgrammingError(DatabaseError):
    """The statement is wrong (SQLSTATE class 42 and its like)."""


class NotSupportedError(DatabaseError):
    """The server or gino does not offer this."""


class ConnectError(OperationalError, ConnectionError):
    """No connection could be made."""


class ConnectionLostError(OperationalError, ConnectionError):
    """The connection is gone."""

    sqlstate = "08003"


class ClosedError(InterfaceError):
    """The engine or connection is closed."""


class TimeoutError(OperationalError, builtins.TimeoutError):
    """A deadline passed; `deadline` says which: connect, acquire, statement or close."""


# ---- classes for single SQLSTATEs ---------------------------------------------------------------


class StringDataRightTruncationError(DataError):
    """A string is too long for its column."""

    sqlstate = "22001"


class NumericValueOutOfRangeError(DataError):
    """A number is too large for its type."""

    sqlstate = "22003"


class InvalidDatetimeFormatError(DataError):
    """A date or time cannot be read."""

    sqlstate = "22007"


class DatetimeFieldOverflowError(DataError):
    """A date or time is outside of its range."""

    sqlstate = "22008"


class DivisionByZeroError(DataError):
    """A division by zero."""

    sqlstate = "22012"


class InvalidTextRepresentationError(DataError):
    """A text cannot be read as a value of the type."""

    sqlstate = "22P02"


class RestrictViolationError(IntegrityError):
    """A row is still referred to (RESTRICT)."""

    sqlstate = "23001"


class NotNullViolationError(IntegrityError):
    """A column that must not be NULL got NULL."""

    sqlstate = "23502"


class ForeignKeyViolationError(IntegrityError):
    """A row refers to a row that does not exist, or is still referred to."""

    sqlstate = "23503"


class UniqueViolationError(IntegrityError):
    """A key exists already."""

    sqlstate = "23505"


class CheckViolationError(IntegrityError):
    """A check constraint is violated."""

    sqlstate = "23514"


class ExclusionViolationError(IntegrityError):
    """An exclusion constraint is violated."""

    sqlstate = "23P01"


class NoActiveSQLTransactionError(InternalError):
    """A transaction is needed here, and there is none."""

    sqlstate = "25P01"


class ReadOnlySQLTransactionError(InternalError):
    """The transaction may only read."""

    sqlstate = "25006"


class InFailedSQLTransactionError(InternalError):
    """The transaction has failed; nothing but a rollback is accepted."""

    sqlstate = "25P02"


class InvalidAuthorizationSpecificationError(OperationalError):
    """The user may not connect."""

    sqlstate = "28000"


class InvalidPasswordError(InvalidAuthorizationSpecificationError):
    """The password is wrong."""

    sqlstate = "28P01"


class InvalidCatalogNameError(OperationalError):
    """The database does not exist."""

    sqlstate = "3D000"


class InvalidSchemaNameError(ProgrammingError):
    """The schema does not exist."""

    sqlstate = "3F000"


class SerializationError(OperationalError):
    """The transaction must be tried again: concurrent changes."""

    sqlstate = "40001"


class DeadlockDetectedError(OperationalError):
    """The transaction must be tried again: a deadlock."""

    sqlstate = "40P01"


class PostgresSyntaxError(ProgrammingError):
    """The statement cannot be parsed."""

    sqlstate = "42601"


class InsufficientPrivilegeError(ProgrammingError):
    """The user is not allowed to do this."""

    sqlstate = "42501"


class UndefinedColumnError(ProgrammingError):
    """A column does not exist."""

    sqlstate = "42703"


class UndefinedFunctionError(ProgrammingError):
    """No function or operator takes these types."""

    sqlstate = "42883"


class UndefinedTableError(ProgrammingError):
    """A table does not exist."""

    sqlstate = "42P01"


class UndefinedObjectError(ProgrammingError):
    """A type, index or other object does not exist."""

    sqlstate = "42704"


class DuplicateTableError(ProgrammingError):
    """The table exists already."""

    sqlstate = "42P07"


class DuplicateColumnError(ProgrammingError):
    """The column exists already."""

    sqlstate = "42701"


class DuplicateObjectError(ProgrammingError):
    """The type, constraint or other object exists already."""

    sqlstate = "42710"


class DatatypeMismatchError(ProgrammingError):
    """An expression has another type than its place."""

    sqlstate = "42804"


class IndeterminateDatatypeError(ProgrammingError):
    """The type of a parameter is not known; cast it."""

    sqlstate = "42P18"


class TooManyConnectionsError(OperationalError):
    """The server takes no more connections."""

    sqlstate = "53300"


class LockNotAvailableError(OperationalError):
    """A row or table is locked by somebody else."""

    sqlstate = "55P03"


class QueryCanceledError(OperationalError):
    """The statement was cancelled, or ran into `statement_timeout`."""

    sqlstate = "57014"


class AdminShutdownError(OperationalError):
    """The server ended the connection."""

    sqlstate = "57P01"


class CannotConnectNowError(OperationalError):
    """The server is starting up or shutting down."""

    sqlstate = "57P03"
