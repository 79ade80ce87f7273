"""What is said where the framework of an extension is not installed.

Owns: the way from a missing module to the extra that brings it.
Never does: import a framework by itself.
Called by: the modules of `gino.ext` that stand on a framework.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .. import __version__


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Around imports from the framework of `gino.ext.<extra>`.

    Errors: ModuleNotFoundError that names what to install.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        raise ModuleNotFoundError(
            f"gino.ext.{extra} needs {missing}, which is not installed: "
            f'pip install "gino[{extra}]>={__version__}"',
            name=error.name,
            path=error.path,
        ) from error
