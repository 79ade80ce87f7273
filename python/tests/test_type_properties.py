"""Random values of each type, there and back: as a parameter, and by the server's own text of it.

Each type has 40 values; GINO_TEST_EXAMPLES says how many. A value that fails is made small first.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_values import INT8, KINDS, arrays, integers, texts

from gino import create_engine

many = settings(
    max_examples=int(os.environ.get("GINO_TEST_EXAMPLES") or 40),
    deadline=None,
    database=None,
    derandomize="GINO_TEST_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

pytestmark = pytest.mark.timeout(600)

OWN = """
    DROP SCHEMA IF EXISTS gino_random CASCADE;
    CREATE SCHEMA gino_random;
    SET search_path TO gino_random;
    CREATE TYPE mood AS ENUM ('sad', 'so so', '"happy"', 'ü, {}()\\');
    CREATE DOMAIN small AS int CHECK (VALUE < 1000);
    CREATE TYPE pair AS (number int8, word text, moods mood[]);
    CREATE TYPE nested AS (id int, inner_pair pair, pairs pair[]);
    CREATE TYPE span AS RANGE (subtype = float8);
    SET TIME ZONE 'UTC'; SET lc_monetary TO 'C'; SET bytea_output TO hex
"""

moods = st.sampled_from(["sad", "so so", '"happy"', "ü, {}()\\"])
pairs = st.tuples(st.none() | st.integers(*INT8), st.none() | texts, st.none() | arrays(moods))
OWN_KINDS = {
    "mood": moods,
    "mood[]": arrays(moods),
    "small": st.integers(-1000, 999),
    "small[]": arrays(st.integers(-1000, 999)),
    "pair": pairs,
    "pair[]": st.lists(st.none() | pairs, max_size=4),
    "nested": st.tuples(integers, st.none() | pairs, st.lists(pairs, max_size=3)),
}


class Server:
    """One connection that plain functions can use: hypothesis calls no coroutines."""

    def __init__(self, runner: asyncio.Runner, raw: Any) -> None:
        self._runner = runner
        self._raw = raw

    def value(self, sql: str, *args: Any) -> Any:
        return self._runner.run(self._raw.fetchval(sql, *args))

    def run(self, sql: str) -> None:
        self._runner.run(self._raw.execute(sql))


def serve(dsn: str, script: str) -> Iterator[Server]:
    async def connect() -> tuple[Any, Any]:
        engine = await create_engine(dsn, min_size=1, max_size=1)
        return engine, await engine.acquire()

    with asyncio.Runner() as runner:
        engine, connection = runner.run(connect())
        made = Server(runner, connection.raw_connection)
        made.run(script)
        yield made
        runner.run(connection.release())
        runner.run(engine.close())


@pytest.fixture(scope="module")
def server(dsn: str) -> Iterator[Server]:
    yield from serve(dsn, OWN)


@pytest.fixture(scope="module")
def extended(extended_dsn: str) -> Iterator[Server]:
    names = ("hstore", "ltree", "citext")
    yield from serve(
        extended_dsn, "".join(f"CREATE EXTENSION IF NOT EXISTS {name};" for name in names)
    )


def plain(value: Any) -> Any:
    """What equals the same of another value: NaN does not, and a record is a tuple."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(plain(part) for part in value)
    return "NaN" if value != value else value


def goes_there_and_back(server: Server, kind: str, value: Any) -> None:
    here = server.value(f"SELECT $1::{kind}", value)
    assert plain(here) == plain(value)
    assert isinstance(here, type(value)) or isinstance(value, tuple)
    # by the server's text, in the other direction
    text = server.value(f"SELECT $1::{kind}::text", value)
    assert plain(server.value(f"SELECT $1::text::{kind}", text)) == plain(here)
    assert server.value(f"SELECT $1::{kind}::text", here) == text


@pytest.mark.parametrize("kind", KINDS)
def test_random_values_go_there_and_back(server: Server, kind: str) -> None:
    @many
    @given(KINDS[kind])
    def check(value: Any) -> None:
        goes_there_and_back(server, kind, value)

    check()


@pytest.mark.parametrize("kind", OWN_KINDS)
def test_random_values_of_own_types_go_there_and_back(server: Server, kind: str) -> None:
    @many
    @given(OWN_KINDS[kind])
    def check(value: Any) -> None:
        goes_there_and_back(server, kind, value)

    check()


@many
@given(st.dictionaries(texts, st.none() | texts, max_size=6))
def test_random_hstores_go_there_and_back(extended: Server, value: Any) -> None:
    goes_there_and_back(extended, "hstore", value)


@many
@given(st.lists(st.text("abcXYZ019_", min_size=1, max_size=10), max_size=6).map(".".join))
def test_random_label_trees_go_there_and_back(extended: Server, value: str) -> None:
    goes_there_and_back(extended, "ltree", value)


@many
@given(texts)
def test_random_texts_without_case_go_there_and_back(extended: Server, value: str) -> None:
    goes_there_and_back(extended, "citext", value)


def test_a_value_that_is_another_is_noticed() -> None:
    assert plain([1.0, float("nan")]) == plain([1.0, float("nan")])
    assert plain([1.0, float("nan")]) != plain([float("nan"), 1.0])
    assert plain((None, 1)) != plain((1, None))
