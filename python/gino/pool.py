"""The pools behind an engine, as Python sees them.

Owns: the native engine and its figures, under the names that asyncpg gave its pool.
Never does: know SQLAlchemy or models.
Called by: `gino.engine`, `gino.strategies`; given out as `engine.raw_pool`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any, ClassVar

from . import _core
from .raw import RawConnection

Hook = Callable[[RawConnection], Awaitable[object]]


def _borrowing(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def call(self: Pool, *args: Any, **kwargs: Any) -> Any:
        async with self.acquire() as connection:
            return await getattr(connection, name)(*args, **kwargs)

    call.__name__ = name
    call.__doc__ = f"As `RawConnection.{name}`, on a connection that is borrowed for it."
    return call


class Pool:
    """One pool of connections per running event loop, over one configuration.

    `hooks`, set before the pool is attached: `init`, `setup` and `reset`, coroutine functions over
    the driver's connection, as `asyncpg.create_pool` has them.
    """

    # settings of the native pool that the class stands for
    settings: ClassVar[dict[str, str]] = {}
    label = "gino.pool.Pool"

    def __init__(self, config: _core.Config) -> None:
        self.config = config
        self.hooks: Mapping[str, Hook] = {}
        self._native: _core.Engine | None = None

    def attach(self, make_connection: Callable[[_core.Handle], Any]) -> _core.Engine:
        """The native engine, whose connections are made by `make_connection`."""
        if self._native is None:
            hooks = {name: _on_raw(hook) for name, hook in self.hooks.items()}
            self._native = _core.Engine(self.config, make_connection, **hooks)
        return self._native

    @property
    def native(self) -> _core.Engine:
        """The native engine."""
        if self._native is None:
            return self.attach(_core.Connection)
        return self._native

    def stand_on(self, native: Any) -> Any:
        """Use something else that does what a native engine does."""
        self._native = native
        return native

    def acquire(self, *, timeout: float | None = None) -> _RawAcquire:
        """A connection of its own, outside of the task's context: to `await`, or as a block."""
        return _RawAcquire(self.native.acquire(timeout, False, False, False))

    async def release(self, connection: RawConnection) -> None:
        """Give a connection back."""
        await connection._connection.release()

    fetch = _borrowing("fetch")
    fetchrow = _borrowing("fetchrow")
    fetchval = _borrowing("fetchval")
    fetchmany = _borrowing("fetchmany")
    execute = _borrowing("execute")
    executemany = _borrowing("executemany")
    copy_from_table = _borrowing("copy_from_table")
    copy_from_query = _borrowing("copy_from_query")
    copy_to_table = _borrowing("copy_to_table")
    copy_records_to_table = _borrowing("copy_records_to_table")

    def get_size(self) -> int:
        """Open connections of the running loop."""
        return self.native.figures["size"]

    def get_idle_size(self) -> int:
        """Open connections that nobody has borrowed."""
        return self.native.figures["idle"]

    def get_min_size(self) -> int:
        """How many connections are opened at the start."""
        return self.native.figures["min"]

    def get_max_size(self) -> int:
        """How many connections there can be."""
        return self.native.figures["max"]

    def is_closing(self) -> bool:
        """Whether the pool is closed."""
        return self.native.is_closed

    def close(self, grace: float | None = None) -> Awaitable[None]:
        """Close the running loop's pool; waits up to `grace` seconds for borrowed connections."""
        return self.native.close(grace)

    def terminate(self) -> None:
        """Close all connections at once."""
        self.native.terminate()

    def figures(self) -> list[str]:
        """`max=`, `min=`, `cur=` (open connections) and `use=` (borrowed ones)."""
        found = self.native.figures
        return [f"{key}={found[name]}" for key, name in _FIGURES]

    def __repr__(self) -> str:
        return f"<{self.label} {' '.join(self.figures())}>"


class NullPool(Pool):
    """Keeps nothing: a connection is opened for each acquire and closed on release."""

    settings: ClassVar[dict[str, str]] = {
        "init_size": "0",
        "min_size": "0",
        "max_size": "65535",  # more than any server accepts
        "max_queries": "1",
    }
    label = "NullPool"

    def figures(self) -> list[str]:
        """As of a pool without limits."""
        return ["max=inf", *super().figures()[1:]]


_FIGURES = (("max", "max"), ("min", "min"), ("cur", "size"), ("use", "in_use"))


class _RawAcquire:
    """`await` it, or use it as a block that gives the connection back at its end."""

    __slots__ = ("_connection", "_waiting")

    def __init__(self, waiting: Awaitable[Any]) -> None:
        self._waiting = waiting
        self._connection: Any = None

    def __await__(self) -> Generator[Any, None, RawConnection]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> RawConnection:
        self._connection = await self._waiting
        return RawConnection(self._connection)

    async def __aexit__(self, *error: object) -> None:
        await self._connection.release()


def _on_raw(hook: Hook) -> Callable[[Any], Coroutine[Any, Any, object]]:
    async def call(connection: Any) -> object:
        return await hook(connection.raw_connection)

    return call
