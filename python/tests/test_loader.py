"""Loaders: rows become models, tuples and values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from models import Seat, Team, User, bound
from sqlalchemy.exc import NoSuchColumnError

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


async def test_distinct_instances_are_nested_at_every_level(db: Any) -> None:
    class Member(User):
        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            self.seats: list[Any] = []

        def add_seat(self, seat: Any) -> None:
            self.seats.append(seat)

    class Parent(Team):
        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            self.members: list[Any] = []

        def add_member(self, member: Any) -> None:
            if member not in self.members:
                self.members.append(member)

    for number, guest in enumerate(("ada", "ada", "bob"), 1):
        await Seat.create(row=1, number=number, guest=f"{guest} {number}")
    source = Team.outerjoin(User).outerjoin(Seat, Seat.guest.startswith(User.nickname))
    query = db.select([*Team, *User, *Seat]).select_from(source).order_by(Team.id, Seat.number)
    member = Member.distinct(User.id).load(add_seat=Seat.distinct(Seat.number))
    core, docs = await query.gino.load(Parent.distinct(Team.id).load(add_member=member)).all()
    seats = [(one.nickname, [seat.number for seat in one.seats]) for one in core.members]
    assert seats == [("ada", [1, 2]), ("bob", [3])]
    assert [(one.nickname, one.seats) for one in docs.members] == [("cyd", [])]


async def test_settings_of_a_loader_chain_in_any_order(db: Any) -> None:
    clause = User.team_id == Team.id
    for team in (
        Team.load("id", "name").on(clause).distinct(Team.id),
        Team.on(clause).distinct(Team.id).load("id", "name"),
        Team.distinct(Team.id).load("id", "name").on(clause),
    ):
        users = await User.load(team=team).query.order_by(User.id).gino.all()
        assert [user.team.name for user in users[:3]] == ["core", "core", "docs"]
        assert users[0].team is users[1].team
        assert "parent_id" not in users[2].team.__values__
        assert not hasattr(users[3], "team")


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
    pair = query.execution_options(loader=(User.nickname, double))
    assert await db.first(pair) == ("bob", 4)
    loaded = await query.gino.model(User.load("nickname")).first()
    assert (type(loaded), loaded.id, loaded.nickname) == (User, None, "bob")


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
    team = await db.select([User.nickname]).gino.load(Team).first()
    assert isinstance(team, Team)
    assert dict(team.__values__) == {}
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


async def test_rows_of_plain_sql_are_loaded_by_the_names_of_their_columns(db: Any) -> None:
    sql = "SELECT id, name, team_id, 7 AS parent_id FROM gt_users ORDER BY id LIMIT 2"
    boss = Team.load("parent_id").distinct(Team.parent_id)
    user = User.load(User.nickname, User.team_id, team=boss)
    async with db.acquire() as connection:

        async def loaded(loader: Any, sql: str = sql) -> list[Any]:
            found: list[Any] = await connection.execution_options(loader=loader).all(sql)
            return found

        ada, bob = await loaded(user)
        assert (type(ada), ada.nickname, bob.nickname, ada.id) == (User, "ada", "bob", None)
        assert ada.team.parent_id == 7
        assert ada.team is bob.team
        seen: list[int] = []
        parts = (User.nickname, lambda row, context: context.setdefault("n", seen), "same")
        assert await loaded(parts) == [("ada", seen, "same"), ("bob", seen, "same")]
        assert await loaded(User.nickname) == ["ada", "bob"]
        nobody = "SELECT name, NULL::int AS team_id, NULL::int AS parent_id FROM gt_users LIMIT 1"
        (alone,) = await loaded(user, nobody)
        assert not hasattr(alone, "team")
        assert await loaded(User.load("team_id"), nobody) == [None]
        with pytest.raises(NoSuchColumnError, match=r"gt_users\.mood"):
            await loaded((User.mood,))


async def test_a_loader_of_ones_own_may_ask_others(db: Any) -> None:
    class Named(Loader):
        """A dictionary of what other loaders make."""

        def __init__(self, **loaders: Any) -> None:
            self.loaders = {name: Loader.get(value) for name, value in loaders.items()}

        def get_columns(self) -> list[Any]:
            return [c for loader in self.loaders.values() for c in loader.get_columns()]

        def do_load(self, row: Any, context: Any = None) -> Any:
            every = self.loaders.items()
            return {name: one.do_load(row, context)[0] for name, one in every}, True

    loader = Named(
        name=User.nickname, both=(User.id, 1), model=User, row=lambda row, _: len(row), value="x"
    )
    first = await loader.query.order_by(User.id).gino.load(loader).first()
    assert (first["name"], first["both"], first["value"]) == ("ada", (1, 1), "x")
    assert (type(first["model"]), first["model"].nickname) == (User, "ada")
    assert first["row"] == len(loader.get_columns())
    with pytest.raises(NotImplementedError):
        Loader().do_load(())
    with pytest.raises(AttributeError):
        loader.nothing_like_it()


async def test_expressions_have_queries_of_their_own(db: Any) -> None:
    names = ColumnLoader(User.nickname).query.order_by(User.id)
    assert await names.gino.all() == ["ada", "bob", "cyd", "dee"]
    pairs = TupleLoader((User.nickname, User.id)).query.order_by(User.id)
    assert await pairs.gino.first() == ("ada", 1)


async def test_aliases_are_joined_on_a_clause_and_distinct(db: Any) -> None:
    parent = Team.alias()
    assert list(parent) == list(parent.alias.c)
    assert repr(parent) == "<Alias of Team>"
    query = Team.load(parent=parent.on(Team.parent_id == parent.id)).query.order_by(Team.id)
    _, docs = await query.gino.all()
    assert docs.parent.name == "core"
    query = db.select([parent]).order_by(parent.id)
    assert len(await query.gino.load(parent.distinct(parent.id)).all()) == 2
    for wrong, kind in ((3, TypeError), (User.nickname, AttributeError)):
        with pytest.raises(kind):
            parent.load(wrong)
    assert parent.load("name").get_columns() == [parent.name]
    joined = Team.on(Team.id == User.team_id)
    query = User.load(team=joined).query.order_by(User.id)
    assert [user.team.name for user in (await query.gino.all())[:3]] == ["core", "core", "docs"]
    assert type(Team.none_as_none()) is ModelLoader
