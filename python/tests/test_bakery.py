"""Baked queries: how they are baked, when they are compiled and prepared, how they run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

import gino
from gino import Gino, InitializedError, UninitializedError
from gino.bakery import BakedQuery, Bakery
from gino.dialects.asyncpg import dialect

PREPARED = "SELECT statement FROM pg_prepared_statements"


def make() -> tuple[Any, Any]:
    db: Any = Gino()

    class User(db.Model):
        __tablename__ = "gb_users"

        id = db.Column(db.Integer(), primary_key=True)
        name = db.Column(db.Unicode(), default="noname")
        age = db.Column(db.Integer())

        @db.bake
        def getter(cls: Any) -> Any:
            return cls.query.where(cls.id == db.bindparam("uid"))

        @db.bake(return_model=False)
        def names(cls: Any) -> Any:
            return cls.query.order_by(cls.id)

    return db, User


@pytest.fixture
async def tables(dsn: str) -> AsyncIterator[str]:
    db, user = make()
    async with db.with_bind(dsn, min_size=1, max_size=1, prebake=False):
        await db.gino.drop_all()
        await db.gino.create_all()
        await db.all(user.insert(), [{"name": "ada", "age": 36}, {"name": "bob", "age": 20}])
        yield dsn
        await db.gino.drop_all()


def settings(**more: Any) -> dict[str, Any]:
    return {"min_size": 1, "max_size": 1, **more}


# ---- the kinds of things that are baked -------------------------------------------------------


async def test_a_string_a_clause_and_a_function_are_baked(tables: str) -> None:
    bakery = Bakery()
    _, user = make()
    text = bakery.bake("SELECT name FROM gb_users WHERE id = :uid")
    clause = bakery.bake(user.query.where(user.id == sa.bindparam("uid")))

    @bakery.bake
    def oldest() -> Any:
        return sa.select(sa.func.max(user.age))

    @bakery.bake(timeout=5)
    def youngest() -> str:
        return "SELECT min(age) FROM gb_users"

    assert list(bakery) == [text, clause, oldest, youngest]
    assert all(type(query) is BakedQuery for query in bakery)
    assert youngest.query.get_execution_options()["timeout"] == 5

    engine = await gino.create_engine(tables, bakery=bakery, **settings())
    try:
        assert await engine.scalar(text, uid=1) == "ada"
        assert (await engine.first(clause, {"uid": 2})).name == "bob"
        assert await engine.scalar(oldest) == 36
        assert await engine.scalar(youngest) == 20
        async with engine.acquire() as connection:
            assert await connection.scalar(text, uid=2) == "bob"
            prepared = await connection.prepare(text)
            assert await prepared.scalar(uid=1) == "ada"
    finally:
        await engine.close()


async def test_a_function_in_a_model_body_is_baked_for_the_model(tables: str) -> None:
    db, user = make()
    async with db.with_bind(tables, **settings()):
        found = await user.getter.one(uid=2)
        assert (type(found), found.name) == (user, "bob")
        assert await user.getter.one_or_none(uid=404) is None
        assert await user.names.all() == [(1, "ada", 36), (2, "bob", 20)]


def test_a_function_in_a_mixin_is_baked_for_each_model() -> None:
    db: Any = Gino()

    class Countable:
        @db.bake
        def counter(cls: Any) -> Any:
            return db.select([db.func.count()]).select_from(cls)

    class One(db.Model, Countable):
        __tablename__ = "gb_one"
        id = db.Column(db.Integer(), primary_key=True)

    class Two(Countable, db.Model):
        __tablename__ = "gb_two"
        id = db.Column(db.Integer(), primary_key=True)

    assert One.counter is not Two.counter
    assert list(db.bakery) == [One.counter, Two.counter]
    assert "gb_two" in str(Two.counter.query)


def test_a_subclass_that_shares_the_table_has_a_query_of_its_own() -> None:
    db: Any = Gino()

    class Parent(db.Model):
        __tablename__ = "gb_parent"
        id = db.Column(db.Integer(), primary_key=True)

        @db.bake
        def everyone(cls: Any) -> Any:
            return cls.query

        @db.bake
        def other(cls: Any) -> Any:
            return cls.query

    class Child(Parent):
        other = None

    class Grandchild(Child):
        pass

    for model in (Parent, Child, Grandchild):
        options = model.everyone.query.get_execution_options()
        assert options["model"] is model
    assert len(list(db.bakery)) == 4
    assert Grandchild.other is None


def test_a_subclass_that_comes_after_the_engine_has_the_query_of_its_parent() -> None:
    db, user = make()
    with db.bakery.given(dialect()):

        class Late(user):  # type: ignore[misc, valid-type]
            pass

        assert Late.getter is user.getter


async def test_statements_with_defaults_values_and_lists_are_baked(tables: str) -> None:
    db, user = make()
    insert = db.bake(user.insert().values(age=db.bindparam("years")).returning(*user))
    change = db.bake(
        user.update.values(age=user.age + db.bindparam("by", 1)).where(user.name == "ada")
    )
    several = db.bake(user.query.where(user.id.in_(db.bindparam("ids", expanding=True))))
    older = db.bake(user.query.where(user.age > 30))
    async with db.with_bind(tables, **settings()):
        made = await insert.first(years=7)
        assert (made.name, made.age) == ("noname", 7)
        assert (await insert.first(years=8, name="given")).name == "given"
        assert (await change.status())[0] == "UPDATE 1"
        assert (await change.status(by=10))[0] == "UPDATE 1"
        assert [found.age for found in await older.all()] == [47]
        assert [found.id for found in await several.all(ids=[1, 2, 404])] == [1, 2]
        assert [found.id for found in await several.all(ids=[2])] == [2]
        assert await insert.all({"years": 1}, {"years": 2}) is None
        assert db.compile(older) == (older.sql, (30,))


async def test_a_default_that_is_a_query_and_a_value_that_is_called_are_baked(tables: str) -> None:
    db: Any = Gino()
    table = db.Table(
        "gb_users",
        db,
        db.Column("id", db.Integer(), primary_key=True),
        db.Column(
            "age", db.Integer(), default=sa.select(sa.literal_column("77")).scalar_subquery()
        ),
    )
    ages = iter([1, 2, 3])
    called = db.bindparam("a", callable_=lambda: next(ages), type_=sa.Integer())
    insert = db.bake(table.insert().returning(table.c.age))
    query = db.bake(db.select([db.cast(called, db.Integer())]))
    async with db.with_bind(tables, **settings()):
        assert await insert.scalar(id=1000) == 77
        assert [await query.scalar(), await query.scalar()] == [1, 2]
        assert repr(query) == f"<BakedQuery {query.sql}>"


async def test_a_missing_value_is_named(tables: str) -> None:
    db, user = make()
    async with db.with_bind(tables, **settings()):
        with pytest.raises(sa.exc.InvalidRequestError, match="uid"):
            await user.getter.first()


async def test_a_baked_query_is_iterated_in_a_transaction(tables: str) -> None:
    db, user = make()
    async with db.with_bind(tables, **settings()), db.transaction():
        assert [found.name async for found in user.getter.iterate(uid=1)] == ["ada"]


# ---- before and after an engine has the bakery --------------------------------------------------


def test_before_an_engine_has_it_a_query_knows_no_sql() -> None:
    _, user = make()
    assert user.getter.sql is None
    assert user.getter.compiled_sql is None
    assert user.getter.get(None) is None
    with pytest.raises(UninitializedError):
        _ = user.getter.bind.first
    with pytest.raises(UninitializedError):
        user.getter.first(uid=1)


async def test_once_an_engine_has_it_the_bakery_is_closed(tables: str) -> None:
    bakery = Bakery()
    query = bakery.bake("SELECT 1")
    engine = await gino.create_engine(tables, bakery=bakery, **settings())
    try:
        assert query.sql == "SELECT 1"
        assert query.compiled_sql.string == "SELECT 1"
        assert query.get(None) is query.compiled_sql
        with pytest.raises(InitializedError, match="closed"):
            bakery.bake("SELECT 2")
        with pytest.raises(InitializedError, match="closed"):
            await gino.create_engine(tables, bakery=bakery, **settings())
        with pytest.raises(InitializedError, match="closed"):
            bakery.bake("SELECT 2")  # the refused engine has not opened it
    finally:
        await engine.close()


async def test_a_query_of_a_standalone_bakery_has_no_bind(tables: str) -> None:
    bakery = Bakery()
    db, user = make()
    query = bakery.bake(user.query)
    engine = await gino.create_engine(tables, bakery=bakery, **settings())
    db.bind = engine
    try:
        with pytest.raises(UninitializedError):
            await query.first()
        assert (await engine.first(query)).name == "ada"
    finally:
        await db.pop_bind().close()


async def test_pop_bind_gives_a_fresh_open_bakery(tables: str) -> None:
    db, user = make()
    old = db.bakery
    await db.set_bind(tables, **settings())
    with pytest.raises(InitializedError):
        db.bake("SELECT 1")
    await db.pop_bind().close()
    assert db.bakery is not old
    assert list(db.bakery) == []
    late = db.bake("SELECT 1")
    async with db.with_bind(tables, **settings()):
        assert await late.scalar() == 1
        assert (await user.getter.first(uid=1)).name == "ada"  # of the old bakery, still runs


async def test_an_empty_bakery_does_not_hinder_a_second_set_bind(tables: str) -> None:
    db: Any = Gino()
    first = await db.set_bind(tables, **settings())
    await db.set_bind(tables, **settings())
    await first.close()
    await db.pop_bind().close()


async def test_a_bakery_may_be_given_to_set_bind(tables: str) -> None:
    db: Any = Gino()
    bakery = Bakery()
    query = bakery.bake("SELECT 5")
    async with db.with_bind(tables, bakery=bakery, **settings()):
        assert query.sql == "SELECT 5"
        assert await db.scalar(query) == 5


# ---- shadows ------------------------------------------------------------------------------------


async def test_options_make_a_shadow_and_leave_the_original_alone(tables: str) -> None:
    db, user = make()
    before = user.getter.execution_options(timeout=3)
    async with db.with_bind(tables, **settings()):
        query = user.getter
        shadow = query.load((user.name, user.age))
        for other in (before, shadow):
            assert other is not query
            assert other == query
            assert hash(other) == hash(query)
            assert other.sql == query.sql
            assert other.compiled_sql is not query.compiled_sql
        assert len({query, before, shadow}) == 1
        assert await shadow.first(uid=1) == ("ada", 36)
        assert await query.return_model(False).first(uid=1) == (1, "ada", 36)
        assert type(await query.first(uid=1)) is user
        assert type(await before.first(uid=1)) is user
        assert before.compiled_sql.execution_options["timeout"] == 3
        assert "timeout" not in query.compiled_sql.execution_options
    assert query != user.names


# ---- preparing ----------------------------------------------------------------------------------


async def prepared_on(db: Any) -> list[str]:
    return [row[0] for row in await db.all(PREPARED)]


async def test_statements_are_prepared_on_all_connections_at_connect(tables: str) -> None:
    db, user = make()
    async with db.with_bind(tables, min_size=3, max_size=3):
        connections = [await db.acquire(reusable=False) for _ in range(3)]
        for connection in connections:
            assert {user.getter.sql, user.names.sql} <= set(await prepared_on(connection))
            await connection.release()
        assert db.bind.repr().endswith("max=3 min=3 cur=3 use=0>")


async def test_without_prebake_statements_are_prepared_on_first_use(dsn: str) -> None:
    db, user = make()
    async with db.with_bind(dsn, **settings(prebake=False)):
        await db.gino.create_all()
        assert user.getter.sql not in await prepared_on(db)
        assert await user.getter.first(uid=1) is None
        assert user.getter.sql in await prepared_on(db)
        await db.gino.drop_all()


async def test_a_connection_that_opens_later_is_prepared_too(tables: str) -> None:
    db, user = make()
    async with db.with_bind(tables, **settings(min_size=0)):
        assert user.getter.sql in await prepared_on(db)
        assert (await user.getter.first(uid=1)).name == "ada"


async def test_init_runs_on_the_drivers_connection_after_the_preparing(tables: str) -> None:
    seen: list[Any] = []

    async def init(connection: Any) -> None:
        statements = [row[0] for row in await connection.fetch(PREPARED)]
        seen.append((statements, connection))

    db, user = make()
    async with db.with_bind(tables, **settings(init=init)):
        ((statements, raw),) = seen
        assert {user.getter.sql, user.names.sql} <= set(statements)
        assert not isinstance(raw, gino.engine.GinoConnection)
        assert await db.scalar("SELECT 1") == 1


async def test_a_failed_set_bind_leaves_the_bakery_open(dsn: str) -> None:
    db, user = make()
    with pytest.raises(gino.exceptions.UndefinedTableError):
        await db.set_bind(dsn, **settings())  # the tables are missing
    assert not db.bind
    assert user.getter.sql is None
    with pytest.raises(gino.exceptions.InvalidCatalogNameError):
        await db.set_bind(dsn + "_nowhere", **settings())
    late = db.bake("SELECT 1")
    async with db.with_bind(dsn, **settings(prebake=False)):
        assert await late.scalar() == 1
        await db.gino.create_all()
        assert await user.getter.first(uid=1) is None
        await db.gino.drop_all()


async def test_a_query_that_cannot_be_compiled_leaves_the_bakery_open(dsn: str) -> None:
    bakery = Bakery()
    _, user = make()
    bakery.bake(user.insert().values(nothing=1))
    for _ in range(2):
        with pytest.raises(sa.exc.CompileError, match="nothing"):
            await gino.create_engine(dsn, bakery=bakery, **settings())


async def test_ddl_is_baked_without_being_prepared(tables: str) -> None:
    bakery = Bakery()
    comment = bakery.bake(sa.DDL("COMMENT ON TABLE gb_users IS 'baked'"))
    engine = await gino.create_engine(tables, bakery=bakery, **settings())
    try:
        assert (await engine.status(comment))[0] == "COMMENT"
        assert comment.sql == "COMMENT ON TABLE gb_users IS 'baked'"
    finally:
        await engine.close()


async def test_what_cannot_be_baked_is_refused_at_once() -> None:
    with pytest.raises(sa.exc.ObjectNotExecutableError):
        Bakery().bake(object())


async def test_echo_logs_a_baked_query_when_it_runs(
    tables: str, caplog: pytest.LogCaptureFixture
) -> None:
    db, user = make()
    caplog.set_level("INFO", "gino.engine._SAEngine")
    async with db.with_bind(tables, **settings(echo=True)):
        caplog.clear()
        await user.getter.first(uid=1)
    assert [record.message for record in caplog.records] == [user.getter.sql]


def test_bakery_is_public() -> None:
    assert gino.Bakery is Bakery
    assert BakedQuery.__module__ == Bakery.__module__ == "gino.bakery"
