"""`gino doctor FILE...`: the old forms in an application, and what to write instead.

Owns: the command line.
Never does: change a file.
Called by: people who bring an application from GINO 1.x; also as `python -m gino`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from . import doctor


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns 0 if nothing needs a change, 1 if something does, 2 for a file that
    cannot be read.
    """
    parser = argparse.ArgumentParser(prog="gino", description="Tools for applications of GINO.")
    commands = parser.add_subparsers(dest="command", metavar="doctor")
    words = "list the forms of SQLAlchemy 1.3 and GINO 1.x in Python files"
    examine = commands.add_parser(
        "doctor",
        help=words,
        description=f"{words[0].upper()}{words[1:]}: file, line, what to write instead, and "
        "whether `import gino.compat.sa13` makes it work. Ends with 1 if there is a form that "
        "does not work as it stands.",
    )
    examine.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, directories")
    examine.add_argument("--json", action="store_true", help="a JSON array instead of lines")
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        found = doctor.examine(given.files)
    except (OSError, SyntaxError, ValueError) as error:
        print(f"gino doctor: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps([dataclasses.asdict(one) for one in found], indent=2))
    else:
        for line in doctor.lines(found):
            print(line)
    return int(any(one.covered != doctor.GINO for one in found))


if __name__ == "__main__":
    sys.exit(main())
