"""The connection of a request, which request this is, and which requests run.

Owns: how long a request has its connection: nothing is borrowed before the first query, and what
was borrowed goes back when the request ends, however it ends. `current_request` and
`running_requests`, for who observes queries. `Running`, for servers that do not wait for requests
themselves.
Never does: decide which requests get one; the modules of `gino.ext` do.
Called by: `gino.ext._web.application`, and the modules of ASGI frameworks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any


class Request:
    """One request, as observers tell it from others; `notes` are theirs."""

    __slots__ = ("_label", "_task", "notes")

    def __init__(self, label: Callable[[], str]) -> None:
        self._label = label
        self._task = asyncio.current_task()
        self.notes: dict[Any, Any] = {}

    @property
    def label(self) -> str:
        """What handles it: a route or a function, never the values in its path."""
        return self._label()

    @property
    def caller(self) -> str:
        """Its task, as an engine names the holder of a connection."""
        return f"task {self._task.get_name()}" if self._task is not None else ""


running_requests: set[Request] = set()
current_request: ContextVar[Request | None] = ContextVar("current_request", default=None)


@asynccontextmanager
async def lazy_connection(bind: Any, label: Callable[[], str]) -> AsyncIterator[Any]:
    """A connection for the length of the block, in the context of the task that enters it.

    `label` names the request, when somebody asks. Cancellation: the connection goes back; a query
    in flight is cancelled, a transaction is rolled back.
    """
    connection = await bind.acquire(lazy=True)
    request = Request(label)
    token = current_request.set(request)
    running_requests.add(request)
    try:
        yield connection
    finally:
        running_requests.discard(request)
        # the request may have released it for good by itself, or end in another context
        with suppress(ValueError):
            current_request.reset(token)
        with suppress(ValueError):
            await connection.release()


async def give_back(connection: Any) -> None:
    """Return what was borrowed, unless a transaction is open; the next query borrows again.

    For the time when the handler is done and the response goes out: a body that is streamed or a
    background task must not keep a connection from others, nor wait for a second one.
    """
    if connection.state == "idle":
        await connection.release(permanent=False)


class Running:
    """The tasks that handle requests."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any] | None] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @contextmanager
    def request(self) -> Iterator[None]:
        """A block that handles a request, in the task that enters it."""
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    async def end(self, grace: float = 10.0) -> None:
        """Wait for them, `grace` seconds at the most."""
        running = [task for task in self._tasks if task is not None]
        if running:
            await asyncio.wait(running, timeout=grace)
