"""What an engine does, for people to see: each query, the pool, who holds which connection.

Owns: `QueryEvent`, `EngineStats` and their like; the callbacks of `on_query`; OpenTelemetry spans.
Never does: time or count anything; the native half does. Imports `opentelemetry` only when asked.
Called by: `gino.engine`, `gino.api`.

    async def report(engine):
        unsubscribe = engine.on_query(lambda query: print(query.duration, query.sql))
        ...
        unsubscribe()
        for connection in engine.stats().holders:
            print(connection.holder.place, connection.holder.last_sql)
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import _core

__all__ = [
    "ConnectionStats",
    "EngineStats",
    "Holder",
    "PoolMetrics",
    "QueryEvent",
    "trace_queries",
]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueryEvent:
    """One finished statement. BEGIN, COMMIT and savepoints count, resets by the pool do not."""

    sql: str  # as it was sent, without values
    duration: float  # seconds, preparing included; waiting for a connection is not
    rows: int | None  # returned or changed, if the server said so; of the last of several sets
    error: BaseException | None
    cancelled: bool  # nobody waited for it any more
    prepared: bool  # it had to be prepared first on this connection
    connection: int  # its number in the pool, from 1
    host: str  # or the path of a socket
    port: int | None
    database: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a connection."""

    caller: str | None  # the task, where a connection was acquired; None for a single query
    place: str | None  # "file:line" of the `acquire()` or `transaction()`
    age: float  # seconds
    last_sql: str | None


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    """One open connection."""

    number: int  # from 1, in the order of opening
    process: int | None  # the server's process, as pg_stat_activity has it
    address: str
    age: float  # seconds since it was opened
    state: str  # "idle", "in transaction", "failed", "closed", "starting"
    in_flight: int  # requests under way
    statements: int  # prepared statements that are kept
    statement_cache_size: int
    statement_hits: int  # times a statement was prepared already
    statement_misses: int
    holder: Holder | None  # None while it is idle


@dataclass(frozen=True, slots=True)
class PoolMetrics:
    """What the pool has done since it was made; nothing counts backwards."""

    opened: int = 0
    closed: int = 0
    reused: int = 0
    waited: int = 0  # borrowers who had to queue
    wait_time: float = 0.0  # seconds they queued, all together
    timeouts: int = 0  # borrowers who got nothing in time
    failed_connects: int = 0
    health_checks: int = 0
    resets: int = 0


@dataclass(frozen=True, slots=True)
class EngineStats:
    """The running loop's pool at one moment."""

    max: int
    min: int
    size: int  # open, or being opened
    in_use: int
    idle: int
    waiting: int  # callers in the queue
    metrics: PoolMetrics
    connections: tuple[ConnectionStats, ...]

    @property
    def holders(self) -> tuple[ConnectionStats, ...]:
        """The connections in somebody's hands, the longest held first."""
        held = (one for one in self.connections if one.holder is not None)
        return tuple(sorted(held, key=lambda one: -one.holder.age if one.holder else 0))


def stats_of(native: _core.Engine) -> EngineStats:
    """The statistics of a native engine."""
    found = native.stats()
    connections = tuple(_connection(one) for one in found.pop("connections"))
    return EngineStats(**native.figures, metrics=PoolMetrics(**found), connections=connections)


def _connection(fields: dict[str, Any]) -> ConnectionStats:
    holder = fields.pop("holder")
    return ConnectionStats(**fields, holder=Holder(**holder) if holder is not None else None)


QueryCallback = Callable[[QueryEvent], object]


def subscribe(native: _core.Engine, callback: QueryCallback) -> Callable[[], None]:
    """Call `callback` with a QueryEvent after each statement; returns what ends that.

    Errors: TypeError for a coroutine function, or for what cannot be called.
    """
    check_callback(callback)

    def told(*fields: Any) -> None:
        try:
            callback(QueryEvent(*fields))
        except Exception:
            _LOGGER.exception("an on_query callback failed: %r", callback)

    return native.on_query(told).end


def check_callback(callback: QueryCallback) -> None:
    """Errors: TypeError for a coroutine function, or for what cannot be called."""
    if not callable(callback) or inspect.iscoroutinefunction(callback):
        raise TypeError(f"on_query takes a plain function over a QueryEvent, not {callback!r}")


class Callbacks:
    """The `on_query` callbacks of a `Gino`, on whatever engine it is bound to."""

    def __init__(self) -> None:
        self._ends: dict[int, tuple[QueryCallback, Callable[[], None] | None]] = {}
        self._engine: Any = None
        self._count = 0

    def add(self, callback: QueryCallback) -> Callable[[], None]:
        """As `GinoEngine.on_query`, also before there is an engine."""
        check_callback(callback)
        self._count += 1
        number = self._count
        engine = self._engine
        self._ends[number] = (callback, None if engine is None else engine.on_query(callback))
        return lambda: self._remove(number)

    def move_to(self, engine: Any) -> None:
        """Leave the engine they were on, and listen to this one, if it is one."""
        if not hasattr(engine, "on_query"):
            engine = None
        if engine is self._engine:
            return
        self._engine = engine
        for number, (callback, end) in self._ends.items():
            if end is not None:
                end()
            begun = None if engine is None else engine.on_query(callback)
            self._ends[number] = (callback, begun)

    def _remove(self, number: int) -> None:
        _, end = self._ends.pop(number, (None, None))
        if end is not None:
            end()


def trace_queries(
    target: Any, tracer_provider: Any = None, *, query_text: bool = True
) -> Callable[[], None]:
    """An OpenTelemetry span for each statement of an engine or a `Gino`; returns what ends that.

    The span's parent is the current one of the task that ran the statement. Names are those of the
    stable database conventions: `db.system.name`, `db.namespace`, `db.operation.name`,
    `db.query.text`, `server.address`, `server.port`, `db.response.returned_rows`,
    `db.response.status_code`, `error.type`. Values of parameters are never part of a span;
    `query_text=False` leaves the text out, too. Errors: ImportError without `opentelemetry-api`.
    """
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise ImportError("trace_queries() needs the package opentelemetry-api") from error

    tracer = trace.get_tracer("gino", _version(), tracer_provider)

    def told(query: QueryEvent) -> None:
        end = time.time_ns()
        operation = _operation(query.sql)
        attributes: dict[str, Any] = {
            "db.system.name": "postgresql",
            "db.namespace": query.database,
            "server.address": query.host,
        }
        if operation:
            attributes["db.operation.name"] = operation
        if query_text:
            attributes["db.query.text"] = query.sql
        if query.port is not None:
            attributes["server.port"] = query.port
        if query.rows is not None:
            attributes["db.response.returned_rows"] = query.rows
        span = tracer.start_span(
            f"{operation} {query.database}".strip(),
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            start_time=end - int(query.duration * 1e9),
        )
        _mark_failure(span, query, trace.StatusCode.ERROR)
        span.end(end)

    end: Callable[[], None] = target.on_query(told)
    return end


def _mark_failure(span: Any, query: QueryEvent, failed: Any) -> None:
    if query.error is not None:
        state = getattr(query.error, "sqlstate", None)
        if state:
            span.set_attribute("db.response.status_code", state)
        span.set_attribute("error.type", state or type(query.error).__qualname__)
        span.set_status(failed, str(query.error))
    elif query.cancelled:
        span.set_attribute("error.type", "cancelled")
        span.set_status(failed, "cancelled")


def _operation(sql: str) -> str:
    """The first word of a statement, behind comments."""
    rest = sql.lstrip()
    while rest.startswith(("--", "/*")):
        end = "\n" if rest.startswith("--") else "*/"
        rest = rest.partition(end)[2].lstrip()
    word = rest.split(None, 1)[0] if rest else ""
    return word.rstrip(";(").upper()


def _version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    with suppress(PackageNotFoundError):
        return version("gino")
    return None
