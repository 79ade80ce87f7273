"""`Gino`: names, binding, the class-wide property, hooks."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.url import make_url

from gino import Gino, UninitializedError
from gino.api import GinoExecutor
from gino.crud import CRUDModel
from gino.engine import GinoEngine
from gino.exceptions import InvalidCatalogNameError


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
    assert db.StringProperty
    assert db.declared_attr
    assert db.quoted_name("x", True).quote


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
