"""`python -m gino.ext list|stub|clean`: extensions of other packages, and stubs for editors.

Owns: the command line, and the `.pyi` files next to it that it has written.
Never does: import an extension, or touch a file that it has not made.
Called by: people whose type checker or editor does not see `gino.ext.<name>`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

from ._hook import installed, is_shipped

_HOME = Path(__file__).parent
_MARK = '"""Made by `python -m gino.ext stub`.'


def show() -> None:
    """Print each extension with its module and its stub."""
    for entry in _extensions():
        path = _stub_of(entry)
        print(f"{entry.name}\t{entry.module}\t{path if _is_ours(path) else 'no stub'}")


def stub() -> None:
    """Write a stub for each extension, remove those of others."""
    clean(keep={_stub_of(entry) for entry in _extensions()})
    for entry in _extensions():
        path = _stub_of(entry)
        path.write_text(f'{_MARK}"""\n\nfrom {entry.module} import *\n', encoding="utf-8")
        print(path)


def clean(keep: set[Path] | None = None) -> None:
    """Remove the stubs that were written.

    Those in `keep` stay.
    """
    for path in sorted(_HOME.glob("*.pyi")):
        if _is_ours(path) and path not in (keep or ()):
            path.unlink()
            print(f"removed {path}")


def _extensions() -> Iterator[EntryPoint]:
    """Extensions that are not shipped with gino: those need no help to be found."""
    return (entry for entry in installed() if not is_shipped(entry.name, [str(_HOME)]))


def _stub_of(entry: EntryPoint) -> Path:
    return _HOME / f"{entry.name}.pyi"


def _is_ours(path: Path) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8").startswith(_MARK)


_COMMANDS = {"list": show, "stub": stub, "clean": clean}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; without one, print the help."""
    parser = argparse.ArgumentParser(
        prog="python -m gino.ext",
        description="Extensions of other packages, and stubs that let editors and type checkers "
        "see them under gino.ext.",
    )
    commands = parser.add_subparsers(dest="command", metavar="list|stub|clean")
    for name, command in _COMMANDS.items():
        words = (command.__doc__ or "").strip().split("\n")[0]
        commands.add_parser(name, help=words, description=words)
    command = parser.parse_args(arguments).command
    if command is None:
        parser.print_help()
    else:
        _COMMANDS[command]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
