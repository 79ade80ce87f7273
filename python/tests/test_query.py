"""Queries and their results: modes, rows, parameters, options."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from models import Mood, Team, User, bound
from sqlalchemy.exc import (
    ArgumentError,
    InvalidRequestError,
    NoSuchColumnError,
    ObjectNotExecutableError,
)

from gino import Gino, MultipleResultsFound, NoResultFound, UninitializedError


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


async def test_all_first_scalar_and_status_of_a_query(db: Any) -> None:
    await db.all(Team.insert(), [{"name": "a"}, {"name": "b"}])
    query = Team.query.order_by(Team.id)
    assert [team.name for team in await query.gino.all()] == ["a", "b"]
    assert (await query.gino.first()).name == "a"
    assert await query.gino.scalar() == 1
    tag, teams = await query.gino.status()
    assert tag == "SELECT 2"
    assert [type(team) for team in teams] == [Team, Team]
    assert await Team.query.where(Team.id == 404).gino.first() is None
    assert await Team.query.where(Team.id == 404).gino.scalar() is None


async def test_one_and_one_or_none(db: Any) -> None:
    with pytest.raises(NoResultFound, match=r"^No row was found for one\(\)$"):
        await Team.query.gino.one()
    assert await Team.query.gino.one_or_none() is None
    await Team.create(name="a")
    assert (await Team.query.gino.one()).name == "a"
    assert (await Team.query.gino.one_or_none()).name == "a"
    await Team.create(name="b")
    with pytest.raises(MultipleResultsFound, match=r"^Multiple rows found for one\(\)$"):
        await Team.query.gino.one()
    with pytest.raises(MultipleResultsFound, match=r"^Multiple rows found for one_or_none\(\)$"):
        await Team.query.gino.one_or_none()


async def test_tags_are_the_servers(db: Any) -> None:
    assert await db.status("SET TIME ZONE 'UTC'") == ("SET", [])
    assert await db.status("CREATE TEMPORARY TABLE gt_tags (a int)") == ("CREATE TABLE", [])
    assert await db.status("SELECT 1") == ("SELECT 1", [(1,)])
    tag, rows = await db.status("INSERT INTO gt_teams (name) VALUES ('a'), ('b') RETURNING id")
    assert tag == "INSERT 0 2"
    assert rows == [(1,), (2,)]


async def test_several_parameter_sets_give_none_and_write_rows(db: Any) -> None:
    sets = [{"name": "a"}, {"name": "b"}]
    insert = Team.insert().returning(*Team)
    for name in ("all", "first", "scalar", "status", "one_or_none"):
        assert await getattr(db, name)(insert, sets) is None
        assert await getattr(db, name)(insert, *sets) is None
        assert await getattr(insert.gino, name)(*sets) is None
    with pytest.raises(NoResultFound):
        await db.one(insert, sets)
    assert await db.scalar("SELECT count(*) FROM gt_teams") == 32
    assert await db.all("INSERT INTO gt_teams (name) VALUES ($1)", [("x",), ("y",)]) is None
    assert await db.scalar("SELECT count(*) FROM gt_teams") == 34


async def test_one_parameter_set_in_a_list_is_an_ordinary_execution(db: Any) -> None:
    rows = await db.all(Team.insert().returning(Team.name), [{"name": "a"}])
    assert rows == [("a",)]


async def test_plain_strings_take_positional_parameters(db: Any) -> None:
    assert await db.scalar("SELECT $1::int + $2::int", 1, 2) == 3
    assert await db.scalar("SELECT $1::int + $2::int", (1, 2)) == 3
    assert await db.first("SELECT 1 AS a, $1::text AS b", "x") == (1, "x")
    with pytest.raises(sa.exc.ArgumentError, match="positional"):
        await db.scalar("SELECT :a", a=1)


async def test_text_takes_parameters_by_name(db: Any) -> None:
    assert await db.scalar(db.text("SELECT :a || :b"), a="x", b="y") == "xy"
    assert await db.scalar(db.text("SELECT :a ::text"), {"a": "x"}) == "x"


async def test_json_of_plain_sql_arrives_decoded(db: Any) -> None:
    assert await db.scalar("""SELECT '{"a": [1, null]}'::jsonb""") == {"a": [1, None]}
    assert await db.scalar("""SELECT '"x"'::json""") == "x"


async def test_what_is_not_executable_is_refused(db: Any) -> None:
    for thing in (object(), Team, Team.__table__, 3):
        with pytest.raises(ObjectNotExecutableError):
            await db.all(thing)


async def test_statement_without_columns_gives_none(db: Any) -> None:
    assert await db.first("CREATE TEMPORARY TABLE nothing (a int)") is None
    assert await db.all("SELECT") == [()]


async def test_row_is_a_tuple_and_a_mapping(db: Any) -> None:
    await Team.create(name="core")
    row = await db.first(db.select([Team.id, Team.name]))
    assert row == (1, "core")
    assert (row[0], row["name"], row[Team.name], row.name) == (1, "core", "core", "core")
    assert row[0:2] == (1, "core")
    assert "name" in row
    assert Team.name in row
    assert "nothing" not in row
    assert list(row.keys()) == ["id", "name"]
    assert list(row.values()) == [1, "core"]
    assert list(row.items()) == [("id", 1), ("name", "core")]
    assert dict(row) == {"id": 1, "name": "core"}
    assert list(row) == [1, "core"]
    assert len(row) == 2
    with pytest.raises(NoSuchColumnError):
        row["nothing"]
    with pytest.raises(AttributeError):
        _ = row.nothing


async def test_row_of_textual_sql_finds_columns_by_name(db: Any) -> None:
    await Team.create(name="core")
    row = await db.first("SELECT * FROM gt_teams")
    assert row[Team.name] == "core"


async def test_duplicated_name_gives_the_last_value(db: Any) -> None:
    row = await db.first("SELECT 1 AS a, 2 AS a")
    assert row["a"] == 2
    team = await Team.create(name="core")
    await User.create(nickname="x", team_id=team.id)
    await User.create(nickname="y", team_id=team.id)
    query = db.select([User.id, Team.id]).select_from(User.join(Team)).order_by(User.id.desc())
    row = await query.gino.first()
    assert row["id"] == 1
    assert row[User.id] == 2
    assert row[Team.id] == 1


async def test_executor_keeps_the_query_and_chains(db: Any) -> None:
    query = Team.query
    assert query.gino.query is query
    executor = query.gino
    assert executor.model(None).return_model(True).timeout(5).load(Team) is executor
    assert executor.query is not query
    options = executor.query.get_execution_options()
    assert (options["model"], options["timeout"], options["loader"]) == (None, 5, Team)


async def test_model_and_return_model_decide_what_is_loaded(db: Any) -> None:
    await Team.create(name="core")
    assert not isinstance(await Team.query.gino.model(None).first(), Team)
    assert not isinstance(await Team.query.gino.return_model(False).first(), Team)
    team = await db.select([Team.name]).gino.model(Team).first()
    assert (type(team), team.id, team.name) == (Team, None, "core")


async def test_options_of_statement_beat_connection_beat_engine(db: Any) -> None:
    await Team.create(name="core")
    db.bind.update_execution_options(model=Team)
    query = db.select([Team.id, Team.name])
    assert isinstance(await db.first(query), Team)
    async with db.acquire() as connection:
        rows = connection.execution_options(return_model=False)
        assert not isinstance(await rows.first(query), Team)
        assert isinstance(await rows.first(query.execution_options(return_model=True)), Team)
        assert isinstance(await connection.first(query), Team)


async def test_timeout_leaves_the_connection_usable(db: Any) -> None:
    async with db.acquire() as connection:
        slow = sa.select(sa.func.pg_sleep(5)).execution_options(timeout=0.05)
        with pytest.raises(TimeoutError):
            await connection.scalar(slow)
        assert await connection.scalar("SELECT 1") == 1


async def test_compile_gives_sql_and_processed_values(db: Any) -> None:
    sql, values = db.compile(User.query.where(User.mood == Mood.GOOD))
    assert sql.endswith("= $1")
    assert values == ("GOOD",)
    sql, values = db.compile(User.insert(), {"mood": Mood.BAD})
    assert values == ("noname", "BAD")
    sql, values = db.compile(Team.insert(), [{"name": "a"}, {"name": "b"}])
    assert values == (("a",), ("b",))
    assert db.compile("SELECT $1", 1) == ("SELECT $1", (1,))


async def test_cached_statement_takes_new_values(db: Any) -> None:
    await db.all(Team.insert(), [{"name": str(i)} for i in range(10)])
    for i in range(5):
        team = await Team.query.where(Team.name == str(i)).gino.one()
        assert team.name == str(i)
        found = await Team.query.where(Team.id.in_(range(1, i + 2))).gino.all()
        assert len(found) == i + 1
        assert len(await Team.query.limit(i).gino.all()) == i
    assert await Team.query.where(Team.id.in_([])).gino.all() == []


def test_cost_of_finding_a_compiled_query_does_not_grow_with_the_columns() -> None:
    other: Any = Gino()

    def model(name: str, columns: int) -> Any:
        body = {f"c{i}": other.Column(other.Integer()) for i in range(columns)}
        id_column = other.Column(other.Integer(), primary_key=True)
        return type(name, (other.Model,), {"__tablename__": name, "id": id_column, **body})

    def items(key: Any) -> int:
        return sum(map(items, key)) if isinstance(key, tuple) else 1

    few, many = (model(name, columns).query for name, columns in (("few", 1), ("many", 50)))
    assert len(many.selected_columns) == 51
    assert items(many._generate_cache_key().key) == items(few._generate_cache_key().key)


async def test_both_styles_of_select(db: Any) -> None:
    await Team.create(name="core")
    assert await db.select([Team.name]).gino.scalar() == "core"
    assert await db.select(Team.name).gino.scalar() == "core"
    assert await db.select([Team.name], Team.id == 1).gino.scalar() == "core"
    count = db.select([db.func.count(Team.id)], from_obj=[Team.__table__])
    assert await count.gino.scalar() == 1
    assert await db.scalar(db.exists([Team.id]).where(Team.id == 1).select())
    label = db.case([(Team.id == 1, "one")], else_="other")
    assert await db.select([label]).gino.scalar() == "one"


async def test_function_and_compound_select_have_gino(db: Any) -> None:
    await Team.create(name="core")
    assert await db.func.max(Team.id).gino.scalar() == 1
    union = db.select([Team.id]).union_all(db.select([Team.id]))
    assert await union.gino.all() == [(1,), (1,)]


async def test_bare_text_has_no_engine(db: Any) -> None:
    with pytest.raises(UninitializedError, match=r"db\.scalar"):
        await db.text("SELECT 1").gino.scalar()
    assert await db.text("SELECT 1", bind=db.bind).gino.scalar() == 1


async def test_iterate_needs_a_connection_and_a_transaction(db: Any) -> None:
    await db.all(Team.insert(), [{"name": str(i)} for i in range(10)])
    query = Team.query.order_by(Team.id)
    with pytest.raises(ValueError, match="No Connection in context, please provide one"):
        await query.gino.iterate()
    with pytest.raises(ValueError, match="No Connection in context, please provide one"):
        async for _ in query.gino.iterate():
            pass
    async with db.transaction():
        names = [team.name async for team in query.gino.iterate()]
        assert names == [str(i) for i in range(10)]
        cursor = await query.gino.iterate()
        assert (await cursor.next()).name == "0"
        assert [team.name for team in await cursor.many(2)] == ["1", "2"]
        assert await cursor.forward(2) == 2
        assert [team.name for team in await cursor.many(100, timeout=5)] == list("56789")
        assert await cursor.many(3) == []
        assert await cursor.next() is None
        with pytest.raises(ValueError, match="too many multiparams"):
            await query.gino.iterate({"a": 1}, {"a": 2})


async def test_cursor_outside_of_a_transaction_is_refused(db: Any) -> None:
    from gino.exceptions import NoActiveSQLTransactionError

    async with db.acquire() as connection:
        with pytest.raises(NoActiveSQLTransactionError):
            async for _ in connection.iterate(Team.query):
                pass
        assert await connection.scalar("SELECT 1") == 1


async def test_upsert_of_the_postgresql_dialect(db: Any) -> None:
    from sqlalchemy.dialects.postgresql import insert

    clause = insert(Team).values(id=1, name="a")
    assert (await clause.gino.status())[0] == "INSERT 0 1"
    assert (await clause.on_conflict_do_nothing().gino.status())[0] == "INSERT 0 0"
    update = clause.on_conflict_do_update(index_elements=["id"], set_={"name": "b"})
    assert await update.returning(Team.name).gino.scalar() == "b"


async def test_row_locks_and_joins_of_models(db: Any) -> None:
    team = await Team.create(name="core")
    await User.create(nickname="x", team_id=team.id)
    async with db.transaction():
        locked = await Team.query.with_for_update().gino.first()
        assert locked.name == "core"
    query = db.select([User, Team]).select_from(User.outerjoin(Team))
    user, found = await query.gino.load((User, Team)).first()
    assert (user.nickname, found.name) == ("x", "core")


async def test_same_statement_with_other_aliases_keeps_columns_apart(db: Any) -> None:
    await db.all(Team.insert(), [{"name": "a"}, {"name": "b"}])
    for _ in range(3):
        one, two = Team.alias(), Team.alias()
        query = db.select([one.name, two.name]).where(one.id == 1).where(two.id == 2)
        row = await query.gino.first()
        assert tuple(row) == ("a", "b")
        assert row[0] == "a"


async def test_timeout_of_engine_and_connection_holds_for_models_too(db: Any) -> None:
    async with db.acquire() as locker, locker.transaction():
        await locker.status("LOCK TABLE gt_teams IN ACCESS EXCLUSIVE MODE")
        async with db.acquire() as connection:
            short = connection.execution_options(timeout=0.05)
            with pytest.raises(TimeoutError):
                await Team.get(1, bind=short)
        db.bind.update_execution_options(timeout=0.05)
        async with db.acquire():
            with pytest.raises(TimeoutError):
                await Team.get(1)
            with pytest.raises(TimeoutError):
                await Team.query.gino.all()
    assert await Team.get(1, timeout=5) is None


async def test_aliases_stand_in_clauses(db: Any) -> None:
    await db.all(Team.insert(), [{"name": "a"}, {"name": "b"}])
    alias = Team.alias()
    assert await db.select([db.func.count()]).select_from(alias).gino.scalar() == 2
    assert len(await db.select([alias]).gino.all()) == 2
    join = Team.join(alias, Team.id < alias.id)
    assert await join.select().gino.first() == (1, "a", None, 2, "b", None)
    teams = await alias.load("name").query.order_by(alias.id).gino.all()
    assert [(type(team), team.id, team.name) for team in teams] == [
        (Team, None, "a"),
        (Team, None, "b"),
    ]


async def test_statement_that_ends_a_transaction_gives_none(db: Any) -> None:
    assert await db.first("ROLLBACK") is None
    async with db.acquire() as connection:
        await connection.status("BEGIN")
        assert await connection.first("COMMIT") is None
        assert connection.state == "idle"
        for ask, nothing in (("next", None), ("many", []), ("forward", 0)):
            transaction = await connection.transaction()
            cursor = await connection.iterate("rollback")
            assert await getattr(cursor, ask)(*[3] * (ask != "next")) == nothing
            assert connection.state == "idle"
            await transaction.rollback()  # which has nothing left to do


async def test_statement_whose_result_has_changed_is_prepared_anew(db: Any) -> None:
    await db.status("DROP TABLE IF EXISTS gt_changing")
    await db.status("CREATE TABLE gt_changing (a int)")
    await db.status("INSERT INTO gt_changing VALUES (1)")
    async with db.acquire() as connection:
        assert await connection.all("SELECT * FROM gt_changing") == [(1,)]
        await connection.status("ALTER TABLE gt_changing ADD COLUMN b text DEFAULT 'x'")
        assert await connection.all("SELECT * FROM gt_changing") == [(1, "x")]
    await db.status("DROP TABLE gt_changing")


async def test_parameters_of_a_clause_have_names(db: Any) -> None:
    with pytest.raises(ArgumentError, match=r"given by name, as keywords or a dict, not as \(3,\)"):
        await db.all(User.query, 3)
    with pytest.raises(ArgumentError, match="positional parameters"):
        await db.all("SELECT $1", name=3)
    insert = Team.insert().values(name=db.bindparam("name"), parent_id=db.bindparam("parent"))
    sets = [{"name": "a", "parent": None}, {"name": "b"}]
    with pytest.raises(InvalidRequestError, match="'parent', in parameter group 2"):
        await db.status(insert, sets)
    several = Team.delete.where(Team.name.in_(db.bindparam("names", expanding=True)))
    with pytest.raises(InvalidRequestError, match="executemany"):
        await db.status(several, [{"names": ["a"]}, {"names": ["b"]}])
    assert (await db.status(several, names=["a", "b"]))[0] == "DELETE 0"


async def test_what_has_no_values_is_compiled_too(db: Any) -> None:
    sql, values = db.compile(sa.schema.CreateSequence(db.Sequence("s")))
    assert (sql, values) == ("CREATE SEQUENCE s", ())
    assert db.compile("SELECT $1", 3) == ("SELECT $1", (3,))
    assert db.compile("SELECT $1", [(3,), (4,)]) == ("SELECT $1", ((3,), (4,)))
    assert await db.all(db.select().add_columns(db.literal("x"))) == [("x",)]


async def test_database_itself_may_be_the_bind(db: Any) -> None:
    team = await Team.create(bind=db, name="core")
    assert (await Team.get(team.id, bind=db)).name == "core"
    await team.update(name="docs").apply(bind=db)
    other = Team(name="other")
    await other.create(bind=db)
    assert await Team.select("name").order_by(Team.id).gino.all() == [("docs",), ("other",)]
    assert await other.delete(bind=db) == "DELETE 1"
