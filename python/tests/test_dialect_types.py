"""Values on their way through the dialect `postgresql+gino`: in, out, compared, and as literals."""

from __future__ import annotations

import enum
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gino.dialects.literal import array_items


class Mood(enum.Enum):
    sad = 1
    happy = 2


MOOD = sa.Enum(Mood, name="dialect_mood")
WORD = sa.Enum("x y", 'z"z', "NULL", "a,b", name="dialect_word")
KEY = UUID(int=5)
NOON = datetime(2020, 1, 1, 12, 30, 1, 5)

VALUES: list[tuple[str, Any, Any]] = [
    ("smallint", sa.SmallInteger(), -3),
    ("integer", sa.Integer(), 7),
    ("bigint", sa.BigInteger(), 2**60),
    ("boolean", sa.Boolean(), True),
    ("numeric", sa.Numeric(10, 2), Decimal("1.50")),
    ("numeric as float", sa.Numeric(10, 2, asdecimal=False), 1.5),
    ("float", sa.Float(), 1.25),
    ("float as decimal", sa.Float(asdecimal=True), Decimal("1.25")),
    ("double", sa.Double(), 1e300),
    ("real", sa.REAL(), 1.5),
    ("text", sa.Text(), "é\n'\""),
    ("char", sa.CHAR(3), "abc"),
    ("bytea", sa.LargeBinary(), b"\x00\xff"),
    ("date", sa.Date(), date(2020, 1, 1)),
    ("time", sa.Time(), time(1, 2, 3, 4)),
    ("timetz", sa.Time(timezone=True), time(1, 2, 3, 4, tzinfo=UTC)),
    ("timestamp", sa.DateTime(), NOON),
    ("timestamptz", sa.DateTime(timezone=True), NOON.replace(tzinfo=UTC)),
    ("interval", sa.Interval(), timedelta(days=3, seconds=5, microseconds=7)),
    ("pg interval", pg.INTERVAL(), timedelta(-3)),
    ("uuid", sa.Uuid(), KEY),
    ("uuid as text", sa.Uuid(as_uuid=False), str(KEY)),
    ("json", sa.JSON(), {"a": [1, None]}),
    ("jsonb", pg.JSONB(), [1, {"x": 1.5}]),
    ("enum", MOOD, Mood.sad),
    ("enum of text", WORD, 'z"z'),
    ("enum as text", sa.Enum(Mood, native_enum=False), Mood.happy),
    ("bit", pg.BIT(4), pg.BitString("0101")),
    ("inet", pg.INET(), ip_address("10.0.0.1")),
    ("cidr", pg.CIDR(), ip_network("10.0.0.0/8")),
    ("macaddr", pg.MACADDR(), "08:00:2b:01:02:03"),
    ("oid", pg.OID(), 5),
    ("int4range", pg.INT4RANGE(), pg.Range(1, 5)),
    ("int8range", pg.INT8RANGE(), pg.Range(1, None)),
    ("numrange", pg.NUMRANGE(), pg.Range(Decimal("1.5"), Decimal("2.5"), bounds="(]")),
    ("daterange", pg.DATERANGE(), pg.Range(date(2020, 1, 1), date(2020, 2, 1))),
    ("tsrange", pg.TSRANGE(), pg.Range(NOON, datetime(2020, 2, 1))),
    ("tstzrange", pg.TSTZRANGE(), pg.Range(NOON.replace(tzinfo=UTC), None)),
    ("empty range", pg.INT4RANGE(), pg.Range(empty=True)),
    ("multirange", pg.INT4MULTIRANGE(), [pg.Range(1, 5), pg.Range(7, 9)]),
    ("tsmultirange", pg.TSMULTIRANGE(), [pg.Range(NOON, datetime(2020, 2, 1))]),
    ("empty multirange", pg.INT4MULTIRANGE(), []),
    ("integers", pg.ARRAY(sa.Integer, dimensions=2), [[1, 2], [3, None]]),
    ("texts", pg.ARRAY(sa.Text, as_tuple=True), ("a", None)),
    ("floats", pg.ARRAY(sa.Numeric(asdecimal=False)), [1.5]),
    ("uuids", pg.ARRAY(sa.Uuid(as_uuid=False)), [str(KEY)]),
    ("jsonbs", pg.ARRAY(pg.JSONB()), [{"a": 1}, [2, [3]]]),
    ("enums", pg.ARRAY(MOOD), [Mood.sad, None, Mood.happy]),
    ("enums of text", pg.ARRAY(WORD), ["x y", 'z"z', "NULL", "a,b"]),
    ("inets", pg.ARRAY(pg.INET()), [ip_address("10.0.0.1"), ip_address("::2")]),
    ("ranges", pg.ARRAY(pg.INT4RANGE()), [pg.Range(1, 5), pg.Range(None, 9)]),
]


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+gino://", 1))
    yield engine
    await engine.dispose()


@pytest.mark.parametrize(("kind", "value"), [pytest.param(*v[1:], id=v[0]) for v in VALUES])
async def test_a_value_comes_back_as_it_went_in(engine: AsyncEngine, kind: Any, value: Any) -> None:
    metadata = sa.MetaData()
    column: sa.Column[Any] = sa.Column("value", kind)
    table = sa.Table("value", metadata, sa.Column("id", sa.Integer, primary_key=True), column)
    async with engine.connect() as connection:
        await connection.execute(sa.text("CREATE SCHEMA dialect_types"))
        await connection.execute(sa.text("SET LOCAL search_path TO dialect_types"))
        await connection.run_sync(metadata.create_all)
        await connection.execute(table.insert(), {"value": value})
        await connection.execute(table.insert(), [{"value": value}, {"value": None}])
        rows = (await connection.scalars(sa.select(column).order_by(table.c.id))).all()
        assert rows == [value, value, None]
        if not isinstance(value, list):
            assert type(rows[0]) is type(value)
        assert await connection.scalar(sa.select(sa.literal(value, kind))) == value
        if not isinstance(kind, sa.JSON) or isinstance(kind, pg.JSONB):
            change = table.update().where(column.in_([value])).values(value=value)
            assert (await connection.scalars(change.returning(column))).all() == [value, value]
        await connection.rollback()


async def test_a_type_follows_the_servers_where_it_differs(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        for sql, kind, expected in (
            ("1.5::float8", sa.Numeric(), Decimal("1.5")),
            ("2", sa.Numeric(), Decimal(2)),
            ("1.5::numeric", sa.Float(), 1.5),
            ("2::int8", sa.Numeric(asdecimal=False), 2.0),
            ("'{1.5}'::float8[]", pg.ARRAY(sa.Numeric()), [Decimal("1.5")]),
            ("'{{a},{b}}'::text[]", pg.ARRAY(sa.Text), [["a"], ["b"]]),
        ):
            found = await connection.scalar(sa.select(sa.literal_column(sql, kind)))
            assert found == expected
            assert type(found) is type(expected)


async def test_addresses_are_text_if_the_engine_says_so(dsn: str) -> None:
    url = dsn.replace("postgresql://", "postgresql+gino://", 1)
    engine = create_async_engine(url, native_inet_types=False)
    async with engine.connect() as connection:
        for kind, value in ((pg.INET(), "10.0.0.1"), (pg.INET(), "::1/8"), (pg.CIDR(), "::/8")):
            assert await connection.scalar(sa.select(sa.literal(value, kind))) == value
    await engine.dispose()


async def test_json_is_read_and_written_by_the_functions_given(dsn: str) -> None:
    url = dsn.replace("postgresql://", "postgresql+gino://", 1)
    engine = create_async_engine(
        url,
        json_serializer=lambda value: json.dumps({"in": value}),
        json_deserializer=lambda text: ("out", json.loads(text, parse_float=Decimal)),
    )
    metadata = sa.MetaData()
    table = sa.Table(
        "documents", metadata, sa.Column("a", sa.JSON), sa.Column("b", pg.JSONB), prefixes=["TEMP"]
    )
    async with engine.connect() as connection:
        await connection.run_sync(metadata.create_all)
        made = table.insert().values(a=1.5, b=1.5).returning(table.c.a, table.c.b)
        expected = ("out", {"in": Decimal("1.5")})
        assert (await connection.execute(made)).one() == (expected, expected)
        assert (await connection.execute(sa.select(table))).one() == (expected, expected)
        inner = sa.select(table.c.b["in"])
        assert await connection.scalar(inner) == ("out", Decimal("1.5"))
    await engine.dispose()


@pytest.mark.parametrize(
    ("literal", "items"),
    [
        ("{}", []),
        ("{a,NULL,null}", ["a", None, None]),
        ('{"NULL","a,b","\\"\\\\","{}"}', ["NULL", "a,b", '"\\', "{}"]),
        ("{{1,2},{3,4}}", [["1", "2"], ["3", "4"]]),
        ("[0:1]={1,2}", ["1", "2"]),
        ('{"[1,3)",empty}', ["[1,3)", "empty"]),
        ('{""}', [""]),
    ],
)
def test_an_array_is_taken_apart(literal: str, items: list[Any]) -> None:
    assert array_items(literal) == items


@pytest.mark.parametrize("literal", ["", "a", "{", "{a", "[0:1]", '{"a'])
def test_what_is_no_array_is_refused(literal: str) -> None:
    with pytest.raises(ValueError, match="array"):
        array_items(literal)
