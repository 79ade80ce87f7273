"""Models that read and write themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from models import Mood, Note, Seat, Team, User, bound, metadata

from gino import Gino, NoSuchRowError
from gino.crud import CRUDModel, UpdateRequest
from gino.declarative import ColumnAttribute
from gino.exceptions import LockNotAvailableError, ProgrammingError, UniqueViolationError


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


async def test_create_returns_what_the_server_made(db: Any) -> None:
    user = await User.create(nickname="fantix", mood=Mood.GOOD)
    assert user.id == 1
    assert user.nickname == "fantix"
    assert user.mood is Mood.GOOD
    assert user.created_at is not None
    assert user.profile == {"age": 18, "active": True}


async def test_python_default_is_used_when_the_column_is_not_given(db: Any) -> None:
    assert (await User.create()).nickname == "noname"
    assert (await User.create(nickname=None)).nickname is None


async def test_instance_can_create_itself(db: Any) -> None:
    team = Team(name="core")
    assert await team.create() is team
    assert team.id == 1
    with pytest.raises(KeyError, match="colour"):
        await Team.create(colour="red")


async def test_create_takes_sql_expressions(db: Any) -> None:
    team = await Team.create(name=db.func.upper("core"))
    assert team.name == "CORE"


async def test_create_and_get_take_a_bind_and_a_timeout(db: Any) -> None:
    async with db.acquire() as connection:
        team = await Team.create(bind=connection, timeout=5, name="core")
        assert (await Team.get(team.id, bind=connection, timeout=5)).name == "core"
    assert (await Team.get(team.id, bind=db.bind)).name == "core"


async def test_get_gives_none_for_an_absent_row(db: Any) -> None:
    assert await Team.get(404) is None


async def test_attributes_of_other_classes_are_set_as_they_say(dsn: str) -> None:
    db: Any = Gino()

    class Lower(ColumnAttribute):
        def __set__(self, instance: Any, value: Any) -> None:
            super().__set__(instance, value.lower() if isinstance(value, str) else value)

    class Account(db.Model):
        __tablename__ = "gt_accounts"
        __attr_factory__ = Lower
        id = db.Column(db.Integer, primary_key=True)
        email = db.Column(db.Unicode)

    async with db.with_bind(dsn, min_size=1, max_size=1):
        await db.gino.drop_all()
        await db.gino.create_all()
        made = await Account.create(email="ADA")
        assert (made.email, (await Account.get(made.id)).email) == ("ada", "ada")
        await made.update(email="BOB").apply()
        assert await db.scalar("SELECT email FROM gt_accounts") == "bob"
        await Account.bulk_create([{"email": "EVE"}, Account(email="DAN")])
        found = await Account.select("email").order_by(Account.id).gino.all()
        assert found == [("bob",), ("eve",), ("dan",)]
        await db.gino.drop_all()


async def test_get_by_several_columns(db: Any) -> None:
    await Seat.create(row=1, number=2, guest="ada")
    for ident in ((1, 2), [1, 2], {"row": 1, "number": 2}, {0: 1, 1: 2}, {"row": 1, 1: 2}):
        seat = await Seat.get(ident)
        assert seat.guest == "ada"
    message = "Incorrect number of values as primary key: expected 2, got 3."
    with pytest.raises(ValueError, match=message):
        await Seat.get((1, 2, 3))
    with pytest.raises(ValueError, match="expected 2, got 1"):
        await Seat.get(1)
    with pytest.raises(KeyError):
        await Seat.get({"seat_row": 1, "number": 2})


async def test_update_changes_memory_at_once_and_the_row_on_apply(db: Any) -> None:
    team = await Team.create(name="core")
    request = team.update(name="kernel")
    assert isinstance(request, UpdateRequest)
    assert team.name == "kernel"
    assert (await Team.get(team.id)).name == "core"
    assert await request.apply() is request
    assert (await Team.get(team.id)).name == "kernel"


async def test_update_with_an_expression_takes_effect_on_apply(db: Any) -> None:
    team = await Team.create(name="core")
    request = team.update(name=Team.name + "!")
    assert team.name == "core"
    await request.apply()
    assert team.name == "core!"


async def test_updates_chain(db: Any) -> None:
    user = await User.create(nickname="a")
    await user.update(nickname="b").update(mood=Mood.BAD).apply()
    again = await User.get(user.id)
    assert (again.nickname, again.mood) == ("b", Mood.BAD)


async def test_update_may_be_a_request_of_another_class(db: Any) -> None:
    applied: list[Any] = []

    class Told(UpdateRequest):
        async def apply(self, *args: Any, **kwargs: Any) -> Any:
            applied.append(self)
            return await super().apply(*args, **kwargs)

    class ToldTeam(Team):
        _update_request_cls = Told

    team = await ToldTeam.create(name="core")
    request = team.update(name="kernel")
    assert type(request) is Told
    assert await request.apply() is request
    assert applied == [request]
    assert (await Team.get(team.id)).name == "kernel"


async def test_methods_of_models_can_be_overridden(db: Any) -> None:
    seen: list[str] = []

    class Watched(metadata.Model):
        @classmethod
        async def create(cls, *args: Any, **values: Any) -> Any:
            seen.append("create")
            return await super().create(*args, **values)

        def update(self, **values: Any) -> Any:
            seen.append("update")
            return super().update(**values)

        async def delete(self, *args: Any, **kwargs: Any) -> Any:
            seen.append("delete")
            return await super().delete(*args, **kwargs)

        @classmethod
        async def get(cls, *args: Any, **kwargs: Any) -> Any:
            seen.append("get")
            return await super().get(*args, **kwargs)

    class WatchedTeam(Watched, Team):
        pass

    team = await WatchedTeam.create(name="core")
    await team.update(name="kernel").apply()
    found = await WatchedTeam.get(team.id)
    assert (type(found), found.name) == (WatchedTeam, "kernel")
    assert await found.delete() == "DELETE 1"
    assert seen == ["create", "update", "get", "delete"]


async def test_key_can_be_changed(db: Any) -> None:
    seat = await Seat.create(row=1, number=1)
    await seat.update(row=9, guest="bob").apply()
    assert seat.row == 9
    assert await Seat.get((1, 1)) is None
    assert (await Seat.get((9, 1))).guest == "bob"


async def test_update_of_a_row_that_is_gone(db: Any) -> None:
    team = await Team.create(name="core")
    assert await team.delete() == "DELETE 1"
    assert await team.delete() == "DELETE 0"
    with pytest.raises(NoSuchRowError):
        await team.update(name="x").apply()


async def test_onupdate_value_is_written_and_read_back(db: Any) -> None:
    class KeyedNote(Note):
        def lookup(self) -> Any:
            return Note.text == self.text

    await Note.create(text="a")
    note = await KeyedNote.query.gino.first()
    assert note.updated_at is None
    await note.update(text="b").apply()
    assert note.updated_at is not None
    assert await db.scalar(db.select([Note.text])) == "b"
    assert await note.delete() == "DELETE 1"


async def test_model_without_key_needs_a_lookup(db: Any) -> None:
    note = await Note.create(text="a")
    request = note.update(text="b")
    with pytest.raises(TypeError, match="no table, primary key or custom lookup"):
        await request.apply()
    for use in (lambda: note.query, lambda: note.select("text")):
        with pytest.raises(LookupError, match="Instance-level CRUD operations not allowed"):
            use()
    with pytest.raises(LookupError, match="Instance-level CRUD operations not allowed"):
        await note.delete()
    assert await db.scalar("SELECT text FROM gt_notes") == "a"


async def test_lookup_may_be_given_to_the_class_later(
    db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await Note.create(text="a"), await Note.create(text="b")
    monkeypatch.setattr(Note, "lookup", lambda self: Note.text == self.text)
    assert (await one.query.gino.one()).text == "a"
    assert await one.select("text").gino.scalar() == "a"
    request = one.update(updated_at=None)
    assert await request.apply() is request
    assert await other.delete() == "DELETE 1"
    assert [note.text for note in await Note.query.gino.all()] == ["a"]


async def test_apply_takes_a_bind_and_a_timeout(db: Any) -> None:
    team = await Team.create(name="core")
    async with db.transaction(reuse=False, reusable=False) as tx:
        await team.update(name="kernel").apply(bind=tx.connection, timeout=5)
        assert await db.scalar("SELECT name FROM gt_teams") == "core"
        for change in ({"name": "late"}, {"name": Team.name + "!"}):
            with pytest.raises(asyncio.TimeoutError):
                await team.update(**change).apply(timeout=0.05)  # the row is locked
    assert (await Team.get(team.id)).name == "kernel"


async def test_query_and_select_on_an_instance_find_its_row(db: Any) -> None:
    await Team.create(name="a")
    team = await Team.create(name="b")
    assert (await team.query.gino.first()).name == "b"
    assert (await team.select("name").gino.first()) == ("b",)
    assert await team.select("name").gino.scalar() == "b"


async def test_select_gives_rows_even_in_model_context(db: Any) -> None:
    await Team.create(name="a")
    row = await Team.select("id", "name").gino.model(Team).first()
    assert row.name == "a"
    assert not isinstance(row, Team)


async def test_clauses_of_the_class_use_column_names_and_load_models(db: Any) -> None:
    await User.insert().values(name="a").gino.status()
    tag, users = (
        await User.update.values(name="b").where(User.id == 1).returning(*User).gino.status()
    )
    assert tag == "UPDATE 1"
    assert [(type(user), user.nickname) for user in users] == [(User, "b")]
    assert (await User.delete.where(User.nickname == "b").gino.status())[0] == "DELETE 1"


async def test_text_with_columns_loads_models(db: Any) -> None:
    await User.create(nickname="a", mood=Mood.GOOD)
    query = db.text("SELECT * FROM gt_users").columns(*User).execution_options(model=User)
    user = await query.gino.first()
    assert user.nickname == "a"
    assert user.mood is Mood.GOOD


async def test_to_dict_has_properties_instead_of_their_column(db: Any) -> None:
    user = await User.create(nickname="a", age=3)
    found = user.to_dict()
    assert "profile" not in found
    assert found["age"] == 3
    assert found["nickname"] == "a"
    assert (await Team.create(name="x")).to_dict() == {"id": 1, "name": "x", "parent_id": None}


async def test_alias_has_its_columns_and_the_models_attributes(db: Any) -> None:
    alias = User.alias()
    assert alias.name is alias.alias.c.name
    assert alias.nickname is alias.alias.c.name
    assert alias.to_dict is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = alias.nothing
    assert isinstance(alias(nickname="x"), User)


async def test_in_query_reads_a_subquery_as_a_model(db: Any) -> None:
    await Team.create(name="a")
    await Team.create(name="b")
    found = Team.in_query(Team.query.where(Team.name == "b"))
    teams = await db.select(found.load().get_columns()).gino.load(found.load()).all()
    assert [(type(team), team.name) for team in teams] == [(Team, "b")]
    assert await db.scalar(db.select([found.name])) == "b"


async def test_constructor_override_is_called(db: Any) -> None:
    class Loud(Team):
        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            self.made = True

    assert Loud.__init__ is not CRUDModel.__init__
    created = await Loud.create(name="x")
    assert created.made
    assert isinstance(created, Loud)
    loaded = await Loud.get(created.id)
    assert loaded.made
    assert loaded.name == "x"


async def test_replaced_setter_is_used(db: Any) -> None:
    class Upper(Team):
        @property
        def name(self) -> Any:
            return self.__values__["name"].upper()

        @name.setter
        def name(self, value: str) -> None:
            self.__values__["name"] = value

    team = await Upper.create(name="x")
    assert team.name == "X"
    assert await db.scalar("SELECT name FROM gt_teams") == "x"


async def test_tasks_do_not_disturb_each_other(db: Any) -> None:
    teams = await asyncio.gather(*(Team.create(name=str(i)) for i in range(50)))
    assert sorted(team.id for team in teams) == list(range(1, 51))
    found = await asyncio.gather(*(Team.get(team.id) for team in teams))
    assert [team.name for team in found] == [str(i) for i in range(50)]


async def test_driver_error_comes_through(db: Any) -> None:
    await Seat.create(row=1, number=1, guest="a")
    with pytest.raises(UniqueViolationError) as info:
        await Seat.create(row=1, number=2, guest="a")
    assert info.value.constraint_name == "gt_seats_guest_key"
    assert info.value.sqlstate == "23505"


async def test_defaults_of_every_kind(dsn: str) -> None:
    db: Any = Gino()

    def doubled(context: Any) -> int:
        return int(context.get_current_parameters()["given"]) * 2

    class Everything(db.Model):
        __tablename__ = "gt_everything"
        id = db.Column(db.Integer, db.Identity(), primary_key=True)
        key = db.Column(db.Uuid, server_default=db.func.gen_random_uuid())
        number = db.Column(db.Integer, db.Sequence("gt_numbers", start=7))
        given = db.Column(db.Integer)
        double = db.Column(db.Integer, default=doubled)
        made = db.Column(db.Integer, default=lambda: 3)
        computed = db.Column(db.Integer, db.Computed("given + 1", persisted=True))
        stamp = db.Column(db.DateTime, default=db.func.now(), onupdate=db.func.now())
        version = db.Column(db.Integer, default=1, onupdate=lambda context: 5)

    async with db.with_bind(dsn, min_size=1, max_size=1):
        await db.gino.drop_all()
        await db.gino.create_all()
        item = await Everything.create(given=4)
        assert (item.id, item.number, item.double, item.made, item.computed) == (1, 7, 8, 3, 5)
        assert item.key is not None
        assert item.stamp is not None
        before = item.stamp
        await item.update(given=10).apply()
        assert (item.version, item.given) == (5, 10)
        assert item.stamp > before
        await item.update(given=Everything.given + 1, version=1).apply()
        assert (item.version, item.given) == (1, 11)
        many = [{"given": 1}, {"given": 2}]
        await Everything.insert().gino.all(many)
        rows = await db.select([Everything.double, Everything.made]).gino.all()
        assert sorted(rows) == [(2, 3), (4, 3), (8, 3)]
        values = Everything.insert().values([{"given": 5}, {"given": 6}])
        rows = await values.returning(Everything.double).gino.all()
        assert sorted(row[0] for row in rows) == [10, 12]
        await db.gino.drop_all()


async def test_row_that_does_not_come_back_is_told(db: Any) -> None:
    await db.status(
        "CREATE OR REPLACE FUNCTION gt_skip() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NULL; END $$"
    )
    await db.status(
        "CREATE TRIGGER gt_skip BEFORE INSERT ON gt_teams FOR EACH ROW EXECUTE FUNCTION gt_skip()"
    )
    try:
        with pytest.raises(NoSuchRowError) as info:
            await Team.create(name="x")
        assert isinstance(info.value, AttributeError)
        with pytest.raises(NoSuchRowError):
            await Team(name="x").create()
    finally:
        await db.status("DROP FUNCTION gt_skip() CASCADE")


async def test_get_can_lock_the_row(db: Any) -> None:
    team = await Team.create(name="core")
    async with db.transaction(reuse=False, reusable=False) as tx:
        held = await Team.get(team.id, bind=tx.connection, for_update=True)
        assert held.name == "core"
        async with db.transaction():
            with pytest.raises(LockNotAvailableError):
                async with db.transaction():
                    await Team.get(team.id, for_update="nowait")
            assert await Team.get(team.id, for_update="skip_locked") is None
            assert await Team.get({"id": team.id}, for_update={"skip_locked": True}) is None
            assert (await Team.get(team.id, for_update=False)).name == "core"
        with pytest.raises(TimeoutError):
            await Team.get(team.id, for_update=True, timeout=0.05)
    assert (await Team.get(team.id, for_update={"key_share": True, "of": Team})).name == "core"
    with pytest.raises(ValueError, match="for_update='later'"):
        await Team.get(team.id, for_update="later")


async def test_get_or_create(db: Any) -> None:
    seat, created = await Seat.get_or_create({"guest": "ada"}, row=1, number=2)
    assert created
    assert (seat.row, seat.number, seat.guest) == (1, 2, "ada")
    again, created = await Seat.get_or_create({"guest": "bob"}, number=2, row=1, timeout=5)
    assert not created
    assert again.guest == "ada"
    user, created = await User.get_or_create(defaults={"nickname": "x", "age": 3}, id=77)
    assert (user.id, user.nickname, user.age, created) == (77, "x", 3, True)
    for call, error in (
        (Seat.get_or_create(guest=None), ValueError),
        (Seat.get_or_create(), ValueError),
        (Seat.get_or_create(colour=1), KeyError),
        (Seat.get_or_create({"guest": "ada"}, row=2, number=2), UniqueViolationError),
        (Team.get_or_create(name="not unique"), ProgrammingError),
    ):
        with pytest.raises(error):
            await call


async def test_get_or_create_of_many_tasks_creates_once(db: Any) -> None:
    made = await asyncio.gather(
        *(Seat.get_or_create({"row": n, "number": n}, guest="eve") for n in range(20))
    )
    assert sum(created for _, created in made) == 1
    assert len({(seat.row, seat.number) for seat, _ in made}) == 1


async def test_clause_is_narrowed_to_the_row_of_an_instance(db: Any) -> None:
    ada, bob = await User.create(nickname="ada"), await User.create(nickname="bob")
    changed = ada.append_where_primary_key(User.update.values(name="eve"))
    assert (await changed.gino.status())[0] == "UPDATE 1"
    assert [(await User.get(one.id)).nickname for one in (ada, bob)] == ["eve", "bob"]


async def test_instance_is_created_with_further_values(db: Any) -> None:
    user = User(nickname="ada")
    assert await user.create(age=30) is user
    assert (user.nickname, user.age) == ("ada", 30)
    with pytest.raises(KeyError, match="nikname"):
        await User().create(nikname="x")
    assert await user.update().apply()  # nothing to do
    assert (await User.get(user.id)).to_dict() == user.to_dict()


async def test_plans_of_a_model_do_not_pile_up(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gino.plans._CACHED", 1)
    plans = User.__plans__
    for memory in (plans._finds, plans._creates, plans._updates):
        memory.clear()
    user = await User.create(nickname="ada")
    await User.create(nickname="bob", age=3)
    await user.update(nickname="eve").apply()
    await user.update(city="Oslo").apply()
    await user.update(nickname="ada", team_id=None).apply()
    assert (await User.get(user.id)).city == "Oslo"
    assert (await User.get(user.id, for_update=True)).nickname == "ada"
    assert [len(plans._finds), len(plans._creates), len(plans._updates)] == [1, 1, 1]
