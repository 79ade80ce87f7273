"""JSON properties."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from models import User, bound
from sqlalchemy.dialects.postgresql import JSON, JSONB

from gino import Gino, UnknownJSONPropertyError
from gino.json_support import DATETIME_FORMAT


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


async def stored(db: Any) -> Any:
    return await db.scalar("SELECT profile FROM gt_users")


@pytest.mark.parametrize("wrong", ["missing", "text", "itself", "each other"])
def test_property_needs_a_json_column(wrong: str) -> None:
    db: Any = Gino()
    body: dict[str, Any] = {
        "__tablename__": "t",
        "id": db.Column(db.Integer, primary_key=True),
        "name": db.Column(db.Unicode),
    }
    if wrong == "missing":
        body["age"] = db.IntegerProperty()
    elif wrong == "text":
        body["age"] = db.IntegerProperty(prop_name="name")
    elif wrong == "itself":
        body["profile"] = db.StringProperty()
    else:
        body["a"] = db.StringProperty(prop_name="b")
        body["b"] = db.StringProperty(prop_name="a")
    with pytest.raises(AttributeError, match=r"requires a JSON\[B\] column"):
        type(db.Model)("Bad", (db.Model,), body)


async def test_create_stores_values_and_defaults(db: Any) -> None:
    user = await User.create(nickname="a", city="Ulm", seen=datetime(2024, 5, 6, 7, 8, 9, 10))
    assert await stored(db) == {
        "age": 18,
        "active": True,
        "city": "Ulm",
        "seen": "2024-05-06T07:08:09.000010",
    }
    assert (user.age, user.city, user.active) == (18, "Ulm", True)
    again = await User.get(user.id)
    assert again.seen == datetime(2024, 5, 6, 7, 8, 9, 10)


async def test_value_in_memory_changes_no_column(db: Any) -> None:
    user = await User.create()
    user.age += 1
    assert user.age == 19
    assert (await stored(db))["age"] == 18
    await user.update(age=user.age).apply()
    assert (await stored(db))["age"] == 19


async def test_apply_merges_only_the_named_keys(db: Any) -> None:
    user = await User.create(age=5, city="Ulm")
    await db.status("""UPDATE gt_users SET profile = profile || '{"city": "Bonn"}'""")
    await user.update(age=6, nickname="b").apply()
    assert await stored(db) == {"age": 6, "city": "Bonn", "active": True}
    assert user.profile["city"] == "Bonn"
    assert (await User.get(user.id)).nickname == "b"


async def test_expression_is_computed_by_the_server(db: Any) -> None:
    user = await User.create(age=5)
    request = user.update(age=User.age + 1, city="Ulm")
    assert user.age == 5
    await request.apply()
    assert user.age == 6
    assert (await stored(db))["age"] == 6
    assert (await stored(db))["city"] == "Ulm"


async def test_values_beside_an_expression_keep_their_types(db: Any) -> None:
    user = await User.create(nickname="a", age=5)
    seen = datetime(2024, 5, 6)
    await user.update(age=User.age + 1, active=False, seen=seen, city="Ulm", nickname="b").apply()
    assert await stored(db) == {
        "age": 6,
        "active": False,
        "seen": "2024-05-06T00:00:00.000000",
        "city": "Ulm",
    }
    again = await User.get(user.id)
    assert (again.age, again.active, again.seen, again.nickname) == (6, False, seen, "b")


async def test_integers_are_converted_and_datetimes_have_one_format(db: Any) -> None:
    user = await User.create(age="7", seen=datetime(2024, 5, 6))
    assert (await stored(db))["age"] == 7
    assert (await stored(db))["seen"] == datetime(2024, 5, 6).strftime(DATETIME_FORMAT)
    assert DATETIME_FORMAT == "%Y-%m-%dT%H:%M:%S.%f"
    await user.update(age=8.9).apply()
    assert (await stored(db))["age"] == 8
    await db.status("""UPDATE gt_users SET profile = '{"age": "9"}'""")
    assert (await User.get(user.id)).age == 9


async def test_none_is_stored_as_null_and_del_goes_back_to_the_default(db: Any) -> None:
    user = await User.create(age=5)
    await user.update(age=None).apply()
    assert user.age is None
    assert (await stored(db))["age"] is None
    await user.update(age=7).apply()
    del user.age
    assert user.age == 18
    await user.update(city="x").apply()
    assert (await stored(db))["age"] == 7


async def test_property_is_a_typed_expression(db: Any) -> None:
    await User.create(nickname="a", age=5)
    await User.create(nickname="b", age=30, active=False)
    found = await User.query.where(User.age > 20).gino.one()
    assert found.nickname == "b"
    assert await db.select([User.age]).where(User.nickname == "a").gino.scalar() == 5
    assert await db.select([User.active]).where(User.nickname == "b").gino.scalar() is False
    assert (await User.query.where(User.city.is_(None)).gino.all()) != []


async def test_whole_column_can_be_written_and_reloaded(db: Any) -> None:
    user = await User.create(age=5)
    assert user.age == 5
    await user.update(profile={"age": 9}).apply()
    assert user.age == 5
    User.__dict__["age"].reload(user)
    assert user.age == 9


@pytest.mark.parametrize("key", ["nickname", "stranger"])  # a column, and nothing
async def test_unknown_key_is_named(db: Any, key: str) -> None:
    await User.create()
    await db.status("UPDATE gt_users SET profile = jsonb_build_object($1::text, 1)", key)
    user = await User.query.gino.first()
    with pytest.raises(UnknownJSONPropertyError, match=rf"{key}.*profile"):
        _ = user.age
    with pytest.raises(UnknownJSONPropertyError):
        user.to_dict()


async def test_hooks_defaults_and_several_columns(dsn: str) -> None:
    db: Any = Gino()

    class Mixin:
        title = db.StringProperty()

    class Page(db.Model, Mixin):
        __tablename__ = "gt_pages"
        id = db.Column(db.Integer, primary_key=True)
        profile = db.Column("profile_column", JSONB)
        extra = db.Column(JSONB)
        plain = db.Column(JSON)
        shout = db.StringProperty(default="x")
        words = db.ArrayProperty(prop_name="extra", default=lambda self: [self.id])
        tree = db.ObjectProperty(prop_name="extra")
        count = db.IntegerProperty(prop_name="plain")

        @shout.after_get
        def shout(self, value: Any) -> Any:
            return "nothing" if value is None else value.upper()

    async with db.with_bind(dsn, min_size=1, max_size=1):
        await db.gino.drop_all()
        await db.gino.create_all()
        page = await Page.create(title="t", tree={"a": 1})
        assert page.shout == "X"
        assert await db.scalar("SELECT profile_column FROM gt_pages") == {"title": "t"}
        assert await db.scalar("SELECT extra FROM gt_pages") == {"tree": {"a": 1}, "words": [None]}
        await page.update(shout="y", words=["a", "b"]).apply()
        assert page.shout == "Y"
        assert page.words == ["a", "b"]
        await page.update(shout=None).apply()
        assert page.shout == "nothing"
        assert (await db.scalar("SELECT profile_column FROM gt_pages"))["shout"] is None
        query = db.select([Page.tree, Page.words, Page.title])
        assert await query.gino.first() == ({"a": 1}, ["a", "b"], "t")
        found = await Page.query.where(Page.title == "t").gino.one()
        assert found.words == ["a", "b"]
        assert await Page.query.where(Page.extra[("tree", "a")].astext == "1").gino.one()
        request = page.update(count="3")
        with pytest.raises(TypeError, match="JSON is not supported"):
            await request.apply()
        assert page.count == "3"
        await page.update(plain={"count": 4}).apply()
        assert await db.scalar("SELECT plain FROM gt_pages") == {"count": 4}
        assert page.count == "3"
        await page.update(profile=None).apply()
        assert page.profile is None
        assert page.title == "t"
        Page.__dict__["count"].reload(page)
        assert page.count == 4
        await db.gino.drop_all()


async def test_expression_hook_and_type_decorator(dsn: str) -> None:
    import sqlalchemy as sa

    class Upper(sa.types.TypeDecorator[Any]):
        impl = JSONB
        cache_ok = True

        def process_result_value(self, value: Any, dialect: Any) -> Any:
            return None if value is None else {key: value[key] for key in sorted(value)}

    db: Any = Gino()

    class Thing(db.Model):
        __tablename__ = "gt_things"
        id = db.Column(db.Integer, primary_key=True)
        profile = db.Column(Upper, nullable=False, server_default="{}")
        born = db.DateTimeProperty()
        name = db.StringProperty()

        @born.expression
        def born(cls, clause: Any) -> Any:
            return sa.func.extract("year", clause)

        @name.before_set
        def name(self, value: str) -> str:
            return value.strip()

        @db.declared_attr
        def name_index(cls) -> Any:
            return db.Index("gt_things_name", cls.name)

    async with db.with_bind(dsn, min_size=1, max_size=1):
        await db.gino.drop_all()
        await db.gino.create_all()
        thing = await Thing.create(name=" x ", born=datetime(2001, 2, 3))
        assert thing.name == "x"
        assert await db.select([Thing.born]).gino.scalar() == 2001
        await thing.update(name="a").apply()
        again = await Thing.query.where(Thing.name == "a").gino.one()
        assert list(again.profile) == ["born", "name"]
        assert again.born == datetime(2001, 2, 3)
        await db.gino.drop_all()
