"""The engine: where queries without a connection of their own run.

Owns: `GinoEngine`: the contextual query methods, `acquire`, `transaction`, execution options, echo.
Never does: keep count of connections; the native half does, per task and per loop.
Called by: `gino.strategies` makes it; `gino.api`, `gino.crud`, applications.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, ClassVar
from weakref import WeakSet, WeakValueDictionary, ref

from . import _core, execution
from .connection import GinoConnection
from .cursor import Iteration
from .observe import EngineStats, QueryCallback, stats_of, subscribe
from .pool import Pool
from .queries import QueryMethods
from .raw import RawConnection
from .transaction import TransactionOnEngine

__all__ = ["GinoConnection", "GinoEngine"]

_LOGGER = "gino.engine._SAEngine"


class Acquire:
    """`await` it, or use it as a block that releases the connection at its end."""

    __slots__ = ("_connection", "_waiting")

    def __init__(self, waiting: Awaitable[Any]) -> None:
        self._waiting = waiting
        self._connection: Any = None

    def __await__(self) -> Generator[Any, None, GinoConnection]:
        return self._waiting.__await__()

    async def __aenter__(self) -> GinoConnection:
        connection: GinoConnection = await self._waiting
        self._connection = connection
        return connection

    async def __aexit__(self, *error: object) -> None:
        await self._connection.release()


class GinoEngine(QueryMethods):
    """Runs queries on the current task's connection, else on one that is borrowed for the query.

    Made by `gino.create_engine()`. `run` is the native engine's own: plans go through it directly.
    """

    connection_cls: ClassVar[type[GinoConnection]] = GinoConnection
    # for `gino.testing`, which stands between engines and their pools
    living: ClassVar[WeakSet[GinoEngine]] = WeakSet()
    made: ClassVar[list[Callable[[GinoEngine], None]]] = []

    def __init__(
        self,
        dialect: Any,
        pool: Pool,
        loop: Any = None,
        logging_name: str | None = None,
        echo: bool | None = None,
        execution_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.dialect = dialect
        self._pool = pool
        self._loop = loop
        self.execution_opts: dict[str, Any] = dict(execution_options or {})
        name = f"{_LOGGER}.{logging_name}" if logging_name else _LOGGER
        self.logger = logging.getLogger(name)
        if echo and not self.logger.hasHandlers():
            handler = logging.StreamHandler(sys.stdout)
            handler.setFormatter(
                logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
            )
            self.logger.addHandler(handler)
        self.should_log = self.logger.isEnabledFor(logging.INFO) if echo is None else bool(echo)
        self._raw: WeakValueDictionary[int, RawConnection] = WeakValueDictionary()
        self._maker = _Maker(self)
        self._native = pool.attach(self._maker)
        self.run: Callable[..., Awaitable[Any]] = self.wrapped(
            self._native.run, self.execution_opts.get("timeout")
        )
        GinoEngine.living.add(self)
        for hear in GinoEngine.made:
            hear(self)

    # ---- queries --------------------------------------------------------------------------------

    def iterate(self, clause: Any, *multiparams: Any, **params: Any) -> Iteration[Any]:
        """A cursor on the current connection. Errors: ValueError without one."""

        def open_it() -> _core.Cursor:
            connection = self.current_connection
            if connection is None:
                raise ValueError("No Connection in context, please provide one")
            return execution.open_cursor(connection, clause, multiparams, params)

        return Iteration(open_it)

    def compile(self, clause: Any, *multiparams: Any, **params: Any) -> tuple[str, Any]:
        """The SQL and the values of a clause, as they would be sent."""
        return execution.compile_clause(self.dialect, clause, multiparams, params)

    # ---- connections ----------------------------------------------------------------------------

    def acquire(
        self,
        *,
        timeout: float | None = None,
        reuse: bool = False,
        lazy: bool = False,
        reusable: bool = True,
        command_timeout: float | None = None,
        deadline: float | None = None,
    ) -> Acquire:
        """A connection, to `await` or as a block.

        `timeout`: seconds to wait for one. `reuse`: take the task's newest reusable connection, if
        there is one. `lazy`: borrow on first use. `reusable`: whether others may reuse it.
        `command_timeout`: seconds for each statement that is given none of its own. `deadline`:
        seconds from now for everything on the connection together, the commit included.
        """
        waiting = self._native.acquire(timeout, reuse, lazy, reusable, command_timeout, deadline)
        return Acquire(waiting)

    def transaction(
        self,
        *args: Any,
        timeout: float | None = None,
        reuse: bool = True,
        reusable: bool = True,
        command_timeout: float | None = None,
        deadline: float | None = None,
        **kwargs: Any,
    ) -> TransactionOnEngine:
        """A block with a transaction, on the current connection if `reuse`; `timeout`: seconds to
        get a connection; `command_timeout` and `deadline` as of `acquire()`.
        """
        acquire = self.acquire(
            timeout=timeout,
            reuse=reuse,
            reusable=reusable,
            command_timeout=command_timeout,
            deadline=deadline,
        )
        return TransactionOnEngine(acquire, args, kwargs)

    @property
    def current_connection(self) -> GinoConnection | None:
        """The current task's newest reusable connection."""
        return self._native.current()  # type: ignore[return-value]

    @property
    def raw_pool(self) -> Pool:
        """The driver's pool."""
        return self._pool

    def raw_of(self, connection: GinoConnection) -> RawConnection | None:
        """The driver's connection behind a connection: the same object for all that share it."""
        seat = connection.seat
        if seat is None:
            return None
        raw = self._raw.get(seat)
        if raw is None:
            raw = self._raw[seat] = RawConnection(connection)
        raw.rest_on(connection)
        return raw

    # ---- observation ----------------------------------------------------------------------------

    def on_query(self, callback: QueryCallback) -> Callable[[], None]:
        """Call `callback` with a `QueryEvent` after each statement; returns what ends that.

        It is called from within the task that ran the statement, so it should be quick. What it
        raises is logged. Errors: TypeError for a coroutine function.
        """
        return subscribe(self._native, callback)

    def stats(self) -> EngineStats:
        """The running loop's pool at this moment: figures, metrics, connections, who holds them."""
        return stats_of(self._native)

    # ---- the engine itself ----------------------------------------------------------------------

    async def open(self) -> None:
        """Open `min_size` connections for the running loop."""
        await self._native.open()

    async def close(self, grace: float | None = None) -> None:
        """Close the running loop's connections; waits up to `grace` seconds for borrowed ones."""
        try:
            await self._native.close(grace)
        finally:
            self._maker.let_go()

    def give_up(self) -> None:
        """Close all connections at once, when opening has failed."""
        self._pool.terminate()
        self._maker.let_go()

    def stand_on(self, native: Any) -> None:
        """Run on something else that does what a native engine does."""
        self._native = self._pool.stand_on(native)
        self.run = self.wrapped(native.run, self.execution_opts.get("timeout"))

    def update_execution_options(self, **options: Any) -> None:
        """Execution options for all statements; those of a statement or a connection come first."""
        self.execution_opts.update(options)
        self.run = self.wrapped(self._native.run, self.execution_opts.get("timeout"))

    def repr(self, color: bool = False) -> str:
        """The pool and its figures; `color` needs the package `click`."""
        parts = self._pool.figures()
        if color:
            try:
                import click
            except ImportError:
                warnings.warn("click is not installed, no colors", ImportWarning, stacklevel=2)
            else:
                figures = self._native.figures
                if figures["in_use"] >= figures["max"]:
                    parts[3] = click.style(parts[3], fg="red", bold=True)
        return f"<{self._pool.label} {' '.join(parts)}>"

    def __repr__(self) -> str:
        return self.repr()

    def wrapped(
        self, run: Callable[..., Awaitable[Any]], timeout: float | None
    ) -> Callable[..., Awaitable[Any]]:
        """A native `run` with what the engine adds: a log record, a default `timeout` (seconds)."""
        if timeout is not None:
            run = _bounded(run, timeout)
        return self._logged(run) if self.should_log else run

    def _logged(self, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        logger = self.logger

        def run_and_log(plan: _core.Plan, *args: Any) -> Awaitable[Any]:
            # past the level: echo=True of one engine must not switch on another's
            record = logger.makeRecord(logger.name, logging.INFO, __file__, 0, plan.sql, (), None)
            logger.handle(record)
            return run(plan, *args)

        return run_and_log


class _Maker:
    """Makes an engine's connections for the native half, which no garbage collector looks into: it
    keeps the engine until that is closed, and not for ever.
    """

    __slots__ = ("_engine", "_kept")

    def __init__(self, engine: GinoEngine) -> None:
        self._kept: GinoEngine | None = engine
        self._engine = ref(engine)

    def __call__(self, handle: _core.Handle) -> GinoConnection:
        engine = self._engine()
        assert engine is not None, "whoever asks for a connection has the engine"
        return engine.connection_cls(handle, engine)

    def let_go(self) -> None:
        self._kept = None


def _bounded(run: Callable[..., Awaitable[Any]], seconds: float) -> Callable[..., Awaitable[Any]]:
    def run_bounded(
        plan: _core.Plan, args: Any, mode: int, timeout: float | None = None, *more: Any
    ) -> Awaitable[Any]:
        return run(plan, args, mode, seconds if timeout is None else timeout, *more)

    return run_bounded
