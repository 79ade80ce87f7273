"""The driver's connection under the names that asyncpg gave its own.

Owns: `RawConnection`, its transactions and prepared statements, for code that goes below models.
Never does: know SQLAlchemy, models or execution options.
Called by: `gino.engine` (`raw_connection`), `gino.pool` (`raw_pool.acquire()`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple, Self

from . import _core, codecs, copying
from .copying import quoted
from .cursor import Iteration
from .listening import Listeners

_PLANS = 1000

_COPY_FROM = frozenset(
    ("format", "oids", "delimiter", "null", "header", "quote", "escape", "force_quote", "encoding")
)
_COPY_TO = _COPY_FROM | {"freeze", "force_not_null", "force_null"}


class ServerVersion(NamedTuple):
    """The version of the server, as asyncpg has it."""

    major: int
    minor: int
    micro: int
    releaselevel: str
    serial: int


class RawTransaction:
    """`async with`, or `start()` and then `commit()` or `rollback()`."""

    def __init__(self, connection: Any, options: dict[str, Any]) -> None:
        self._connection = connection
        self._options = options
        self._transaction: _core.Transaction | None = None

    async def start(self) -> None:
        """BEGIN, or SAVEPOINT inside of a transaction."""
        self._transaction = await self._connection.begin(**self._options)

    async def commit(self) -> None:
        """Commit."""
        await self._begun().commit()

    async def rollback(self) -> None:
        """Roll back."""
        await self._begun().rollback()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: Any, *error: object) -> None:
        await (self.commit() if kind is None else self.rollback())

    def _begun(self) -> _core.Transaction:
        assert self._transaction is not None, "the transaction has not been started"
        return self._transaction


class RawStatement:
    """A statement to be run with several values."""

    def __init__(self, connection: RawConnection, query: str) -> None:
        self._connection = connection
        self._query = query

    def get_query(self) -> str:
        """The SQL."""
        return self._query

    def fetch(self, *args: Any, timeout: float | None = None) -> Awaitable[list[Any]]:
        """All rows."""
        return self._connection.fetch(self._query, *args, timeout=timeout)

    def fetchrow(self, *args: Any, timeout: float | None = None) -> Awaitable[Any]:
        """The first row, or None."""
        return self._connection.fetchrow(self._query, *args, timeout=timeout)

    def fetchval(self, *args: Any, column: int = 0, timeout: float | None = None) -> Awaitable[Any]:
        """One value of the first row, or None."""
        return self._connection.fetchval(self._query, *args, column=column, timeout=timeout)

    async def executemany(
        self, args: Iterable[Sequence[Any]], *, timeout: float | None = None
    ) -> None:
        """Run it once for each sequence of values."""
        await self._connection.executemany(self._query, args, timeout=timeout)

    def fetchmany(
        self, args: Iterable[Sequence[Any]], *, timeout: float | None = None
    ) -> Awaitable[list[Any]]:
        """Run it once for each sequence of values; all rows together."""
        return self._connection.fetchmany(self._query, args, timeout=timeout)

    def cursor(self, *args: Any, timeout: float | None = None) -> Iteration[Any]:
        """A cursor, inside of a transaction."""
        return self._connection.cursor(self._query, *args, timeout=timeout)


class RawConnection:
    """A borrowed connection of the driver. SQL is plain, with `$1`; times are in seconds."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._listeners: Listeners | None = None

    def rest_on(self, connection: Any) -> None:
        """Stand on another connection that shares the borrowed one, if that will live longer."""
        if self._connection.is_reusing or self._connection.seat is None:
            self._connection = connection
            if self._listeners is not None and not self._listeners.is_over:
                connection.listening = self

    def fetch(self, query: str, *args: Any, timeout: float | None = None) -> Awaitable[list[Any]]:
        """All rows."""
        found: Awaitable[list[Any]] = self._connection.run(_plan(query), args, _core.ALL, timeout)
        return found

    def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> Awaitable[Any]:
        """The first row, or None."""
        found: Awaitable[Any] = self._connection.run(_plan(query), args, _core.FIRST, timeout)
        return found

    async def fetchval(
        self, query: str, *args: Any, column: int = 0, timeout: float | None = None
    ) -> Any:
        """One value of the first row, or None."""
        row = await self.fetchrow(query, *args, timeout=timeout)
        return None if row is None else row[column]

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Run one statement, or several without parameters; returns the last command tag."""
        if not args:
            tag: str = await self._connection.script(query, timeout)
            return tag
        done = await self._connection.run(_plan(query), args, _core.STATUS, timeout)
        return done[0]  # type: ignore[no-any-return]

    async def executemany(
        self, command: str, args: Iterable[Sequence[Any]], *, timeout: float | None = None
    ) -> None:
        """Run a statement once for each sequence of values."""
        await self._connection.run(_plan(command), list(args), _core.ALL, timeout, True)

    async def fetchmany(
        self, query: str, args: Iterable[Sequence[Any]], *, timeout: float | None = None
    ) -> list[Any]:
        """Run a statement once for each sequence of values; all rows together."""
        _, rows = await self._connection.run(_plan(query), list(args), _core.EACH, timeout, True)
        return rows  # type: ignore[no-any-return]

    def get_reset_query(self) -> str:
        """What `reset()` sends: settings, temporary tables, locks and cursors of the session go."""
        return self._connection.reset_script() or ""

    async def reset(self, *, timeout: float | None = None) -> None:
        """Roll back an open transaction, and undo what outlives one."""
        if self.is_in_transaction():
            await self.execute("ROLLBACK", timeout=timeout)
        await self.execute(self.get_reset_query(), timeout=timeout)

    async def prepare(self, query: str, *, timeout: float | None = None) -> RawStatement:
        """A statement to be run with several values."""
        return RawStatement(self, query)

    async def prepare_all(self, plans: Iterable[_core.Plan]) -> None:
        """Prepare statements now, so that their first use need not."""
        for plan in plans:
            # no parameter sets: nothing is executed, and nothing logged
            await _core.Connection.run(self._connection, plan, [], _core.ALL, None, True)

    def cursor(self, query: str, *args: Any, timeout: float | None = None) -> Iteration[Any]:
        """A cursor, inside of a transaction."""
        return Iteration(lambda: self._connection.cursor(_plan(query), args, timeout))

    def transaction(
        self,
        *,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
    ) -> RawTransaction:
        """A transaction, or a savepoint inside of one."""
        options = {"isolation": isolation, "readonly": readonly, "deferrable": deferrable}
        return RawTransaction(self._connection, options)

    async def copy_from_table(
        self,
        table_name: str,
        *,
        output: Any,
        columns: Sequence[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> str:
        """Copy a table to `output`: a path, a file-like object or a coroutine function.

        Options are those of COPY in lower case: `format` ("text", "csv", "binary"), `delimiter`,
        `null`, `header`, `quote`, `escape`, `force_quote`, `encoding`. Returns the command tag.

        The copy has `timeout` seconds as a whole; without it each wait for the server has the
        `command_timeout` for itself.
        """
        source = copying.table_of(table_name, columns, schema_name)
        found = _copy_options(options, _COPY_FROM)
        async with asyncio.timeout(timeout):
            return await copying.copy_out(self._connection, source, output, found, timeout)

    async def copy_from_query(
        self,
        query: str,
        *args: Any,
        output: Any,
        timeout: float | None = None,
        **options: Any,
    ) -> str:
        """Copy the result of a query to `output`; see `copy_from_table`."""
        found = _copy_options(options, _COPY_FROM)
        async with asyncio.timeout(timeout):
            source = f"({await copying.with_values(self, query, args)})"
            return await copying.copy_out(self._connection, source, output, found, timeout)

    async def copy_to_table(
        self,
        table_name: str,
        *,
        source: Any,
        columns: Sequence[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        where: str | None = None,
        **options: Any,
    ) -> str:
        """Copy `source`, a path, file-like object, bytes or async iterable of bytes, into a table.

        Options as in `copy_from_table`, and `freeze`, `force_not_null`, `force_null`. `where`
        is SQL. If it fails or is cancelled, nothing is stored. Returns the command tag.
        """
        target = copying.table_of(table_name, columns, schema_name)
        found = _copy_options(options, _COPY_TO)
        async with asyncio.timeout(timeout):
            return await copying.copy_in(self._connection, target, source, found, where, timeout)

    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Any,
        columns: Sequence[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        where: str | None = None,
    ) -> str:
        """Copy an iterable or async iterable of sequences into a table, in binary form."""
        table = (copying.qualified(table_name, schema_name), columns)
        async with asyncio.timeout(timeout):
            return await copying.copy_records(self._connection, table, records, where, timeout)

    async def set_type_codec(
        self,
        typename: str,
        *,
        schema: str = "public",
        encoder: Callable[[Any], Any],
        decoder: Callable[[Any], Any],
        format: str = "text",
    ) -> None:
        """Let functions make what values of a type are, on this connection, for as long as it is
        open; arrays, domains, ranges and composites with such values follow, and statements that
        are prepared already.

        They exchange the type's text ("text"), its bytes ("binary"), or a tuple ("tuple"): the
        numbers of a date `(days,)`, time or timestamp `(microseconds,)`, timetz `(microseconds,
        seconds west of UTC)`, interval `(months, days, microseconds)`, counted from 2000-01-01; or
        the fields of a composite. For all connections of a pool: call it in the `init` hook.
        Errors: ValueError for a type or format that cannot be.
        """
        await codecs.set_codec(self, typename, schema, (encoder, decoder), format)

    async def reset_type_codec(self, typename: str, *, schema: str = "public") -> None:
        """Undo `set_type_codec` and `set_builtin_type_codec`."""
        await codecs.reset_codec(self, typename, schema)

    async def set_builtin_type_codec(
        self,
        typename: str,
        *,
        schema: str = "public",
        codec_name: str,
        format: str | None = None,
    ) -> None:
        """Take values of a type for those of another: one of PostgreSQL's own ("int"), or an
        extension's ("pg_contrib.hstore", which is not needed here: hstore is known by its name).
        """
        await codecs.set_alias(self, typename, schema, codec_name, format)

    async def reload_schema_state(self) -> None:
        """Forget what is known of the database's types, for all connections of the engine. Commands
        that alter types do so by themselves.
        """
        self._connection.forget_types()

    async def add_listener(self, channel: str, callback: Callable[..., Any]) -> None:
        """Call `callback(connection, pid, channel, payload)` for each NOTIFY on `channel`.

        Sends LISTEN for the first callback of a channel. The callback is a function, or a coroutine
        function, which is run as a task. It lasts until the connection goes back to the pool.
        """
        listeners = self._listening()
        if not listeners.has(channel):
            await self.execute(f"LISTEN {quoted(channel)}")
        listeners.add(channel, callback)

    async def remove_listener(self, channel: str, callback: Callable[..., Any]) -> None:
        """Forget a callback; sends UNLISTEN after the last one of a channel."""
        if self._listeners is not None and self._listeners.remove(channel, callback):
            await self.execute(f"UNLISTEN {quoted(channel)}")

    def add_log_listener(self, callback: Callable[..., Any]) -> None:
        """Call `callback(connection, message)` for each notice or warning of the server."""
        self._listening().add_log(callback)

    def remove_log_listener(self, callback: Callable[..., Any]) -> None:
        """Forget a callback for notices."""
        if self._listeners is not None:
            self._listeners.remove_log(callback)

    def add_termination_listener(self, callback: Callable[..., Any]) -> None:
        """Call `callback(connection)` when the connection is closed, by either side."""
        self._listening().add_end(callback)

    def remove_termination_listener(self, callback: Callable[..., Any]) -> None:
        """Forget a callback for the end."""
        if self._listeners is not None:
            self._listeners.remove_end(callback)

    def _listening(self) -> Listeners:
        if self._listeners is None or self._listeners.is_over:
            listeners = Listeners(self)
            self._connection.listen(listeners)
            self._listeners = listeners
            self._connection.listening = self  # lives as long as what is borrowed
        return self._listeners

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open, as the server says."""
        return self._connection.state in ("in transaction", "failed")

    def is_closed(self) -> bool:
        """Whether the connection cannot be used any more."""
        return self._connection.state in ("closed", "none")

    async def close(self, *, timeout: float | None = None) -> None:
        """Close the connection, after what was asked for before; the pool opens another in its
        place. `timeout`: seconds, then it is closed at once. Errors: TimeoutError.
        """
        if not self.is_closed():
            try:
                await self.fetch("", timeout=timeout)  # in turn: what is prepared first, runs first
            finally:
                self.terminate()

    def terminate(self) -> None:
        """Close the connection at once; what is under way fails."""
        self._connection.terminate()

    def get_settings(self) -> SimpleNamespace:
        """What the server says of its settings by itself, `TimeZone` for example, by attribute."""
        return SimpleNamespace(**self._connection.parameters())

    def get_server_pid(self) -> int | None:
        """The number of the server's process."""
        pid: int | None = self._connection.process
        return pid

    def get_server_version(self) -> ServerVersion:
        """The version of the server."""
        text = self._connection.parameter("server_version") or "0"
        numbers = text.partition(" ")[0].split(".")
        major, minor = (int("".join(filter(str.isdigit, n)) or 0) for n in [*numbers, "0"][:2])
        return ServerVersion(major, minor, 0, "final", 0)


@lru_cache(maxsize=_PLANS)
def _plan(query: str) -> _core.Plan:
    return _core.Plan(query)


def _copy_options(options: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    for name in options:
        if name not in known:
            raise TypeError(f"COPY has no option {name!r} here; it has {', '.join(sorted(known))}")
    return copying.given(options)
