"""LIMIT: its number stands in the text, so that the server keeps its plan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from models import Team, User, bound
from sqlalchemy.util import LRUCache

from gino import Gino
from gino.dialects.asyncpg import dialect
from gino.dialects.compiler import NativeCompiler
from gino.exceptions import DataError

PREPARED = sa.text(
    "SELECT * FROM pg_prepared_statements "
    "WHERE statement LIKE 'SELECT gt_teams.%' ORDER BY prepare_time"
)
NAMES = [f"team {number}" for number in range(10)]


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn, max_size=1) as metadata:
        await Team.insert().gino.all([{"name": name} for name in NAMES])
        yield metadata


def names(teams: Any) -> list[str]:
    return [team.name for team in teams]


def some(**limits: Any) -> Any:
    """The first teams by id, with `limit`, `offset` or `fetch`."""
    query = Team.query.where(Team.id > 0).order_by(Team.id)
    for method, value in limits.items():
        query = getattr(query, method)(value)
    return query


# ---- the server's plan --------------------------------------------------------------------------


async def test_server_keeps_one_plan_for_a_query_with_a_limit(db: Any) -> None:
    if int(await db.scalar("SHOW server_version_num")) < 140000:
        pytest.skip("PostgreSQL 13 does not count plans")
    await db.status("INSERT INTO gt_teams (name) SELECT 'x' FROM generate_series(1, 5000)")
    await db.status("ANALYZE gt_teams")
    for number in range(12):
        query = Team.query.where(Team.id > number).where(Team.name != "y").order_by(Team.id)
        assert len(await query.limit(5).gino.all()) == 5
    (statement,) = await db.all(PREPARED)
    assert statement.statement.endswith("LIMIT 5")
    # the first five are planned with their values (PostgreSQL manual, PREPARE)
    assert statement.generic_plans > 0, f"{statement.custom_plans} plans of their own"


async def test_pages_by_offset_are_one_statement(db: Any) -> None:
    for offset in range(0, 10, 2):
        page = await some(limit=2, offset=offset).gino.all()
        assert names(page) == NAMES[offset : offset + 2]
    (statement,) = await db.all(PREPARED)
    assert statement.statement.endswith("LIMIT 2 OFFSET $2")


async def test_pages_by_key_are_one_statement_after_the_first(db: Any) -> None:
    after, seen = None, []
    while True:
        page = await Team.query.order_by(Team.id).gino.page(after=after, size=3)
        seen += names(page)
        after = page.next
        if after is None:
            break
    assert seen == NAMES
    assert [one.statement.rpartition("LIMIT ")[2] for one in await db.all(PREPARED)] == ["4", "4"]


async def test_many_different_limits_do_not_crowd_out_other_statements(db: Any) -> None:
    for number in range(60):
        assert names(await some(limit=number % 30).gino.all()) == NAMES[: number % 30]
    texts = [one.statement.rpartition("LIMIT ")[2] for one in await db.all(PREPARED)]
    assert texts == [*map(str, range(16)), "$2"]


async def test_all_limits_share_one_compiled_statement(
    db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = []

    class Counting(NativeCompiler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            compiled.append(args)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(dialect(), "statement_compiler", Counting)
    monkeypatch.setattr(dialect(), "compiled_cache", LRUCache(100))
    for limit in range(25):
        query = Team.query.where(Team.id.between(1, 10**6)).order_by(Team.id).limit(limit)
        assert len(await query.gino.all()) == min(limit, 10)
    assert len(compiled) == 1


# ---- what a limit may be ------------------------------------------------------------------------


class Whole:
    """As numpy's integers: not an int, but one can be made of it."""

    def __int__(self) -> int:
        return 2


@pytest.mark.parametrize("value", [2, "2", 2.9, Decimal(2), Whole()])
async def test_whatever_makes_an_int_is_a_limit(db: Any, value: Any) -> None:
    assert names(await some(limit=value).gino.all()) == NAMES[:2]
    assert db.compile(some(limit=value))[1] == (0,)


async def test_none_and_true_and_zero(db: Any) -> None:
    assert names(await some(limit=2).limit(None).gino.all()) == NAMES
    assert names(await some(limit=True).gino.all()) == NAMES[:1]
    assert await some(limit=0).gino.all() == []


async def test_expressions_stay_expressions(db: Any) -> None:
    query = some(limit=sa.bindparam("count", type_=sa.Integer))
    for count in range(4):
        assert names(await query.gino.all(count=count)) == NAMES[:count]
    assert db.compile(query, count=3) == (db.compile(query, count=1)[0], (0, 3))
    arithmetic = some(limit=sa.cast(1, sa.Integer) + 2)
    assert names(await arithmetic.gino.all()) == NAMES[:3]
    assert db.compile(arithmetic)[1] == (0, 1, 2)
    fewest = sa.select(sa.func.min(Team.id)).scalar_subquery()
    assert names(await some(limit=fewest).gino.all()) == NAMES[:1]


async def test_numbers_that_no_limit_can_be_are_refused_as_parameters_are(db: Any) -> None:
    with pytest.raises(DataError, match="must not be negative"):
        await some(limit=-1).gino.all()
    with pytest.raises(DataError):
        await some(limit=2**63).gino.all()
    assert len(await some(limit=2**63 - 1).gino.all()) == 10


async def test_only_an_int_is_written_into_the_text(db: Any) -> None:
    query = some(limit=1)
    name = next(iter(query._limit_clause.compile(dialect=dialect()).params))
    assert names(await query.gino.all(**{name: 3})) == NAMES[:3]
    assert names(await query.params({name: 4}).gino.all()) == NAMES[:4]
    for value in ("1; DROP TABLE gt_teams", [1], None, 1.5):
        sql, values = db.compile(query, **{name: value})
        assert sql.endswith("LIMIT $2")
        assert values == (0, value)
    with pytest.raises(DataError):
        await query.gino.all(**{name: "1; DROP TABLE gt_teams"})


# ---- where a limit may stand --------------------------------------------------------------------


async def test_limits_stand_anywhere_in_a_statement(db: Any) -> None:
    first = sa.select(Team.id).where(Team.id > 1).order_by(Team.id).limit(5)
    cte = first.cte("some")
    twice = sa.select(cte.c.id).union_all(sa.select(cte.c.id)).order_by("id").limit(3)
    assert await db.all(twice) == [(2,), (2,), (3,)]
    assert db.compile(twice)[0].count("LIMIT 5") == 1

    inner = first.subquery()
    outer = sa.select(inner.c.id).where(inner.c.id > 3).order_by(inner.c.id).limit(2)
    assert await db.all(outer) == [(4,), (5,)]
    assert db.compile(outer)[1] == (1, 3)

    same = sa.union_all(first.subquery().select(), first.subquery().select())
    assert len(await db.all(same)) == 10
    halves = sa.union_all(first.limit(1), first.offset(2).limit(1)).order_by("id")
    assert await db.all(halves) == [(2,), (4,)]

    assert await db.scalar(sa.select(first.limit(1).exists())) is True
    assert await db.scalar(sa.select(first.limit(0).exists())) is False
    assert await some(limit=3).gino.count() == 3
    assert await some(limit=0).gino.exists() is False
    locked = some(limit=2).with_for_update(skip_locked=True)
    assert names(await locked.gino.all()) == NAMES[:2]
    assert "LIMIT 2 FOR UPDATE" in db.compile(locked)[0]


async def test_fetch_is_a_limit_too(db: Any) -> None:
    for count in (2, 3):
        query = some(offset=1, fetch=count)
        assert names(await query.gino.all()) == NAMES[1 : 1 + count]
        assert db.compile(query)[1] == (0, 1)
    await Team.update.values(name="same").where(Team.id < 4).gino.status()
    ties = Team.query.order_by(Team.name != "same").fetch(1, with_ties=True)
    assert len(await ties.gino.all()) == 3


async def test_limit_next_to_a_list(db: Any) -> None:
    for ids in ([1, 2, 3], [4, 5]):
        for limit in (1, 2):
            query = some(limit=limit).where(Team.id.in_(ids))
            found = await query.gino.all()
            assert [team.id for team in found] == ids[:limit]
            sql, values = db.compile(query)
            assert sql.endswith(f"LIMIT {limit}")
            assert values == (0, *ids)


async def test_limit_in_a_statement_that_writes(db: Any) -> None:
    oldest = sa.select(Team.id).order_by(Team.id)
    for limit in (1, 2):
        done = Team.update.values(name="done").where(Team.id.in_(oldest.limit(limit)))
        assert (await done.gino.status())[0] == f"UPDATE {limit}"
    copied = sa.insert(Team.__table__).from_select(
        ["name"], sa.select(Team.name).order_by(Team.id).limit(2)
    )
    assert await db.status(copied) == ("INSERT 0 2", [])
    assert names(await Team.query.where(Team.id > 10).gino.all()) == ["done", "done"]


async def test_limit_in_a_statement_for_several_parameter_sets(db: Any) -> None:
    last = sa.select(Team.id).order_by(Team.id.desc()).limit(1).scalar_subquery()
    child = sa.insert(Team.__table__).values(name=sa.bindparam("name"), parent_id=last)
    await db.all(child, [{"name": "a"}, {"name": "b"}])
    found = await Team.query.where(Team.id > 10).order_by(Team.id).gino.all()
    assert [(team.name, team.parent_id) for team in found] == [("a", 10), ("b", 11)]
    assert db.compile(child, [{"name": "a"}, {"name": "b"}])[1] == (("a", 1), ("b", 1))
    await db.status(child, {"name": "c"})
    assert (await Team.query.where(Team.name == "c").gino.one()).parent_id == 12


async def test_limit_of_what_a_loader_loads(db: Any) -> None:
    for name in "abc":
        await User.create(nickname=name, team_id=1)
    for limit in (1, 2):
        query = User.load(team=Team).query.order_by(User.id).limit(limit)
        assert [(u.nickname, u.team.name) for u in await query.gino.all()] == [
            (name, "team 0") for name in "abc"[:limit]
        ]
        assert await query.gino.return_model(False).scalar() == 1
        assert (await query.gino.first()).team.id == 1


async def test_limit_of_a_cursor(db: Any) -> None:
    async with db.transaction():
        for limit in (3, 4):
            assert [t.name async for t in some(limit=limit).gino.iterate()] == NAMES[:limit]


# ---- the text -----------------------------------------------------------------------------------


def test_compiled_text_has_a_parameter_that_comes_last() -> None:
    cte = sa.select(Team.id).order_by(Team.id).limit(5).offset(3).cte("some")
    compiled = sa.select(cte).where(cte.c.id > 7).compile(dialect=dialect())
    assert "LIMIT $3 OFFSET $1" in str(compiled)
    assert str(compiled).endswith('"some".id > $2')
    assert [compiled.params[name] for name in compiled.positiontup] == [3, 7, 5]


def test_text_with_literals_has_the_number() -> None:
    query = some(limit=5, offset=3)
    literal = str(query.compile(dialect=dialect(), compile_kwargs={"literal_binds": True}))
    assert literal.endswith("gt_teams.id > 0 ORDER BY gt_teams.id \n LIMIT 5 OFFSET 3")
    assert "LIMIT :param_1 OFFSET :param_2" in str(query)


def test_text_that_looks_like_a_place_for_a_number_is_left_alone() -> None:
    strange = sa.literal_column("'__[POSTCOMPILE_param_1x] $1'")
    compiled = sa.select(strange).limit(5).compile(dialect=dialect())
    assert "'__[POSTCOMPILE_param_1x] $1'" in compiled.with_limits([5])
    assert compiled.with_limits([5]).endswith("LIMIT 5")


# ---- baked queries ------------------------------------------------------------------------------


async def test_baked_query_is_prepared_with_its_number(db: Any, dsn: str) -> None:
    other: Any = Gino()
    table = sa.Table("gt_teams", other, sa.Column("id", sa.Integer), sa.Column("name", sa.Unicode))
    query = sa.select(table.c.name).where(table.c.id > sa.bindparam("after")).order_by(table.c.id)
    baked = other.bake(query.limit(2))
    async with other.with_bind(dsn, min_size=1, max_size=1):
        assert baked.sql.endswith("LIMIT 2")
        assert [one.statement for one in await other.all(PREPARED)] == [baked.sql]
        assert await baked.all(after=0) == [("team 0",), ("team 1",)]
        assert await baked.first(after=5) == ("team 5",)
        assert len(await other.all(PREPARED)) == 1
        number = next(name for name in baked.compiled_sql.positiontup if name != "after")
        assert len(await baked.all(**{"after": 0, number: 3})) == 3
        with pytest.raises(DataError):
            await baked.all(**{"after": 0, number: "3"})
