"""SQLAlchemy 1.3's forms that 2.1 has removed, back for applications that still use them.

    import gino.compat.sa13  # first thing at start-up

Owns: the switch. Importing this puts the shims into SQLAlchemy; `uninstall()` takes all of them
out again. Each shim warns once (DeprecationWarning) and names the modern form.
Never does: change what a modern form means; without the import nothing of it is there.
Called by: applications.
"""

from __future__ import annotations

from . import clauses, connections, engines, sources, tables, urls
from .patch import patches

__all__ = ["install", "uninstall"]


def install() -> None:
    """Put the shims in place; does nothing if they are."""
    if not patches.is_active:
        for part in (clauses, sources, tables, urls, connections, engines):
            part.install()


def uninstall() -> None:
    """Take all shims out; SQLAlchemy is as it was. Objects made meanwhile keep working."""
    patches.undo()


install()
