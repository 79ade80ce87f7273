"""Owns the operations that a storm cuts short, each with what a client may believe afterwards.

Never decides where the cut is. Called by test_storm.py and test_crash.py.

Each operation gets an engine, a ledger and `cut`, through which it awaits the one thing that is cut
short; all around it is what an application would do.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

from ledger import Ledger, is_clean

from gino import create_engine

Cut = Callable[[Awaitable[Any]], Awaitable[Any]]
Operation = Callable[[Any, Ledger, Cut], Awaitable[None]]


class DirtyConnection(Exception):
    """The pool handed out a connection that somebody else had not finished with."""


async def _checked(connection: Any) -> Any:
    """The connection, if it is as nobody had used it."""
    if not await is_clean(connection):
        raise DirtyConnection
    return connection


async def _mark(connection: Any) -> None:
    """Until its transaction ends the connection is seen to be in use."""
    await connection.status("SET LOCAL gino.mark = 'used'")


async def _written(
    engine: Any, ledger: Ledger, within: Callable[[Any, int], Awaitable[None]]
) -> None:
    """A transaction that writes part 1, then does what `within` does."""
    work = ledger.begin()
    async with engine.acquire() as connection:
        await _checked(connection)
        transaction = connection.transaction()
        await transaction
        try:
            await _mark(connection)
            await connection.status(ledger.insert, work, 1)
            await within(connection, work)
        except BaseException:
            await transaction.rollback()
            raise
        ledger.commits(work, {1})
        await transaction.commit()
        ledger.committed(work, {1})


async def connect(engine: Any, ledger: Ledger, cut: Cut) -> None:
    """A pool of its own, of two connections."""
    own = await cut(create_engine(engine.address, min_size=2, max_size=2))
    work = ledger.begin()
    try:
        ledger.commits(work, {1})
        await own.status(ledger.insert, work, 1)
        ledger.committed(work, {1})
    finally:
        await own.close(1)


async def acquire(engine: Any, ledger: Ledger, cut: Cut) -> None:
    connection = await cut(engine.acquire())
    try:
        await _checked(connection)
        work = ledger.begin()
        ledger.commits(work, {1})
        await connection.status(ledger.insert, work, 1)
        ledger.committed(work, {1})
    finally:
        await connection.release()


async def begin(engine: Any, ledger: Ledger, cut: Cut) -> None:
    work = ledger.begin()
    async with engine.acquire() as connection:
        await _checked(connection)
        transaction = connection.transaction()
        await cut(transaction)
        await _mark(connection)
        await connection.status(ledger.insert, work, 1)
        ledger.commits(work, {1})
        await transaction.commit()
        ledger.committed(work, {1})


async def query(engine: Any, ledger: Ledger, cut: Cut) -> None:
    """A statement by itself, which commits itself."""
    work = ledger.begin()
    ledger.commits(work, {1})
    await cut(engine.status(ledger.insert, work, 1))
    ledger.committed(work, {1})


async def fetch(engine: Any, ledger: Ledger, cut: Cut) -> None:
    async def within(connection: Any, work: int) -> None:
        rows = await cut(connection.all("SELECT n, $1::int FROM generate_series(1, 400) n", work))
        assert [tuple(row) for row in rows] == [(n, work) for n in range(1, 401)]

    await _written(engine, ledger, within)


async def cursor(engine: Any, ledger: Ledger, cut: Cut) -> None:
    async def read(connection: Any, work: int) -> None:
        count = 0
        async for row in connection.iterate("SELECT $1::int FROM generate_series(1, 150)", work):
            assert row[0] == work
            count += 1
        assert count == 150

    await _written(engine, ledger, lambda connection, work: cut(read(connection, work)))


async def copy_in(engine: Any, ledger: Ledger, cut: Cut) -> None:
    """A COPY by itself, which commits itself."""
    work = ledger.begin()
    async with engine.acquire() as connection:
        await _checked(connection)
        raw = connection.raw_connection
        ledger.commits(work, {1, 2})
        records = [(work, 1), (work, 2)]
        await cut(
            raw.copy_records_to_table(ledger.table, records=records, columns=["work", "part"])
        )
        ledger.committed(work, {1, 2})


async def copy_out(engine: Any, ledger: Ledger, cut: Cut) -> None:
    async def within(connection: Any, work: int) -> None:
        out = io.BytesIO()
        select = "SELECT generate_series(1, 2000)"
        await cut(connection.raw_connection.copy_from_query(select, output=out))
        assert len(out.getvalue().split()) == 2000

    await _written(engine, ledger, within)


async def commit(engine: Any, ledger: Ledger, cut: Cut) -> None:
    work = ledger.begin()
    async with engine.acquire() as connection:
        await _checked(connection)
        transaction = connection.transaction()
        await transaction
        await _mark(connection)
        await connection.status(ledger.insert, work, 1)
        await connection.status(ledger.insert, work, 2)
        ledger.commits(work, {1, 2})
        await cut(transaction.commit())
        ledger.committed(work, {1, 2})


async def savepoint(engine: Any, ledger: Ledger, cut: Cut) -> None:
    """The outer transaction goes on when the inner one was cut short."""
    work = ledger.begin()
    parts = {1, 3}

    async def inner(connection: Any) -> None:
        async with connection.transaction():
            await connection.status(ledger.insert, work, 2)
            # only if it is the RELEASE itself that is cut may part 2 be there or not
            ledger.commits(-work, {2})
        ledger.unknown.pop(-work)
        parts.add(2)

    async with engine.acquire() as connection:
        await _checked(connection)
        async with connection.transaction():
            await _mark(connection)
            await connection.status(ledger.insert, work, 1)
            try:
                await cut(inner(connection))
            except asyncio.CancelledError:
                # cut while it was released: end it as an application would that cannot know
                if ledger.unknown.pop(-work, None):
                    raise
            await connection.status(ledger.insert, work, 3)
            ledger.commits(work, parts)
    ledger.committed(work, parts)


async def release(engine: Any, ledger: Ledger, cut: Cut) -> None:
    work = ledger.begin()
    connection = await engine.acquire()
    try:
        await _checked(connection)
        async with connection.transaction():
            await _mark(connection)
            await connection.status(ledger.insert, work, 1)
            ledger.commits(work, {1})
        ledger.committed(work, {1})
        await connection.status("SET gino.mark = 'used'")  # something to undo
    except BaseException:
        await connection.release()
        raise
    await cut(connection.release())


OPERATIONS: tuple[Operation, ...] = (
    connect,
    acquire,
    begin,
    query,
    fetch,
    cursor,
    copy_in,
    copy_out,
    commit,
    savepoint,
    release,
)
