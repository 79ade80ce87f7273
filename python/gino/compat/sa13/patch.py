"""What is changed in SQLAlchemy, so that it can be changed back.

Owns: the list of changes, and which warnings were given.
Never does: know what a change is for.
Called by: the other modules of `gino.compat.sa13`.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any

_MISSING: Any = object()
_INSIDE = ("gino.", "sqlalchemy.")


class Patches:
    """Changes of attributes of classes and modules."""

    def __init__(self) -> None:
        self._changes: list[tuple[Any, str, Any]] = []
        self._warned: set[str] = set()

    @property
    def is_active(self) -> bool:
        """Whether anything is changed."""
        return bool(self._changes)

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute, and remember what was there."""
        self._changes.append((owner, name, vars(owner).get(name, _MISSING)))
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, shim: Callable[..., Any]) -> None:
        """Put `shim(original, ...)` in the place of a function or method.

        Who has taken the shim into its own namespace gets the original once it is undone.
        """
        original = getattr(owner, name)

        @functools.wraps(original)
        def shimmed(*args: Any, **kwargs: Any) -> Any:
            if not self.is_active:
                return original(*args, **kwargs)
            return shim(original, *args, **kwargs)

        self.put(owner, name, shimmed)

    def undo(self) -> None:
        """Put back everything, newest first."""
        while self._changes:
            owner, name, old = self._changes.pop()
            if old is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
        self._warned.clear()

    def warn(self, old: str, new: str) -> None:
        """Say once that `old` is gone and what to write, as from the application's own line."""
        if old in self._warned:
            return
        self._warned.add(old)
        level, frame = 1, sys._getframe()
        while frame.f_back and frame.f_globals.get("__name__", "").startswith(_INSIDE):
            level, frame = level + 1, frame.f_back
        text = f"{old} is SQLAlchemy 1.3's; write {new} (gino.compat.sa13 translates it)"
        warnings.warn(text, DeprecationWarning, stacklevel=level)


patches = Patches()
