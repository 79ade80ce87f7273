"""Who is called for what a connection hears without having asked.

Owns: the callbacks of one borrowed connection, by channel, and their order.
Never does: talk to the server (`gino.raw` sends LISTEN), or call back inside of the read callback.
Called by: `gino.raw`; the native half calls `Listeners` for each event.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from .exceptions import InterfaceWarning

Callback = Callable[..., Any]


class PostgresLogMessage:
    """A notice or warning of the server; the fields that it did not send are None."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = dict(fields)

    def as_dict(self) -> dict[str, str]:
        """The fields that the server sent."""
        return dict(self._fields)

    def __getattr__(self, name: str) -> str | None:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._fields.get(name)

    def __str__(self) -> str:
        return f"{self.severity}:  {self.message}"

    def __repr__(self) -> str:
        return f"<gino.PostgresLogMessage {self.sqlstate} {str(self)!r}>"


class Listeners:
    """The callbacks of one borrowed connection, until it goes back to the pool or is closed.

    A plain callback is called in the loop's next turn, a coroutine function is run as a task.
    """

    def __init__(self, connection: Any) -> None:
        # The native connection holds this object: a strong reference would keep it borrowed.
        self._connection = weakref.ref(connection)
        self._loop = asyncio.get_running_loop()
        self._channels: dict[str, dict[Callback, None]] = {}
        self._log: dict[Callback, None] = {}
        self._ends: dict[Callback, None] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.is_over = False

    def has(self, channel: str) -> bool:
        """Whether anybody listens to a channel."""
        return channel in self._channels

    def add(self, channel: str, callback: Callback) -> None:
        """Call back for a channel. A second time for the same callback changes nothing."""
        _check(callback)
        self._channels.setdefault(channel, {})[callback] = None

    def remove(self, channel: str, callback: Callback) -> bool:
        """Forget a callback. Whether it was the last one of the channel."""
        callbacks = self._channels.get(channel)
        if callbacks is None or callback not in callbacks:
            return False
        del callbacks[callback]
        if not callbacks:
            del self._channels[channel]
        return not callbacks

    def add_log(self, callback: Callback) -> None:
        """Call back for notices and warnings."""
        _check(callback)
        self._log[callback] = None

    def remove_log(self, callback: Callback) -> None:
        """Forget a callback for notices."""
        self._log.pop(callback, None)

    def add_end(self, callback: Callback) -> None:
        """Call back when the connection is closed."""
        _check(callback)
        self._ends[callback] = None

    def remove_end(self, callback: Callback) -> None:
        """Forget a callback for the end."""
        self._ends.pop(callback, None)

    def __call__(self, kind: str, *fields: Any) -> None:
        """Take an event from the native half."""
        if kind == "notification":
            pid, channel, payload = fields
            self._schedule(self._channels.get(channel, ()), pid, channel, payload)
        elif kind == "notice":
            self._schedule(self._log, PostgresLogMessage(fields[0]))
        elif kind == "end":
            self._end(fields[0])

    def _schedule(self, callbacks: Any, *args: Any) -> None:
        if not callbacks or self._loop.is_closed():
            return
        connection = self._connection()
        if connection is None:
            return
        for callback in callbacks:
            self._loop.call_soon(self._call, callback, connection, *args)

    def _call(self, callback: Callback, *args: Any) -> None:
        if inspect.iscoroutinefunction(callback):
            task = self._loop.create_task(callback(*args))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            callback(*args)

    def _end(self, why: str) -> None:
        self.is_over = True
        kinds = {"notification": sum(map(len, self._channels.values())), "log": len(self._log)}
        self._schedule(self._ends if why == "closed" else ())
        self._channels, self._log, self._ends = {}, {}, {}
        for kind, count in kinds.items():
            if why == "released" and count:
                warnings.warn(
                    f"{self._connection()!r} goes back to the pool with {count} {kind} "
                    f"listener{'s' if count > 1 else ''}, which hear nothing any more",
                    InterfaceWarning,
                    stacklevel=2,
                )


def _check(callback: Callback) -> None:
    if not callable(callback):
        raise TypeError(f"a listener is a function or coroutine function, not {callback!r}")
