"""What an engine and its connections promise besides queries: the stack of a task, lazy borrowing,
release, cursors and prepared statements, to the letter.
"""

from __future__ import annotations

import asyncio
import builtins
import gc
import logging
import subprocess
import sys
import warnings
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from models import Seat, Team, User, bound
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError

import gino
from gino import NoResultFound, create_engine
from gino.dialects.asyncpg import NullPool
from gino.engine import GinoEngine
from gino.exceptions import InvalidCatalogNameError, NoActiveSQLTransactionError

PID = "SELECT pg_backend_pid()"


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Any]:
    made = await create_engine(dsn, min_size=1, max_size=2)
    yield made
    await made.close()


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


# ---- creation -----------------------------------------------------------------------------------


async def test_wrong_keyword_leaves_no_connection(dsn: str) -> None:
    with pytest.raises(TypeError, match="nothing_like_it"):
        await create_engine(dsn, min_size=1, application_name="gt_wrong", nothing_like_it=1)
    made = await create_engine(dsn, min_size=1, max_size=1)
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gt_wrong'"
    assert await made.scalar(query) == 0
    await made.close()


async def test_wrong_isolation_level_is_an_argument_error(dsn: str) -> None:
    for level in ("SOMETIMES", "AUTOCOMMIT"):
        with pytest.raises(ArgumentError, match=f"{level}.*SERIALIZABLE"):
            await create_engine(dsn, min_size=1, isolation_level=level)
        made = await create_engine(dsn, min_size=0, isolation_level=level)
        for _ in range(2):
            with pytest.raises(ArgumentError, match=level):
                await made.acquire()
            assert "cur=0 use=0" in repr(made)
            assert made.current_connection is None
        await made.close()


async def test_pool_has_ten_connections_unless_told_otherwise(dsn: str) -> None:
    made = await create_engine(dsn)
    assert "max=10 min=10 cur=10 use=0" in repr(made)
    await made.close()


async def test_logger_is_quiet_under_a_root_logger_at_debug(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert logging.getLogger("gino").level == logging.WARNING
    caplog.set_level(logging.DEBUG)
    made = await create_engine(dsn, min_size=0)
    await made.scalar("SELECT 1")
    await made.close()
    assert [record for record in caplog.records if record.name.startswith("gino")] == []


def test_level_that_an_application_gave_the_logger_stays(dsn: str) -> None:
    code = """
import asyncio, logging, sys
logging.getLogger("gino").setLevel(logging.DEBUG)
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(name)s %(message)s %(args)s")
import gino
async def main():
    engine = await gino.create_engine(sys.argv[1], min_size=0)
    await engine.scalar("SELECT $1::int", 1)
    await engine.close()
asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", code, dsn]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "gino.engine._SAEngine SELECT $1::int ()" in done.stdout.splitlines()


def _sum(row: Any, context: Any) -> int:
    return sum(row)


async def test_options_of_the_engine_hold_for_its_statements(dsn: str) -> None:
    loop = asyncio.get_running_loop()
    made = await create_engine(dsn, min_size=0, loop=loop, execution_options={"loader": _sum})
    assert await made.first("SELECT 1, 2") == 3
    made.update_execution_options(loader=lambda row, context: len(row))
    assert await made.first("SELECT 1, 2") == 2
    await made.close()


async def test_unknown_database_leaves_no_context_behind(dsn: str) -> None:
    made = await create_engine(make_url(dsn).set(database="gt_nothing"), min_size=0)
    with pytest.raises(InvalidCatalogNameError):
        await made.acquire()
    assert made.current_connection is None
    await made.close()


async def test_colours_need_click(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine.acquire(), engine.acquire():
        assert "\x1b[" in engine.repr(color=True)
    real = builtins.__import__

    def without_click(name: str, *args: Any) -> Any:
        if name == "click":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_click)
    with pytest.warns(ImportWarning, match="click"):
        assert engine.repr(color=True) == engine.repr()


# ---- the stack of a task ------------------------------------------------------------------------


async def test_tasks_side_by_side_do_not_share(engine: Any) -> None:
    meeting = asyncio.Barrier(2)

    async def one() -> int:
        async with engine.acquire() as connection:
            await meeting.wait()
            assert engine.current_connection is connection
            return await connection.scalar(PID)

    first, second = await asyncio.gather(one(), one())
    assert first != second


async def test_query_waits_for_a_connection_within_its_timeout(engine: Any) -> None:
    async def ask(timeout: float) -> Any:
        return await engine.scalar(sa.text("SELECT 1").execution_options(timeout=timeout))

    async with engine.acquire(), engine.acquire():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.create_task(ask(0.05))
        assert await ask(30) == 1  # on the connection that is there
    assert await asyncio.create_task(ask(30)) == 1


async def test_context_is_empty_after_a_failure(engine: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        async with engine.acquire():
            raise ZeroDivisionError
    assert engine.current_connection is None
    assert "use=0" in repr(engine)


async def test_releasing_out_of_order_is_fine(engine: Any) -> None:
    one = await engine.acquire()
    two = await engine.acquire()
    await one.release()
    assert engine.current_connection is two
    assert await two.scalar("SELECT 1") == 1
    await two.release()
    assert engine.current_connection is None


async def test_reusing_connection_is_not_reusable(engine: Any) -> None:
    async with engine.acquire() as root, engine.acquire(reuse=True) as one:
        assert engine.current_connection is root
        assert one.raw_connection is root.raw_connection
        assert "use=1" in repr(engine)
        await engine.scalar("SELECT 1")
        assert "cur=1 use=1" in repr(engine)


async def test_waiter_that_timed_out_disturbs_nobody(engine: Any) -> None:
    one, two = await engine.acquire(), await engine.acquire()

    async def wait(timeout: float) -> Any:
        async with engine.acquire(timeout=timeout) as connection:
            return await connection.scalar("SELECT 1")

    short, long = asyncio.create_task(wait(0.05)), asyncio.create_task(wait(20))
    with pytest.raises(asyncio.TimeoutError):
        await short
    await two.release()
    assert await long == 1
    await one.release()


# ---- lazy ---------------------------------------------------------------------------------------


async def test_lazy_reuse_shares_the_laziness_of_its_root(engine: Any) -> None:
    async with engine.acquire(lazy=True) as root:
        async with engine.acquire(reuse=True, lazy=True) as lazy:
            assert lazy.raw_connection is None
            assert "use=0" in repr(engine)
        async with engine.acquire(reuse=True) as eager:
            assert eager.raw_connection is not None
            assert root.raw_connection is eager.raw_connection
            assert "use=1" in repr(engine)
    assert "use=0" in repr(engine)


async def test_unused_lazy_connection_does_not_wait_for_the_pool(engine: Any) -> None:
    async with engine.acquire(), engine.acquire():

        async def idle() -> None:
            async with engine.acquire(lazy=True, timeout=0.05) as connection:
                assert connection.raw_connection is None

        await asyncio.create_task(idle())


async def test_lazy_connection_that_waits_or_fails_is_released(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    held = await engine.acquire()

    async def impatient() -> Any:
        lazy = await engine.acquire(lazy=True, timeout=0.05)
        with pytest.raises(asyncio.TimeoutError):
            await lazy.scalar("SELECT 1")
        return await lazy.release()

    assert not await asyncio.create_task(impatient())

    async def cancelled() -> Any:
        lazy = await engine.acquire(lazy=True)
        query = asyncio.ensure_future(lazy.scalar("SELECT 1"))
        await asyncio.sleep(0.02)
        gone = await lazy.release()
        query.cancel()
        await asyncio.wait([query])
        return gone

    assert not await asyncio.create_task(cancelled())
    await held.release()
    assert await engine.scalar("SELECT 1") == 1
    assert "use=0" in repr(engine)
    await engine.close()


async def test_query_that_waits_ends_when_its_lazy_connection_is_released(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    async with engine.acquire():

        async def give_up() -> None:
            lazy = await engine.acquire(lazy=True)
            reusing = await engine.acquire(lazy=True, reuse=True)
            queries = [asyncio.ensure_future(one.scalar("SELECT 1")) for one in (lazy, reusing)]
            await asyncio.sleep(0.02)
            assert engine.stats().waiting == 1
            assert not await lazy.release(permanent=False)  # they still want it
            assert not await lazy.release()
            for query in queries:
                with pytest.raises(ValueError, match="released permanently"):
                    async with asyncio.timeout(10):
                        await query
            assert engine.stats().waiting == 0
            assert engine.current_connection is None

        await asyncio.create_task(give_up())
    assert await engine.scalar("SELECT 1") == 1
    assert "use=0" in repr(engine)
    await engine.close()


# ---- release ------------------------------------------------------------------------------------


async def test_release_for_now_concerns_the_root_only(engine: Any) -> None:
    async with engine.acquire() as root, engine.acquire(reuse=True) as reusing:
        await reusing.release(permanent=False)
        assert root.raw_connection is not None
        await root.release(permanent=False)
        assert root.raw_connection is None
        assert "use=0" in repr(engine)
        assert await reusing.scalar("SELECT 1") == 1
        assert root.raw_connection is reusing.raw_connection
        assert "use=1" in repr(engine)


async def test_second_release_is_silent_where_nothing_can_go_wrong(engine: Any) -> None:
    alone = await engine.acquire(reusable=False)
    await alone.release()
    assert not await alone.release()
    async with engine.acquire():
        reusing = await engine.acquire(reuse=True)
        await reusing.release()
        assert not await reusing.release()


# ---- cursors ------------------------------------------------------------------------------------


async def test_cursor_needs_a_connection_then_a_transaction(db: Any) -> None:
    message = "^No Connection in context, please provide one$"
    for iterate in (db.iterate, db.bind.iterate):
        with pytest.raises(ValueError, match=message):
            await iterate(User.query)
        with pytest.raises(ValueError, match=message):
            async for _ in iterate(User.query):
                pass
    with pytest.raises(ValueError, match=message):
        await User.query.gino.iterate()
    async with db.acquire() as connection:
        with pytest.raises(NoActiveSQLTransactionError):
            async for _ in connection.iterate(User.query):
                pass
        cursor = await User.query.gino.iterate()
        with pytest.raises(NoActiveSQLTransactionError):
            await cursor.next()


async def test_cursor_in_the_hand_moves(db: Any) -> None:
    await User.bulk_create([{"nickname": str(n)} for n in range(6)])
    async with db.transaction():
        query = User.query.order_by(User.id)
        cursor = await query.gino.load((User, User.id)).iterate()
        found, key = await cursor.next(timeout=5)
        assert (found.nickname, key) == ("0", 1)
        assert await cursor.forward(2, timeout=5) == 2
        assert [key for _, key in await cursor.many(2, timeout=5)] == [4, 5]
        assert len(await cursor.many(5)) == 1
        assert await cursor.many(5) == []
        assert await cursor.next() is None
        seen = [user.id async for user in query.gino.iterate()]
        assert seen == [1, 2, 3, 4, 5, 6]


async def test_cursor_takes_one_set_of_parameters(db: Any) -> None:
    query = User.query.where(User.id == db.bindparam("key"))
    async with db.transaction() as tx:
        with pytest.raises(ValueError, match="too many multiparams"):
            async for _ in tx.connection.iterate(query, {"key": 1}, {"key": 2}):
                pass


# ---- prepared statements and several sets -------------------------------------------------------


async def test_prepared_insert_computes_its_default_each_time(db: Any) -> None:
    numbers = iter(range(10))
    own: Any = gino.Gino()

    class Ticket(own.Model):
        __tablename__ = "gt_tickets"
        id = own.Column(own.Integer, primary_key=True)
        number = own.Column(own.Integer, default=lambda: next(numbers))

    async with db.acquire() as connection:
        await connection.status("CREATE TEMP TABLE gt_tickets (id serial, number int)")
        insert = await connection.prepare(Ticket.insert().returning(Ticket.number))
        assert [await insert.scalar() for _ in range(3)] == [0, 1, 2]
        tag = await insert.status()
        assert tag == "INSERT 0 1"


async def test_several_sets_write_and_return_nothing(db: Any) -> None:
    insert = Team.insert().returning(*Team)
    rows = [{"name": "a"}, {"name": "b"}]
    for method in (db.all, db.first, db.scalar, db.status, db.one_or_none):
        assert await method(insert, *rows) is None
        assert await method(insert, rows) is None
    with pytest.raises(NoResultFound):
        await db.one(insert, rows)
    assert await Team.query.gino.count() == 22
    assert (await db.all(insert, [{"name": "c"}]))[0].name == "c"


async def test_compile_shows_what_is_sent(db: Any) -> None:
    sql, values = db.compile(
        Seat.insert(), {"seat_row": 1, "number": 2}, {"seat_row": 3, "number": 4}
    )
    assert "$1" in sql
    assert [tuple(row) for row in values] == [(1, 2), (3, 4)]
    assert isinstance(values, tuple)
    sql, values = db.bind.compile(User.insert().values(mood="GOOD"))
    assert "GOOD" in values
    assert "noname" in values


async def test_null_pool_opens_one_connection_for_each_acquire(dsn: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = await create_engine(dsn, pool_class=NullPool)
    async with made.acquire() as connection:
        first = await connection.scalar(PID)
        assert repr(made) == "<NullPool max=inf min=0 cur=1 use=1>"
    assert await made.scalar(PID) != first
    assert "cur=0 use=0" in repr(made)
    await made.close()


async def test_prepared_statement_is_iterated_in_a_transaction(db: Any) -> None:
    await Team.bulk_create([{"name": name} for name in "abc"])
    async with db.acquire() as connection, connection.transaction():
        after = await connection.prepare(Team.query.where(Team.id > db.bindparam("id")))
        assert [team.name async for team in after.iterate(id=1)] == ["b", "c"]
        cursor = await after.iterate(id=2)
        assert (await cursor.next()).name == "c"
        with pytest.raises(ValueError, match="does not support multiple parameters"):
            after.iterate({"id": 1}, {"id": 2})


def test_echo_of_an_application_without_logging_goes_to_stdout(dsn: str) -> None:
    code = """
import asyncio, sys, gino
async def main():
    for name in (None, "orders"):
        engine = await gino.create_engine(sys.argv[1], min_size=0, echo=True, logging_name=name)
        await engine.scalar("SELECT 1")
        await engine.close()
asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", code, dsn]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = [line.split(" ", 2)[2] for line in done.stdout.splitlines()]
    name = "INFO gino.engine._SAEngine"
    assert said == [f"{name} SELECT 1", f"{name}.orders SELECT 1"]


async def test_unbound_database_says_so_and_its_bind_may_be_awaited(dsn: str) -> None:
    unbound: Any = gino.Gino()
    assert repr(unbound.bind) == "<no engine>"
    with pytest.raises(gino.UninitializedError, match="not initialized"):
        await unbound
    engine = await unbound.with_bind(dsn, min_size=0)
    assert await unbound is unbound
    assert unbound.bind is engine
    await unbound.pop_bind().close()


async def test_engine_that_was_closed_is_forgotten(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    async with engine.acquire() as connection:
        assert await connection.scalar("SELECT 1") == 1
    await engine.close()
    known = weakref.ref(engine)
    del engine, connection
    await asyncio.sleep(0)
    gc.collect()
    assert known() is None


async def test_engine_whose_opening_was_cancelled_is_forgotten(dsn: str) -> None:
    gc.collect()
    before = len(GinoEngine.living)
    for _ in range(5):
        opening = asyncio.ensure_future(create_engine(dsn, min_size=1, max_size=1))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait({opening})
        assert opening.cancelled()
    del opening
    await asyncio.sleep(0.1)
    gc.collect()
    assert len(GinoEngine.living) == before
