"""Alembic's environment: its async template, on the driver `postgresql+gino`.

Owns: how migrations reach the database.
Never does: change a table; the files in versions/ do.
Called by: alembic.
"""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import pool, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from tickets.models import db
from tickets.settings import settings

VERSIONS = "tickets_alembic_version"
LOCK = 4_217_001  # any number that no other program locks


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or (name or "").startswith("tickets_")


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db,
        include_name=include_name,
        version_table=VERSIONS,
        compare_server_default=True,
    )
    with context.begin_transaction():
        # several copies of the service may start at once
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def online() -> None:
    engine = create_async_engine(settings.sqlalchemy_url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def offline() -> None:
    context.configure(
        url=settings.sqlalchemy_url,
        target_metadata=db,
        version_table=VERSIONS,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    asyncio.run(online())
