"""Details of models, JSON properties, transactions and schema that applications rely on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from models import Seat, Team, User, bound
from sqlalchemy.dialects.postgresql import JSONB

import gino
from gino import Gino, GinoException, UninitializedError, create_engine
from gino.declarative import InvertDict
from gino.dialects.asyncpg import AsyncEnum, AsyncpgDialect
from gino.exceptions import IntegrityError, PostgresSyntaxError, ProgrammingError
from gino.schema import GinoSchemaVisitor


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


# ---- transactions -------------------------------------------------------------------------------


async def test_signals_work_with_and_without_await(db: Any) -> None:
    async with db.transaction() as tx:
        await Team.create(name="a")
        await tx.raise_commit()
    async with db.transaction() as tx:
        await Team.create(name="b")
        tx.raise_rollback()
    assert [team.name for team in await Team.query.gino.all()] == ["a"]


async def test_manual_transaction_that_is_forgotten_is_rolled_back(db: Any) -> None:
    async with db.acquire() as connection:
        await connection.transaction()
        await Team.create(name="lost")
        assert await Team.query.gino.count() == 1
    assert await Team.query.gino.count() == 0


async def test_signals_are_illegal_on_a_manual_transaction(db: Any) -> None:
    async with db.acquire() as connection:
        tx = await connection.transaction()
        with pytest.raises(AssertionError, match="Illegal in manual mode"):
            tx.raise_commit()
        with pytest.raises(AssertionError, match="Illegal in manual mode"):
            tx.raise_rollback()
        await tx.rollback()


async def test_begin_that_fails_gives_the_connection_back(db: Any) -> None:
    with pytest.raises((ValueError, ProgrammingError, PostgresSyntaxError)):
        async with db.transaction(isolation="whatever"):
            pass
    assert "use=0" in repr(db.bind)
    assert await db.scalar("SELECT 1") == 1


async def test_commit_that_fails_raises_its_own_error_and_gives_the_connection_back(
    db: Any,
) -> None:
    await db.status(
        "CREATE TABLE IF NOT EXISTS gt_late (id int PRIMARY KEY, "
        "parent int REFERENCES gt_late DEFERRABLE INITIALLY DEFERRED)"
    )
    block = db.transaction()
    await block.__aenter__()
    await db.status("INSERT INTO gt_late VALUES (1, 2)")
    with pytest.raises(IntegrityError):
        await block.__aexit__(None, None, None)
    assert "use=0" in repr(db.bind)
    await db.status("DROP TABLE gt_late")


# ---- declarative --------------------------------------------------------------------------------


def test_inverted_dict_takes_the_same_pair_again() -> None:
    names = InvertDict({"a": "c1"})
    names["a"] = "c1"
    assert names.invert_get("c1") == "a"
    assert names.invert_get("c2") is None
    with pytest.raises(GinoException, match="Column name c1 already maps to"):
        names["b"] = "c1"


def test_implicit_returning_is_on_unless_told_otherwise() -> None:
    db: Any = Gino()

    class One(db.Model):
        __tablename__ = "one"
        id = db.Column(db.Integer, primary_key=True)

    class Two(db.Model):
        __tablename__ = "two"
        __table_args__ = {"implicit_returning": False}  # noqa: RUF012
        id = db.Column(db.Integer, primary_key=True)

    assert One.__table__.implicit_returning
    assert not Two.__table__.implicit_returning


def test_model_can_be_iterated_and_asked(db: Any) -> None:
    assert [column.name for column in User][:2] == ["id", "name"]
    assert User.id in User
    assert Team.id not in User
    for clause in (
        db.select([User.id]).select_from(User.join(Team)),
        db.select([User]).select_from(sa.outerjoin(User, Team)),
        sa.select(User),
    ):
        assert "gt_users" in str(clause)


def test_quoted_and_explicit_names_stay() -> None:
    db: Any = Gino()

    class Page(db.Model):
        __tablename__ = "pages"
        id = db.Column(db.Integer, primary_key=True)
        title = db.Column(db.quoted_name("Title", True), db.Unicode)
        assert title.name == "Title"
        assert id.name == "id"

    assert Page.title is Page.__table__.c.Title


def test_columns_of_table_args_are_no_attributes() -> None:
    db: Any = Gino()

    class Page(db.Model):
        __tablename__ = "pages"
        __table_args__ = (db.Column("hidden", db.Integer), {"schema": "s"})
        id = db.Column(db.Integer, primary_key=True)

    assert "hidden" in Page.__table__.c
    assert Page.__table__.schema == "s"
    with pytest.raises(AttributeError, match="type object 'Page' has no attribute 'hidden'"):
        _ = Page.hidden
    with pytest.raises(AttributeError):
        del Page(id=1).id


# ---- JSON properties ----------------------------------------------------------------------------


def test_json_properties_need_another_column() -> None:
    db: Any = Gino()
    message = r"requires a JSON\[B\] column"
    with pytest.raises(AttributeError, match=message):

        class Own(db.Model):
            __tablename__ = "own"
            profile = db.StringProperty()

    with pytest.raises(AttributeError, match=message):

        class Each(db.Model):
            __tablename__ = "each"
            one = db.StringProperty(prop_name="two")
            two = db.StringProperty(prop_name="one")

    with pytest.raises(AttributeError, match=message):

        class Plain(db.Model):
            __tablename__ = "plain"
            profile = db.Column(db.Unicode)
            name = db.StringProperty()


async def test_value_changed_in_place_changes_no_column(db: Any) -> None:
    user = await User.create(age=5)
    user.age += 1
    assert user.age == 6
    assert (await User.get(user.id)).age == 5
    assert user.profile["age"] == 5
    await user.update(age=user.age).apply()
    assert (await User.get(user.id)).age == 6


async def test_defaults_that_are_none_are_not_stored(db: Any) -> None:
    user = await User.create()
    assert "city" not in await db.scalar("SELECT profile FROM gt_users")
    assert user.to_dict()["city"] is None
    assert "profile" not in user.to_dict()


# ---- CRUD ---------------------------------------------------------------------------------------


async def test_keys_come_in_every_form(db: Any) -> None:
    await Seat.create(row=1, number=2, guest="x")
    for ident in (
        (1, 2),
        [1, 2],
        {"row": 1, "number": 2},
        {0: 1, 1: 2},
        {"row": 1, 1: 2},
    ):
        assert (await Seat.get(ident)).guest == "x"
    with pytest.raises(
        ValueError, match=r"Incorrect number of values as primary key: expected 2, got 3\."
    ):
        await Seat.get((1, 2, 3))
    with pytest.raises(KeyError):
        await Seat.get({"row": 1, "nothing": 2})


async def test_deleting_twice_says_what_was_done(db: Any) -> None:
    team = await Team.create(name="a")
    assert await team.delete() == "DELETE 1"
    assert await team.delete() == "DELETE 0"


async def test_aliases_make_instances_and_refuse_strangers(db: Any) -> None:
    alias = Team.alias()
    assert type(alias(name="a")) is Team
    with pytest.raises(AttributeError):
        _ = alias.nothing
    query = db.select([alias]).select_from(alias.join(User.__table__, User.team_id == alias.id))
    assert await query.gino.all() == []


def test_text_without_an_engine_says_what_to_do(db: Any) -> None:
    with pytest.raises(UninitializedError, match=r"db\.scalar"):
        db.text("SELECT 1").gino.scalar()


# ---- schema and dialect -------------------------------------------------------------------------


async def test_plain_metadata_is_created_by_a_visitor(dsn: str) -> None:
    metadata = sa.MetaData()
    sa.Table("gt_plain", metadata, sa.Column("id", sa.Integer, primary_key=True))
    engine = await create_engine(dsn, min_size=1, max_size=1)
    async with engine.acquire() as connection:
        await GinoSchemaVisitor(metadata).create_all(engine)
        await GinoSchemaVisitor(metadata).create_all(engine)
        assert await engine.dialect.has_table(connection, "gt_plain")
        with pytest.raises(ProgrammingError):
            await GinoSchemaVisitor(metadata.tables["gt_plain"]).create(engine)
        await GinoSchemaVisitor(metadata).drop_all(engine)
        assert not await engine.dialect.has_table(connection, "gt_plain")
    await engine.close()


async def test_dialect_knows_what_exists(db: Any) -> None:
    async with db.acquire() as connection:
        dialect = db.bind.dialect
        assert isinstance(dialect, AsyncpgDialect)
        assert connection.dialect is dialect
        assert await dialect.has_schema(connection, "pg_catalog")
        assert not await dialect.has_schema(connection, "gt_nothing")
        assert await dialect.has_table(connection, "gt_users")
        assert await dialect.has_table(connection, "pg_class", schema="pg_catalog")
        assert await dialect.has_sequence(connection, "gt_users_id_seq")
        assert not await dialect.has_sequence(connection, "gt_nothing")
        assert await dialect.has_type(connection, "gt_mood")
        assert not await dialect.has_type(connection, "gt_nothing")


async def test_enums_of_both_kinds_are_created_by_themselves(db: Any) -> None:
    for enum in (
        db.Enum("a", "b", name="gt_letters"),
        AsyncEnum("a", "b", name="gt_letters", metadata=sa.MetaData()),
    ):
        await enum.create_async(db.bind)
        await enum.create_async(db.bind, checkfirst=True)
        async with db.acquire() as connection:
            assert await db.bind.dialect.has_type(connection, "gt_letters")
        await enum.drop_async(db.bind, checkfirst=True)


def test_dialect_has_the_names_that_applications_import() -> None:
    from sqlalchemy.dialects import postgresql

    from gino.dialects import asyncpg, base

    for name in ("JSON", "JSONB", "ARRAY"):
        assert getattr(asyncpg, name) is getattr(postgresql, name)
    names = {"AsyncEnum", "AsyncpgDialect", "DBAPICursor", "NullPool", "Pool"}
    assert names <= set(asyncpg.__all__)
    assert all(isinstance(getattr(asyncpg, name), type) for name in names)
    assert issubclass(asyncpg.AsyncpgDialect, base.NativeDialect)


async def test_bytes_go_in_and_out(db: Any) -> None:
    own: Any = Gino()

    class Blob(own.Model):
        __tablename__ = "gt_blobs"
        id = own.Column(own.Integer, primary_key=True)
        body = own.Column(own.LargeBinary)

    async with own.with_bind(db.bind.raw_pool.config.dsn_without_password, min_size=0):
        await own.gino.drop_all()
        assert await own.gino.create_all() is own
        made = await Blob.create(body=b"\x00\xff")
        assert (await Blob.get(made.id)).body == b"\x00\xff"
        await own.gino.drop_all()


def test_two_tasks_may_use_one_connection(dsn: str) -> None:
    async def main() -> list[Any]:
        engine = await gino.create_engine(dsn, min_size=1, max_size=1)
        async with engine.acquire() as connection:
            found = await asyncio.gather(
                *(connection.scalar("SELECT $1::int", n) for n in range(9))
            )
        await engine.close()
        return found

    assert asyncio.run(main()) == list(range(9))


async def test_json_columns_by_plain_sql_and_models(db: Any) -> None:
    own: Any = Gino()
    table = sa.Table("gt_users", own, sa.Column("profile", JSONB))
    await User.create(age=3)
    assert (await db.first(sa.select(table.c.profile)))[0]["age"] == 3
