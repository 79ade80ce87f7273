"""Owns what is compared: GINO and its peers doing the same work on the same tables.

Never measures: python.py does, and checks first that all come to the same values. Each contestant
is at its best: asyncpg with a held connection and prepared statements, SQLAlchemy without
transactions that nobody asked for.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ClassVar

import asyncpg
import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Integer,
    Numeric,
    Text,
    insert,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column

from gino import Gino

POOL = 10
USERS = "gino_bench_users"
TEAMS = "gino_bench_teams"
TEAM_COLUMNS = {"id": Integer, "name": Text, "size": Integer}
USER_COLUMNS: dict[str, Any] = {
    "id": Integer,
    "nickname": Text,
    "email": Text,
    "age": Integer,
    "visits": BigInteger,
    "is_active": Boolean,
    "balance": Numeric(12, 2),
    "created_at": DateTime(timezone=True),
    "profile": JSONB,
}


class Contestant:
    """The work to do; objects are of the contestant's own kind, `plain` makes tuples of them."""

    name: ClassVar[str]

    @contextlib.asynccontextmanager
    async def opened(self, dsn: str) -> AsyncIterator[None]:
        """A pool of POOL connections, ready."""
        raise NotImplementedError
        yield

    @contextlib.asynccontextmanager
    async def one_connection(self) -> AsyncIterator[None]:
        """Use one connection for all of this task's work inside the block."""
        raise NotImplementedError
        yield

    async def get(self, key: int) -> Any:
        raise NotImplementedError

    async def get_by_pool(self, key: int) -> Any:
        raise NotImplementedError

    async def load_users(self) -> Sequence[Any]:
        raise NotImplementedError

    async def load_teams(self) -> Sequence[Any]:
        raise NotImplementedError

    async def create(self, values: dict[str, Any]) -> Any:
        raise NotImplementedError

    async def updates(self, key: int, ages: Sequence[int]) -> Any:
        """Load a user and change its age once for each of `ages`, each time on the server."""
        raise NotImplementedError

    async def insert_many(self, rows: list[dict[str, Any]]) -> None:
        """Insert users, all at once."""
        raise NotImplementedError

    async def load_joined(self) -> Sequence[Any]:
        """All users, each with the team of the same id."""
        raise NotImplementedError

    async def filtered(self, age: int) -> Sequence[Any]:
        """Twenty users older than `age`, by a query that is built each time (fixed SQL, where there
        is nothing that builds).
        """
        raise NotImplementedError

    async def iterate(self) -> int:
        """Read all teams by a cursor, row by row; how many there are."""
        raise NotImplementedError

    async def change_in_transaction(self, key: int, age: int) -> Any:
        """Begin, get, update, commit."""
        raise NotImplementedError

    def plain_joined(self, thing: Any) -> tuple[Any, ...]:
        return (*self.plain(thing), *self.plain(thing.team))

    def plain(self, thing: Any) -> tuple[Any, ...]:
        columns = USER_COLUMNS if hasattr(thing, "email") else TEAM_COLUMNS
        return tuple(getattr(thing, name) for name in columns)


# ---- GINO ----------------------------------------------------------------------------------------

db = Gino()


class User(db.Model):
    __tablename__ = USERS
    id = db.Column(db.Integer(), primary_key=True)
    nickname = db.Column(db.Text())
    email = db.Column(db.Text())
    age = db.Column(db.Integer())
    visits = db.Column(db.BigInteger())
    is_active = db.Column(db.Boolean())
    balance = db.Column(db.Numeric(12, 2))
    created_at = db.Column(db.DateTime(timezone=True))
    profile = db.Column(JSONB())


class Team(db.Model):
    __tablename__ = TEAMS
    id = db.Column(db.Integer(), primary_key=True)
    name = db.Column(db.Text())
    size = db.Column(db.Integer())


class GinoContestant(Contestant):
    name = "gino"

    @contextlib.asynccontextmanager
    async def opened(self, dsn: str) -> AsyncIterator[None]:
        async with db.with_bind(dsn, min_size=POOL, max_size=POOL):
            yield

    @contextlib.asynccontextmanager
    async def one_connection(self) -> AsyncIterator[None]:
        async with db.acquire():
            yield

    async def get(self, key: int) -> Any:
        return await User.get(key)

    get_by_pool = get

    async def load_users(self) -> Sequence[Any]:
        return await User.query.gino.all()

    async def load_teams(self) -> Sequence[Any]:
        return await Team.query.gino.all()

    async def create(self, values: dict[str, Any]) -> Any:
        return await User.create(**values)

    async def updates(self, key: int, ages: Sequence[int]) -> Any:
        user = await User.get(key)
        for age in ages:
            await user.update(age=age).apply()
        return user

    async def insert_many(self, rows: list[dict[str, Any]]) -> None:
        await User.bulk_create(rows, returning=False)

    async def load_joined(self) -> Sequence[Any]:
        joined = User.load(team=Team.on(Team.id == User.id))
        return await joined.query.gino.all()

    async def filtered(self, age: int) -> Sequence[Any]:
        query = User.query.where(User.age > age).where(User.is_active == db.true())
        return await query.order_by(User.id).limit(20).gino.all()

    async def iterate(self) -> int:
        count = 0
        async with db.transaction():
            async for _ in Team.query.gino.iterate():
                count += 1
        return count

    async def change_in_transaction(self, key: int, age: int) -> Any:
        async with db.transaction():
            user = await User.get(key)
            await user.update(age=age).apply()
        return user


# ---- asyncpg -------------------------------------------------------------------------------------


class AsyncpgContestant(Contestant):
    """Fixed SQL, Records out; numeric is decoded by asyncpg, jsonb by the decoder given."""

    SELECT_ONE = f"SELECT {', '.join(USER_COLUMNS)} FROM {USERS} WHERE id = $1"
    SELECT_USERS = f"SELECT {', '.join(USER_COLUMNS)} FROM {USERS}"
    SELECT_TEAMS = f"SELECT {', '.join(TEAM_COLUMNS)} FROM {TEAMS}"
    INSERT = (
        f"INSERT INTO {USERS} ({', '.join(list(USER_COLUMNS)[1:])}) "
        f"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {', '.join(USER_COLUMNS)}"
    )
    UPDATE = f"UPDATE {USERS} SET age = $1 WHERE id = $2 RETURNING age"

    INSERT_PLAIN = INSERT.partition(" RETURNING")[0]
    JOINED = (
        f"SELECT {', '.join(f'u.{name}' for name in USER_COLUMNS)}, "
        f"{', '.join(f't.{name} AS team_{name}' for name in TEAM_COLUMNS)} "
        f"FROM {USERS} u LEFT JOIN {TEAMS} t ON t.id = u.id"
    )
    FILTERED = (
        f"SELECT {', '.join(USER_COLUMNS)} FROM {USERS} "
        "WHERE age > $1 AND is_active = true ORDER BY id LIMIT 20"
    )

    def __init__(
        self, name: str, decoder: Callable[[str], Any], encoder: Callable[[Any], str]
    ) -> None:
        self.name = name  # type: ignore[misc]
        self._decoder = decoder
        self._encoder = encoder

    @contextlib.asynccontextmanager
    async def opened(self, dsn: str) -> AsyncIterator[None]:
        async def init(connection: asyncpg.Connection) -> None:
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", encoder=self._encoder, decoder=self._decoder
            )

        pool = asyncpg.create_pool(dsn, min_size=POOL, max_size=POOL, init=init)
        async with pool as self._pool:
            yield

    @contextlib.asynccontextmanager
    async def one_connection(self) -> AsyncIterator[None]:
        async with self._pool.acquire() as self._connection:
            yield

    async def get(self, key: int) -> Any:
        return await self._connection.fetchrow(self.SELECT_ONE, key)

    async def get_by_pool(self, key: int) -> Any:
        return await self._pool.fetchrow(self.SELECT_ONE, key)

    async def load_users(self) -> Sequence[Any]:
        return await self._connection.fetch(self.SELECT_USERS)

    async def load_teams(self) -> Sequence[Any]:
        return await self._connection.fetch(self.SELECT_TEAMS)

    async def create(self, values: dict[str, Any]) -> Any:
        return await self._connection.fetchrow(self.INSERT, *values.values())

    async def updates(self, key: int, ages: Sequence[int]) -> Any:
        user = dict(await self.get(key))
        for age in ages:
            row = await self._connection.fetchrow(self.UPDATE, age, key)
            user["age"] = row["age"]
        return user

    def plain(self, thing: Any) -> tuple[Any, ...]:
        return tuple(thing.values())

    async def insert_many(self, rows: list[dict[str, Any]]) -> None:
        columns = list(USER_COLUMNS)[1:]
        values = [tuple([row[name] for name in columns]) for row in rows]
        await self._connection.executemany(self.INSERT_PLAIN, values)

    async def load_joined(self) -> Sequence[Any]:
        return await self._connection.fetch(self.JOINED)

    async def filtered(self, age: int) -> Sequence[Any]:
        return await self._connection.fetch(self.FILTERED, age)

    async def iterate(self) -> int:
        count = 0
        async with self._connection.transaction():
            async for _ in self._connection.cursor(self.SELECT_TEAMS):
                count += 1
        return count

    async def change_in_transaction(self, key: int, age: int) -> Any:
        async with self._connection.transaction():
            user = await self._connection.fetchrow(self.SELECT_ONE, key)
            await self._connection.fetchrow(self.UPDATE, age, key)
        return user

    def plain_joined(self, thing: Any) -> tuple[Any, ...]:
        return tuple(thing.values())


# ---- SQLAlchemy ----------------------------------------------------------------------------------


class Base(DeclarativeBase):
    pass


def mapped(table: str, columns: dict[str, Any]) -> Any:
    attributes = {
        name: mapped_column(kind, primary_key=name == "id") for name, kind in columns.items()
    }
    return type(table, (Base,), {"__tablename__": table, **attributes})


OrmUser = mapped(USERS, USER_COLUMNS)
OrmTeam = mapped(TEAMS, TEAM_COLUMNS)


class SqlalchemyContestant(Contestant):
    name = "SQLAlchemy ORM"

    @contextlib.asynccontextmanager
    async def opened(self, dsn: str) -> AsyncIterator[None]:
        self._engine = create_async_engine(
            dsn.replace("postgresql:", "postgresql+asyncpg:", 1),
            pool_size=POOL,
            max_overflow=0,
            isolation_level="AUTOCOMMIT",
        )
        self._transacted = self._engine.execution_options(isolation_level="READ COMMITTED")
        yield
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def one_connection(self) -> AsyncIterator[None]:
        async with self._engine.connect() as self._connection:
            yield

    def session(self, bind: Any) -> AsyncSession:
        return AsyncSession(bind, expire_on_commit=False)

    async def get(self, key: int) -> Any:
        async with self.session(self._connection) as session:
            return await session.get(OrmUser, key)

    async def get_by_pool(self, key: int) -> Any:
        async with self.session(self._engine) as session:
            return await session.get(OrmUser, key)

    async def load_users(self) -> Sequence[Any]:
        async with self.session(self._connection) as session:
            return (await session.scalars(select(OrmUser))).all()

    async def load_teams(self) -> Sequence[Any]:
        async with self.session(self._connection) as session:
            return (await session.scalars(select(OrmTeam))).all()

    async def create(self, values: dict[str, Any]) -> Any:
        async with self.session(self._connection) as session:
            user = OrmUser(**values)
            session.add(user)
            await session.commit()
            return user

    async def updates(self, key: int, ages: Sequence[int]) -> Any:
        async with self.session(self._connection) as session:
            user = await session.get(OrmUser, key)
            for age in ages:
                user.age = age
                await session.commit()
            return user

    async def insert_many(self, rows: list[dict[str, Any]]) -> None:
        async with self.session(self._connection) as session:
            await session.execute(insert(OrmUser), rows)

    async def load_joined(self) -> Sequence[Any]:
        async with self.session(self._connection) as session:
            query = select(OrmUser, OrmTeam).outerjoin(OrmTeam, OrmTeam.id == OrmUser.id)
            return (await session.execute(query)).all()

    async def filtered(self, age: int) -> Sequence[Any]:
        async with self.session(self._connection) as session:
            query = select(OrmUser).where(OrmUser.age > age).where(OrmUser.is_active == true())
            return (await session.scalars(query.order_by(OrmUser.id).limit(20))).all()

    async def iterate(self) -> int:
        count = 0
        async with self.session(self._transacted) as session:
            async for _ in await session.stream_scalars(select(OrmTeam)):
                count += 1
        return count

    async def change_in_transaction(self, key: int, age: int) -> Any:
        async with self.session(self._transacted) as session, session.begin():
            user = await session.get(OrmUser, key)
            user.age = age
        return user

    def plain_joined(self, thing: Any) -> tuple[Any, ...]:
        user, team = thing
        return (*self.plain(user), *self.plain(team))


CONTESTANTS: list[Contestant] = [
    GinoContestant(),
    AsyncpgContestant("asyncpg", json.loads, json.dumps),
    AsyncpgContestant("asyncpg + orjson", orjson.loads, lambda value: orjson.dumps(value).decode()),
    SqlalchemyContestant(),
]
