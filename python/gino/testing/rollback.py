"""All work of an engine in one transaction per event loop, which is rolled back in the end.

Owns: `Rollback`, and the stand-in for an engine's pool that gives everybody the same connection.
Never does: know pytest; or change an engine for longer than it is told to.
Called by: `gino.testing.pytest_plugin`, or by other test runners.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from .. import _core
from ..engine import GinoEngine
from ..sqlstate import make_exception
from .show import PATIENCE, Savepoint, Show


class Rollback:
    """While it is active, everything that engines do is undone in the end: those that are there,
    and those that are made meanwhile.
    """

    def __init__(self) -> None:
        self._stages: list[_Stage] = []

    def start(self) -> None:
        """Stand between all engines and their pools. Nothing is borrowed yet."""
        GinoEngine.made.append(self._cover)
        for engine in list(GinoEngine.living):
            self._cover(engine)

    async def undo(self) -> None:
        """Roll back what was done on the running loop. Work after that begins a new transaction.

        Errors: RuntimeError if the transaction is not there any more.
        """
        for stage in self._stages:
            await stage.undo()

    def stop(self) -> None:
        """Leave the engines to their pools. What is still open on a loop that runs, or can run, is
        rolled back there; on a loop that is closed the server has done it.
        """
        GinoEngine.made.remove(self._cover)
        stages, self._stages = self._stages, []
        try:
            for stage in stages:
                stage.finish()
        finally:
            for stage in stages:
                stage.engine.stand_on(stage.native)

    def _cover(self, engine: GinoEngine) -> None:
        stage = _Stage(engine)
        self._stages.append(stage)
        engine.stand_on(stage)


class _Stage:
    """In the place of an engine's native half: everybody is given the same connection."""

    def __init__(self, engine: GinoEngine) -> None:
        self.engine = engine
        self.native: Any = engine.raw_pool.native
        self._shows: dict[asyncio.AbstractEventLoop, asyncio.Task[Show]] = {}
        self._stacks: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()
        self._lent = _lent_class(engine.connection_cls)

    async def show(self) -> Show:
        """The connection of the running loop; the first who asks borrows it."""
        loop = asyncio.get_running_loop()
        if loop not in self._shows:
            # a task of its own: whoever asks first may be cancelled
            self._shows[loop] = loop.create_task(self._open())
        try:
            return await asyncio.shield(self._shows[loop])
        except BaseException:
            if loop in self._shows and self._shows[loop].done() and self._shows[loop].exception():
                del self._shows[loop]
            raise

    async def run(
        self,
        plan: _core.Plan,
        args: Any,
        mode: int,
        timeout: float | None = None,
        many: bool = False,
        into: Any = None,
    ) -> Any:
        """As the native engine's."""
        return await _run(await self.show(), plan, args, mode, timeout, many, into)

    async def acquire(
        self,
        timeout: float | None = None,
        reuse: bool = False,
        lazy: bool = False,
        reusable: bool = True,
        command_timeout: float | None = None,
        deadline: float | None = None,
    ) -> Any:
        """As the native engine's; what it gives stands on the one connection, without limits."""
        show = await self.show()
        task = asyncio.current_task()
        stack = self._stacks.setdefault(task, []) if task is not None else []
        is_reusing = bool(reuse and stack)
        connection = self._lent(show.root.handle, self.engine)
        connection.gino_stage(show, None if is_reusing or not reusable else stack)
        return connection

    def current(self) -> Any:
        """The current task's newest reusable connection."""
        try:
            stack = self._stacks.get(asyncio.current_task())
        except RuntimeError:
            return None
        return stack[-1] if stack else None

    async def open(self) -> None:
        """As the native engine's."""
        await self.native.open()

    async def close(self, grace: float | None = None) -> None:
        """Roll back, and close the pool."""
        await self.undo()
        await self.native.close(grace)

    def terminate(self) -> None:
        """As the native engine's."""
        self._shows.clear()
        self.native.terminate()

    def stats(self) -> dict[str, Any]:
        """As the native engine's."""
        return self.native.stats()  # type: ignore[no-any-return]

    def on_query(self, callback: Callable[..., object]) -> Any:
        """As the native engine's."""
        return self.native.on_query(callback)

    @property
    def figures(self) -> dict[str, int]:
        """As the native engine's."""
        return self.native.figures  # type: ignore[no-any-return]

    @property
    def is_closed(self) -> bool:
        """As the native engine's."""
        return self.native.is_closed  # type: ignore[no-any-return]

    async def undo(self) -> None:
        """Roll back what was done on the running loop."""
        task = self._shows.pop(asyncio.get_running_loop(), None)
        if task is not None:
            await (await task).undo()

    def finish(self) -> None:
        """Roll back what is open on any loop, from outside of them."""
        for loop in list(self._shows):
            if loop.is_closed():
                del self._shows[loop]
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(self.undo(), loop).result(PATIENCE)
            else:
                loop.run_until_complete(self.undo())

    async def _open(self) -> Show:
        root = await self.native.acquire(None, False, False, False)
        try:
            return Show(root, await _core.Connection.begin(root))
        except BaseException:
            await root.release()
            raise


async def _run(
    show: Show,
    plan: _core.Plan,
    args: Any,
    mode: int,
    timeout: float | None,
    many: bool,
    into: Any,
) -> Any:
    tag = await show.control(plan.sql)
    if tag is not None:
        return (tag, []) if mode == _core.STATUS else [] if mode == _core.ALL else None
    return await show.run(
        lambda: _core.Connection.run(show.root, plan, args, mode, timeout, many, into)
    )


class _Lent:
    """What is added to an engine's connection class: its objects share one driver connection."""

    _show: Show
    _engine: Any
    _options: Any

    def gino_stage(self, show: Show, stack: list[Any] | None) -> None:
        """Stand on `show`, and on the task's stack, if there is one."""
        self._show = show
        self._stack = stack
        self._is_gone = self._is_closed = False
        if stack is not None:
            stack.append(self)
        bounded = self._options.get("timeout") or self._engine.execution_opts.get("timeout")
        self.run = self._engine.wrapped(self._run_shared, bounded)

    def execution_options(self, **options: Any) -> Any:
        """A copy with these execution options."""
        copy: Any = super().execution_options(**options)  # type: ignore[misc]
        copy.gino_stage(self._show, None)
        return copy

    async def begin(
        self,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
    ) -> Savepoint:
        """A savepoint, whose isolation is that of the test's transaction."""
        return await self._present().begin(timeout)

    async def script(self, sql: str, timeout: float | None = None) -> str:
        """As the native connection's."""
        show = self._present()
        tag = await show.control(sql)
        if tag is None:
            tag = await show.run(lambda: _core.Connection.script(show.root, sql, timeout))
        return tag

    async def borrow(self, timeout: float | None = None) -> None:
        """Nothing: it is there."""
        self._present()

    def terminate(self) -> None:
        """Closed is this one, not the connection that all share."""
        self._is_closed = True

    @property
    def state(self) -> str:
        """As the native connection's."""
        if self._is_gone:
            return "none"
        return "closed" if self._is_closed else self._show.root.state

    async def release(self, permanent: bool = True) -> bool:
        """Give back the right to use the connection, not the connection."""
        if not permanent:
            return False
        if self._is_gone:
            if self._stack is None:
                return False
            raise make_exception("AlreadyReleased", "this connection is already released", {})
        self._is_gone = True
        if self._stack is not None and self in self._stack:
            self._stack.remove(self)
        return True

    async def _run_shared(
        self,
        plan: _core.Plan,
        args: Any,
        mode: int,
        timeout: float | None = None,
        many: bool = False,
        into: Any = None,
    ) -> Any:
        return await _run(self._present(), plan, args, mode, timeout, many, into)

    def _present(self) -> Show:
        if self._is_gone:
            raise make_exception("Released", "this connection is released permanently", {})
        if self._is_closed:
            raise make_exception("Closed", "the connection is closed", {"what": "connection"})
        return self._show


def _lent_class(base: type) -> Any:
    return type(base.__name__, (_Lent, base), {})
