"""Cursors that are left before their end."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from models import Mood, User, bound


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


async def test_portal_is_closed_when_the_loop_ends_early(db: Any) -> None:
    async with db.transaction():
        await db.status(
            "CREATE TEMP TABLE many ON COMMIT DROP AS SELECT generate_series(1, 1000) i"
        )
        async for row in db.iterate("SELECT i FROM many"):
            assert row.i == 1
            break
        gc.collect()
        # the server refuses this while a portal reads the table
        await db.status("ALTER TABLE many ADD COLUMN j int")
        assert await db.scalar("SELECT count(*) FROM pg_cursors WHERE name <> ''") == 0


async def test_cursor_in_the_hand_lets_go_of_its_portal(db: Any) -> None:
    async with db.transaction():
        cursor = await db.iterate("SELECT generate_series(1, 1000)")
        assert (await cursor.many(2)) == [(1,), (2,)]
        assert await db.scalar("SELECT count(*) FROM pg_cursors WHERE name <> ''") == 1
        del cursor
        gc.collect()
        assert await db.scalar("SELECT count(*) FROM pg_cursors WHERE name <> ''") == 0
    cursor = None
    async with db.transaction():
        cursor = await db.iterate("SELECT generate_series(1, 1000)")
        await cursor.next()
    del cursor
    gc.collect()
    assert await db.scalar("SELECT 1") == 1


async def test_columns_of_text_by_keyword_have_their_types(db: Any) -> None:
    await User.create(nickname="ada", mood=Mood.GOOD)
    mood = db.Enum(Mood, name="gt_mood")
    query = db.text("SELECT id, mood, name FROM gt_users").columns(mood=mood, name=db.Unicode())
    row = await query.gino.model(User).return_model(False).first()
    assert (row.mood, row.name) == (Mood.GOOD, "ada")
    user = await query.gino.model(User).first()
    assert (user.nickname, user.mood) == ("ada", Mood.GOOD)
    assert await db.first(query.execution_options(loader=User.mood)) is Mood.GOOD
