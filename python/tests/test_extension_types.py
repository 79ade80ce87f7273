"""Types of extensions, told by their names: hstore, ltree and citext on a server that has them,
pgvector on the one under test. Made anew, an extension has other OIDs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gino import create_engine
from gino.exceptions import DatabaseError, DataError

NAMES = ("citext", "hstore", "ltree")


@pytest_asyncio.fixture
async def raw(extended_dsn: str) -> AsyncIterator[Any]:
    async for connection in connected(extended_dsn):
        for name in NAMES:
            await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {name}")
        yield connection


@pytest_asyncio.fixture
async def other(extended_dsn: str, raw: Any) -> AsyncIterator[Any]:
    async for connection in connected(extended_dsn):
        yield connection


@pytest_asyncio.fixture
async def vectors(dsn: str) -> AsyncIterator[Any]:
    async for connection in connected(dsn):
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except DatabaseError as error:
            pytest.skip(f"the server has no pgvector: {error}")
        yield connection


async def connected(dsn: str) -> AsyncIterator[Any]:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    async with engine.acquire() as connection:
        yield connection.raw_connection
    await engine.close()


VALUES: list[tuple[str, Any]] = [
    ("hstore", {}),
    ("hstore", {"a": "1", "b": None, "": "", 'q"\\': "ü, =>"}),
    ("hstore[]", [{"a": None}, None, {}]),
    ("ltree", "Top.Science.Astronomy"),
    ("ltree", ""),
    ("ltree[]", ["Top", None, "Top.Hobbies"]),
    ("lquery", "Top.*{1,2}.!a|b*"),
    ("lquery[]", ["*.a", None]),
    ("ltxtquery", "Europe & Russia* & !Transport"),
    ("citext", "Äb c"),
    ("citext[]", [["a", "B"], ["c", None]]),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda v: str(v)[:30])
async def test_value_comes_back_and_is_what_the_server_takes_it_for(
    raw: Any, kind: str, value: Any
) -> None:
    assert await raw.fetchval(f"SELECT $1::{kind}", value) == value
    text = await raw.fetchval(f"SELECT ($1::{kind})::text", value)
    assert await raw.fetchval(f"SELECT $1::text::{kind}", text) == value
    assert await raw.fetchval(f"SELECT $1::{kind}", None) is None


async def test_they_are_parts_of_composites_and_records(raw: Any) -> None:
    await raw.execute("DROP TYPE IF EXISTS tagged")
    await raw.execute("CREATE TYPE tagged AS (tags hstore, places ltree[], name citext)")
    value = ({"a": None}, ["Top.A", None], "Ab")
    assert await raw.fetchval("SELECT $1::tagged", value) == value
    assert await raw.fetchval("SELECT ARRAY[$1::tagged]", value) == [value]
    assert await raw.fetchval("SELECT ROW('a=>1'::hstore, 'A'::ltree)") == ({"a": "1"}, "A")
    await raw.execute("DROP TYPE tagged")


async def test_records_are_copied_with_them(raw: Any) -> None:
    await raw.execute("CREATE TEMP TABLE kept (tags hstore, place ltree, name citext)")
    records = [({"a": "1"}, "Top.A", "Ab"), (None, None, None)]
    assert await raw.copy_records_to_table("kept", records=records) == "COPY 2"
    assert await raw.fetch("SELECT * FROM kept") == records


@pytest.mark.parametrize(
    ("kind", "value"), [("hstore", [1]), ("hstore", {"a": 1}), ("ltree", 1), ("citext", b"a")]
)
async def test_a_misfit_is_refused_before_it_is_sent(raw: Any, kind: str, value: Any) -> None:
    with pytest.raises(DataError, match=r"parameter \$1: "):
        await raw.fetchval(f"SELECT $1::{kind}", value)
    assert await raw.fetchval("SELECT 1") == 1


async def test_an_extension_that_was_made_again_has_other_oids(raw: Any, other: Any) -> None:
    sql = "SELECT $1::hstore, ARRAY['b=>2'::hstore], 'hstore'::regtype::oid"
    expected = ({"a": "1"}, [{"b": "2"}])
    before = await raw.fetchrow(sql, {"a": "1"})
    assert before[:2] == expected
    assert await other.fetchrow(sql, {"a": "1"}) == before
    await other.execute("DROP EXTENSION hstore; CREATE EXTENSION hstore")
    # one engine has done it, nobody tells the other
    for connection in (raw, other, raw):
        after = await connection.fetchrow(sql, {"a": "1"})
        assert after[:2] == expected
        assert after[2] != before[2]


async def test_a_type_may_take_the_place_of_an_extensions(raw: Any, other: Any) -> None:
    """The same name, another meaning: what is asked for is the OID."""
    assert await raw.fetchval("SELECT $1::ltree", "A.B") == "A.B"
    await other.execute("DROP EXTENSION ltree; CREATE TYPE ltree AS (height int, kind text)")
    try:
        assert await raw.fetchval("SELECT $1::ltree", (3, "oak")) == (3, "oak")
        assert await other.fetchval("SELECT $1::ltree", {"height": 3}) == (3, None)
    finally:
        await other.execute("DROP TYPE ltree; CREATE EXTENSION ltree")
    assert await raw.fetchval("SELECT $1::ltree", "A.B") == "A.B"


async def test_a_codec_for_an_extensions_type_is_of_this_connection(raw: Any, other: Any) -> None:
    await raw.set_type_codec("citext", encoder=lambda v: v[1:], decoder=lambda v: f"<{v}")
    assert await raw.fetchval("SELECT ARRAY[$1::citext]", "<Ab") == ["<Ab"]
    assert await other.fetchval("SELECT ARRAY[$1::citext]", "Ab") == ["Ab"]


async def test_vectors_are_lists_of_numbers(vectors: Any) -> None:
    for kind in ("vector", "halfvec"):
        assert await vectors.fetchval(f"SELECT $1::{kind}", [1, -0.5, 2.25]) == [1.0, -0.5, 2.25]
        assert await vectors.fetchval(f"SELECT $1::{kind}(3)", (1, 2, 3)) == [1.0, 2.0, 3.0]
        assert await vectors.fetchval(f"SELECT ARRAY[$1::{kind}, NULL]", [1]) == [[1.0], None]
        assert await vectors.fetchval(f"SELECT $1::{kind}::text", [0.5, 1]) == "[0.5,1]"
        with pytest.raises(DataError):
            await vectors.fetchval(f"SELECT $1::{kind}", ["x"])
    assert await vectors.fetchval("SELECT $1::sparsevec", "{1:1.5,3:2}/5") == "{1:1.5,3:2}/5"


async def test_nearest_neighbours_are_found(vectors: Any) -> None:
    await vectors.execute("CREATE TEMP TABLE items (id int, at vector(2))")
    records = [(1, [0, 0]), (2, [3, 4]), (3, [1, 1])]
    assert await vectors.copy_records_to_table("items", records=records) == "COPY 3"
    rows = await vectors.fetch("SELECT id, at <-> $1 FROM items ORDER BY 2", [3, 3])
    assert [row[0] for row in rows] == [2, 3, 1]
    assert rows[0][1] == 1.0


async def test_vectors_that_were_made_again_have_other_oids(vectors: Any, dsn: str) -> None:
    async for other in connected(dsn):
        sql = "SELECT $1::vector"
        assert await vectors.fetchval(sql, [1]) == await other.fetchval(sql, [1]) == [1.0]
        await other.execute("DROP EXTENSION vector CASCADE; CREATE EXTENSION vector")
        assert await vectors.fetchval(sql, [2]) == await other.fetchval(sql, [2]) == [2.0]
