"""`Gino`: names, binding, the class-wide property, hooks."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.url import make_url

from gino import Gino, UninitializedError, create_engine, json_support
from gino.api import GinoExecutor
from gino.crud import CRUDModel
from gino.declarative import declared_attr
from gino.engine import GinoEngine
from gino.exceptions import InvalidCatalogNameError
from gino.schema import GinoSchemaVisitor


def test_gino_is_a_metadata() -> None:
    db: Any = Gino(schema="s")
    assert isinstance(db, sa.MetaData)
    table = db.Table("t", db, db.Column("id", db.Integer))
    assert table.metadata is db
    assert table.schema == "s"


def test_public_names_of_sqlalchemy_are_there() -> None:
    db: Any = Gino()
    for name in ("Column", "Integer", "ForeignKey", "func", "and_", "JSONB", "literal", "Index"):
        assert hasattr(db, name)
    assert db.Column is sa.Column
    assert not hasattr(db, "create_engine")
    assert not hasattr(db, "engine_from_config")
    for name in ("JSON", "String", "DateTime", "Integer", "Boolean", "Object", "Array"):
        assert getattr(db, f"{name}Property") is getattr(json_support, f"{name}Property")
    assert db.declared_attr is declared_attr
    assert db.quoted_name("x", True).quote


def test_public_names_hide_nothing_that_is_there() -> None:
    class Own(Gino):
        Column = "a class attribute"

    db: Any = Own(schema="s")
    assert db.Column == "a class attribute"
    assert db.schema == "s"
    assert not callable(db.tables)
    assert db.Integer is sa.Integer


def test_synchronous_engines_work() -> None:
    db: Any = Gino()
    db.Table("t", db, db.Column("id", db.Integer, primary_key=True))
    engine = sa.create_engine("sqlite://")
    db.create_all(engine)
    assert sa.inspect(engine).get_table_names() == ["t"]
    engine.dispose()


async def test_unbound_placeholder_is_false_and_refuses_everything() -> None:
    db: Any = Gino()

    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)

    assert not db.bind
    message = r"^Gino engine is not initialized\.$"
    with pytest.raises(UninitializedError, match=message):
        _ = db.bind.anything
    with pytest.raises(UninitializedError, match=message):
        db.bind.anything = 1
    for use in (
        lambda: db.first("SELECT 1"),
        lambda: User.create(id=1),
        lambda: User.get(1),
        lambda: User.query.gino.first(),
        lambda: db.gino.create_all(),
    ):
        with pytest.raises(UninitializedError):
            await use()
    with pytest.raises(AttributeError):
        await User.query.gino.first()


async def test_string_bind_is_stored_until_awaited(dsn: str) -> None:
    db: Any = Gino(dsn)
    assert db.bind == dsn
    assert await db is db
    assert isinstance(db.bind, GinoEngine)
    engine = db.pop_bind()
    assert not db.bind
    assert await db.set_bind(engine) is engine
    await db.pop_bind().close()
    made = await db.set_bind(make_url(dsn), min_size=0)
    assert isinstance(made, GinoEngine)
    await db.pop_bind().close()


async def test_with_bind_closes_the_engine(dsn: str) -> None:
    db: Any = Gino()
    async with db.with_bind(dsn, min_size=1) as engine:
        assert db.bind is engine
        assert await db.scalar("SELECT 1") == 1
    assert not db.bind
    assert engine.raw_pool.is_closing()


async def test_failed_set_bind_leaves_nothing_bound(dsn: str) -> None:
    db: Any = Gino()
    url = make_url(dsn).set(database="gt_nothing")
    for _ in range(2):
        with pytest.raises(InvalidCatalogNameError, match="gt_nothing"):
            await db.set_bind(url, min_size=1)
        assert not db.bind
    await db.set_bind(dsn, min_size=1)
    await db.pop_bind().close()


def test_property_can_be_left_out_and_the_last_gino_decides() -> None:
    class Executor(GinoExecutor):
        pass

    class Own(Gino):
        query_executor = Executor

    Own()
    assert type(sa.select(sa.literal(1)).gino) is Executor
    Own(ext=False)
    Gino(query_ext=False)
    assert type(sa.select(sa.literal(1)).gino) is Executor
    Gino()
    assert type(sa.select(sa.literal(1)).gino) is GinoExecutor


def test_schema_items_have_the_visitor_of_the_last_gino() -> None:
    class Visitor(GinoSchemaVisitor):
        pass

    class Own(Gino):
        schema_visitor = Visitor

    db: Any = Own()
    table = db.Table("t", db, db.Column("id", db.Integer))
    items = (db, table, sa.Index("i", table.c.id), sa.Sequence("s"))
    assert {type(item.gino) for item in items} == {Visitor}
    Gino(schema_ext=False)
    Gino(ext=False)
    assert {type(item.gino) for item in items} == {Visitor}
    Gino()
    assert {type(item.gino) for item in items} == {GinoSchemaVisitor}


def test_model_classes_are_the_bases_of_models() -> None:
    class Greeting:
        def greet(self: Any) -> str:
            return f"hello {self.name}"

    db: Any = Gino(model_classes=(Greeting, CRUDModel))

    class User(db.Model):
        __tablename__ = "users"
        name = db.Column(db.Unicode)

    assert User(name="ada").greet() == "hello ada"
    assert issubclass(User, CRUDModel)
    assert not hasattr(Gino().Model, "greet")


def test_subclass_hooks() -> None:
    class OwnModel(CRUDModel):
        greeting = "hello"

    class Own(Gino):
        model_base_classes = (OwnModel,)
        no_delegate = {"create_engine", "Column"}  # noqa: RUF012

        @property
        def bind(self) -> Any:
            return self._bind or "another"

        @bind.setter
        def bind(self, value: Any) -> None:
            self._bind = value

    db: Any = Own()
    assert db.Model.greeting == "hello"
    assert not hasattr(db, "Column")
    assert db.bind == "another"
    db.bind = "own"
    assert db.bind == "own"


async def test_overridden_bind_is_what_queries_run_on(dsn: str) -> None:
    chosen: ContextVar[Any] = ContextVar("chosen", default=None)

    class Routed(Gino):
        @property
        def bind(self) -> Any:
            return chosen.get() or self._bind

        @bind.setter
        def bind(self, value: Any) -> None:
            self._bind = value

    db: Any = Routed()

    class Setting(db.Model):
        __tablename__ = "pg_settings"
        name = db.Column(db.Unicode, primary_key=True)
        setting = db.Column(db.Unicode)

    async def seen() -> list[str]:
        rows = [await Setting.get("application_name")]
        rows.append(await Setting.query.where(Setting.name == "application_name").gino.one())
        return [*(row.setting for row in rows), await db.scalar("SHOW application_name")]

    replica = await create_engine(dsn, min_size=0, application_name="replica")
    async with db.with_bind(dsn, min_size=0, application_name="primary"):
        assert await seen() == ["primary"] * 3
        token = chosen.set(replica)
        assert await seen() == ["replica"] * 3
        chosen.reset(token)
    await replica.close()
