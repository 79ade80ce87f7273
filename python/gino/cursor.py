"""`iterate()`: a server-side cursor, for `async for` or in the hand.

Owns: the moment at which the cursor is made.
Never does: fetch rows; the native cursor does.
Called by: `gino.connection`, `gino.engine`, `gino.prepared`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _core

if TYPE_CHECKING:
    from ._typed import Cursor

T_co = TypeVar("T_co", covariant=True)


class Iteration(Generic[T_co]):
    """`async for row in iteration`, or `cursor = await iteration` for `next()`, `many(n)` and
    `forward(n)`.
    """

    __slots__ = ("_open",)

    def __init__(self, open_it: Callable[[], _core.Cursor]) -> None:
        self._open = open_it

    def __aiter__(self) -> AsyncIterator[T_co]:
        return self._open().__aiter__()

    def __await__(self) -> Generator[Any, None, Cursor[T_co]]:
        return self._opened().__await__()

    async def _opened(self) -> Cursor[T_co]:
        return self._open()
