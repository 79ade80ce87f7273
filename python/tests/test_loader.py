"""Loaders: rows become models, tuples and values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from models import Team, User, bound

from gino.loader import (
    AliasLoader,
    CallableLoader,
    ColumnLoader,
    Loader,
    ModelLoader,
    TupleLoader,
    ValueLoader,
)


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        core = await Team.create(name="core")
        docs = await Team.create(name="docs", parent_id=core.id)
        await User.create(nickname="ada", team_id=core.id)
        await User.create(nickname="bob", team_id=core.id)
        await User.create(nickname="cyd", team_id=docs.id)
        await User.create(nickname="dee")
        yield metadata


def test_expressions_have_their_loaders() -> None:
    assert type(Loader.get(User)) is ModelLoader
    assert type(Loader.get(User.alias())) is AliasLoader
    assert type(Loader.get(User.id)) is ColumnLoader
    assert type(Loader.get(User.id.label("x"))) is ColumnLoader
    assert type(Loader.get((User, User.id))) is TupleLoader
    assert type(Loader.get(lambda row, context: None)) is CallableLoader
    assert type(Loader.get(3)) is ValueLoader
    loader = User.load()
    assert Loader.get(loader) is loader


async def test_related_model_is_joined_by_its_foreign_key(db: Any) -> None:
    users = await User.load(team=Team).query.order_by(User.id).gino.all()
    assert [user.nickname for user in users] == ["ada", "bob", "cyd", "dee"]
    assert [user.team.name for user in users[:3]] == ["core", "core", "docs"]
    assert isinstance(users[0].team, Team)
    assert not hasattr(users[3], "team")


async def test_unknown_attributes_of_a_loader_go_to_its_query(db: Any) -> None:
    user = await User.load(team=Team).where(User.nickname == "cyd").gino.one()
    assert user.team.name == "docs"


async def test_join_clause_and_aliases_allow_self_joins(db: Any) -> None:
    parent = Team.alias()
    query = Team.load(parent=parent.on(Team.parent_id == parent.id)).query.order_by(Team.id)
    teams = await query.gino.all()
    assert not hasattr(teams[0], "parent")
    assert teams[1].parent.name == "core"
    for _ in range(2):
        one, two = Team.alias(), Team.alias()
        query = db.select([one.id, one.name, two.id, two.name]).where(
            db.and_(one.id == 1, two.id == 2)
        )
        assert await query.gino.load((one.load("name"), two.load("name"))).first()
        found = await query.gino.load((two, one)).first()
        assert [team.name for team in found] == ["docs", "core"]


async def test_distinct_instances_are_shared_within_a_query(db: Any) -> None:
    users = await User.load(team=Team.distinct(Team.id)).query.order_by(User.id).gino.all()
    assert users[0].team is users[1].team
    assert users[0].team is not users[2].team
    again = await User.load(team=Team.distinct(Team.id)).query.order_by(User.id).gino.all()
    assert again[0].team is not users[0].team


async def test_one_to_many_by_calling_a_method(db: Any) -> None:
    class Parent(Team):
        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            self.members: list[Any] = []

        def add_member(self, user: Any) -> None:
            self.members.append(user)

    query = db.select([*Parent, *User]).select_from(Parent.outerjoin(User)).order_by(User.id)
    loader = Parent.distinct(Parent.id).load(add_member=User.distinct(User.id))
    teams = await query.gino.load(loader).all()
    assert [(team.name, [user.nickname for user in team.members]) for team in teams] == [
        ("core", ["ada", "bob"]),
        ("docs", ["cyd"]),
    ]


async def test_tuples_columns_labels_values_and_callables(db: Any) -> None:
    double = (User.id * 2).label("double")
    query = db.select([*User, double]).where(User.id == 2)

    def shout(row: Any, context: dict[Any, Any]) -> str:
        context["seen"] = True
        return row[User.nickname].upper()

    found = await query.gino.load((User, (User.id, double), shout, "literal")).first()
    assert found[0].nickname == "bob"
    assert found[1:] == ((2, 4), "BOB", "literal")
    assert await query.gino.load(User.id).all() == [2]
    assert await query.gino.load(double).all() == [4]


async def test_load_of_some_columns(db: Any) -> None:
    user = await User.load("nickname", User.team_id).query.order_by(User.id).gino.first()
    assert (user.id, user.nickname, user.team_id) == (None, "ada", 1)
    with pytest.raises(AttributeError):
        User.load("nothing")
    with pytest.raises(AttributeError):
        User.load(Team.name)
    with pytest.raises(TypeError):
        User.load(3)
    with pytest.raises(TypeError):
        User.load("to_dict")


async def test_columns_that_are_absent_are_left_out(db: Any) -> None:
    user = await db.select([User.nickname]).gino.load(User).first()
    assert (user.id, user.nickname) == (None, "ada")
    user, team = await db.select([User.nickname]).gino.load((User, Team)).first()
    assert isinstance(team, Team)
    assert dict(team.__values__) == {}


async def test_loaders_apply_to_textual_sql(db: Any) -> None:
    query = db.text("SELECT id, name FROM gt_teams ORDER BY id").execution_options(loader=Team)
    teams = await db.all(query)
    assert [(type(team), team.id, team.name) for team in teams] == [
        (Team, 1, "core"),
        (Team, 2, "docs"),
    ]


def test_none_as_none_is_accepted() -> None:
    loader = User.load()
    assert loader.none_as_none() is loader
    with pytest.warns(DeprecationWarning, match="none_as_none"):
        loader.none_as_none(False)


async def test_subclass_of_a_model_loads_as_itself(db: Any) -> None:
    class Sub(User):
        pass

    user = await Sub.query.order_by(Sub.id).gino.first()
    assert type(user) is Sub
    assert user.nickname == "ada"


async def test_own_loader_overrides_do_load(db: Any) -> None:
    class Names(Loader):
        def do_load(self, row: Any, context: Any = None) -> Any:
            return row[User.nickname], True

    assert await User.query.order_by(User.id).gino.load(Names()).first() == "ada"


async def test_one_compiled_statement_serves_several_loaders(db: Any) -> None:
    query = db.select([*User, *Team]).select_from(User.join(Team)).order_by(User.id)
    assert (await query.gino.load(User).first()).nickname == "ada"
    assert (await query.gino.load(Team).first()).name == "core"
    assert (await query.gino.load(User.load(team=Team)).first()).team.name == "core"
    assert (await query.gino.load((Team, User)).first())[1].nickname == "ada"
