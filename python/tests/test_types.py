"""Every type that travels in binary, against the server's own text form, both ways."""

from __future__ import annotations

import enum
import gc
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Interface, IPv4Network, IPv6Address
from typing import Any

import pytest
import pytest_asyncio

from gino import _core
from gino.exceptions import DataError
from gino.types import BitString, Box, Circle, Line, LineSegment, Path, Point, Polygon, Range

SOME_UUID = uuid.UUID("2b1c3f9e-9d0a-4c47-8d11-0a7c5a0f5e2b")

# SQL type, Python value, the server's text form of it.
CASES: list[tuple[str, Any, str]] = [
    ("bool", True, "true"),
    ("bool", False, "false"),
    ("int2", -32768, "-32768"),
    ("int2", 32767, "32767"),
    ("int4", -(2**31), "-2147483648"),
    ("int4", 2**31 - 1, "2147483647"),
    ("int8", -(2**63), "-9223372036854775808"),
    ("int8", 2**63 - 1, "9223372036854775807"),
    ("oid", 2**32 - 1, "4294967295"),
    ("float4", 1.5, "1.5"),
    ("float4", float("-inf"), "-Infinity"),
    ("float8", 0.1, "0.1"),
    ("float8", -1e300, "-1e+300"),
    ("float8", float("inf"), "Infinity"),
    ("numeric", Decimal("0"), "0"),
    ("numeric", Decimal("0.00"), "0.00"),
    ("numeric", Decimal("1.50"), "1.50"),
    ("numeric", Decimal("-0.00001"), "-0.00001"),
    ("numeric", Decimal("10000"), "10000"),
    ("numeric", Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
    ("numeric", Decimal(10) ** 100, "1" + "0" * 100),
    ("text", "", ""),
    ("text", "aä€😀", "aä€😀"),
    ("varchar", "x", "x"),
    ("bpchar", "x", "x"),
    ("name", "x", "x"),
    ("bytea", b"", "\\x"),
    ("bytea", b"\0\xff", "\\x00ff"),
    ("date", date(2024, 2, 29), "2024-02-29"),
    ("date", date(1, 1, 2), "0001-01-02"),
    ("date", date.max, "infinity"),
    ("date", date.min, "-infinity"),
    ("time", time(0), "00:00:00"),
    ("time", time(23, 59, 59, 999999), "23:59:59.999999"),
    ("timestamp", datetime(1969, 12, 31, 23, 59, 59, 1), "1969-12-31 23:59:59.000001"),
    ("timestamp", datetime.max, "infinity"),
    ("timestamp", datetime.min, "-infinity"),
    ("timestamptz", datetime(2024, 2, 29, 1, 2, 3, 4, UTC), "2024-02-29 01:02:03.000004+00"),
    ("timestamptz", datetime.max.replace(tzinfo=UTC), "infinity"),
    ("timestamptz", datetime.min.replace(tzinfo=UTC), "-infinity"),
    ("interval", timedelta(0), "00:00:00"),
    ("interval", timedelta(3, 4, 5), "3 days 00:00:04.000005"),
    ("interval", -timedelta(hours=1), "-1 days +23:00:00"),
    ("uuid", SOME_UUID, str(SOME_UUID)),
    ("json", {"a": [1, 2.5, None, True, "ä"]}, '{"a":[1,2.5,null,true,"ä"]}'),
    ("jsonb", {"a": {"b": []}, "n": 12345678901234567890123}, ""),
    ("jsonb", [], "[]"),
    ("jsonb", 1, "1"),
    ("inet", IPv4Interface("10.0.0.1/8"), "10.0.0.1/8"),
    ("inet", IPv6Address("::1"), "::1/128"),
    ("cidr", IPv4Network("10.0.0.0/8"), "10.0.0.0/8"),
    ("macaddr", "08:00:2b:01:02:03", "08:00:2b:01:02:03"),
    ("macaddr8", "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05"),
    ("timetz", time(1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "01:02:03+02"),
    ("timetz", time(1, 2, tzinfo=timezone(-timedelta(seconds=5))), "01:02:00-00:00:05"),
    ("varbit", BitString("10110"), "10110"),
    ("point", Point(1, 2), "(1,2)"),
    ("line", Line(1, 2, 3), "{1,2,3}"),
    ("lseg", LineSegment((1, 2), (3, 4)), "[(1,2),(3,4)]"),
    ("box", Box((3, 4), (1, 2)), "(3,4),(1,2)"),
    ("path", Path((1, 2), (3, 4)), "[(1,2),(3,4)]"),
    ("path", Path((1, 2), (3, 4), is_closed=True), "((1,2),(3,4))"),
    ("polygon", Polygon((1, 2), (3, 4)), "((1,2),(3,4))"),
    ("circle", Circle((1, 2), 3), "<(1,2),3>"),
    ("xid8", 2**64 - 1, "18446744073709551615"),
    ("pg_lsn", 2**64 - 1, "FFFFFFFF/FFFFFFFF"),
    ("tid", (2**32 - 1, 7), "(4294967295,7)"),
    ("pg_snapshot", (10, 20, (10, 14)), "10:20:10,14"),
    ("jsonpath", '$."a"', '$."a"'),
    ("money", "$12.50", "$12.50"),
    ("tsvector", "'a' 'b'", "'a' 'b'"),
    ("regclass", "pg_class", "pg_class"),
    ("int4range", Range(1, 3), "[1,3)"),
    ("int4range", Range(empty=True), "empty"),
    ("numrange", Range(None, Decimal("1.50"), upper_inc=True), "(,1.50]"),
    ("daterange", Range(date(2024, 1, 1), None), "[2024-01-01,)"),
    ("tstzrange", Range(), "(,)"),
]

# SQL type, value, the name of its Python type, a part of the reason.
MISFITS: list[tuple[str, Any, str, str]] = [
    ("bool", 1, "int", "bool is required"),
    ("int2", 32768, "int", "-32768 to 32767"),
    ("int4", 2**31, "int", "-2147483648 to 2147483647"),
    ("int8", 2**63, "int", "-9223372036854775808 to 9223372036854775807"),
    ("oid", -1, "int", "0 to 4294967295"),
    ("int4", "1", "str", "int is required"),
    ("int4", 1.0, "float", "int is required"),
    ("float8", "1", "str", "float is required"),
    ("float8", 10**400, "int", "too large"),
    ("float4", 1e300, "float", "too large"),
    ("numeric", "x", "str", "decimal"),
    ("numeric", True, "bool", "Decimal"),
    ("numeric", Decimal("sNaN"), "Decimal", "decimal"),
    ("text", 1, "int", "str is required"),
    ("text", "a\0b", "str", "NUL"),
    ("text", "\ud800", "str", "surrogate"),
    ("bytea", "x", "str", "bytes"),
    ("date", "2024-01-01", "str", "date is required"),
    ("time", time(1, tzinfo=UTC), "time", "time zone"),
    ("timestamp", datetime(2024, 1, 1, tzinfo=UTC), "datetime", "time zone"),
    ("timestamptz", "now", "str", "datetime is required"),
    ("interval", 1, "int", "timedelta is required"),
    ("uuid", "x", "str", "UUID"),
    ("uuid", 1, "int", "UUID"),
    ("jsonb", {"a": {1}}, "dict", "not JSON serializable"),
    ("int4[]", 1, "int", "list or tuple"),
    ("int4[]", ["x"], "list", "int is required"),
    ("int4[]", [[1], [2, 3]], "list", "same length"),
    ("int4[]", [[1], 2], "list", "must be lists"),
    ("int4[]", [[[[[[[1]]]]]]], "list", "6 dimensions"),
    ("int4[]", [1, "x"], "list", "at [1]: an int is required"),
    ("int4[]", [[1], ["x"]], "list", "at [1][0]: an int is required"),
    ("inet", 1, "int", "ipaddress"),
    ("inet[]", ["x"], "list", 'at [0]: "x" is no address'),
    ("macaddr", 1, "int", "str is required"),
    ("timetz", 1, "int", "time is required"),
    ("varbit", 1, "int", "BitString"),
    ("point", (1, 2, 3), "tuple", "two numbers"),
    ("box", [(1, 2)], "list", "two points"),
    ("circle", ((1, 2), -1), "tuple", "radius"),
    ("int4range", (1, "x"), "tuple", "int is required"),
    ("int4range", (1, 2, 3), "tuple", "pair of bounds"),
    ("xid8", -1, "int", "18446744073709551615"),
]


@pytest_asyncio.fixture
async def connection(dsn: str) -> AsyncIterator[_core.Connection]:
    engine = _core.Engine(_core.Config(dsn, {"min_size": "0"}, {}), _core.Connection)
    connection = await engine.acquire()
    await connection.script("SET TIME ZONE 'UTC'")
    yield connection
    await connection.release()
    await engine.close()


async def scalar(connection: _core.Connection, sql: str, *args: Any) -> Any:
    return await connection.run(_core.Plan(sql), args, _core.SCALAR)


def name(case: tuple[Any, ...]) -> str:
    return f"{case[0]}-{case[1]!r:.30}"


@pytest.mark.parametrize("case", CASES, ids=name)
async def test_a_value_is_what_the_server_says_it_is(connection, case):
    kind, value, text = case
    if text:
        assert await scalar(connection, f"SELECT $1::{kind}::text", value) == text
        loaded = await scalar(connection, f"SELECT $1::text::{kind}", text)
        assert loaded == value
        assert type(loaded) is type(value)
    loaded = await scalar(connection, f"SELECT $1::{kind}", value)
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize("case", CASES, ids=name)
async def test_arrays_of_a_type_come_back_with_their_nulls(connection, case):
    kind, value, _ = case
    array = [value, None, value]
    assert await scalar(connection, f"SELECT $1::{kind}[]", array) == array
    assert await scalar(connection, f"SELECT $1::{kind}[]", tuple(array)) == array
    assert await scalar(connection, f"SELECT $1::{kind}[]", []) == []
    assert await scalar(connection, f"SELECT array_length($1::{kind}[], 1)", array) == 3
    assert await scalar(connection, f"SELECT $1::{kind}[]", None) is None


@pytest.mark.parametrize("kind", sorted({case[0] for case in CASES}))
async def test_null_is_none(connection, kind):
    assert await scalar(connection, f"SELECT $1::{kind}", None) is None


@pytest.mark.parametrize("case", MISFITS, ids=name)
async def test_a_value_that_does_not_fit_names_parameter_and_types(connection, case):
    kind, value, host_type, reason = case
    with pytest.raises(DataError) as caught:
        await scalar(connection, f"SELECT $1::int4, $2::{kind}", 1, value)
    message = str(caught.value)
    assert message.startswith(f"parameter $2: {host_type} does not fit SQL type {kind}: ")
    assert reason in message
    assert await scalar(connection, "SELECT 1") == 1


async def test_a_misfit_in_a_set_of_many_names_the_set(connection):
    plan = _core.Plan("SELECT $1::int4")
    with pytest.raises(DataError, match=r"^parameter \$1 of set 2: "):
        await connection.run(plan, [(1,), ("x",)], _core.ALL, many=True)


async def test_nan_is_not_equal_to_itself(connection):
    for kind in ("float4", "float8"):
        loaded = await scalar(connection, f"SELECT $1::{kind}", float("nan"))
        assert loaded != loaded
    assert (await scalar(connection, "SELECT $1::numeric", Decimal("NaN"))).is_nan()


@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        (1, Decimal("1")),
        (0.1, Decimal("0.1")),
        ("2.50", Decimal("2.50")),
        (Decimal("1E+3"), Decimal("1000")),
        (10**30, Decimal(10**30)),
    ],
)
async def test_a_numeric_takes_what_has_a_decimal_text(connection, given, loaded):
    assert await scalar(connection, "SELECT $1::numeric", given) == loaded


async def test_a_numeric_keeps_its_zeros(connection):
    # Twice: the second one comes from the cache.
    for _ in range(2):
        assert str(await scalar(connection, "SELECT 1.500::numeric")) == "1.500"
        assert str(await scalar(connection, "SELECT 1.5::numeric")) == "1.5"


async def test_subclasses_are_taken_for_what_they_are(connection):
    class Number(enum.IntEnum):
        ONE = 1

    class Text(str):
        __slots__ = ()

    assert await scalar(connection, "SELECT $1::int4", Number.ONE) == 1
    assert await scalar(connection, "SELECT $1::int4", True) == 1
    assert await scalar(connection, "SELECT $1::float8", 1) == 1.0
    assert await scalar(connection, "SELECT $1::numeric", Number.ONE) == 1
    assert await scalar(connection, "SELECT $1::text", Text("x")) == "x"
    assert await scalar(connection, "SELECT $1::date", datetime(2024, 1, 2, 3)) == date(2024, 1, 2)


async def test_bytes_come_from_any_buffer(connection):
    for value in (bytearray(b"abc"), memoryview(b"abc"), memoryview(b"axbxc")[::2]):
        assert await scalar(connection, "SELECT $1::bytea", value) == b"abc"


async def test_an_aware_datetime_keeps_its_moment(connection):
    value = datetime(2024, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    loaded = await scalar(connection, "SELECT $1::timestamptz", value)
    assert loaded == value
    assert loaded.tzinfo is UTC


async def test_a_naive_datetime_is_local_time_where_a_zone_is_needed(connection):
    value = datetime(2024, 7, 1, 12)
    loaded = await scalar(connection, "SELECT $1::timestamptz", value)
    assert loaded == value.astimezone(UTC)
    loaded = await scalar(connection, "SELECT $1::timestamptz", date(2024, 7, 1))
    assert loaded == datetime(2024, 7, 1).astimezone(UTC)
    loaded = await scalar(connection, "SELECT $1::timestamp", date(2024, 7, 1))
    assert loaded == datetime(2024, 7, 1)


async def test_an_interval_counts_months_as_thirty_days(connection):
    loaded = await scalar(connection, "SELECT interval '1 year 2 months 3 days 4 hours'")
    assert loaded == timedelta(days=365 + 60 + 3, hours=4)
    loaded = await scalar(connection, "SELECT interval '-14 months'")
    assert loaded == -timedelta(days=365 + 60)


@pytest.mark.parametrize(
    ("sql", "kind", "host_type"),
    [
        ("date '0044-03-15 BC'", "date", "date"),
        ("date '12024-01-01'", "date", "date"),
        ("timestamp '0044-03-15 BC'", "timestamp", "datetime"),
        ("timestamptz '12024-01-01'", "timestamptz", "datetime"),
        ("interval '100000000 years'", "interval", "timedelta"),
    ],
)
async def test_what_python_cannot_hold_names_the_column(connection, sql, kind, host_type):
    with pytest.raises(DataError) as caught:
        await scalar(connection, f"SELECT {sql} AS ides")
    message = str(caught.value)
    assert message.startswith(f'column "ides": {host_type} does not fit SQL type {kind}: ')
    assert await scalar(connection, "SELECT 1") == 1


async def test_a_text_in_another_encoding_names_the_column(connection):
    await connection.script("SET client_encoding TO 'LATIN1'")
    with pytest.raises(DataError, match=r'^column "word": str .* text: it is not UTF-8$'):
        await scalar(connection, "SELECT chr(228) AS word")
    await connection.script("RESET client_encoding")
    assert await scalar(connection, "SELECT chr(228)") == "ä"


async def test_a_uuid_is_a_whole_one(connection):
    loaded = await scalar(connection, "SELECT $1::uuid", str(SOME_UUID))
    assert loaded == SOME_UUID
    assert hash(loaded) == hash(SOME_UUID)
    assert repr(loaded) == repr(SOME_UUID)
    assert loaded.is_safe is SOME_UUID.is_safe


async def test_json_text_is_taken_as_it_is(connection):
    assert await scalar(connection, "SELECT $1::jsonb", '{"a": 1}') == {"a": 1}
    assert await scalar(connection, "SELECT $1::json::text", '{"a":  1}') == '{"a":  1}'
    assert await scalar(connection, "SELECT 'null'::jsonb") is None


async def test_json_is_read_as_python_reads_it(connection):
    assert await scalar(connection, r"""SELECT '"\ud800"'::json""") == "\ud800"
    deep = await scalar(connection, f"SELECT '{'[' * 500}{']' * 500}'::jsonb")
    for _ in range(499):
        (deep,) = deep
    assert deep == []
    assert await scalar(connection, """SELECT '{"a": 1, "a": 2}'::json""") == {"a": 2}


async def test_arrays_nest(connection):
    value = [[1, 2, None], [4, 5, 6]]
    assert await scalar(connection, "SELECT $1::int4[]", value) == value
    assert await scalar(connection, "SELECT ($1::int4[])[2][1]", value) == 4
    assert await scalar(connection, "SELECT '[5:6]={a,b}'::text[]") == ["a", "b"]
    assert await scalar(connection, "SELECT $1::int4[]", [[], []]) == []


async def test_in_an_array_a_list_is_a_dimension_and_a_tuple_an_element(connection):
    spans = await scalar(connection, "SELECT $1::int4range[]", [[(1, 4), None], [None, (2,)]])
    assert spans == [[Range(1, 5), None], [None, Range(2)]]
    assert await scalar(connection, "SELECT $1::point[]", [[(1, 2)]]) == [[(1, 2)]]
    lists = [[1], [2, [3]]]
    assert await scalar(connection, "SELECT $1::jsonb[]", lists) == lists


async def test_other_types_travel_as_text(connection):
    class Mood(enum.Enum):
        happy = 1

    await connection.script("CREATE TYPE pg_temp.mood AS ENUM ('sad', 'happy')")
    assert await scalar(connection, "SELECT $1::pg_temp.mood", "sad") == "sad"
    assert await scalar(connection, "SELECT $1::pg_temp.mood", Mood.happy) == "happy"
    value = ["sad", None, Mood.happy]
    assert await scalar(connection, "SELECT $1::pg_temp.mood[]", value) == ["sad", None, "happy"]
    labels = ['a"b', "c\\d", "a,b", "{x}", "null", " "]
    quoted = ", ".join(f"'{label}'" for label in labels)
    await connection.script(f"CREATE TYPE pg_temp.odd AS ENUM ({quoted})")
    value = [labels[:3], labels[3:]]
    assert await scalar(connection, "SELECT $1::pg_temp.odd[]::text[]", value) == value


async def test_a_domain_is_its_base_type(connection):
    await connection.script("CREATE DOMAIN pg_temp.age AS int4 CHECK (value >= 0)")
    assert await scalar(connection, "SELECT $1::pg_temp.age", 18) == 18


# ---- processors, modes and programs on a real result -------------------------------------------


class Point(_core.Instance):
    __layout__ = _core.Layout(["x", "y"])
    x = _core.Attribute("x", 0, "column x")
    y = _core.Attribute("y", 1, "column y")


class Called(Point):
    def __init__(self) -> None:
        self.note = "made by calling"


def program(*tree: Any) -> _core.Program:
    return _core.Program(tree)


POINTS = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, NULL)) AS p (x, y) ORDER BY x"


async def run(connection: Any, mode: int, sql: str = POINTS, **keywords: Any) -> Any:
    return await connection.run(_core.Plan(sql, **keywords), (), mode)


async def test_rows_are_tuples_with_names(connection):
    rows = await run(connection, _core.ALL)
    assert rows == [(1, "a"), (2, "b"), (3, None)]
    row = rows[0]
    assert (row.x, row["y"], row[-1], row[:1]) == (1, "a", "a", (1,))
    assert row.keys() == ["x", "y"]
    assert row.values() == [1, "a"]
    assert row.items() == [("x", 1), ("y", "a")]
    assert dict(row) == {"x": 1, "y": "a"}
    assert list(row) == [1, "a"]
    assert repr(row) == "(1, 'a')"
    assert hash(row) == hash((1, "a"))
    assert row < rows[1]
    assert row != rows[1]
    assert "x" in row
    assert "z" not in row
    assert (row.get("y"), row.get("z"), row.get("z", 0)) == ("a", None, 0)
    assert (row.index("a"), row.count(1)) == (1, 1)
    with pytest.raises(AttributeError, match="z"):
        _ = row.z
    with pytest.raises(IndexError):
        row[2]
    match row:
        case (x, y):
            assert (x, y) == (1, "a")


async def test_a_missing_name_is_no_such_column(connection):
    from sqlalchemy.exc import NoSuchColumnError

    row = await run(connection, _core.FIRST)
    with pytest.raises(NoSuchColumnError, match="nope"):
        row["nope"]


async def test_the_last_of_equal_names_wins_and_methods_win_over_columns(connection):
    row = await run(connection, _core.FIRST, "SELECT 1 AS a, 2 AS a, 3 AS keys")
    assert (row.a, row["a"], row[0], row["keys"]) == (2, 2, 1, 3)
    assert row.keys() == ["a", "a", "keys"]


async def test_rows_know_further_keys_and_fall_back_to_their_names(connection):
    class Column:
        def __init__(self, name: str) -> None:
            self.name = name

    known, named, unknown = Column("other"), Column("y"), Column("z")
    keys = _core.RowKeys(["x", "y"], {known: 0})
    row = await run(connection, _core.FIRST, keys=keys)
    assert (row[known], row[named]) == (1, "a")
    assert known in row
    assert unknown not in row


async def test_every_mode_gives_its_result(connection):
    nothing = "SELECT 1 AS x WHERE false"
    assert await run(connection, _core.FIRST) == (1, "a")
    assert await run(connection, _core.FIRST, nothing) is None
    assert await run(connection, _core.SCALAR) == 1
    assert await run(connection, _core.SCALAR, nothing) is None
    assert await run(connection, _core.SCALAR, program=program("column", 1)) == 1
    assert await run(connection, _core.ONE, "SELECT 1") == (1,)
    assert await run(connection, _core.ONE_OR_NONE, "SELECT 1") == (1,)
    assert await run(connection, _core.ONE_OR_NONE, nothing) is None
    assert await run(connection, _core.STATUS, nothing) == ("SELECT 0", [])
    assert await run(connection, _core.STATUS, "SELECT 1") == ("SELECT 1", [(1,)])


async def test_one_is_neither_none_nor_several(connection):
    from gino.exceptions import MultipleResultsFound, NoResultFound

    with pytest.raises(NoResultFound):
        await run(connection, _core.ONE, "SELECT 1 WHERE false")
    for mode in (_core.ONE, _core.ONE_OR_NONE):
        with pytest.raises(MultipleResultsFound):
            await run(connection, mode)
    assert await run(connection, _core.SCALAR) == 1


async def test_many_sets_give_nothing_back(connection):
    plan = _core.Plan("SELECT $1::int4")
    for mode in (_core.ALL, _core.FIRST, _core.SCALAR, _core.STATUS, _core.ONE_OR_NONE):
        assert await connection.run(plan, [(1,), (2,)], mode, many=True) is None


async def test_processors_see_every_value(connection):
    plan = _core.Plan(
        "SELECT $1::int4 AS a, $2::int4 AS b, $3::int4 AS c",
        binds=[lambda value: value + 1, None, lambda value: 7 if value is None else value],
        results=[str, None, lambda value: [value]],
    )
    assert await connection.run(plan, [1, 2, None], _core.FIRST) == ("2", 2, [7])
    assert await connection.run(plan, [1, 2, None], _core.SCALAR) == "2"


async def test_an_error_of_a_processor_passes_through_and_the_connection_lives(connection):
    class Refused(Exception):
        pass

    def refuse(value: Any) -> Any:
        raise Refused(value)

    with pytest.raises(Refused):
        await run(connection, _core.ALL, results=[None, refuse])
    with pytest.raises(Refused):
        await connection.run(_core.Plan("SELECT $1::int4", binds=[refuse]), (1,), _core.ALL)
    assert await scalar(connection, "SELECT 1") == 1


@pytest.mark.parametrize("model", [Point, Called])
async def test_rows_become_models(connection, model):
    tree = ("model", model, ((0, 0), (1, 1)), None, ())
    points = await run(connection, _core.ALL, program=_core.Program(tree))
    assert [type(point) for point in points] == [model] * 3
    assert [(point.x, point.y) for point in points] == [(1, "a"), (2, "b"), (3, None)]
    assert points[2].__values__ == {"x": 3, "y": None}
    assert all(hasattr(point, "note") == (model is Called) for point in points)


async def test_a_model_from_some_columns_leaves_the_others_unset(connection):
    point = await run(connection, _core.FIRST, program=program("model", Point, ((1, 0),), None, ()))
    assert point.__values__ == {"x": "a"}
    assert point.y is None


async def test_a_column_that_the_result_lacks_is_an_error(connection):
    from sqlalchemy.exc import NoSuchColumnError

    with pytest.raises(NoSuchColumnError):
        await run(connection, _core.ALL, program=program("column", 2))
    assert await scalar(connection, "SELECT 1") == 1


async def test_values_go_into_an_instance_that_is_given(connection):
    point = Point()
    point.y = "old"
    plan = _core.Plan("SELECT 5 AS x", program=program("model", Point, ((0, 0),), None, ()))
    assert await connection.run(plan, (), _core.FIRST, into=point) is point
    assert (point.x, point.y) == (5, "old")


async def test_tuples_values_and_callables_are_loaded(connection):
    seen = []

    def call(row: Any, context: dict[Any, Any]) -> Any:
        seen.append(context)
        return row.x * 10

    tree = ("tuple", (("column", 1), ("value", "same"), ("call", call), ("tuple", (("row",),))))
    rows = await run(connection, _core.ALL, program=_core.Program(tree))
    assert rows[0] == ("a", "same", 10, ((1, "a"),))
    assert len(rows) == 3
    assert seen[0] is seen[2]


async def test_children_are_set_or_called_and_distinct_parents_come_once(connection):
    class Team(Point):
        def add(self, member: Any) -> None:
            self.__dict__.setdefault("members", []).append(member)

    sql = """SELECT * FROM (VALUES (1, 'core', 10, 'daisy'), (1, 'core', 11, 'fantix'),
             (2, 'docs', NULL, NULL)) AS t (a, b, c, d)"""
    member = ("model", Point, ((2, 0), (3, 1)), None, ())
    children = (("add", member, False), ("last", member, False))
    tree = ("model", Team, ((0, 0), (1, 1)), (0,), children)
    core, docs = await run(connection, _core.ALL, sql, program=_core.Program(tree))
    assert [(one.x, one.y) for one in core.members] == [(10, "daisy"), (11, "fantix")]
    assert core.last.y == "fantix"
    assert not hasattr(docs, "members")
    assert not hasattr(docs, "last")


@pytest.mark.parametrize("loaded", ["rows", "models", "tuples"])
async def test_every_reference_is_given_back(connection, loaded):
    class Held:
        alive = 0

        def __init__(self, value: Any) -> None:
            type(self).alive += 1
            if value == 99:
                raise ArithmeticError

        def __del__(self) -> None:
            type(self).alive -= 1

    model = ("model", Point, ((0, 0), (1, 1)), None, ())
    trees = {"rows": ("row",), "models": model, "tuples": ("tuple", (model, ("row",)))}
    keys = _core.RowKeys(["x", "y"])
    plan = _core.Plan(
        "SELECT i AS x, i AS y FROM generate_series($1::int4, $2::int4) AS i",
        program=_core.Program(trees[loaded]),
        results=[Held, Held],
        keys=keys,
    )
    before = sys.getrefcount(Point), sys.getrefcount(keys)
    for _ in range(3):
        result = await connection.run(plan, (1, 98), _core.ALL)
        assert len(result) == 98
        assert Held.alive >= 2 * 98
        if loaded == "models":
            result[0].x = None
            del result[1].__values__["y"]
        del result
        with pytest.raises(ArithmeticError) as caught:
            await connection.run(plan, (90, 110), _core.ALL)
        del caught
        gc.collect()
    assert Held.alive == 0
    plan = None
    gc.collect()
    after = sys.getrefcount(Point), sys.getrefcount(keys)
    # The plan held the class and the keys too.
    assert all(now <= then for now, then in zip(after, before, strict=True))


ENDING = """
import asyncio, sys, threading
from gino import _core

async def main():
    engine = _core.Engine(_core.Config(sys.argv[1], {"min_size": "0"}, {}), _core.Connection)
    sql = "SELECT i::numeric, now(), gen_random_uuid(), to_jsonb(i) FROM generate_series(1, 99) i"
    rows = await engine.run(_core.Plan(sql), (), _core.ALL)
    assert len(rows) == 99
    if sys.argv[2] == "close":
        await engine.close()
    return engine, rows

thread = threading.Thread(target=lambda: asyncio.run(main()))
thread.start()
thread.join()
kept = asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["close", "leave"])
def test_a_process_that_loaded_values_ends_in_peace(dsn, how):
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ENDING, dsn, how], capture_output=True, timeout=30
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stderr == b""
