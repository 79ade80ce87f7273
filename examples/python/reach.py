"""Owns how the examples end when there is no database for them: with one line, and exit code 1.

Never hides an error of what comes after connecting. Called by the other examples, as programs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sqlalchemy.exc import ArgumentError

from gino.exceptions import Error

CANNOT = (Error, ArgumentError, ValueError, OSError)  # a typo in the address, nobody there


def reach(connecting: Coroutine[Any, Any, Any]) -> None:
    """Run what connects; if it cannot, tell why and end the program."""
    try:
        asyncio.run(connecting)
    except CANNOT as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: " + " ".join(str(error).split()))


async def wait(db: Any) -> None:
    """Wait for the database of a web service, as often as its settings say."""
    await db.startup()
    await db.shutdown()
