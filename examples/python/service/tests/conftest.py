"""What every test may ask for: a client of the application, in a transaction that is rolled back.

The address is DB_DSN, of a database that may be written to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from httpx import ASGITransport, AsyncClient

from tickets.app import app

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def migrated() -> None:
    """Have the tables of the newest migration."""
    command.upgrade(Config(ROOT / "alembic.ini"), "head")


@pytest.fixture
async def client(migrated: None, gino_rollback: Any) -> AsyncIterator[AsyncClient]:
    """Have the application running. What it writes, with whichever connection, is undone."""
    async with app.router.lifespan_context(app):
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://tickets") as made:
            yield made
