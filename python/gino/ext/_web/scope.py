"""The connection of a request.

Owns: how long a request has its connection: nothing is borrowed before the first query, and what
was borrowed goes back when the request ends, however it ends.
Never does: decide which requests get one; the modules of `gino.ext` do.
Called by: `gino.ext._web.application`, and the modules of ASGI frameworks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def lazy_connection(bind: Any) -> AsyncIterator[Any]:
    """A connection for the length of the block, in the context of the task that enters it.

    Cancellation: the connection goes back; a query in flight is cancelled, a transaction is rolled
    back.
    """
    connection = await bind.acquire(lazy=True)
    try:
        yield connection
    finally:
        # the request may have released it for good by itself
        with suppress(ValueError):
            await connection.release()


async def give_back(connection: Any) -> None:
    """Return what was borrowed, unless a transaction is open; the next query borrows again.

    For the time when the handler is done and the response goes out: a body that is streamed or a
    background task must not keep a connection from others, nor wait for a second one.
    """
    if connection.state == "idle":
        await connection.release(permanent=False)
