"""The table of values that both faces read, `spec/codecs.toml`: each row's SQL is a Python value,
and that value as a parameter is the row's text again."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gino import create_engine
from gino.exceptions import DatabaseError, DataError

TABLE = tomllib.loads((Path(__file__).parents[2] / "spec" / "codecs.toml").read_text())["case"]

# What Python has no value for, and says so.
NO_VALUE = {
    "'0001-12-31 BC'::date",
    "'4713-01-01 BC'::date",
    "'5874897-12-31'::date",
    "'0044-03-15 BC 12:00'::timestamp",
    "'4713-01-01 BC'::timestamp",
    "'294276-12-31 23:59:59.999999'::timestamp",
    "'0044-03-15 BC 12:00+00'::timestamptz",
    "'178000000 years'::interval",
    "'[0044-03-15 BC,infinity)'::daterange",
}

# Where Python's value says less than the server's, or the same in other words: what comes back.
IN_OTHER_WORDS: dict[str, str | None] = {
    # Python's first and last moments stand for the infinities, as in asyncpg
    "'0001-01-01'::date": "-infinity",
    "'9999-12-31'::date": "infinity",
    "'0001-01-01'::timestamp": "-infinity",
    # a time of day ends before 24:00
    "'24:00'::time": "00:00:00",
    "'24:00:00-15:59:59'::timetz": "00:00:00-15:59:59",
    # a timedelta has days and less
    "'1 year 2 months -3 days 04:05:06.7'::interval": "422 days 04:05:06.7",
    "'-1 day -00:00:00.000001'::interval": "-2 days +23:59:59.999999",
    # spaces and zeros of JSON are gone, and its null is None
    """'{"a": [1, 2.50, null]}'::json""": '{"a":[1,2.5,null]}',
    """'{"b": 1, "a": [true, 2.50, null, "é"]}'::jsonb""": '{"a": [true, 2.5, null, "é"], "b": 1}',
    """ARRAY['{"a": 1}'::json]::json[]""": '{"{\\"a\\":1}"}',
    "'  null '::json": "",
    "'null'::jsonb": "",
    # a list begins at 0
    "'[0:1]={5,6}'::int4[]": "{5,6}",
    "'[-1:0][2:3]={{1,2},{3,4}}'::int4[]": "{{1,2},{3,4}}",
    # a str is JSON text when it is sent
    "'\"\\u00e9\"'::json": None,
}

# Without a length these are of one bit, in a cast.
CASTS = {"bit": '"bit"', "bit[]": "varbit[]"}


@pytest_asyncio.fixture
async def raw(dsn: str) -> AsyncIterator[Any]:
    async for connection in connected(dsn):
        yield connection


@pytest_asyncio.fixture
async def rich(extended_dsn: str) -> AsyncIterator[Any]:
    async for connection in connected(extended_dsn):
        for name in ("citext", "hstore", "ltree"):
            await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {name}")
        yield connection


async def connected(dsn: str) -> AsyncIterator[Any]:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    async with engine.acquire() as connection:
        found = connection.raw_connection
        await found.execute("SET TIME ZONE 'UTC'; SET DateStyle TO ISO")
        yield found
    await engine.close()


def rows(*, needy: bool) -> list[Any]:
    chosen = [case for case in TABLE if (case.get("needs", "vector") != "vector") == needy]
    return [pytest.param(case, id=f"{case['type']} {case['sql']}"[:60]) for case in chosen]


@pytest.mark.parametrize("case", rows(needy=False))
async def test_value_of_the_server_is_a_value_of_python_and_goes_back(
    raw: Any, case: dict[str, Any]
) -> None:
    if "needs" in case:
        try:
            await raw.execute("CREATE EXTENSION IF NOT EXISTS " + case["needs"])
        except DatabaseError as error:
            pytest.skip(f"the server has no {case['needs']}: {error}")
    await goes_there_and_back(raw, case)


@pytest.mark.parametrize("case", rows(needy=True))
async def test_value_of_an_extension_goes_there_and_back(rich: Any, case: dict[str, Any]) -> None:
    await goes_there_and_back(rich, case)


async def goes_there_and_back(raw: Any, case: dict[str, Any]) -> None:
    server = raw.get_server_version().major
    if server < case.get("since", 0):
        pytest.skip(f"since PostgreSQL {case['since']}, and this is {server}")
    kind, sql = case["type"], case["sql"]
    if sql in NO_VALUE:
        with pytest.raises(DataError, match=r"the year is not one of|longer than 999999999 days"):
            await raw.fetchval(f"SELECT {sql}")
        # as text there are no limits
        assert await raw.fetchval(f"SELECT $1::text::{kind}::text", case["text"]) == case["text"]
        return
    value = await raw.fetchval(f"SELECT {sql}")
    if case.get("one_way"):
        with pytest.raises(DatabaseError):
            await raw.fetchval(f"SELECT format('%s', $1::{kind})", value)
        return
    text = IN_OTHER_WORDS.get(sql, case["text"])
    if text is None:
        with pytest.raises(DataError):
            await raw.fetchval(f"SELECT $1::{kind}", value)
        return
    cast = CASTS.get(kind, kind)
    assert await raw.fetchval(f"SELECT format('%s', $1::{cast})", value) == text
    again = await raw.fetchval(f"SELECT $1::{cast}", value)
    assert repr(again) == repr(value)


def test_what_is_told_apart_is_in_the_table() -> None:
    known = {case["sql"] for case in TABLE}
    assert known >= NO_VALUE
    assert known >= set(IN_OTHER_WORDS)
