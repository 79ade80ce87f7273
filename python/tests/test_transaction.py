"""Transactions: blocks, savepoints, leaving early, manual mode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from models import Team, bound

from gino.exceptions import (
    CheckViolationError,
    DatabaseError,
    InterfaceError,
    TransactionStateError,
    UndefinedTableError,
)


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


async def names(db: Any) -> list[str]:
    return [row[0] for row in await db.all("SELECT name FROM gt_teams ORDER BY id")]


async def fail(db: Any, name: str) -> None:
    async with db.transaction():
        await Team.create(name=name)
        raise ZeroDivisionError


async def test_block_commits_and_rolls_back(db: Any) -> None:
    async with db.acquire() as connection:
        for source in (db, db.bind, connection):
            async with source.transaction() as tx:
                assert tx.connection.raw_connection is connection.raw_connection
                assert tx.raw_transaction is not None
                await Team.create(name="kept")
            with pytest.raises(ZeroDivisionError):
                await fail(source, "lost")
    assert await names(db) == ["kept"] * 3
    assert db.bind.current_connection is None


@pytest.mark.filterwarnings("ignore:a database operation was never awaited:RuntimeWarning")
async def test_transaction_of_an_engine_is_a_block_only(db: Any) -> None:
    for source in (db, db.bind):
        with pytest.raises(TypeError, match="await"):
            await source.transaction()
    assert "use=0" in repr(db.bind)


async def test_nested_blocks_are_savepoints(db: Any) -> None:
    async with db.transaction():
        await Team.create(name="outer")
        with pytest.raises(ZeroDivisionError):
            await fail(db, "inner")
        async with db.transaction():
            await Team.create(name="second")
    assert await names(db) == ["outer", "second"]


async def test_error_of_the_server_is_undone_by_the_inner_block(db: Any) -> None:
    async with db.transaction():
        await Team.create(name="outer")
        with pytest.raises(UndefinedTableError):
            async with db.transaction():
                await db.status("SELECT * FROM nothing")
        await Team.create(name="after")
    assert await names(db) == ["outer", "after"]


async def test_separate_connection_for_a_transaction_that_does_not_reuse(db: Any) -> None:
    async with db.transaction() as outer, db.transaction(reuse=False) as inner:
        assert inner.connection is not outer.connection
        pid = await inner.connection.scalar("SELECT pg_backend_pid()")
        assert pid != await outer.connection.scalar("SELECT pg_backend_pid()")


async def test_raise_commit_and_raise_rollback_end_their_block(db: Any) -> None:
    async with db.transaction() as tx:
        await Team.create(name="committed")
        tx.raise_commit()
        await Team.create(name="never")
    async with db.transaction() as tx:
        await Team.create(name="rolled back")
        await tx.raise_rollback()
    assert await names(db) == ["committed"]


async def test_signal_passes_inner_blocks_and_stops_at_its_own(db: Any) -> None:
    async with db.transaction():
        await Team.create(name="one")
        async with db.transaction() as middle:
            await Team.create(name="two")
            async with db.transaction():
                await Team.create(name="three")
                middle.raise_rollback()
        await Team.create(name="four")
        async with db.transaction() as middle, db.transaction():
            await Team.create(name="five")
            middle.raise_commit()
        await Team.create(name="six")
    assert await names(db) == ["one", "four", "five", "six"]


async def test_signal_is_no_ordinary_exception(db: Any) -> None:
    async with db.transaction() as tx:
        await Team.create(name="lost")
        try:
            tx.raise_rollback()
        except Exception:
            pytest.fail("the signal must pass handlers of Exception")
    assert await names(db) == []


async def test_commit_is_illegal_in_a_block(db: Any) -> None:
    async with db.transaction() as tx:
        with pytest.raises(AssertionError, match="Illegal in managed mode"):
            await tx.commit()
        with pytest.raises(AssertionError, match="Illegal in managed mode"):
            await tx.rollback()


async def test_manual_transaction(db: Any) -> None:
    async with db.acquire() as connection:
        tx = await connection.transaction()
        await connection.status(Team.insert().values(name="kept"))
        with pytest.raises(AssertionError, match="Illegal in manual mode"):
            tx.raise_commit()
        with pytest.raises(AssertionError, match="Illegal in manual mode"):
            tx.raise_rollback()
        await tx.commit()
        tx = await connection.transaction()
        await connection.status(Team.insert().values(name="lost"))
        await tx.rollback()
        await connection.transaction()
        await connection.status(Team.insert().values(name="forgotten"))
    assert await names(db) == ["kept"]


async def test_transaction_starts_once(db: Any) -> None:
    async with db.acquire() as connection:
        tx = connection.transaction()
        async with tx:
            with pytest.raises(AssertionError):
                await tx


async def test_isolation_readonly_and_deferrable_reach_the_server(db: Any) -> None:
    async with db.transaction(isolation="serializable", readonly=True, deferrable=True):
        assert await db.scalar("SHOW transaction_isolation") == "serializable"
        assert await db.scalar("SHOW transaction_read_only") == "on"
        assert await db.scalar("SHOW transaction_deferrable") == "on"
    with pytest.raises(DatabaseError):
        async with db.transaction(readonly=True):
            await Team.create(name="x")
    assert db.bind.current_connection is None


async def test_failing_commit_raises_its_own_error(db: Any) -> None:
    await db.status(
        "CREATE OR REPLACE FUNCTION gt_fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE check_violation; END $$"
    )
    await db.status(
        "CREATE CONSTRAINT TRIGGER gt_deferred AFTER INSERT ON gt_teams "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gt_fail()"
    )
    said: list[str] = []

    def hear(_raw: Any, message: Any) -> None:
        said.append(message.message)

    try:
        async with db.acquire() as connection:
            raw = connection.raw_connection
            raw.add_log_listener(hear)
            with pytest.raises(CheckViolationError):
                async with db.transaction():
                    await Team.create(name="x")
            assert await connection.scalar("SELECT 1") == 1
            assert said == []
            await connection.status("ROLLBACK")  # of which the server warns
            assert await connection.scalar("SELECT 1") == 1
            assert said == ["there is no transaction in progress"]
            raw.remove_log_listener(hear)
        assert await names(db) == []
        assert db.bind.current_connection is None
    finally:
        await db.status("DROP FUNCTION gt_fail() CASCADE")


async def swallow(connection: Any) -> None:
    with pytest.raises(UndefinedTableError):
        await connection.status("SELECT * FROM nothing")


async def swallowing_block(db: Any) -> None:
    async with db.transaction():
        await Team.create(name="lost")
        await swallow(db)


async def test_commit_after_a_swallowed_error_says_that_nothing_was_committed(db: Any) -> None:
    with pytest.raises(InterfaceError, match=r"nothing was committed.*let the error leave"):
        await swallowing_block(db)
    async with db.acquire() as connection:
        transaction = await connection.transaction()
        await swallow(connection)
        with pytest.raises(InterfaceError, match="nothing was committed"):
            await transaction.commit()
    assert await names(db) == []


async def test_transactions_side_by_side_on_one_connection_are_told(db: Any) -> None:
    async def store(connection: Any, name: str, seconds: float) -> None:
        async with connection.transaction():
            await Team.create(name=name, bind=connection)
            await connection.status(f"SELECT pg_sleep({seconds})")
            await asyncio.sleep(seconds)

    async with db.acquire() as connection:
        outer = await connection.transaction()
        both = store(connection, "a", 0), store(connection, "b", 0.1)
        first, second = await asyncio.gather(*both, return_exceptions=True)
        assert first is None
        assert isinstance(second, TransactionStateError)
        assert "side by side" in str(second)
        # the server has heard nothing of it: the transaction around them goes on
        assert await connection.scalar("SELECT 1") == 1
        await outer.commit()
    both_names = await Team.select("name").where(Team.name.in_(["a", "b"])).gino.all()
    assert sorted(name for (name,) in both_names) == ["a", "b"]
