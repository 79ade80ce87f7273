"""`python -m tickets`: brings the database up to date and serves the application.

Owns: the order of the two, that the first waits for the database as the second does, and one line
where there is none.
Never does: start to serve when a migration has failed.
Called by: the container, people.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvicorn
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import ArgumentError

from gino.exceptions import Error

from .models import db
from .settings import settings

ROOT = Path(__file__).resolve().parent.parent


async def wait() -> None:
    await db.startup()
    await db.shutdown()


def main() -> None:
    try:
        asyncio.run(wait())
    except (Error, ArgumentError, ValueError, OSError) as error:  # nobody there, or a typo
        sys.exit("tickets: " + " ".join(str(error).split()))
    command.upgrade(Config(ROOT / "alembic.ini"), "head")
    uvicorn.run("tickets.app:app", host="0.0.0.0", port=settings.port)


if __name__ == "__main__":
    main()
