"""A program that type checkers read: what they know about models, queries and connections.

`test_typing.py` runs mypy and pyright over it, in strict mode, and then the program itself.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, assert_type

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gino import Gino, create_engine
from gino._core import Row
from gino.crud import CRUDModel, UpdateRequest
from gino.engine import GinoConnection, GinoEngine
from gino.transaction import GinoTransaction

if TYPE_CHECKING:
    from gino._typed import Query

db = Gino()


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Model(CRUDModel):
    """The base of this program's models: what `db.Model` is, for checkers as well."""

    __metadata__ = db


class Team(Model):
    __tablename__ = "typed_teams"

    id = db.Column(db.Integer(), primary_key=True)
    name = db.Column(db.Unicode(), nullable=False, unique=True)


class User(Model):
    __tablename__ = "typed_users"

    id = db.Column(db.Integer(), primary_key=True)
    nickname = db.Column("name", db.Unicode(), default="noname")
    mood = db.Column(db.Enum(Mood, name="typed_mood"))
    joined = db.Column(db.DateTime, nullable=False, server_default=db.func.now())
    team_id = db.Column(db.ForeignKey("typed_teams.id"))
    profile = db.Column(JSONB, nullable=False, server_default="{}")

    age = db.IntegerProperty(default=18)
    city = db.StringProperty()

    team: Team


def adults(query: Query[User]) -> Query[User]:
    """A part of a query that is a function."""
    return query.where(User.age >= 18)


async def crud() -> None:
    team = await Team.create(name="core")
    assert_type(team, Team)
    assert_type(team.id, int)
    assert_type(team.name, str)

    user = await User.create(nickname="fantix", team_id=team.id, age=32)
    assert_type(user, User)
    assert_type(user.nickname, str | None)
    assert_type(user.mood, Mood | None)
    assert_type(user.joined, datetime)
    assert_type(user.age, int | None)
    assert_type(user.city, str | None)
    assert_type(User.nickname, sa.Column[str | None])
    assert_type(User.nickname == "daisy", sa.ColumnElement[bool])
    user.nickname = "daisy"

    assert_type(await User.get(user.id), User | None)
    assert_type(await User(nickname="x").create(), User)
    assert_type(user.update(nickname="y"), UpdateRequest)
    await user.update(nickname="y", mood=Mood.GOOD).apply(timeout=5)
    assert_type(await user.query.gino.one(), User)
    assert_type(await user.select("nickname").gino.first(), Row | None)
    assert_type(user.to_dict(), dict[str, Any])
    found, created = await Team.get_or_create(name="other")
    assert_type(found, Team)
    assert_type(created, bool)
    assert_type(await team.update(name="renamed").apply(), UpdateRequest)
    assert_type(await found.delete(), str)


async def queries() -> None:
    assert_type(await User.query.gino.all(), list[User])
    query = User.query.where(User.nickname == "y").order_by(User.id).limit(5).with_for_update()
    assert_type(await query.gino.first(), User | None)
    assert_type(await adults(query).gino.one_or_none(), User | None)
    assert_type(await db.all(User.query), list[User])
    assert_type(await db.first(adults(User.query)), User | None)
    tag, users = await User.query.gino.status()
    assert_type(tag, str)
    assert_type(users, list[User])

    rows = await db.select([User.id, db.func.count()]).group_by(User.id).gino.all()
    assert_type(rows, list[Row])
    assert_type(await User.select("id", "nickname").gino.first(), Row | None)
    assert_type(await db.select(User.id).gino.model(User).all(), list[User])
    assert_type(await User.query.gino.model(None).all(), list[Row])
    count: int = await User.query.gino.count()
    assert_type(await User.query.gino.exists(), bool)
    print(count, await db.scalar("SELECT 1"))

    page = await User.query.order_by(User.id).gino.page(size=1)
    assert_type(page.items, list[User])

    changed = User.update.values(name="z").where(User.id == 1).returning(*User)
    assert_type(await changed.gino.all(), list[User])
    assert_type(await User.delete.where(User.id == 404).gino.status(), tuple[str, list[User]])
    assert await User.delete.where(User.id == 404).gino.all() == []


async def loaders() -> None:
    assert_type(await User.load(team=Team).query.gino.all(), list[User])
    joined = db.select([User, Team]).select_from(User.join(Team))
    loaded = await joined.gino.load(User.load(team=Team)).all()
    assert_type(loaded, list[User])
    assert_type(loaded[0].team, Team)
    assert_type(await joined.gino.load(Team).all(), list[Team])
    print(await joined.gino.load((User.id, Team.name)).all())


async def many() -> None:
    teams = await Team.bulk_create([{"name": "a"}, {"name": "b"}])
    assert_type(teams, list[Team])
    assert_type(await Team.bulk_create([{"name": "c"}], returning=False), int)
    assert_type(await Team.bulk_upsert([{"id": teams[0].id, "name": "A"}]), list[Team])
    assert_type(await Team.bulk_update(teams), list[Team])


async def connections() -> None:
    async with db.acquire(lazy=True) as connection:
        assert_type(connection, GinoConnection)
        assert_type(await connection.first(User.query), User | None)
        async with connection.transaction(isolation="serializable") as tx:
            assert_type(tx, GinoTransaction)
    async with db.transaction() as tx:
        assert_type(tx, GinoTransaction)
        async for user in User.query.gino.iterate():
            assert_type(user, User)
        cursor = await User.query.gino.iterate()
        assert_type(await cursor.next(), User | None)
        assert_type(await cursor.many(2), list[User])
        if TYPE_CHECKING:
            reveal = db.all(User.query)
            assert_type(reveal, Awaitable[list[User]])
    connection = await db.acquire()
    await connection.release()


async def main(dsn: str) -> None:
    async with db.with_bind(dsn, min_size=1) as engine:
        assert_type(engine, GinoEngine)
        await db.gino.drop_all()
        await db.gino.create_all()
        try:
            for part in (crud, queries, loaders, many, connections):
                await part()
        finally:
            await db.gino.drop_all()
    assert_type(await create_engine(dsn, min_size=0), GinoEngine)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
