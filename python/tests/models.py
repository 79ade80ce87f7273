"""Owns the models that the live tests share, and the fixture that gives them an engine.

Never asserts anything. Called by the test modules, which import `db` fixtures from here.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB

from gino import Gino

metadata: Any = Gino()


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Team(metadata.Model):
    __tablename__ = "gt_teams"

    id = metadata.Column(metadata.Integer(), primary_key=True)
    name = metadata.Column(metadata.Unicode(), nullable=False)
    parent_id = metadata.Column(metadata.ForeignKey("gt_teams.id"))


class User(metadata.Model):
    __tablename__ = "gt_users"

    id = metadata.Column(metadata.BigInteger(), primary_key=True)
    nickname = metadata.Column("name", metadata.Unicode(), default="noname")
    mood = metadata.Column(metadata.Enum(Mood, name="gt_mood"))
    team_id = metadata.Column(metadata.ForeignKey("gt_teams.id"))
    profile = metadata.Column(JSONB, nullable=False, server_default="{}")
    created_at = metadata.Column(metadata.DateTime(), server_default=metadata.func.now())

    age = metadata.IntegerProperty(default=18)
    city = metadata.StringProperty()
    seen = metadata.DateTimeProperty()
    active = metadata.BooleanProperty(default=True)


class Seat(metadata.Model):
    __tablename__ = "gt_seats"

    row = metadata.Column("seat_row", metadata.Integer(), primary_key=True)
    number = metadata.Column(metadata.Integer(), primary_key=True)
    guest = metadata.Column(metadata.Unicode(), unique=True)


class Note(metadata.Model):
    """A table without a key."""

    __tablename__ = "gt_notes"

    text = metadata.Column(metadata.Unicode())
    updated_at = metadata.Column(metadata.DateTime(), onupdate=datetime.now)


_made: list[str] = []


@contextlib.asynccontextmanager
async def bound(dsn: str, **settings: Any) -> AsyncIterator[Any]:
    """The metadata with an engine on empty tables."""
    settings = {"min_size": 1, "max_size": 5, **settings}
    async with metadata.with_bind(dsn, **settings):
        if not _made:
            await metadata.gino.drop_all()
            await metadata.gino.create_all()
            _made.append(dsn)
        tables = ", ".join(metadata.tables)
        await metadata.status(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        yield metadata
