"""A connection in the manner of PEP 249, over the native driver.

Owns: `ExclusiveConnection`: one driver connection that nobody shares, and transactions that begin
with the first statement.
Never does: compile SQL, convert values, or keep a count of transactions: the server says whether
one is open.
Called by: `gino.dialects.dbapi`, and SQLAlchemy's pool. What waits runs inside of `greenlet_spawn`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.util import LRUCache, await_only
from sqlalchemy.util.concurrency import in_greenlet

from .. import _core
from ..exceptions import DatabaseError, InterfaceError
from ..raw import RawConnection
from ..settings import native_config
from .cursors import BufferedCursor, StreamingCursor

_T = TypeVar("_T")

_PLANS = 500
# the server refuses a prepared statement whose result is another since: codes of its refusals
_STALE = frozenset({"0A000", "26000", "XX000"})
_DDL = frozenset({"ALTER", "CREATE", "DROP", "DISCARD", "DEALLOCATE"})
# how often this process has changed the schema at an address: what was prepared before is old
_epochs: Counter[str] = Counter()
# one connection that is opened when asked for, and never given up by itself
_ALONE = {"min_size": 0, "max_size": 1, "max_inactive_connection_lifetime": 0, "max_queries": 0}


class DriverConnection(_core.Connection):
    """The native connection, with room for the listeners that `gino.raw` keeps on it."""

    listening: Any = None


async def open_connection(dsn: Any, keywords: Mapping[str, Any]) -> ExclusiveConnection:
    """Connect. Errors: see `gino.dialects.dbapi.connect`."""
    config = native_config(dsn, {**keywords, **_ALONE})
    engine = _core.Engine(config, DriverConnection)
    try:
        native = await engine.acquire(None, False, False, False)
    except BaseException:
        engine.terminate()
        raise
    return ExclusiveConnection(engine, native, config.dsn_without_password)


class ExclusiveConnection(AdaptedConnection):
    """A connection of PEP 249. `driver_connection` has asyncpg's names (`gino.raw`)."""

    __slots__ = (
        "_address",
        "_changes_schema",
        "_engine",
        "_epoch",
        "_native",
        "_plans",
        "autocommit",
        "deferrable",
        "isolation_level",
        "readonly",
    )

    def __init__(self, engine: _core.Engine, native: _core.Connection, address: str) -> None:
        self._connection = RawConnection(native)  # type: ignore[assignment]
        self._address = address
        self._epoch = _epochs[address]
        self._changes_schema = False
        self._engine = engine
        self._native = native
        self._plans: Any = LRUCache(_PLANS)
        self.autocommit = False
        # of the transactions to come; None: as the server has it
        self.isolation_level: str | None = None
        self.readonly = False
        self.deferrable = False

    # ---- PEP 249 --------------------------------------------------------------------------------

    def cursor(self, server_side: bool = False) -> BufferedCursor:
        """A cursor; a `server_side` one fetches rows as they are asked for."""
        return StreamingCursor(self) if server_side else BufferedCursor(self)

    def commit(self) -> None:
        """Commit, if a transaction is open."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Roll back, if a transaction is open."""
        self._end("ROLLBACK")

    def close(self) -> None:
        """Say good-bye to the server and close; at once where nothing can be waited for."""
        if in_greenlet():
            await_only(self._leave())
        else:
            self.terminate()

    # ---- what SQLAlchemy asks for besides -------------------------------------------------------

    def terminate(self) -> None:
        """Close at once, without waiting."""
        self._engine.terminate()

    def ping(self) -> None:
        """Ask for a sign of life. Errors: OperationalError, InterfaceError."""
        self.command(";")

    def command(self, sql: str) -> None:
        """Run `sql` as it is: no transaction begins, no parameters, no rows."""
        await_only(self._native.script(sql))

    def setting(self, name: str) -> str:
        """The value of a setting of the server; no transaction begins."""
        found: str = await_only(self._native.run(self.plan(f"SHOW {name}"), (), _core.SCALAR))
        return found

    @property
    def state(self) -> str:
        """What the server said last: "idle", "in transaction", "failed", or "closed"."""
        return self._native.state

    # ---- for cursors ----------------------------------------------------------------------------

    async def begin(self) -> bool:
        """Begin a transaction, unless one is open or `autocommit` is on; whether one was begun."""
        if self.autocommit or self._native.state != "idle":
            return False
        await self._native.script(self._begin_command())
        return True

    async def run(self, sql: str, args: Sequence[Any]) -> tuple[_core.Plan, str, list[Any]]:
        """The plan (it knows the columns), the command tag and the rows."""

        async def go(plan: _core.Plan) -> tuple[_core.Plan, str, list[Any]]:
            tag, rows = await self._native.run(plan, args, _core.STATUS)
            return plan, tag, rows

        found = await self._prepared(sql, go)
        if found[1].partition(" ")[0] in _DDL:
            self._changes_schema = True
            _epochs[self._address] += 1
        return found

    async def run_many(self, sql: str, sets: list[Sequence[Any]]) -> int:
        """Run once for each set of values, all sent at once; how many rows they concerned."""

        async def go(plan: _core.Plan) -> int:
            count: int = (await self._native.run(plan, sets, _core.EACH, None, True))[0]
            return count

        return await self._prepared(sql, go)

    async def stream(
        self, sql: str, args: Sequence[Any], count: int
    ) -> tuple[_core.Plan, _core.Cursor, list[Any]]:
        """The plan, a server-side cursor and its first `count` rows, in a transaction."""

        async def go(plan: _core.Plan) -> tuple[_core.Plan, _core.Cursor, list[Any]]:
            if self._native.state == "idle":
                raise InterfaceError(
                    "a server-side cursor needs a transaction: leave AUTOCOMMIT, or do not stream"
                )
            cursor = self._native.cursor(plan, args)
            return plan, cursor, await cursor.many(count)

        return await self._prepared(sql, go)

    async def _prepared(self, sql: str, go: Callable[[_core.Plan], Awaitable[_T]]) -> _T:
        """What `go` makes of the plan; again if that is old and nothing is lost by it."""
        begun = await self.begin()
        try:
            return await go(self.plan(sql))
        except DatabaseError as error:
            if error.sqlstate not in _STALE:
                raise
            _epochs[self._address] += 1
            if not begun:
                raise
        await self._native.script("ROLLBACK")
        await self.begin()
        return await go(self.plan(sql))

    def plan(self, sql: str) -> _core.Plan:
        """The plan of a statement: its own on each connection, as it knows the newest columns.

        The server refuses a statement that was prepared before the schema changed, and in a
        transaction that has work in it this costs all of that work; so after a change statements
        get another text, which is prepared anew.
        """
        epoch = _epochs[self._address]
        if epoch != self._epoch:
            self._epoch = epoch
            self._plans.clear()
        found = self._plans.get(sql)
        if found is None:
            text = f"{sql}\n/* {epoch} */" if epoch else sql
            found = self._plans[sql] = _core.Plan(text)
        return found  # type: ignore[no-any-return]

    def _end(self, command: str) -> None:
        if self.state == "idle":
            return
        self.command(command)
        if self._changes_schema:
            self._changes_schema = False
            _epochs[self._address] += 1

    def _begin_command(self) -> str:
        words = ["BEGIN"]
        if self.isolation_level is not None:
            words.append(f"ISOLATION LEVEL {self.isolation_level}")
        if self.readonly:
            words.append("READ ONLY")
        if self.deferrable:
            words.append("DEFERRABLE")
        return " ".join(words)

    async def _leave(self) -> None:
        try:
            await self._native.release()
            await self._engine.close(0)
        finally:
            self._engine.terminate()
