"""Gives the module of an extension package a second name, `gino.ext.<name>`.

Owns: the search for `gino.extensions` entry points, and the finder on `sys.meta_path`.
Never does: take the place of a module that gino ships, or load an extension a second time.
Called by: `gino.ext` installs it; `gino.ext.__main__` lists what it finds.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

GROUP = "gino.extensions"
_PREFIX = "gino.ext."


class ExtensionFinder(MetaPathFinder):
    """Finds `gino.ext.<name>` by the entry point of that name, and what is inside it."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The spec of an extension; None for modules that are not one.

        Errors: ImportError if neither gino nor an installed package brings it.
        """
        if not fullname.startswith(_PREFIX):
            return None
        parent, _, last = fullname.rpartition(".")
        own = getattr(sys.modules.get(parent), "__name__", parent)
        if own != parent:  # inside an extension, which has a name of its own
            return ModuleSpec(fullname, _SecondName(f"{own}.{last}"))
        if parent + "." != _PREFIX or last.startswith("_") or is_shipped(last, path):
            return None
        for entry in installed():
            if entry.name == last:
                return ModuleSpec(fullname, _SecondName(entry.module))
        # not a ModuleNotFoundError: `from gino.ext import name` would say something else instead
        raise ImportError(
            f"Cannot import {fullname} - is gino-{last} a valid extension and installed?",
            name=fullname,
        )


class _SecondName(Loader):
    """Loads a module by handing out the one that has the other name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has put the second name's there


def installed() -> list[EntryPoint]:
    """The extensions that installed packages bring, by name."""
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def is_shipped(name: str, path: Sequence[str] | None) -> bool:
    """Whether gino itself has this module; `path` is that of `gino.ext`."""
    return PathFinder.find_spec(_PREFIX + name, path) is not None


def install() -> None:
    """Put the finder in place, once however often this is called."""
    for finder in sys.meta_path:
        kind = type(finder)
        if (kind.__module__, kind.__qualname__) == (__name__, ExtensionFinder.__qualname__):
            return
    sys.meta_path.insert(0, ExtensionFinder())
