"""COPY in and out on the raw connection, and what is left of one given up."""

from __future__ import annotations

import asyncio
import datetime
import io
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gino import create_engine
from gino.exceptions import OperationalError

TABLE = 'public."Copied"'


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    made = await create_engine(dsn, min_size=1, max_size=2)
    await made.status(f"DROP TABLE IF EXISTS {TABLE}")
    await made.status(f'CREATE TABLE {TABLE} (id int PRIMARY KEY, "Name" text, n numeric)')
    yield made
    await made.status(f"DROP TABLE {TABLE}")
    await made.close()


@pytest.fixture
async def raw(engine: Any) -> AsyncIterator[Any]:
    async with engine.acquire() as connection:
        yield connection.raw_connection


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def collected(raw: Any, table: str = "Copied", **options: Any) -> tuple[str, bytes]:
    parts: list[bytes] = []

    async def write(data: bytes) -> None:
        parts.append(data)

    tag = await raw.copy_from_table(table, output=write, **options)
    return tag, b"".join(parts)


async def test_every_kind_of_source(raw: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(b"4\td\t4\n")
    assert await raw.copy_to_table("Copied", source=b"1\ta\t1.50\n2\t\\N\t2\n") == "COPY 2"
    assert await raw.copy_to_table("Copied", source=io.BytesIO(b"3\tc\t3\n")) == "COPY 1"
    assert await raw.copy_to_table("Copied", source=file) == "COPY 1"
    parts = chunks(b"5\t", b"e", b"\t5\n6\tf\t6")
    assert await raw.copy_to_table("Copied", source=parts) == "COPY 2"
    assert await raw.copy_to_table("Copied", source=chunks()) == "COPY 0"
    rows = await raw.fetch(f"SELECT * FROM {TABLE} ORDER BY id")
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0] == (1, "a", Decimal("1.50"))
    assert rows[1]["Name"] is None


async def test_bad_row_is_told(raw: Any) -> None:
    with pytest.raises(Exception, match="invalid input syntax"):
        await raw.copy_to_table("Copied", source=b"1\ta\t1\nrubbish\n")
    assert await raw.fetchval(f"SELECT count(*) FROM {TABLE}") == 0
    with pytest.raises(Exception, match="does not exist"):
        await raw.copy_to_table("nothing", source=b"")
    with pytest.raises(TypeError, match="source is a path"):
        await raw.copy_to_table("Copied", source=1)
    with pytest.raises(TypeError, match="no option 'colour'"):
        await raw.copy_to_table("Copied", source=b"", colour="red")
    assert await raw.fetchval("SELECT 1") == 1


async def test_options_of_csv(raw: Any) -> None:
    source = b'id;Name\n1;~a;b~\n2;""\n'
    tag = await raw.copy_to_table(
        "Copied",
        source=source,
        columns=["id", "Name"],
        schema_name="public",
        format="csv",
        header=True,
        delimiter=";",
        quote="~",
        force_null=[],
        where="id > 0",
    )
    assert tag == "COPY 2"
    options: dict[str, Any] = {"format": "csv", "columns": ["Name"], "force_quote": True}
    assert await collected(raw, **options) == ("COPY 2", b'"a;b"\n""""""\n')


async def test_every_kind_of_output(raw: Any, tmp_path: Path) -> None:
    await raw.copy_to_table("Copied", source=b"1\ta\t1\n2\tb\t2\n")
    expected = b"1\ta\t1\n2\tb\t2\n"
    assert await collected(raw) == ("COPY 2", expected)
    buffer = io.BytesIO()
    assert await raw.copy_from_table("Copied", output=buffer) == "COPY 2"
    assert buffer.getvalue() == expected
    assert await raw.copy_from_table("Copied", output=str(tmp_path / "out")) == "COPY 2"
    assert (tmp_path / "out").read_bytes() == expected
    with pytest.raises(TypeError, match="output is a path"):
        await raw.copy_from_table("Copied", output=1)


async def test_query_with_values(raw: Any) -> None:
    parts: list[bytes] = []

    async def write(data: bytes) -> None:
        parts.append(data)

    day = datetime.date(2026, 2, 3)
    query = 'SELECT $2::text, \'$1\', $$ $2 $$, $1::date + $3::int, "$1" FROM (SELECT 7) AS x("$1")'
    tag = await raw.copy_from_query(query, day, "it's \\ $1", 1, output=write)
    assert tag == "COPY 1"
    assert b"".join(parts) == b"it's \\\\ $1\t$1\t $2 \t2026-02-04\t7\n"
    with pytest.raises(ValueError, match="3 parameters, 1 were given"):
        await raw.copy_from_query(query, day, output=write)


async def test_binary_goes_out_and_in_again(raw: Any) -> None:
    await raw.copy_to_table("Copied", source=b"1\ta\t1\n2\tb\t2.5\n")
    _, data = await collected(raw, format="binary")
    await raw.execute(f"DELETE FROM {TABLE}")
    assert await raw.copy_to_table("Copied", source=data, format="binary") == "COPY 2"
    assert await raw.fetchval(f"SELECT sum(n) FROM {TABLE}") == Decimal("3.5")


async def test_records_of_many_types(raw: Any) -> None:
    await raw.execute(
        "CREATE TYPE pg_temp.mood AS ENUM ('good', 'bad'); CREATE TEMPORARY TABLE t (a bool, "
        "b bigint, c float8, d timestamptz, e uuid, f jsonb, g int[], h bytea, i pg_temp.mood)"
    )
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.UTC)
    key = uuid.uuid4()
    record = (True, 2**40, 1.5, moment, key, '{"a": [1]}', [1, None, 3], b"\0\xff", "bad")
    records = [record, (None,) * 9]
    assert await raw.copy_records_to_table("t", records=records) == "COPY 2"
    found = await raw.fetch("SELECT *, i::text AS text FROM t")
    expected = (True, 2**40, 1.5, moment, key, {"a": [1]}, [1, None, 3], b"\0\xff")
    assert tuple(found[0])[:8] == expected
    assert found[0]["text"] == "bad"
    assert tuple(found[1]) == (None,) * 10


async def test_records_of_an_async_iterable_and_some_columns(raw: Any) -> None:
    async def records() -> AsyncIterator[Any]:
        for number in range(1234):
            yield [f"name {number}", number]

    tag = await raw.copy_records_to_table(
        "Copied", records=records(), columns=["Name", "id"], schema_name="public", where="id >= 34"
    )
    assert tag == "COPY 1200"
    assert await raw.copy_records_to_table("Copied", records=[]) == "COPY 0"
    assert await raw.fetchval(f'SELECT max("Name") FROM {TABLE}') == "name 999"


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([(1, "a", 1), (2, "b")], "record 2 has 2 values"),
        ([(1, "a", 1, 1)], "record 1 has 4 values"),
        ([(1, "a", 1), (2, 3, 1)], "column 2 of record 2"),
        ([(2**40, "a", 1)], "column 1 of record 1"),
    ],
)
async def test_record_that_does_not_fit_is_named(raw: Any, records: Any, message: str) -> None:
    with pytest.raises(Exception, match=message):
        await raw.copy_records_to_table("Copied", records=records)
    assert await raw.fetchval(f"SELECT count(*) FROM {TABLE}") == 0


async def test_copy_takes_its_turn_among_other_requests(engine: Any, raw: Any) -> None:
    async def source() -> AsyncIterator[bytes]:
        for number in range(20):
            await asyncio.sleep(0.001)
            yield f"{number}\ta\t1\n".encode()

    copying = asyncio.create_task(raw.copy_to_table("Copied", source=source()))
    await asyncio.sleep(0.005)
    count = f"SELECT count(*) FROM {TABLE}"
    assert await asyncio.gather(*(raw.fetchval(count) for _ in range(3))) == [20] * 3
    assert await copying == "COPY 20"


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_cancelled_copy_in_stores_nothing(engine: Any, after: int) -> None:
    entered = asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        for number in range(after):
            yield f"{number}\ta\t1\n".encode()
        entered.set()
        await asyncio.sleep(60)

    async with engine.acquire() as connection:
        raw = connection.raw_connection
        pid = await raw.fetchval("SELECT pg_backend_pid()")
        copying = asyncio.create_task(raw.copy_to_table("Copied", source=source()))
        await entered.wait()
        copying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await copying
        assert await raw.fetchval(f"SELECT count(*) FROM {TABLE}") == 0
        assert await raw.fetchval("SELECT pg_backend_pid()") == pid
    with pytest.raises(TimeoutError):
        async with engine.acquire() as connection:
            await connection.raw_connection.copy_to_table("Copied", source=source(), timeout=0.02)
    assert await engine.scalar(f"SELECT count(*) FROM {TABLE}") == 0
    await asyncio.sleep(0.01)
    assert engine.raw_pool.get_idle_size() == engine.raw_pool.get_size()


async def test_source_that_fails_fails_the_copy(raw: Any) -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"1\ta\t1\n"
        raise LookupError("no more")

    with pytest.raises(LookupError):
        await raw.copy_to_table("Copied", source=source())
    assert await raw.fetchval(f"SELECT count(*) FROM {TABLE}") == 0


async def test_copy_that_waits_for_a_lock_can_be_cancelled(engine: Any) -> None:
    async with engine.acquire() as holder, holder.transaction():
        await holder.status(f"LOCK TABLE {TABLE}")
        async with engine.acquire() as connection:
            raw = connection.raw_connection
            with pytest.raises(TimeoutError):
                await raw.copy_to_table("Copied", source=b"1\ta\t1\n", timeout=0.05)
            assert await asyncio.wait_for(raw.fetchval("SELECT 1"), 5) == 1


async def test_slow_reader_holds_the_server_up(engine: Any, raw: Any) -> None:
    size = 0
    waited = asyncio.Event()

    async def write(data: bytes) -> None:
        nonlocal size
        size += len(data)
        if not waited.is_set():
            await asyncio.sleep(0.2)
            async with engine.acquire() as other:
                state = await other.scalar(
                    "SELECT wait_event FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%'"
                )
            assert state == "ClientWrite"
            waited.set()
        assert len(data) < 2_000_000

    query = "SELECT repeat('x', 1000) FROM generate_series(1, 30000)"
    assert await raw.copy_from_query(query, output=write) == "COPY 30000"
    assert size == 30000 * 1001


async def test_cancelled_copy_out_leaves_a_clean_connection(engine: Any, raw: Any) -> None:
    async def write(_data: bytes) -> None:
        await asyncio.sleep(60)

    query = "SELECT repeat('x', 1000) FROM generate_series(1, 100000)"
    with pytest.raises(TimeoutError):
        await raw.copy_from_query(query, output=write, timeout=0.1)
    assert await asyncio.wait_for(raw.fetchval("SELECT 1"), 5) == 1


async def test_large_copy_in_is_sent_in_portions(raw: Any) -> None:
    line = b"x" * 1000

    async def source() -> AsyncIterator[bytes]:
        for number in range(20_000):
            yield b"%d\t%b\t1\n" % (number, line)

    assert await raw.copy_to_table("Copied", source=source()) == "COPY 20000"
    source_bytes = b"".join([b"%d\t%b\t1\n" % (n, line) for n in range(20_000, 40_000)])
    assert await raw.copy_to_table("Copied", source=source_bytes) == "COPY 20000"
    assert await raw.fetchval(f'SELECT sum(length("Name")) FROM {TABLE}') == 40_000_000


async def test_each_wait_for_the_server_has_the_command_timeout(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=2, command_timeout=0.3)
    async with engine.acquire() as connection, engine.acquire() as other:
        raw = connection.raw_connection
        slow = "SELECT pg_sleep(30)"
        written: list[bytes] = []
        with pytest.raises(OperationalError, match="300ms"):
            await raw.copy_from_query(slow, output=_collect(written))
        await connection.status("CREATE TEMP TABLE sent (n int)")

        async def source() -> AsyncIterator[bytes]:
            for number in range(4):
                await asyncio.sleep(0.15)  # what the application takes does not count
                yield b"%d\n" % number

        assert await raw.copy_to_table("sent", source=source()) == "COPY 4"
        # a time-out of the copy's own goes before
        brief = "SELECT 1 FROM pg_sleep(0.6)"
        assert await raw.copy_from_query(brief, output=_collect(written), timeout=20) == "COPY 1"
        with pytest.raises(OperationalError):
            await other.raw_connection.copy_from_query(brief, output=_collect(written))
        assert await other.scalar("SELECT 7") == 7
    await engine.close()


def _collect(written: list[bytes]) -> Callable[[bytes], Awaitable[None]]:
    async def write(data: bytes) -> None:
        written.append(data)

    return write
