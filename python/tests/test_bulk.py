"""Many rows at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from models import Mood, Note, Seat, Team, User, bound, metadata
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB

from gino import Gino, NoSuchRowError
from gino.exceptions import DatabaseError, UniqueViolationError


class Parcel(metadata.Model):
    """Types that need care: an array, a type without arrays, a plain JSON, defaults."""

    __tablename__ = "gt_parcels"

    id = metadata.Column(metadata.Integer(), primary_key=True)
    code = metadata.Column(metadata.CHAR(3), unique=True)
    tags = metadata.Column(ARRAY(metadata.Unicode()))
    address = metadata.Column(INET())
    body = metadata.Column(JSONB())
    weight = metadata.Column(metadata.Numeric(6, 2), default=lambda: 1)
    touched = metadata.Column(metadata.DateTime(), onupdate=datetime.now)
    added = metadata.Column(metadata.Integer(), default=metadata.func.length("four"))


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


async def test_bulk_create_returns_instances_in_the_order_of_the_rows(db: Any) -> None:
    teams = await Team.bulk_create([{"name": f"team {n}"} for n in range(250)])
    assert [team.id for team in teams] == list(range(1, 251))
    assert [team.name for team in teams] == [f"team {n}" for n in range(250)]
    assert {type(team) for team in teams} == {Team}
    assert await db.scalar("SELECT count(*) FROM gt_teams") == 250


async def test_rows_may_have_different_attributes(db: Any) -> None:
    seats = await Seat.bulk_create(
        [
            {"row": 1, "number": 1},
            {"guest": "ada", "number": 2, "row": 1},
            {"number": 3, "row": 1},
            {"row": 1, "number": 4, "guest": "bob"},
        ]
    )
    assert [(seat.row, seat.number, seat.guest) for seat in seats] == [
        (1, 1, None),
        (1, 2, "ada"),
        (1, 3, None),
        (1, 4, "bob"),
    ]


async def test_defaults_and_json_properties_come_back(db: Any) -> None:
    first, second = await User.bulk_create(
        [{"mood": Mood.BAD, "city": "Kraków"}, {"nickname": "b", "age": 3}]
    )
    assert (first.nickname, first.mood, first.age, first.city) == ("noname", Mood.BAD, 18, "Kraków")
    assert (second.nickname, second.age, second.profile) == ("b", 3, {"age": 3, "active": True})
    assert first.created_at is not None
    again = await User.get(first.id)
    assert again.to_dict() == first.to_dict()


async def test_instances_are_filled_and_returned(db: Any) -> None:
    given = [Team(name="a"), Team(name="b")]
    made = await Team.bulk_create(given)
    assert made[0] is given[0]
    assert made[1] is given[1]
    assert [team.id for team in given] == [1, 2]
    user = User(nickname="u", age=4)
    assert await User.bulk_create([user, {"nickname": "v"}]) == [user, await _same(2)]
    assert user.age == 4
    assert user.profile == {"age": 4, "active": True}


async def _same(key: int) -> Any:
    class Equal:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, User) and other.id == key

        def __hash__(self) -> int:
            return key

    return Equal()


async def test_types_without_an_array_go_row_by_row_in_one_round_trip(db: Any) -> None:
    rows = [
        {"code": f"{n}", "tags": ["x", "y"] * n, "address": f"10.0.0.{n}", "body": [n, [n]]}
        for n in range(1, 4)
    ]
    made = await Parcel.bulk_create(rows)
    assert [one.tags for one in made] == [["x", "y"] * n for n in range(1, 4)]
    assert [str(one.address) for one in made] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert [one.body for one in made] == [[1, [1]], [2, [2]], [3, [3]]]
    assert {(one.weight, one.added) for one in made} == {(1, 4)}
    assert [one.id for one in made] == [1, 2, 3]


async def test_types_with_an_array_keep_their_values(db: Any) -> None:
    rows = [
        {"code": "abc", "body": ["list", {"a": None}], "weight": 2},
        {"code": None, "body": "text", "weight": None},
    ]
    made = await Parcel.bulk_create(rows)
    assert [(one.code, one.body, one.weight, one.added) for one in made] == [
        ("abc", ["list", {"a": None}], 2, 4),
        (None, "text", None, 4),
    ]
    with pytest.raises(DatabaseError, match="too long"):
        await Parcel.bulk_create([{"code": "four", "weight": 1}])


async def test_rows_without_values_are_all_defaults(db: Any) -> None:
    assert [user.nickname for user in await User.bulk_create([{}, {}])] == ["noname"] * 2
    parcels = await Parcel.bulk_create([{}] * 3)
    assert [(one.id, one.weight) for one in parcels] == [(1, 1), (2, 1), (3, 1)]
    assert await Note.bulk_create([{}] * 2, returning=False) == 2
    assert await db.scalar("SELECT count(*) FROM gt_notes") == 2


async def test_nothing_is_stored_when_one_row_is_refused(db: Any) -> None:
    rows = [{"row": 1, "number": n} for n in (1, 2, 3, 3)]
    for size in (2, 5000):
        with pytest.raises(UniqueViolationError):
            await Seat.bulk_create(rows, chunk_size=size)
        assert await db.scalar("SELECT count(*) FROM gt_seats") == 0
    async with db.transaction():
        await Team.create(name="before")
        with pytest.raises(UniqueViolationError):
            await Seat.bulk_create(rows, chunk_size=1)
        await Team.create(name="after")
    assert await db.scalar("SELECT count(*) FROM gt_teams") == 2


async def test_more_values_than_a_statement_has_parameters(db: Any) -> None:
    rows = [{"row": n, "number": n, "guest": str(n)} for n in range(25_000)]
    made = await Seat.bulk_create(rows, chunk_size=25_000)
    assert len(made) == 25_000
    assert made[-1].guest == "24999"


async def test_portions_and_progress(db: Any) -> None:
    heard: list[tuple[int, int | None]] = []
    await Team.bulk_create(
        [{"name": "x"}] * 10, chunk_size=4, progress=lambda done, total: heard.append((done, total))
    )
    assert heard == [(4, 10), (8, 10), (10, 10)]

    async def stream() -> AsyncIterator[dict[str, Any]]:
        for _ in range(5):
            await asyncio.sleep(0)
            yield {"name": "y"}

    async def hear(done: int, total: int | None) -> None:
        heard.append((done, total))

    heard.clear()
    made = await Team.bulk_create(stream(), chunk_size=5, progress=hear)
    assert heard == [(5, None)]
    assert [team.id for team in made] == [11, 12, 13, 14, 15]
    assert await Team.bulk_create([]) == []
    with pytest.raises(ValueError, match="chunk_size=0"):
        await Team.bulk_create([], chunk_size=0)


@pytest.mark.parametrize("count", [10, 12_000])
async def test_without_returning_the_number_of_rows_comes_back(db: Any, count: int) -> None:
    rows = ({"name": f"team {n}"} for n in range(count))
    assert await Team.bulk_create(rows, returning=False) == count
    assert await Team.bulk_create([{"name": "x"}] * count, returning=False) == count
    assert await db.scalar("SELECT count(*) FROM gt_teams") == 2 * count


async def test_copy_takes_enums_arrays_json_and_defaults(db: Any) -> None:
    users = [{"nickname": "a", "mood": Mood.GOOD, "age": n} for n in range(3)]
    assert await User.bulk_create(users, returning=False, copy=True) == 3
    assert [user.age for user in await User.query.order_by(User.id).gino.all()] == [0, 1, 2]
    parcels = [{"code": "a", "tags": ["x", None], "body": {"k": [1]}}, {"code": "b"}]
    assert await Parcel.bulk_create(parcels, returning=False, copy=True) == 2
    first, second = await Parcel.query.order_by(Parcel.id).gino.all()
    assert (first.tags, first.body, first.weight) == (["x", None], {"k": [1]}, 1)
    assert (second.tags, second.weight) == (None, 1)
    with pytest.raises(ValueError, match="returning=False"):
        await Team.bulk_create([{"name": "x"}], copy=True)  # type: ignore[call-overload]


async def test_wrong_rows_are_named(db: Any) -> None:
    with pytest.raises(KeyError, match="colour"):
        await Team.bulk_create([{"name": "a"}, {"colour": "red"}])
    with pytest.raises(TypeError, match="a dict or an instance of Team, not tuple"):
        await Team.bulk_create([("a",)])
    with pytest.raises(TypeError, match="'name' of a row is an SQL expression"):
        await Team.bulk_create([{"name": "a"}, {"name": db.func.now()}])
    with pytest.raises(TypeError, match="abstract"):
        await metadata.Model.bulk_create([{}])


async def test_bulk_methods_take_a_bind_and_a_timeout(db: Any) -> None:
    async with db.acquire() as connection:
        made = await Team.bulk_create([{"name": "a"}], bind=connection, timeout=5)
        async with connection.transaction() as tx:
            await Team.bulk_update([{"id": made[0].id, "name": "b"}], bind=connection)
            tx.raise_rollback()
        assert (await Team.get(made[0].id)).name == "a"
    slow = [{"guest": "g", "number": 1, "row": 1}]
    async with db.transaction(reuse=False, reusable=False) as tx:
        await tx.connection.status("LOCK gt_seats")
        with pytest.raises(TimeoutError):
            await Seat.bulk_create(slow, timeout=0.05)
    assert await db.scalar("SELECT count(*) FROM gt_seats") == 0
    assert len(await Seat.bulk_create(slow)) == 1


async def test_init_of_a_model_sees_each_row(db: Any) -> None:
    class Loud(Team):
        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            if values:
                self.name = values["name"].upper()

    made = await Loud.bulk_create([{"name": "a"}, {"name": "b"}])
    assert [(type(one), one.id, one.name) for one in made] == [(Loud, 1, "A"), (Loud, 2, "B")]


async def test_upsert_updates_what_is_there(db: Any) -> None:
    await Seat.bulk_create([{"row": 1, "number": 1, "guest": "ada"}])
    seats = await Seat.bulk_upsert(
        [{"row": 1, "number": 1, "guest": "bob"}, {"row": 1, "number": 2, "guest": "eve"}]
    )
    assert [(seat.number, seat.guest) for seat in seats] == [(1, "bob"), (2, "eve")]
    assert await db.scalar("SELECT count(*) FROM gt_seats") == 2
    again = await Seat.bulk_upsert(
        [{"row": 7, "number": 7, "guest": "eve"}], conflict="guest", update=["number"]
    )
    assert [(seat.row, seat.number) for seat in again] == [(1, 7)]
    for conflict in (Seat.guest, [Seat.row, "number"], Seat.__table__.primary_key, None):
        row = {"row": 1, "number": 1, "guest": "bob"}
        (seat,) = await Seat.bulk_upsert([row], conflict=conflict)
        assert (seat.row, seat.number, seat.guest) == (1, 1, "bob")


async def test_upsert_may_leave_rows_as_they_are(db: Any) -> None:
    await Seat.bulk_create([{"row": 1, "number": 1, "guest": "ada"}])
    rows = [{"row": 1, "number": n, "guest": f"{n}"} for n in (1, 2)]
    made = await Seat.bulk_upsert(rows, update=[])
    assert [seat.number for seat in made] == [2]
    assert await Seat.bulk_upsert(rows, update=(), returning=False) == 0
    assert await Seat.bulk_upsert(rows, returning=False) == 2


async def test_upsert_computes_with_both_rows(db: Any) -> None:
    await Parcel.bulk_create([{"code": "abc", "weight": 2}])
    rows = [{"code": "abc", "weight": 3}, {"code": "xyz", "weight": 1}]
    made = await Parcel.bulk_upsert(
        rows,
        conflict="code",
        update=lambda new: {"weight": Parcel.weight + new.weight, "body": {"k": 1}},
    )
    assert [(one.weight, one.body) for one in made] == [(5, {"k": 1}), (1, None)]
    (one,) = await Parcel.bulk_upsert(rows[:1], conflict="code", update={"weight": 9})
    assert one.weight == 9


async def test_upsert_merges_the_json_properties_that_are_given(db: Any) -> None:
    user = await User.create(nickname="a", age=30, city="Oslo")
    (again,) = await User.bulk_upsert([{"id": user.id, "city": "Rome"}])
    assert (again.age, again.city, again.nickname) == (30, "Rome", "a")
    (again,) = await User.bulk_upsert([{"id": user.id}], update={"city": "Lima", "nickname": "b"})
    assert (again.age, again.city, again.nickname) == (30, "Lima", "b")


async def test_upsert_says_what_it_needs(db: Any) -> None:
    with pytest.raises(ValueError, match="rows without 'id' never conflict"):
        await Team.bulk_upsert([{"name": "a"}])
    with pytest.raises(ValueError, match="no primary key"):
        await Note.bulk_upsert([{"text": "a"}])
    with pytest.raises(KeyError, match="colour"):
        await Team.bulk_upsert([{"id": 1, "name": "a"}], update=["colour"])
    with pytest.raises(DatabaseError) as caught:
        await Team.bulk_upsert([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}])
    assert caught.value.sqlstate == "21000"


async def test_update_changes_many_rows(db: Any) -> None:
    teams = await Team.bulk_create([{"name": f"{n}"} for n in range(5)])
    found = await Team.bulk_update(
        [
            {"id": 3, "name": "three"},
            {"name": "one", "parent_id": 2, "id": 1},
            {"id": 2, "name": "two"},
        ]
    )
    assert [(team.id, team.name, team.parent_id) for team in found] == [
        (3, "three", None),
        (1, "one", 2),
        (2, "two", None),
    ]
    teams[3].name = "four"
    assert (await Team.bulk_update([teams[3]]))[0] is teams[3]
    assert (await Team.get(4)).name == "four"


async def test_update_merges_json_properties(db: Any) -> None:
    users = await User.bulk_create([{"nickname": "a", "age": n, "city": "x"} for n in range(3)])
    found = await User.bulk_update([{"id": user.id, "age": user.age + 10} for user in users])
    assert [(user.age, user.city) for user in found] == [(10, "x"), (11, "x"), (12, "x")]
    found[0].city = "y"
    found[0].nickname = "n"
    await User.bulk_update(found[:1])
    again = await User.get(found[0].id)
    assert (again.age, again.city, again.nickname) == (10, "y", "n")
    await User.bulk_update([{"id": again.id, "profile": {"age": 1}, "city": "z"}])
    assert (await User.get(again.id)).profile == {"age": 1, "city": "z"}


async def test_update_row_by_row_and_onupdate(db: Any) -> None:
    made = await Parcel.bulk_create([{"code": "a"}, {"code": "b"}])
    found = await Parcel.bulk_update([{"id": one.id, "address": "10.0.0.1"} for one in made])
    assert [str(one.address) for one in found] == ["10.0.0.1"] * 2
    assert all(one.touched is not None for one in found)
    found = await Parcel.bulk_update([{"id": one.id, "code": "c" + str(one.id)} for one in made])
    assert [one.code for one in found] == ["c1 ", "c2 "]
    with pytest.raises(NoSuchRowError, match="1 of the 2 rows"):
        await Parcel.bulk_update([{"id": n, "address": "10.0.0.2"} for n in (1, 404)])
    assert str((await Parcel.get(1)).address) == "10.0.0.1"


async def test_update_is_all_or_nothing(db: Any) -> None:
    await Team.bulk_create([{"name": "a"}, {"name": "b"}])
    with pytest.raises(NoSuchRowError, match=r"1 of the 2 rows .* key \(404,\)"):
        await Team.bulk_update([{"id": 1, "name": "x"}, {"id": 404, "name": "x"}])
    assert (await Team.get(1)).name == "a"
    for rows, message in (
        ([{"name": "x"}], "row 1 of bulk_update has no 'id'"),
        ([{"id": 1, "name": "x"}, {"id": 1, "name": "y"}], r"row 2 .* the key of another: \(1,\)"),
        ([{"id": 1}], "nothing but its key"),
    ):
        with pytest.raises(ValueError, match=message):
            await Team.bulk_update(rows)
    with pytest.raises(TypeError, match="no primary key"):
        await Note.bulk_update([{"text": "x"}])
    with pytest.raises(KeyError, match="colour"):
        await Team.bulk_update([{"id": 1, "colour": "x"}])


async def test_cancelled_bulk_stores_nothing(db: Any) -> None:
    async with db.transaction(reuse=False, reusable=False) as tx:
        await tx.connection.status("LOCK gt_seats")
        rows = [{"row": 1, "number": n} for n in range(10)]
        task = asyncio.create_task(Seat.bulk_create(rows, chunk_size=3))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await db.scalar("SELECT count(*) FROM gt_seats") == 0


async def test_plans_are_made_once(db: Any) -> None:
    await Team.bulk_create([{"name": "a"}])
    memory = Team.__plans__.bulk[db.bind]
    before = dict(memory)
    await Team.bulk_create([{"name": "b"}] * 3)
    async with db.acquire() as connection:
        await Team.bulk_create([Team(name="c")], bind=connection)
    assert memory == before
    assert sa.inspect(Team) is Team.__table__


async def test_rows_that_do_not_come_back_are_an_error(db: Any) -> None:
    await db.status(
        "CREATE OR REPLACE FUNCTION gt_keep_out() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF NEW.name = 'nobody' THEN RETURN NULL; END IF; RETURN NEW; END$$"
    )
    await db.status(
        "CREATE TRIGGER gt_keep_out BEFORE INSERT ON gt_teams FOR EACH ROW "
        "EXECUTE FUNCTION gt_keep_out()"
    )
    try:
        rows = [{"name": "a"}, {"name": "nobody"}]
        mixed = [{"name": "a"}, {"name": "nobody", "id": 7}]
        with pytest.raises(NoSuchRowError, match=r"1 of 2 new rows of Team came .*returning=False"):
            await Team.bulk_create(rows)
        for several in (rows, mixed, rows[1:]):
            for size in (5000, 1):
                for given in (several, iter(several)):
                    with pytest.raises(NoSuchRowError):
                        await Team.bulk_create(given, chunk_size=size)
        async with db.transaction():
            await Team.create(name="before")
            with pytest.raises(NoSuchRowError):
                await Team.bulk_create(rows)
            await Team.create(name="after")
        assert await Team.select("name").order_by(Team.id).gino.all() == [("before",), ("after",)]
        for settings in ({}, {"chunk_size": 1}, {"copy": True}):
            assert await Team.bulk_create(rows, returning=False, **settings) == 1
        assert await Team.query.where(Team.name == "a").gino.count() == 3
        with pytest.raises(NoSuchRowError, match="there each time"):
            await Team.get_or_create(id=5, defaults={"name": "nobody"})
        names = [{"nickname": "ada"}, {"nickname": "bob"}]
        async with db.transaction() as tx:  # one statement each, which do not disturb one another
            made = await asyncio.gather(
                *(User.bulk_create(names, bind=tx.connection) for _ in range(5))
            )
        assert len({user.id for users in made for user in users}) == 10
    finally:
        await db.status("DROP FUNCTION gt_keep_out CASCADE")


async def test_partition_may_keep_rows_out(db: Any) -> None:
    own: Any = Gino()

    class Reading(own.Model):
        __tablename__ = "gt_readings"
        day = own.Column(own.Integer)

    await db.status("DROP TABLE IF EXISTS gt_readings")
    for statement in (
        "CREATE TABLE gt_readings (day int) PARTITION BY RANGE (day)",
        "CREATE TABLE gt_readings_1 PARTITION OF gt_readings FOR VALUES FROM (0) TO (9)",
        "CREATE OR REPLACE FUNCTION gt_odd() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF NEW.day % 2 = 1 THEN RETURN NEW; END IF; RETURN NULL; END$$",
    ):
        await db.status(statement)
    days = [{"day": 1}, {"day": 2}, {"day": 3}]
    try:
        assert len(await Reading.bulk_create(days, bind=db.bind)) == 3
        await db.status(
            "CREATE TRIGGER odd BEFORE INSERT ON gt_readings_1 FOR EACH ROW "
            "EXECUTE FUNCTION gt_odd()"
        )
        for stored in (5, 5):  # the trigger is news the first time
            with pytest.raises(NoSuchRowError, match="2 of 3 new rows of Reading"):
                await Reading.bulk_create(days, bind=db.bind)
            assert await db.scalar("SELECT count(*) FROM gt_readings") == stored
        assert await Reading.bulk_create(days, bind=db.bind, returning=False) == 2
    finally:
        await db.status("DROP TABLE gt_readings")
        await db.status("DROP FUNCTION gt_odd CASCADE")


async def test_last_portion_of_a_stream_may_be_short(db: Any) -> None:
    async def stream() -> Any:
        for n in range(7):
            yield {"name": f"{n}"}

    assert await Team.bulk_create(stream(), chunk_size=3, returning=False) == 7
    assert await Team.query.gino.count() == 7


async def test_statements_of_bulk_writes_do_not_pile_up(
    db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gino.bulk._REMEMBERED", 2)
    for n in (70, 80):
        rows = {"name": "a"}, {"name": "b", "id": n}, {"name": "c", "parent_id": n}
        for row in rows:
            await Team.bulk_create([row])
    assert len(Team.__plans__.bulk[db.bind]) <= 4
    assert await Team.query.gino.count() == 6
