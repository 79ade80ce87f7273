"""The pytest plugin: what a test does is rolled back."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from models import Seat, Team, bound, metadata

import gino
from gino import create_engine
from gino.exceptions import (
    ClosedError,
    InvalidCatalogNameError,
    NoActiveSQLTransactionError,
    UniqueViolationError,
)
from gino.testing.rollback import Rollback

pytest_plugins = ["pytester"]


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


@pytest.fixture
async def rollback(db: Any) -> AsyncIterator[Rollback]:
    """The plugin's own object, used by hand: these tests look at what is left behind."""
    rollback = Rollback()
    rollback.start()
    yield rollback
    await rollback.undo()
    rollback.stop()


async def fail(db: Any) -> None:
    async with db.transaction():
        await Team.create(name="lost")
        raise ZeroDivisionError


async def names() -> list[str]:
    return [team.name for team in await Team.query.order_by(Team.id).gino.all()]


async def test_everything_is_undone(db: Any, rollback: Rollback) -> None:
    await Team.create(name="a")
    async with db.transaction():
        await Team.create(name="b")
    async with db.acquire(reuse=False) as connection:
        assert await connection.scalar("SELECT count(*) FROM gt_teams") == 2
        raw = await connection.get_raw_connection()
        async with raw.transaction():
            await raw.execute("INSERT INTO gt_teams (name) VALUES ($1)", "c")
        await raw.copy_records_to_table("gt_teams", records=[("d",)], columns=["name"])
    async with db.bind.raw_pool.acquire() as raw:
        await raw.execute("INSERT INTO gt_teams (name) VALUES ('e')")
    assert await names() == ["a", "b", "c", "d", "e"]
    await rollback.undo()
    assert await names() == []
    assert db.bind.raw_pool.get_size() - db.bind.raw_pool.get_idle_size() == 1


async def test_tasks_share_what_they_write(db: Any, rollback: Rollback) -> None:
    async def work(name: str) -> int:
        async with db.transaction():
            await Team.create(name=name)
            await asyncio.sleep(0)
            await Team.create(name=name)
        return await Team.query.gino.count()

    assert sorted(await asyncio.gather(*map(work, "abc"))) == [2, 4, 6]
    assert db.bind.raw_pool.get_size() - db.bind.raw_pool.get_idle_size() == 1
    await rollback.undo()
    assert await names() == []


async def test_transactions_are_savepoints(db: Any, rollback: Rollback) -> None:
    async with db.transaction() as tx:
        await Team.create(name="kept")
        with pytest.raises(ZeroDivisionError):
            await fail(db)
        assert tx.raw_transaction.depth == 1
        async with db.transaction() as inner:
            assert inner.raw_transaction.is_nested
            await Team.create(name="lost")
            inner.raise_rollback()
    async with db.transaction(isolation="serializable", readonly=True) as tx:
        await Team.create(name="also lost")
        tx.raise_rollback()
    assert await names() == ["kept"]


async def test_transactions_by_sql_are_savepoints(db: Any, rollback: Rollback) -> None:
    async with db.acquire() as connection:
        assert (await connection.status("BEGIN"))[0] == "BEGIN"
        await Team.create(name="a")
        assert (await connection.status("COMMIT;"))[0] == "COMMIT"
        assert await connection.first("begin transaction") is None
        await Team.create(name="b")
        assert await connection.all("rollback") == []
        raw = await connection.get_raw_connection()
        await raw.execute("ROLLBACK")
    assert await names() == ["a"]
    await rollback.undo()
    assert await names() == []


async def test_error_outside_of_a_transaction_spoils_nothing(db: Any, rollback: Rollback) -> None:
    await Seat.create(row=1, number=1)
    with pytest.raises(UniqueViolationError):
        await Seat.create(row=1, number=1)
    assert await Seat.query.gino.count() == 1
    async with db.transaction():
        with pytest.raises(UniqueViolationError):
            async with db.transaction():
                await Seat.create(row=1, number=1)
        await Seat.create(row=1, number=2)
    assert await Seat.query.gino.count() == 2


async def test_cancelled_statement_spoils_nothing(db: Any, rollback: Rollback) -> None:
    await Team.create(name="a")
    task = asyncio.create_task(db.status("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        await (
            db.text("SELECT pg_sleep(60)")
            .columns(x=db.Text())
            .gino.timeout(0.05)
            .model(Team)
            .return_model(False)
            .all()
        )
    assert await names() == ["a"]


async def test_connections_behave_as_they_do_without(db: Any, rollback: Rollback) -> None:
    assert db.bind.current_connection is None
    async with db.acquire() as outer:
        assert db.bind.current_connection is outer
        async with db.acquire(reuse=True) as inner:
            assert db.bind.current_connection is outer
            assert inner is not outer
        assert type(outer.execution_options(timeout=5)) is type(outer)
        assert await outer.execution_options(timeout=5).scalar("SELECT 1") == 1
        await outer.release(permanent=False)
        assert await outer.scalar("SELECT 1") == 1

        async def child() -> None:
            assert db.bind.current_connection is None

        await asyncio.create_task(child())
    assert db.bind.current_connection is None
    with pytest.raises(ValueError, match="released"):
        await outer.scalar("SELECT 1")
    with pytest.raises(ValueError, match="already released"):
        await outer.release()
    async with db.transaction():
        assert [x async for x in db.iterate("SELECT generate_series(1, 3)")] == [(1,), (2,), (3,)]
    connection = await db.acquire(lazy=True)
    tx = await connection.transaction()
    await tx.rollback()
    with pytest.raises(AssertionError):
        await tx.rollback()
    await connection.release()


async def test_closed_connection_is_closed_for_who_closed_it(db: Any, rollback: Rollback) -> None:
    await Team.create(name="a")
    async with db.acquire() as connection:
        raw = connection.raw_connection
        assert raw.get_server_pid() == await db.scalar("SELECT pg_backend_pid()")
        await raw.close()
        assert raw.is_closed()
        with pytest.raises(ClosedError):
            await raw.fetchval("SELECT 1")
    assert await names() == ["a"]


async def test_transactions_that_cannot_begin_say_so(
    db: Any, rollback: Rollback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gino.testing.show.PATIENCE", 0.05)
    may_end = asyncio.Event()

    async def hold() -> None:
        async with db.transaction():
            await may_end.wait()

    task = asyncio.create_task(hold())
    await asyncio.sleep(0.05)
    with pytest.raises(RuntimeError, match="waits for that of another task"):
        async with db.transaction():
            pass
    may_end.set()
    await task
    async with db.transaction():
        assert await Team.create(name="a")


async def test_child_tasks_nest_in_the_transaction_of_their_parent(
    db: Any, rollback: Rollback
) -> None:
    async def child(name: str) -> None:
        async with db.transaction():
            await Team.create(name=name)

    async with db.transaction() as tx:
        await asyncio.gather(*map(child, "ab"))
        assert sorted(await names()) == ["a", "b"]
        tx.raise_rollback()
    assert await names() == []


async def test_bulk_work_is_undone(db: Any, rollback: Rollback) -> None:
    await Team.bulk_create([{"name": "x"}] * 10, chunk_size=3)
    await Team.bulk_create([{"name": "x"}] * 10, returning=False, copy=True)
    assert await Team.query.gino.count() == 20
    await rollback.undo()
    assert await names() == []


async def test_transaction_that_is_gone_is_noticed(db: Any, rollback: Rollback) -> None:
    await Team.create(name="a")
    async with db.acquire() as connection:
        raw = await connection.get_raw_connection()
        with pytest.raises(NoActiveSQLTransactionError):
            await raw.execute("SELECT 1; COMMIT")
    with pytest.raises(RuntimeError, match="was gone before its end"):
        await rollback.undo()


async def test_engines_made_meanwhile_are_covered(dsn: str, db: Any) -> None:
    rollback = Rollback()
    rollback.start()
    engine = await create_engine(dsn, min_size=0)
    await engine.status("INSERT INTO gt_teams (name) VALUES ('a')")
    assert await engine.scalar("SELECT count(*) FROM gt_teams") == 1
    await engine.close()
    rollback.stop()
    assert await names() == []


PLUGIN_TEST = """
import pytest
from gino import Gino

db = Gino()

class Item(db.Model):
    __tablename__ = "gt_items"
    id = db.Column(db.Integer(), primary_key=True)

@pytest.fixture
async def bound(gino_rollback):
    async with db.with_bind({dsn!r}):
        await db.gino.create_all()
        await Item.create(id=1)
        yield

{mark}
@pytest.mark.parametrize("n", [1, 2])
async def test_writes(bound, n):
    assert await Item.query.gino.count() == 1
    await Item.create(id=2)
    assert await db.scalar("SELECT txid_current_if_assigned()") is not None
{more}
"""

ANYIO = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@pytest.mark.parametrize("style", ["asyncio", "anyio"])
def test_fixture_in_a_run_of_pytest(pytester: pytest.Pytester, dsn: str, style: str) -> None:
    more = ANYIO if style == "anyio" else ""
    mark = f"@pytest.mark.{style}"
    pytester.makepyfile(PLUGIN_TEST.format(dsn=dsn, mark=mark, more=more))
    mode = "strict" if style == "anyio" else "auto"
    result = _run(pytester, "-o", f"asyncio_mode={mode}", "-W", "error")
    result.assert_outcomes(passed=2)
    assert not _exists(dsn, "gt_items")


LONG_LIVED = """
import pytest, pytest_asyncio
from gino import Gino

db = Gino()

class Item(db.Model):
    __tablename__ = "gt_long_items"
    id = db.Column(db.Integer(), primary_key=True)

@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def bound():
    async with db.with_bind({dsn!r}, min_size=1):
        await db.gino.create_all()
        yield
        assert await Item.query.gino.count() == 0
        await db.gino.drop_all()

@pytest.fixture(autouse=True)
def undo(gino_rollback):
    yield

@pytest_asyncio.fixture(loop_scope="session")
async def first(undo):
    return await Item.create(id=1)

@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("n", [1, 2])
async def test_writes(first, n):
    assert await Item.query.gino.count() == 1
    await Item.create(id=2)

@pytest.mark.asyncio(loop_scope="session")
async def test_fails(first):
    async with db.transaction():
        await Item.create(id=3)
        raise ZeroDivisionError
"""


def test_engine_of_the_session_is_clean_after_each_test(
    pytester: pytest.Pytester, dsn: str
) -> None:
    pytester.makepyfile(LONG_LIVED.format(dsn=dsn))
    result = _run(pytester, "-W", "error")
    result.assert_outcomes(passed=2, failed=1)
    assert not _exists(dsn, "gt_long_items")


APPLICATION = """
import httpx, pytest
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from gino.ext.starlette import Gino

db = Gino(dsn={dsn!r}, pool_min_size=1)

class Item(db.Model):
    __tablename__ = "gt_web_items"
    id = db.Column(db.Integer(), primary_key=True)

async def create(request):
    async with db.transaction():
        item = await Item.create()
    return JSONResponse({{"count": await Item.query.gino.count()}})

app = Starlette(routes=[Route("/", create, methods=["POST"])])
db.init_app(app)

@pytest.mark.parametrize("n", [1, 2])
async def test_request(gino_rollback, n):
    async with app.router.lifespan_context(app):
        await db.gino.create_all()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.post("/")).json() == {{"count": 1}}
            assert await Item.query.gino.count() == 1

def test_client_with_a_loop_of_its_own(gino_rollback):
    from starlette.testclient import TestClient

    with TestClient(app) as client:
        client.portal.call(db.gino.create_all)
        assert client.post("/").json() == {{"count": 1}}
"""


def test_application_with_lifespan_and_requests(pytester: pytest.Pytester, dsn: str) -> None:
    pytester.makepyfile(APPLICATION.format(dsn=dsn))
    quiet = "ignore:Using `httpx` with"  # starlette's own advice
    result = _run(pytester, "-o", "asyncio_mode=auto", "-W", "error", "-W", quiet)
    result.assert_outcomes(passed=3)
    assert not _exists(dsn, "gt_web_items")


def _run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    loaded = [] if _is_installed() else ["-p", "gino.testing.pytest_plugin"]
    path = str(Path(sys.modules["gino"].__file__ or "").parents[1])
    pytester.syspathinsert(path)
    scope = "asyncio_default_fixture_loop_scope=function"
    return pytester.runpytest_subprocess(
        "-p", "no:randomly", "-o", scope, *loaded, *args, timeout=40
    )


def _is_installed() -> bool:
    from importlib.metadata import entry_points

    return any(e.value == "gino.testing.pytest_plugin" for e in entry_points(group="pytest11"))


def _exists(dsn: str, table: str) -> bool:
    async def ask() -> bool:
        async with metadata.with_bind(dsn, min_size=1):
            return await metadata.scalar(f"SELECT to_regclass('{table}')") is not None

    return asyncio.run(ask())


def parameters(given: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, str | None]]:
    """Names and defaults, without `self`."""
    args = given.args.args[1:]
    blank: list[str | None] = [None] * (len(args) - len(given.args.defaults))
    defaults = blank + [ast.unparse(value) for value in given.args.defaults]
    return list(zip((arg.arg for arg in args), defaults, strict=True))


def methods(file: Path, name: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            return {item.name: item for item in node.body if isinstance(item, functions)}
    raise AssertionError(f"no class {name} in {file}")


@pytest.mark.parametrize(
    ("native", "stand_in", "complete"),
    [("Engine", "_Stage", True), ("Connection", "_Lent", False)],
)
def test_stand_ins_take_what_the_native_classes_take(
    native: str, stand_in: str, complete: bool
) -> None:
    package = Path(gino.__file__).parent
    real = methods(package / "_core.pyi", native)
    own = methods(package / "testing" / "rollback.py", stand_in)
    public = {name for name in real if not name.startswith("_")}
    assert len(public) > 5
    if complete:
        assert public - set(own) == set()
    for name in public & set(own):
        assert parameters(own[name]) == parameters(real[name]), name


async def test_observers_see_what_is_undone(db: Any, rollback: Rollback) -> None:
    seen: list[Any] = []
    end = db.on_query(seen.append)
    await Team.create(name="a")
    assert await names() == ["a"]
    end()
    await Team.create(name="b")
    said = [event.sql for event in seen if "gt_teams" in event.sql]
    assert len(said) == 2
    assert said[0].startswith("INSERT")
    assert [event.rows for event in seen if "gt_teams" in event.sql] == [1, 1]
    stats = db.bind.stats()
    assert stats.in_use == 1
    assert "use=1" in repr(db.bind)


async def test_connection_that_cannot_be_had_is_tried_again(dsn: str) -> None:
    with rolled() as rollback:
        engine = await create_engine(f"{dsn}_nothing", min_size=0)
        for _ in range(2):
            with pytest.raises(InvalidCatalogNameError):
                await engine.scalar("SELECT 1")
        await engine.close()
        assert engine.raw_pool.is_closing()
        await rollback.undo()


async def test_release_is_told_apart_as_ever(db: Any, rollback: Rollback) -> None:
    alone = await db.acquire(reusable=False)
    assert not await alone.release(permanent=False)
    assert await alone.release()
    assert not await alone.release()
    root = await db.acquire()
    raw = root.raw_connection
    assert not raw.is_closed()
    await root.release()
    with pytest.raises(ValueError, match="already released"):
        await root.release()
    with pytest.raises(ValueError, match="released permanently"):
        await root.scalar("SELECT 1")


def test_other_loops_are_rolled_back_from_outside(dsn: str) -> None:
    """A loop that runs in a thread, one that stands still, and one that is closed already."""
    with rolled():
        running = asyncio.new_event_loop()
        thread = threading.Thread(target=running.run_forever, daemon=True)
        thread.start()
        still, closed = asyncio.new_event_loop(), asyncio.new_event_loop()
        engine = still.run_until_complete(create_engine(dsn, min_size=0))
        assert engine.current_connection is None  # outside of any loop
        pids = [
            asyncio.run_coroutine_threadsafe(begun(engine), running).result(10),
            still.run_until_complete(begun(engine)),
            closed.run_until_complete(begun(engine)),
        ]
        closed.run_until_complete(engine.close())
        closed.close()
    assert len(set(pids)) == 3
    states = still.run_until_complete(
        engine.all("SELECT state FROM pg_stat_activity WHERE pid IN ($1, $2, $3)", *pids)
    )
    assert ("idle in transaction",) not in states
    asyncio.run_coroutine_threadsafe(engine.close(), running).result(10)
    running.call_soon_threadsafe(running.stop)
    thread.join(10)
    still.run_until_complete(engine.close())
    running.close()
    still.close()


async def begun(engine: Any) -> int:
    pid: int = await engine.scalar("SELECT pg_backend_pid()")
    return pid


@contextlib.contextmanager
def rolled() -> Iterator[Rollback]:
    rollback = Rollback()
    rollback.start()
    try:
        yield rollback
    finally:
        rollback.stop()
