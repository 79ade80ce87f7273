"""Errors: one clear typed error each, and the pool is whole afterwards."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from models import Team, bound
from sqlalchemy.engine.url import make_url

import gino
from gino import create_engine
from gino import exceptions as exc
from gino.sqlstate import exception_class, make_exception


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn, min_size=1, max_size=2) as metadata:
        yield metadata


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("23505", exc.UniqueViolationError),
        ("23999", exc.IntegrityError),
        ("22P02", exc.InvalidTextRepresentationError),
        ("42P01", exc.UndefinedTableError),
        ("42999", exc.ProgrammingError),
        ("40001", exc.SerializationError),
        ("57014", exc.QueryCanceledError),
        ("0A000", exc.NotSupportedError),
        ("XX000", exc.InternalError),
        ("ZZ999", exc.DatabaseError),
    ],
)
def test_class_follows_the_sqlstate(state: str, expected: type) -> None:
    assert exception_class(state) is expected


def test_error_is_also_the_class_of_asyncpg() -> None:
    error = make_exception("Database", "boom", {"sqlstate": "23503", "constraint_name": "c"})
    assert isinstance(error, exc.ForeignKeyViolationError)
    assert isinstance(error, asyncpg.ForeignKeyViolationError)
    assert (error.sqlstate, error.constraint_name, error.detail) == ("23503", "c", None)


def test_every_named_state_has_asyncpgs_name_and_is_its_class_too() -> None:
    named = {
        name: kind
        for name, kind in vars(exc).items()
        if isinstance(kind, type) and "sqlstate" in vars(kind) and kind is not exc.Error
    }
    assert len(named) > 30
    for name, kind in named.items():
        assert exception_class(kind.sqlstate) is kind
        error = make_exception("Database", "boom", {"sqlstate": kind.sqlstate})
        assert isinstance(error, kind)
        if kind is not exc.ConnectionLostError:  # asyncpg: ConnectionDoesNotExistError
            assert isinstance(error, getattr(asyncpg, name))
        assert getattr(error, "sqlstate", None) == kind.sqlstate


def test_exceptions_of_gino_have_one_base() -> None:
    for name in (
        "InitializedError",
        "MultipleResultsFound",
        "NoResultFound",
        "NoSuchRowError",
        "NotInstalledError",
        "UninitializedError",
        "UnknownJSONPropertyError",
    ):
        kind = getattr(exc, name)
        assert issubclass(kind, exc.GinoException)
        assert not issubclass(kind, exc.Error)
        assert getattr(gino, name) is kind


def test_time_out_is_the_builtin_one_too() -> None:
    error = make_exception("Timeout", "too late", {"deadline": "acquire"})
    assert isinstance(error, TimeoutError)
    assert isinstance(error, exc.OperationalError)
    assert error.deadline == "acquire"


async def test_server_error_has_all_fields(db: Any) -> None:
    with pytest.raises(asyncpg.NotNullViolationError) as info:
        await Team.create()
    error = info.value
    assert isinstance(error, exc.NotNullViolationError)
    assert error.sqlstate == "23502"
    assert error.table_name == "gt_teams"
    assert error.column_name == "name"
    assert "null value" in error.message
    assert error.detail.startswith("Failing row")
    assert await db.scalar("SELECT 1") == 1


async def test_errors_of_statements_are_those_of_asyncpg_too(db: Any) -> None:
    statements = {
        "INSERT INTO gt_teams (id, name) VALUES (1, 'a'), (1, 'b')": asyncpg.UniqueViolationError,
        "INSERT INTO gt_teams VALUES (1, 'a', 404)": asyncpg.ForeignKeyViolationError,
        "INSERT INTO gt_checked VALUES (0)": asyncpg.CheckViolationError,
        "SELECT * FROM gt_nothing": asyncpg.UndefinedTableError,
        "SELECT 'x'::int": asyncpg.DataError,
        "SELECT 1 / 0": asyncpg.DivisionByZeroError,
    }
    async with db.acquire() as connection:
        await connection.status("CREATE TEMPORARY TABLE gt_checked (a int CHECK (a > 0))")
        for statement, kind in statements.items():
            with pytest.raises(kind) as info:
                await connection.status(statement)
            assert isinstance(info.value, exc.DatabaseError)
        with pytest.raises(asyncpg.NoActiveSQLTransactionError):
            await (await connection.iterate("SELECT 1")).next()


async def test_unknown_column_is_a_programming_error(db: Any) -> None:
    with pytest.raises(exc.UndefinedColumnError, match="nothing"):
        await db.scalar("SELECT nothing FROM gt_teams")
    with pytest.raises(exc.PostgresSyntaxError):
        await db.scalar("SELEC 1")


async def test_value_that_does_not_fit_names_parameter_and_types(db: Any) -> None:
    with pytest.raises(exc.DataError, match=r"\$1.*str.*int4") as info:
        await db.scalar("SELECT $1::int", "x")
    assert isinstance(info.value, asyncpg.DataError)
    with pytest.raises(exc.DataError):
        await db.scalar("SELECT $1::int2", 100_000)
    with pytest.raises(exc.InterfaceError):
        await db.scalar("SELECT $1::int", 1, 2)
    assert await db.scalar("SELECT $1::int", 1) == 1


async def test_wrong_password_and_unknown_database(dsn: str, login: Any) -> None:
    for role in ("gino_scram", "gino_md5", "gino_password"):
        with pytest.raises(exc.InvalidPasswordError) as info:
            await create_engine(login(role, "secret-and-wrong"), min_size=1)
        assert "secret-and-wrong" not in str(info.value)
        engine = await create_engine(login(role, role), min_size=1, max_size=1)
        assert await engine.scalar("SELECT current_user::text") == role
        await engine.close()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await create_engine(make_url(dsn).set(database="gt_nothing"), min_size=1)


async def test_unknown_database_leaves_no_context(dsn: str) -> None:
    engine = await create_engine(make_url(dsn).set(database="gt_nothing"), min_size=0)
    for _ in range(2):
        with pytest.raises(exc.InvalidCatalogNameError):
            await engine.acquire()
        assert engine.current_connection is None
        with pytest.raises(exc.InvalidCatalogNameError):
            await engine.scalar("SELECT 1")
    await engine.close()


async def test_refused_port_and_unresolvable_host() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(exc.ConnectError, match=str(port)) as info:
        await create_engine(f"postgresql://u:hidden@127.0.0.1:{port}/x", min_size=1)
    assert isinstance(info.value, OSError)
    assert "hidden" not in str(info.value)
    with pytest.raises(exc.ConnectError, match=r"no\.such\.host"):
        await create_engine("postgresql://u@no.such.host.invalid/x", min_size=1)


async def test_unknown_url_argument_names_the_nearest(dsn: str) -> None:
    with pytest.raises(ValueError, match=r"aplication_name.*application_name"):
        await create_engine(f"{dsn}?aplication_name=x")


async def test_error_inside_of_a_transaction_leaves_the_pool_whole(db: Any) -> None:
    async def fail() -> None:
        async with db.transaction():
            await Team.create(name="lost")
            await db.scalar("SELECT * FROM gt_nothing")

    with pytest.raises(exc.UndefinedTableError):
        await fail()
    assert await Team.query.gino.all() == []
    assert "use=0" in repr(db.bind)


async def test_failed_transaction_refuses_further_statements(db: Any) -> None:
    async def fail() -> None:
        async with db.transaction():
            with pytest.raises(exc.UndefinedTableError):
                await db.scalar("SELECT * FROM gt_nothing")
            await db.scalar("SELECT 1")

    with pytest.raises(exc.InFailedSQLTransactionError):
        await fail()
    assert await db.scalar("SELECT 1") == 1


async def test_cancelled_task_leaves_the_pool_whole(db: Any) -> None:
    async def slow() -> None:
        await db.scalar("SELECT pg_sleep(30)")

    for _ in range(3):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await db.scalar("SELECT 1") == 1
    one = await db.acquire()
    two = await db.acquire()
    waiting = asyncio.create_task(db.bind._native.acquire(5))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await two.release()
    await one.release()
    for _ in range(50):
        if "use=0" in repr(db.bind):
            break
        await asyncio.sleep(0.02)
    assert "use=0" in repr(db.bind)


async def test_exhausted_pool_names_who_holds_connections(db: Any) -> None:
    async with db.acquire(), db.acquire():
        with pytest.raises(exc.TimeoutError, match="held by") as info:
            await db.acquire(timeout=0.05)
        assert info.value.deadline == "acquire"
    assert await db.scalar("SELECT 1") == 1


async def test_killed_connection_is_replaced(db: Any) -> None:
    async with db.acquire() as connection:
        pid = await connection.scalar("SELECT pg_backend_pid()")
        await db.bind.scalar("SELECT 1")
        async with db.acquire() as other:
            await other.scalar("SELECT pg_terminate_backend($1)", pid)

        async def use() -> None:
            for _ in range(10):
                await connection.scalar("SELECT 1")
                await asyncio.sleep(0.02)

        with pytest.raises((exc.OperationalError, exc.InterfaceError)):
            await use()
    assert await db.scalar("SELECT 1") == 1
