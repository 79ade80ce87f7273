"""Types that the server is asked for: enums, composites, domains, ranges, arrays of those."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from gino import Gino, create_engine
from gino.exceptions import DatabaseError, DataError
from gino.types import Range

SETUP = """
DROP SCHEMA IF EXISTS catalog_test CASCADE;
CREATE SCHEMA catalog_test;
SET search_path TO catalog_test;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN age AS int4 CHECK (value >= 0);
CREATE TYPE pet AS (name text, mood mood, ages age[]);
CREATE TYPE owner AS (id int8, pets pet[], born date);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE DOMAIN moods AS mood[];
CREATE TYPE priced AS (price money);
"""


@pytest.fixture
async def raw(dsn: str) -> AsyncIterator[Any]:
    async for found in connected(dsn):
        await found.execute(SETUP)
        yield found


@pytest.fixture
async def other(dsn: str, raw: Any) -> AsyncIterator[Any]:
    async for found in connected(dsn):
        await found.execute("SET search_path TO catalog_test")
        yield found


async def connected(dsn: str, **keywords: Any) -> AsyncIterator[Any]:
    engine = await create_engine(dsn, min_size=1, max_size=1, **keywords)
    async with engine.acquire() as connection:
        yield connection.raw_connection
    await engine.close()


VALUES: list[tuple[str, Any]] = [
    ("mood", "happy"),
    ("mood[]", ["sad", None, "happy"]),
    ("mood[]", [["sad"], ["happy"]]),
    ("age", 7),
    ("age[]", [1, None]),
    ("pet", ("Rex", "happy", [1, 2])),
    ("pet", (None, None, None)),
    ("pet[]", [("a,(b)\"'", "sad", []), None]),
    ("owner", (2**40, [("Rex", "sad", None)], date(2020, 1, 1))),
    ("owner[]", [(1, None, None)]),
    ("span", Range(0.5, 1.5)),
    ("span[]", [Range(empty=True), None, Range(None, 2.0, upper_inc=True)]),
    ("moods", ["sad"]),
    ("money[]", ["$1.50", None]),
    ("regclass[]", ["pg_class", None]),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda v: str(v)[:30])
async def test_value_comes_back_and_is_what_the_server_takes_it_for(
    raw: Any, kind: str, value: Any
) -> None:
    assert await raw.fetchval(f"SELECT $1::{kind}", value) == value
    text = await raw.fetchval(f"SELECT ($1::{kind})::text", value)
    assert await raw.fetchval(f"SELECT $1::text::{kind}", text) == value
    if kind != "age":  # the server takes a number for a domain over numbers
        assert await raw.fetchval(f"SELECT $1::{kind}", text) == value
    assert await raw.fetchval(f"SELECT $1::{kind}", None) is None


async def test_a_multirange_of_an_own_range_is_a_list(raw: Any) -> None:
    if raw.get_server_version().major < 14:
        pytest.skip("no multiranges")
    name = await raw.fetchval(
        "SELECT rngmultitypid::regtype::text FROM pg_range WHERE rngtypid = 'span'::regtype"
    )
    value = [Range(0.5, 1.0), Range(2.0, None)]
    assert await raw.fetchval(f"SELECT $1::{name}", value) == value
    assert await raw.fetchval(f"SELECT array[$1::{name}]", []) == [[]]


async def test_a_composite_is_a_row_with_names(raw: Any) -> None:
    pet = await raw.fetchval("SELECT ('Rex', 'happy', '{1}')::pet")
    assert (pet.name, pet["mood"], pet[2], dict(pet)) == (
        "Rex",
        "happy",
        [1],
        {"name": "Rex", "mood": "happy", "ages": [1]},
    )
    owner = await raw.fetchval("SELECT $1::owner", {"pets": [pet, {"name": "Mimi"}]})
    assert owner.id is None
    assert [one.name for one in owner.pets] == ["Rex", "Mimi"]


async def test_a_table_is_a_composite_without_its_dropped_columns(raw: Any) -> None:
    await raw.execute("CREATE TABLE t (a int, gone int, mood mood); INSERT INTO t VALUES (1, 2)")
    await raw.execute("ALTER TABLE t DROP COLUMN gone")
    row = await raw.fetchrow("SELECT t, array_agg(t) FROM t GROUP BY t")
    assert dict(row[0]) == {"a": 1, "mood": None}
    assert row[1] == [row[0]]


async def test_an_anonymous_record_is_a_tuple(raw: Any) -> None:
    sql = "SELECT ROW(1, 'sad'::mood, NULL, ROW('happy'::mood, '{a}'::text[])), ARRAY[ROW(1, 2)]"
    row = await raw.fetchrow(sql)
    assert tuple(row) == ((1, "sad", None, ("happy", ["a"])), [(1, 2)])
    assert type(row[0]) is tuple
    assert await raw.fetchval("SELECT ROW(ARRAY[ROW('sad'::mood)])") == ([("sad",)],)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("mood", 1, "SQL type mood: a str is required"),
        ("mood[]", ["sad", 1], "SQL type mood[]: at [1]: a str is required"),
        ("pet", ("Rex",), "SQL type pet: 1 values for 3 fields"),
        ("pet", {"nome": "Rex"}, "SQL type pet: the type has no field 'nome'"),
        ("pet", 1, "SQL type pet: a tuple or dict of the fields is required"),
        ("owner", (1, [("Rex", "sad", [1, "x"])], None), "at .pets[0].ages[1]: an int is required"),
        ("span", Range(0.5, "x"), "SQL type span: a float is required"),
    ],
)
async def test_a_misfit_names_the_place_within(
    raw: Any, kind: str, value: Any, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        await raw.fetchval(f"SELECT $1::{kind}", value)
    assert str(caught.value).startswith("parameter $1: ")
    assert reason in str(caught.value)
    assert await raw.fetchval("SELECT 1") == 1


async def test_a_part_that_python_cannot_hold_is_named(raw: Any) -> None:
    with pytest.raises(DataError, match=r'column "o": Row .* at \.born: the year is not one'):
        await raw.fetchval("SELECT ROW(1, NULL, '0044-03-15 BC')::owner AS o")


async def test_types_are_asked_for_once(raw: Any) -> None:
    await raw.fetchval("SELECT 'sad'::mood, NULL::owner")
    seen = (await raw.fetchrow("SELECT calls FROM (SELECT 1 AS calls) AS c"))[0]
    assert seen == 1
    async with raw.transaction():
        # a lock on the catalog would stop the question, were it asked again
        await raw.execute("SET LOCAL statement_timeout = 500")
        assert await raw.fetchval("SELECT 'happy'::mood") == "happy"


async def test_types_are_learnt_inside_of_a_transaction(raw: Any, other: Any) -> None:
    async with raw.transaction():
        await raw.execute("CREATE TYPE fresh AS (a int, b mood)")
        assert await raw.fetchval("SELECT (1, 'sad')::fresh") == (1, "sad")
        with pytest.raises(DatabaseError):
            await other.fetchval("SELECT NULL::fresh")
    assert (await other.fetchval("SELECT (2, 'sad')::fresh")).b == "sad"


async def test_a_failed_transaction_is_no_obstacle_later(raw: Any) -> None:
    transaction = raw.transaction()
    await transaction.start()
    for sql in ("SELECT 1 / 0", "SELECT 'sad'::mood"):
        with pytest.raises(DatabaseError):
            await raw.fetchval(sql)
    await transaction.rollback()
    assert await raw.fetchval("SELECT ARRAY['sad'::mood]") == ["sad"]


async def test_a_type_that_was_made_again_is_another(raw: Any, other: Any) -> None:
    sql, value = "SELECT $1::pet", ("Rex", "sad", [1])
    assert await raw.fetchval(sql, value) == value
    assert await other.fetchval(sql, value) == value
    await other.execute("DROP TYPE owner; DROP TYPE pet; CREATE TYPE pet AS (legs int2, mood mood)")
    assert await raw.fetchval(sql, (4, "happy")) == (4, "happy")
    assert await other.fetchval(sql, (4, "happy")) == (4, "happy")


async def test_a_label_that_was_added_is_taken(raw: Any, other: Any) -> None:
    assert await raw.fetchval("SELECT $1::mood[]", ["sad"]) == ["sad"]
    await other.execute("ALTER TYPE mood ADD VALUE 'angry'")
    assert await raw.fetchval("SELECT $1::mood[]", ["angry"]) == ["angry"]


async def test_a_label_that_others_added_is_read(raw: Any, other: Any) -> None:
    sql = "SELECT $1::text::mood, ARRAY[$1::text::mood], (NULL, $1::text::mood, NULL)::pet"
    assert await raw.fetch(sql, "sad") == [("sad", ["sad"], (None, "sad", None))]
    await other.execute("ALTER TYPE mood ADD VALUE 'angry'")
    assert await raw.fetch(sql, "angry") == [("angry", ["angry"], (None, "angry", None))]


async def test_a_label_without_a_member_is_named(dsn: str, raw: Any, other: Any) -> None:
    db = await Gino(dsn)
    mood = db.Enum("sad", "happy", name="mood", schema="catalog_test")
    feelings = db.Table("feelings", db, db.Column("mood", mood), schema="catalog_test")
    await raw.execute("CREATE TABLE feelings (mood mood); INSERT INTO feelings VALUES ('sad')")
    query = db.select([feelings.c.mood]).gino
    assert await query.scalar() == "sad"
    await other.execute("ALTER TYPE mood ADD VALUE 'angry'")
    await other.execute("UPDATE feelings SET mood = 'angry'")
    with pytest.raises(LookupError, match="'angry' is not among"):
        await query.scalar()
    assert await db.scalar("SELECT mood FROM catalog_test.feelings") == "angry"
    await db.pop_bind().close()


async def test_a_transaction_goes_through_again_after_types_were_made_again(
    raw: Any, other: Any
) -> None:
    await raw.execute("CREATE TABLE felt (mood mood)")

    async def work() -> int:
        async with raw.transaction():
            await raw.execute("INSERT INTO felt VALUES ($1)", "sad")
            return await raw.fetchval("SELECT count(*) FROM felt WHERE mood = ANY($1)", ["sad"])

    assert await work() == 1
    await other.execute(
        "ALTER TABLE felt ALTER mood TYPE text; DROP TYPE mood CASCADE; "
        "CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE felt ALTER mood TYPE mood USING mood::mood"
    )
    with pytest.raises(DatabaseError, match="cache lookup failed"):
        await work()
    assert await work() == 2


async def test_fields_that_were_added_elsewhere_are_there_at_once(raw: Any, other: Any) -> None:
    await raw.execute(
        "CREATE TABLE pets (id serial, pet pet); INSERT INTO pets (pet) VALUES (NULL)"
    )
    insert = "INSERT INTO pets (pet) VALUES ($1) RETURNING pet, id"
    assert (await raw.fetchval(insert, ("Rex", "sad", None))).name == "Rex"
    # another engine: nobody tells ours
    await other.execute("ALTER TYPE pet ADD ATTRIBUTE legs int, DROP ATTRIBUTE ages")
    rows = await raw.fetch("SELECT pet, id FROM pets ORDER BY id")
    assert [None if row[0] is None else dict(row[0]) for row in rows] == [
        None,
        {"name": "Rex", "mood": "sad", "legs": None},
    ]
    assert [row[1] for row in rows] == [1, 2]
    made = await raw.fetchrow(insert, ("Mimi", "happy", 4))
    assert (made[0].legs, made[1]) == (4, 3)
    assert await raw.fetchval("SELECT count(*) FROM pets") == 3


async def test_a_cursor_sees_fields_that_were_added(raw: Any, other: Any) -> None:
    await raw.execute("CREATE TABLE pets (pet pet); INSERT INTO pets VALUES (('Rex', 'sad', NULL))")
    await raw.fetchval("SELECT pet FROM pets")
    await other.execute("ALTER TYPE pet ADD ATTRIBUTE legs int")
    async with raw.transaction():
        rows = [row async for row in raw.cursor("SELECT pet FROM pets")]
    assert rows[0][0].legs is None


async def test_values_with_old_fields_are_sent_once_more(raw: Any, other: Any) -> None:
    sql = "SELECT ($1::pet).legs"
    await raw.execute("ALTER TYPE pet ADD ATTRIBUTE legs int")
    assert await raw.fetchval(sql, ("Rex", "sad", None, 4)) == 4
    await other.execute("ALTER TYPE pet DROP ATTRIBUTE ages")
    with pytest.raises(DataError, match="4 values for 3 fields"):
        await raw.fetchval(sql, ("Rex", "sad", None, 4))
    assert await raw.fetchval(sql, {"legs": 4}) == 4


async def test_the_schema_state_can_be_forgotten_by_hand(raw: Any, other: Any) -> None:
    assert await raw.fetchval("SELECT $1::pet", ("Rex", "sad", None)) == ("Rex", "sad", None)
    await other.execute("ALTER TYPE pet RENAME ATTRIBUTE name TO called")
    await raw.reload_schema_state()
    assert (await raw.fetchval("SELECT $1::pet", ("Rex", "sad", None))).called == "Rex"


async def test_many_connections_learn_at_the_same_time(dsn: str, raw: Any) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=4)

    async def one(number: int) -> Any:
        async with engine.acquire() as connection:
            sql = "SELECT $1::catalog_test.pet, $2::int"
            return await connection.raw_connection.fetchrow(sql, ("Rex", "sad", None), number)

    rows = await asyncio.gather(*map(one, range(20)))
    assert [row[1] for row in rows] == list(range(20))
    assert all(row[0].name == "Rex" for row in rows)
    await engine.close()


async def test_learning_can_be_cancelled(raw: Any) -> None:
    for pause in (0, 0.0001, 0.0003, 0.001, 0.002):
        await raw.reload_schema_state()
        task = asyncio.create_task(raw.fetchval("SELECT $1::owner", (1, None, None)))
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await raw.fetchval("SELECT $1::owner", (2, None, None)) == (2, None, None)


async def test_statements_that_are_not_kept_learn_too(dsn: str, raw: Any) -> None:
    async for found in connected(dsn, statement_cache_size=0):
        sql = "SELECT $1::catalog_test.pet"
        for _ in range(2):
            assert await found.fetchval(sql, ("Rex", "sad", None)) == ("Rex", "sad", None)


async def test_records_are_copied_with_types_of_ones_own(raw: Any) -> None:
    await raw.execute("CREATE TABLE copied (mood mood, pet pet, span span, moods mood[])")
    record = ("sad", ("Rex", "happy", [1]), Range(0.5, 1.5), ["sad", None])
    tag = await raw.copy_records_to_table("copied", records=[record, (None,) * 4])
    assert tag == "COPY 2"
    assert await raw.fetch("SELECT * FROM copied") == [record, (None,) * 4]


async def test_a_composite_of_what_travels_as_text_is_text(raw: Any) -> None:
    assert await raw.fetchval("SELECT $1::priced", "(1.50)") == "($1.50)"
    assert await raw.fetchval("SELECT ARRAY[$1::priced]", "(1.50)") == ["($1.50)"]


# ---- codecs of the application ------------------------------------------------------------------


async def test_a_codec_over_text(raw: Any) -> None:
    assert await raw.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
    for name in ("json", "jsonb"):
        await raw.set_type_codec(
            name,
            schema="pg_catalog",
            encoder=lambda value: json.dumps({"in": value}),
            decoder=lambda text: ("out", json.loads(text)),
        )
    # prepared before, and after
    for sql in ("SELECT $1::jsonb", "SELECT $1::json", "SELECT ($1::jsonb)"):
        assert await raw.fetchval(sql, 1) == ("out", {"in": 1})
    assert await raw.fetchval("SELECT ARRAY[$1::jsonb, NULL]", 1) == [("out", {"in": 1}), None]
    assert await raw.fetchval("SELECT ROW($1::jsonb)", 1) == (("out", {"in": 1}),)
    assert await raw.fetchval("SELECT $1::json", None) is None
    await raw.reset_type_codec("jsonb", schema="pg_catalog")
    assert await raw.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
    assert await raw.fetchval("SELECT $1::json", 1) == ("out", {"in": 1})


async def test_a_codec_for_an_enum_reaches_arrays_and_composites(raw: Any) -> None:
    await raw.set_type_codec(
        "mood", schema="catalog_test", encoder=str.lower, decoder=str.upper, format="text"
    )
    assert await raw.fetchval("SELECT $1::mood", "SAD") == "SAD"
    assert await raw.fetchval("SELECT $1::mood[]", ["SAD", None]) == ["SAD", None]
    assert await raw.fetchval("SELECT $1::pet", ("Rex", "SAD", None)) == ("Rex", "SAD", None)
    assert await raw.fetchval("SELECT $1::moods", ["SAD"]) == ["SAD"]


async def test_a_codec_over_text_of_what_has_another_binary_form(raw: Any) -> None:
    await raw.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=lambda t: f"<{t}>")
    assert await raw.fetchval("SELECT $1::int4", 5) == "<5>"
    assert await raw.fetchval("SELECT $1::int4[]", [1, None]) == ["<1>", None]
    assert await raw.fetchval("SELECT '{{1,2},{3,4}}'::int4[]") == [["<1>", "<2>"], ["<3>", "<4>"]]
    # inside of a binary value there is no text
    assert await raw.fetchval("SELECT '[1,3)'::int4range") == "[1,3)"


async def test_a_codec_over_bytes(raw: Any) -> None:
    await raw.set_type_codec(
        "uuid", schema="pg_catalog", encoder=bytes.fromhex, decoder=bytes.hex, format="binary"
    )
    value = "2b1c3f9e9d0a4c478d110a7c5a0f5e2b"
    assert await raw.fetchval("SELECT $1::uuid", value) == value
    assert await raw.fetchval("SELECT $1::uuid[]", [value]) == [value]


@pytest.mark.parametrize(
    ("kind", "literal", "parts"),
    [
        ("date", "2000-01-02", (1,)),
        ("date", "infinity", (2**31 - 1,)),
        ("time", "00:00:01", (1_000_000,)),
        ("timestamp", "1999-12-31 23:59:59", (-1_000_000,)),
        ("timestamptz", "-infinity", (-(2**63),)),
        ("timetz", "00:00:01+01", (1_000_000, -3600)),
        ("interval", "1 year 2 days 3 seconds", (12, 2, 3_000_000)),
    ],
)
async def test_a_codec_over_tuples(raw: Any, kind: str, literal: str, parts: Any) -> None:
    await raw.set_type_codec(
        kind,
        schema="pg_catalog",
        encoder=lambda v: v[1],
        decoder=lambda v: ("t", v),
        format="tuple",
    )
    assert await raw.fetchval(f"SELECT '{literal}'::{kind}") == ("t", parts)
    assert await raw.fetchval(f"SELECT $1::{kind}", ("t", parts)) == ("t", parts)
    assert await raw.fetchval(f"SELECT $1::{kind} = '{literal}'", ("t", parts)) is True


async def test_a_codec_over_the_fields_of_a_composite(raw: Any) -> None:
    await raw.set_type_codec(
        "pet",
        schema="catalog_test",
        encoder=lambda pet: (pet["name"], "sad", None),
        decoder=lambda fields: {"name": fields[0], "rest": fields[1:]},
        format="tuple",
    )
    expected = {"name": "Rex", "rest": ("sad", None)}
    assert await raw.fetchval("SELECT $1::pet", {"name": "Rex"}) == expected
    assert (await raw.fetchval("SELECT (1, ARRAY[$1::pet], NULL)::owner", expected)).pets == [
        expected
    ]


async def test_a_codec_that_raises_passes_through(raw: Any) -> None:
    def fail(value: Any) -> Any:
        raise LookupError(value)

    await raw.set_type_codec("mood", schema="catalog_test", encoder=str, decoder=fail)
    with pytest.raises(LookupError, match="sad"):
        await raw.fetchval("SELECT 'sad'::mood")
    await raw.set_type_codec("mood", schema="catalog_test", encoder=fail, decoder=str)
    with pytest.raises(LookupError, match="happy"):
        await raw.fetchval("SELECT $1::mood", "happy")
    await raw.set_type_codec("mood", schema="catalog_test", encoder=lambda v: 1, decoder=str)
    with pytest.raises(DataError, match="the encoder of the type has to return a str"):
        await raw.fetchval("SELECT $1::mood", "happy")
    assert await raw.fetchval("SELECT 1") == 1


async def test_what_can_have_no_codec_is_refused(raw: Any) -> None:
    def same(value: Any) -> Any:
        return value

    for name, schema, form, reason in (
        ("nothing", "public", "text", "unknown type: public.nothing"),
        ("_int4", "pg_catalog", "text", "neither a scalar type nor a composite"),
        ("span", "catalog_test", "text", "neither a scalar type nor a composite"),
        ("pet", "catalog_test", "text", "format='tuple'"),
        ("text", "pg_catalog", "tuple", "there are no tuples for it"),
        ("text", "pg_catalog", "xml", "format='xml'"),
    ):
        with pytest.raises(ValueError, match=reason):
            await raw.set_type_codec(name, schema=schema, encoder=same, decoder=same, format=form)
    with pytest.raises(ValueError, match="there is no codec"):
        await raw.set_builtin_type_codec(
            "mood", schema="catalog_test", codec_name="pg_contrib.mood"
        )
    with pytest.raises(ValueError, match="format='tuple'"):
        await raw.set_builtin_type_codec(
            "mood", schema="catalog_test", codec_name="text", format="tuple"
        )


async def test_a_type_can_be_taken_for_another(raw: Any) -> None:
    await raw.set_builtin_type_codec("age", schema="catalog_test", codec_name="integer")
    assert await raw.fetchval("SELECT $1::age", 5) == 5
    await raw.set_builtin_type_codec(
        "age", schema="catalog_test", codec_name="integer", format="text"
    )
    assert await raw.fetchval("SELECT $1::age", "5") == 5  # what comes is the base type
    await raw.reset_type_codec("age", schema="catalog_test")
    assert await raw.fetchval("SELECT $1::age", 5) == 5


async def test_a_codec_of_the_init_hook_is_there_for_all(dsn: str) -> None:
    async def init(connection: Any) -> None:
        await connection.set_type_codec(
            "interval",
            schema="pg_catalog",
            encoder=lambda value: (0, 0, int(value * 1_000_000)),
            decoder=lambda parts: parts[2] / 1_000_000,
            format="tuple",
        )

    engine = await create_engine(dsn, min_size=2, max_size=2, init=init)
    async with engine.acquire() as first, engine.acquire() as second:
        for connection in (first, second):
            assert await connection.scalar("SELECT interval '1.5 seconds'") == 1.5
            raw = connection.raw_connection
            assert await raw.fetchval("SELECT $1::interval * 2", 2.5) == 5.0
    await engine.close()
    other = await create_engine(dsn, min_size=0)
    assert await other.scalar("SELECT interval '1 second'") == timedelta(seconds=1)
    await other.close()
