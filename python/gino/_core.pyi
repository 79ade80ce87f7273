"""The native half of gino: engine, connections, transactions, cursors, rows, instances, loaders.

Every awaitable returned here does its work when it is first awaited, in the task that awaits it.
"""

from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from ssl import SSLContext
from typing import Any, ClassVar, Final, Self, final

from typing_extensions import Buffer, disjoint_base

__all__ = [
    "ALL",
    "EACH",
    "FIRST",
    "ONE",
    "ONE_OR_NONE",
    "SCALAR",
    "STATUS",
    "Attribute",
    "Config",
    "Connection",
    "CopyIn",
    "CopyOut",
    "Cursor",
    "Engine",
    "Handle",
    "Instance",
    "Layout",
    "Observation",
    "Plan",
    "Program",
    "Row",
    "RowKeys",
    "Transaction",
    "json_text",
    "set_exceptions",
    "set_plain_init",
]

ALL: Final[int]
EACH: Final[int]
FIRST: Final[int]
ONE: Final[int]
ONE_OR_NONE: Final[int]
SCALAR: Final[int]
STATUS: Final[int]

# ---- values -------------------------------------------------------------------------------------

@final
class Layout:
    """The value slots of a model class: attribute names, in the order of the slots."""

    def __new__(cls, names: Sequence[str]) -> Self: ...
    names: tuple[str, ...]

@disjoint_base
class Instance:
    """Native base of models: one value slot per column, no dictionary until one is needed.

    A subclass has `__layout__` (a Layout, or None when abstract) before it is instantiated.
    """

    __layout__: Layout | None
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    @property
    def __values__(self) -> MutableMapping[str, Any]: ...  # live view: only slots that are set

@disjoint_base
class Attribute:
    """Data descriptor of slot `index`: the column on the class, a value or None on instances."""

    def __init__(self, name: str, index: int, column: Any) -> None: ...
    def __set__(self, instance: Any, value: Any, /) -> None: ...
    name: str
    index: int
    column: Any

@final
class RowKeys:
    """What a row's values are called: names, and further keys (Column objects) to positions.

    The last of several equal names wins. A key that is missing in `keys` and has a `name` attribute
    is looked up by name.
    """

    def __new__(cls, names: Sequence[str], keys: Mapping[Any, int] | None = None) -> Self: ...

@final
class Row(Sequence[Any]):
    """A result row: tuple, mapping by name and by Column, and attributes.

    Index, slice, name, Column and attribute access; `in` tests names and Columns; iteration over
    values; equality and hash as of the tuple; missing name: the exception that the factory of
    `set_exceptions` makes for "NoSuchColumn".
    """

    def keys(self) -> list[str]: ...
    def values(self) -> list[Any]: ...
    def items(self) -> list[tuple[str, Any]]: ...
    def get(self, key: Any, default: Any = None) -> Any: ...
    def __getitem__(self, key: Any, /) -> Any: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __getattribute__(self, name: str, /) -> Any: ...

# ---- plans --------------------------------------------------------------------------------------

@final
class Program:
    """A loader tree for one shape of result. `tree` is one of

    - `("row",)`: the whole row;
    - `("column", index)`;
    - `("model", cls, columns, distinct, children)`: an instance of `cls` (made without calling
      `__init__` if `cls` does not override `Instance.__init__` or the one given to
      `set_plain_init`, else by `cls()`); `columns` is `((row index, slot), ...)`; `distinct` is
      None or the row indexes that identify an instance; `children` is
      `((name, tree, required), ...)`: sub-results, set with `setattr` (or called, when the class
      attribute of that name is a plain function). A child model whose columns are all NULL sets
      nothing;
    - `("tuple", (tree, ...))`, `("value", object)`, `("call", callable)` with
      `callable(row, context)`.
    """

    def __new__(cls, tree: tuple[Any, ...]) -> Self: ...

@final
class Plan:
    """A statement with all that can be decided once: its text, and how values go in and come out.

    `binds` and `results` hold a callable or None per parameter and per result column, or, with
    `named`, per name: the columns of these names then have them, wherever they are. `keys` name
    the columns when they are known better than by the server's names; without a `program` rows are
    `Row`s. Shared by all connections and loops.
    """

    def __new__(
        cls,
        sql: str,
        *,
        program: Program | None = None,
        binds: Sequence[Callable[[Any], Any] | None] | None = None,
        results: Sequence[Callable[[Any], Any] | None] | None = None,
        named: Sequence[str] | None = None,
        keys: RowKeys | None = None,
    ) -> Self: ...
    def with_program(self, program: Program | None) -> Plan: ...
    sql: str
    @property
    def columns(self) -> list[tuple[str, int]] | None:
        """Name and type OID of each column of the newest result; None before there was one."""

# ---- engine -------------------------------------------------------------------------------------

@final
class Config:
    """Where and how to connect: `dsn` is a libpq URL (gino-core's `config`), `settings` beat it.

    Raises the exception made for "Usage" (also ValueError): it names the setting and the nearest
    known one. `repr` hides the password. `context` takes the place of the certificates that the
    settings name.
    """

    def __new__(
        cls,
        dsn: str | None,
        settings: Mapping[str, str],
        environ: Mapping[str, str],
        context: SSLContext | None = None,
    ) -> Self: ...
    KEYWORDS: ClassVar[frozenset[str]]
    def get(self, key: str) -> str | None:
        """The value of a setting as text; None if there is none or no limit. Never a password."""
    endpoints: list[str]
    dsn_without_password: str

@final
class Handle:
    """What a Connection stands on: its place in the task's stack."""

@disjoint_base
class Connection:
    """One contextual connection.

    Subclassed by gino.engine.GinoConnection, made as `connection_class(handle)`.
    """

    def __new__(cls, handle: Handle, *args: Any, **kwargs: Any) -> Self: ...
    @property
    def handle(self) -> Handle: ...
    def run(
        self,
        plan: Plan,
        args: Sequence[Any] | list[Sequence[Any]],
        mode: int,
        timeout: float | None = None,
        many: bool = False,
        into: Instance | None = None,
    ) -> Awaitable[Any]:
        """Run a plan.

        ALL: list; FIRST, ONE_OR_NONE: object or None; ONE: object; SCALAR: first column of the
        first row or None; STATUS: (tag, list). `many`: `args` is a list of value sequences, all
        sent at once (executemany), and the result is None; with EACH it is (number of rows that
        all sets concerned together, list of the rows that they returned). `into`: the first row's
        values go into the slots of this instance (the program must be a "model"), which is
        returned. `timeout`: seconds, for borrowing a connection (if lazy) and running together;
        raises TimeoutError, the connection stays usable.
        """
    def script(self, sql: str, timeout: float | None = None) -> Awaitable[str]:
        """Run several statements by the simple protocol; returns the last command tag."""
    def cursor(self, plan: Plan, args: Sequence[Any], timeout: float | None = None) -> Cursor: ...
    def borrow(self, timeout: float | None = None) -> Awaitable[None]:
        """Make sure that the connection is borrowed (for lazy ones)."""
    def begin(
        self,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
    ) -> Awaitable[Transaction]:
        """BEGIN, or a SAVEPOINT inside a transaction."""
    def copy_in(
        self, sql: str, probe: str | None = None, timeout: float | None = None
    ) -> Awaitable[CopyIn]:
        """Begin a COPY FROM STDIN; `probe` selects the columns that records are for. Each step may
        take `timeout` seconds, else what the connection gives to a statement.
        """
    def copy_out(self, sql: str, timeout: float | None = None) -> Awaitable[CopyOut]:
        """Begin a COPY TO STDOUT; `timeout` as of `copy_in`."""
    def parameter_types(self, sql: str) -> Awaitable[list[int]]:
        """Return the type OIDs of a statement's parameters."""
    def set_codec(
        self,
        oid: int,
        encoder: Callable[[Any], Any] | None = None,
        decoder: Callable[[Any], Any] | None = None,
        format: str = "text",
        alias: tuple[str, int] | None = None,
    ) -> Awaitable[None]:
        """Set what is made of values of a type on this connection; with the OID alone, undo it.

        `format`: what the functions exchange, "text", "binary" or "tuple". `alias`: another type
        to take it for, by name and OID (0 for an extension's). Errors: ValueError.
        """
    def forget_types(self) -> None:
        """Forget what is known of the database's types, for all connections."""
    def listen(self, outlet: Callable[..., object] | None) -> None:
        """Tell `outlet`, or nobody, what the server says by itself on the borrowed connection.

        It is called inside of the loop's read callback, so it should only schedule work:
        `("notification", pid, channel, payload)`, `("notice", fields)`, `("parameter", name,
        value)`, and once, at the end, `("end", "released" | "closed")`. Errors: ValueError kind
        "Released"; "Closed".
        """
    def release(self, permanent: bool = True) -> Awaitable[bool]:
        """Return whether a connection went back to the pool.

        Errors: ValueError kinds "Released" and "AlreadyReleased".
        """
    @property
    def is_borrowed(self) -> bool: ...
    @property
    def is_reusing(self) -> bool: ...
    @property
    def seat(self) -> int | None: ...  # equal for connections that share a borrowed one; else None
    @property
    def state(self) -> str:
        """One of "idle", "in transaction", "failed", "closed"; "none" when not borrowed."""
    def reset_script(self) -> str | None:
        """Return the script that undoes what outlives a transaction; None when not borrowed."""
    def parameter(self, name: str) -> str | None:
        """A setting such as "server_version"; None when not borrowed or unknown."""
    def parameters(self) -> dict[str, str]:
        """All settings that the server reports by itself; none when not borrowed."""
    @property
    def process(self) -> int | None: ...  # the server's process; None when not borrowed
    def terminate(self) -> None:
        """Close the borrowed connection, if there is one, at once; the pool replaces it."""

@final
class Transaction:
    """A transaction (depth 1) or savepoint (deeper) that has begun."""

    depth: int
    def commit(self, timeout: float | None = None) -> Awaitable[None]: ...
    def rollback(self, timeout: float | None = None) -> Awaitable[None]: ...
    @property
    def is_active(self) -> bool: ...
    @property
    def is_nested(self) -> bool: ...

@final
class Cursor:
    """A server-side cursor; begins on first use.

    Outside a transaction: the exception made for "CursorOutsideTransaction".
    """

    def next(self, timeout: float | None = None) -> Awaitable[Any]:
        """Return the next result, None at the end."""
    def many(self, n: int, timeout: float | None = None) -> Awaitable[list[Any]]: ...
    def forward(self, n: int, timeout: float | None = None) -> Awaitable[int]: ...
    def close(self, timeout: float | None = None) -> Awaitable[None]:
        """Give up the rows that are left, here and at the server."""
    def __aiter__(self) -> Cursor: ...
    def __anext__(self) -> Awaitable[Any]: ...

@final
class CopyIn:
    """A COPY FROM STDIN that takes data. Cancelled or forgotten, the server undoes it."""

    def write(self, data: Buffer) -> Awaitable[None]:
        """Send some of the data; waits while too much of it is on its way."""
    def write_records(self, records: list[Any]) -> Awaitable[None]:
        """Send sequences of values in binary form; the first call, the header before them."""
    def finish(self, records: bool = False) -> Awaitable[str]:
        """End it, with the trailer of binary data if `records`; returns the command tag."""
    def abort(self) -> None:
        """Give it up, if it has not ended."""

@final
class CopyOut:
    """A COPY TO STDOUT. The server waits while nobody reads."""

    def read(self) -> Awaitable[bytes | None]:
        """Return the next of the data, None at the end."""
    def abort(self) -> None:
        """Give it up, if it has not ended."""
    @property
    def tag(self) -> str | None: ...  # the command tag, at the end

@final
class Engine:
    """Pools of connections, one for each running event loop, over one configuration.

    Nothing connects before it is asked to. `connection_class` is called with a Handle to make what
    `acquire` returns.
    """

    def __new__(
        cls,
        config: Config,
        connection_class: type[Connection] | Callable[[Handle], Any],
        init: Callable[[Any], Coroutine[Any, Any, object]] | None = None,
        setup: Callable[[Any], Coroutine[Any, Any, object]] | None = None,
        reset: Callable[[Any], Coroutine[Any, Any, object]] | None = None,
    ) -> Self:
        """Make an engine; the hooks are called with what `connection_class` makes.

        `init`: once, when a connection was opened; `setup`: before each time it is handed out;
        `reset`: before it is idle again, instead of the reset, for up to 10 seconds. A connection
        whose hook raises is closed, and the exception goes to who acquires or releases.
        """
    def open(self) -> Awaitable[None]:
        """Open `min_size` connections in the running loop's pool."""
    def run(
        self,
        plan: Plan,
        args: Sequence[Any] | list[Sequence[Any]],
        mode: int,
        timeout: float | None = None,
        many: bool = False,
        into: Instance | None = None,
    ) -> Awaitable[Any]:
        """As Connection.run, on the task's newest reusable connection, else on a borrowed one."""
    def acquire(
        self,
        timeout: float | None = None,
        reuse: bool = False,
        lazy: bool = False,
        reusable: bool = True,
        command_timeout: float | None = None,
        deadline: float | None = None,
    ) -> Awaitable[Connection]:
        """Acquire a connection; times are in seconds.

        `command_timeout`: of each statement on it without one of its own; `deadline`: from now on,
        for everything on it together.
        """
    def current(self) -> Connection | None:
        """The current task's newest reusable connection."""
    def close(self, grace: float | None = None) -> Awaitable[None]:
        """Close this loop's pool.

        Waits up to `grace` seconds (None: the default of 10) for borrowed connections, then says
        who holds them.
        """
    def terminate(self) -> None: ...
    @property
    def figures(self) -> dict[str, int]:
        """Figures of the running loop's pool: max, min, size, in_use, idle, waiting."""
    def stats(self) -> dict[str, Any]:
        """Return what the running loop's pool has done, and `connections`: see `gino.observe`."""
    def on_query(self, callback: Callable[..., object]) -> Observation:
        """Call `callback` with the fields of `gino.observe.QueryEvent` after each statement."""
    @property
    def is_closed(self) -> bool: ...

@final
class Observation:
    """That somebody is told of each statement."""

    def end(self) -> None:
        """End it, if it has not ended."""

def json_text(value: Any) -> str:
    """Return the JSON text of a value: that of `json.dumps`, without spaces. Errors: its errors."""

def set_exceptions(factory: Callable[[str, str, dict[str, Any]], BaseException]) -> None:
    """How native errors become exceptions: `factory(kind, message, fields)`.

    Kinds: "Database" (fields: sqlstate, message, severity, detail, hint, position, schema_name,
    table_name, column_name, data_type_name, constraint_name, context, …), "Protocol", "Connect",
    "Auth", "Closed" (fields: what="lost|connection|pool"), "Timeout" (fields:
    deadline="connect|acquire|statement|scope|close"), "Codec", "NoneFound", "SeveralFound",
    "NoSuchColumn", "ParameterCount", "Released", "AlreadyReleased", "CursorOutsideTransaction",
    "TransactionEnded", "TransactionBegun", "Config", "Usage".
    """

def set_plain_init(init: Any) -> None:
    """Name the `__init__` that model classes have unless they override it.

    Instances of those are made without calling it.
    """
