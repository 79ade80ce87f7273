"""`iterate()`: a server-side cursor, for `async for` or in the hand.

Owns: the moment at which the cursor is made.
Never does: fetch rows; the native cursor does.
Called by: `gino.connection`, `gino.engine`, `gino.prepared`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from . import _core


class Iteration:
    """`async for row in iteration`, or `cursor = await iteration` for `next()`, `many(n)` and
    `forward(n)`.
    """

    __slots__ = ("_open",)

    def __init__(self, open_it: Callable[[], _core.Cursor]) -> None:
        self._open = open_it

    def __aiter__(self) -> Any:
        return self._open().__aiter__()

    def __await__(self) -> Generator[Any, None, _core.Cursor]:
        return self._opened().__await__()

    async def _opened(self) -> _core.Cursor:
        return self._open()
