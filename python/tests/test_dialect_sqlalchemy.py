"""The dialect `postgresql+gino`: SQLAlchemy's engine and ORM on it, and what can go wrong."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import ForeignKey, MetaData, event, exc, func, select, text
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload
from sqlalchemy.pool import NullPool

import gino

Make = Callable[..., AsyncEngine]


@pytest.fixture
async def make(dsn: str) -> AsyncIterator[Make]:
    """Make engines that are disposed at the end."""
    made: list[AsyncEngine] = []

    def engine(**options: Any) -> AsyncEngine:
        url = options.pop("url", dsn).replace("postgresql://", "postgresql+gino://", 1)
        made.append(create_async_engine(url, **options))
        return made[-1]

    yield engine
    for one in made:
        await one.dispose()


@pytest.fixture
def engine(make: Make) -> AsyncEngine:
    return make()


async def scalar(engine: AsyncEngine, sql: str, **values: Any) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(text(sql), values)).scalar()


class Base(AsyncAttrs, DeclarativeBase):
    metadata = MetaData(schema="dialect_orm")


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    members: Mapped[list[Member]] = relationship(back_populates="team")


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column()
    team_id: Mapped[int | None] = mapped_column(ForeignKey(Team.id))
    team: Mapped[Team | None] = relationship(back_populates="members")
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA IF EXISTS dialect_orm CASCADE"))
        await connection.execute(text("CREATE SCHEMA dialect_orm"))
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA dialect_orm CASCADE"))


async def test_the_orm_works_in_an_async_session(session: AsyncSession) -> None:
    team = Team(name="core", members=[Member(name=f"m{i}") for i in range(3)])
    session.add(team)
    await session.commit()
    session.expunge_all()

    found = (await session.scalars(select(Team).options(selectinload(Team.members)))).one()
    assert sorted(member.name for member in found.members) == ["m0", "m1", "m2"]
    first = await session.get_one(Member, found.members[0].id)
    first.name = "renamed"
    await session.commit()
    assert first.version == 2
    assert (await first.awaitable_attrs.team) is found

    await session.delete(first)
    await session.flush()
    assert await session.scalar(select(func.count(Member.id))) == 2
    await session.rollback()
    names = [member.name async for member in await session.stream_scalars(select(Member))]
    assert sorted(names) == ["m1", "m2", "renamed"]


async def test_a_violation_is_the_integrity_error_of_both(session: AsyncSession) -> None:
    session.add_all([Member(name="same"), Member(name="same")])
    with pytest.raises(exc.IntegrityError) as caught:
        await session.flush()
    assert isinstance(caught.value.orig, gino.exceptions.UniqueViolationError)
    assert caught.value.orig.constraint_name == "member_name_key"
    await session.rollback()
    assert (await session.scalars(select(Member))).all() == []


async def test_a_savepoint_keeps_what_was_before_it(session: AsyncSession) -> None:
    session.add(Member(name="kept"))
    await session.flush()
    with pytest.raises(exc.IntegrityError):
        async with session.begin_nested():
            session.add(Member(name="kept"))
    await session.commit()
    assert await session.scalar(select(func.count(Member.id))) == 1


async def test_many_rows_go_in_by_one_statement(session: AsyncSession, engine: AsyncEngine) -> None:
    statements: list[str] = []
    event.listen(
        engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    session.add_all([Team(name=str(i)) for i in range(500)])
    await session.commit()
    inserts = [statement for statement in statements if statement.startswith("INSERT")]
    assert len(inserts) == 1
    assert await session.scalar(select(func.count(Team.id))) == 500


async def test_a_transaction_begins_with_the_first_statement(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.dbapi_connection is not None
        assert raw.driver_connection.is_in_transaction() is False
        await connection.execute(text("SELECT 1"))
        assert raw.driver_connection.is_in_transaction() is True
        await connection.rollback()
        assert raw.driver_connection.is_in_transaction() is False


async def test_each_isolation_level_is_the_servers(engine: AsyncEngine) -> None:
    for level in ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "READ UNCOMMITTED"):
        async with engine.connect() as connection:
            await connection.execution_options(
                isolation_level=level, postgresql_readonly=True, postgresql_deferrable=True
            )
            for setting, value in (
                ("transaction_isolation", level.lower()),
                ("transaction_read_only", "on"),
                ("transaction_deferrable", "on"),
            ):
                found = await connection.scalar(text(f"SHOW {setting}"))
                assert found == value
            assert await connection.get_isolation_level() == level
    assert await scalar(engine, "SHOW transaction_isolation") == "read committed"
    assert await scalar(engine, "SHOW transaction_read_only") == "off"


async def test_autocommit_opens_no_transaction(make: Make) -> None:
    engine = make(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        raw = await connection.get_raw_connection()
        assert raw.driver_connection.is_in_transaction() is False
        assert await connection.get_isolation_level() == "AUTOCOMMIT"
        with pytest.raises(exc.InterfaceError, match="server-side cursor needs a transaction"):
            await connection.stream(text("SELECT 1"))


async def test_a_prepared_transaction_ends_elsewhere(engine: AsyncEngine) -> None:
    if await scalar(engine, "SHOW max_prepared_transactions") == "0":
        pytest.skip("the server keeps no room for prepared transactions")
    for verb in ("commit", "rollback"):
        async with engine.begin() as connection:
            await connection.execute(text("DROP TABLE IF EXISTS dialect_twophase"))
            await connection.execute(text("CREATE TABLE dialect_twophase (id int)"))
        async with engine.connect() as connection:
            transaction = await connection.run_sync(lambda sync: sync.begin_twophase("it's"))
            await connection.execute(text("INSERT INTO dialect_twophase VALUES (1)"))
            await connection.run_sync(lambda sync, tx=transaction: tx.prepare())
            prepared = await connection.run_sync(lambda sync: sync.recover_twophase())
            assert "it's" in prepared
            await connection.run_sync(lambda sync, tx=transaction, v=verb: getattr(tx, v)())
        found = await scalar(engine, "SELECT count(*) FROM dialect_twophase")
        assert found == (1 if verb == "commit" else 0)
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE dialect_twophase"))


async def test_streams_are_fetched_as_they_are_read(engine: AsyncEngine) -> None:
    numbers = text("SELECT generate_series(1, 300)")
    async with engine.connect() as connection:
        one, other = await connection.stream(numbers), await connection.stream(numbers)
        async for row in one:
            assert await other.fetchone() == row
        assert await other.fetchone() is None
        endless = await connection.stream(text("SELECT generate_series(1, 100000000)"))
        assert await endless.fetchmany(2) == [(1,), (2,)]
        await endless.close()
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_a_table_can_be_altered_once_its_streams_have_ended(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TEMP TABLE read AS SELECT generate_series(1, 300)"))
        every = text("SELECT * FROM read")
        assert len(await (await connection.stream(every)).all()) == 300
        begun = await connection.stream(every)
        await begun.fetchone()
        with pytest.raises(exc.OperationalError, match="being used"):
            async with connection.begin_nested():
                await connection.execute(text("ALTER TABLE read ADD COLUMN b int"))
        await begun.close()
        await connection.execute(text("ALTER TABLE read ADD COLUMN b int"))


async def test_a_result_without_rows_has_columns(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        empty = text("SELECT 1 AS a, 2 AS b WHERE false")
        assert list((await connection.execute(empty)).keys()) == ["a", "b"]
        assert list((await connection.stream(empty)).keys()) == ["a", "b"]
        made = await connection.execute(text("CREATE TEMP TABLE nothing (id int)"))
        assert made.returns_rows is False
        removed = await connection.execute(text("DELETE FROM nothing RETURNING id"))
        assert list(removed.keys()) == ["id"]


async def test_rows_are_counted_by_the_server(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(
            text("CREATE TEMP TABLE counted AS SELECT generate_series(1, 9) i")
        )
        assert (await connection.execute(text("UPDATE counted SET i = 0"))).rowcount == 9
        assert (await connection.execute(text("SELECT * FROM counted"))).rowcount == 9
        each = text("UPDATE counted SET i = :i WHERE i = 0 AND :i > 1")
        assert (await connection.execute(each, [{"i": 1}, {"i": 2}, {"i": 3}])).rowcount == 9
        assert (await connection.execute(text("DELETE FROM counted"))).rowcount == 9


async def test_a_change_of_the_schema_is_seen_inside_a_transaction(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TEMP TABLE changing AS SELECT 1 a"))
        every = text("SELECT * FROM changing")
        for step, keys in (
            ("ADD COLUMN b int", ["a", "b"]),
            ("ALTER COLUMN a TYPE text", ["a", "b"]),
            ("DROP COLUMN b", ["a"]),
        ):
            await connection.execute(every)
            await connection.execute(text(f"ALTER TABLE changing {step}"))
            assert list((await connection.execute(every)).keys()) == keys
        await connection.commit()
        await connection.execute(text("ALTER TABLE changing ADD COLUMN c int"))
        assert list((await connection.execute(every)).keys()) == ["a", "c"]
        await connection.rollback()
        await connection.execute(text("SELECT 1"))
        assert list((await connection.execute(every)).keys()) == ["a"]
        await connection.execute(text("DEALLOCATE ALL"))
        assert list((await connection.execute(every)).keys()) == ["a"]


async def test_a_change_from_elsewhere_costs_no_transaction_that_just_begins(
    engine: AsyncEngine, dsn: str
) -> None:
    every = text("SELECT * FROM dialect_elsewhere")
    other = await gino.create_engine(dsn, min_size=0, max_size=1)
    await other.status("DROP TABLE IF EXISTS dialect_elsewhere")
    await other.status("CREATE TABLE dialect_elsewhere (a int)")
    async with engine.connect() as connection:
        await connection.execute(every)
        await connection.rollback()
        await other.status("ALTER TABLE dialect_elsewhere ADD COLUMN b int")
        assert list((await connection.execute(every)).keys()) == ["a", "b"]
        await connection.rollback()
        await other.status("ALTER TABLE dialect_elsewhere ADD COLUMN c int")
        assert list((await connection.stream(every)).keys()) == ["a", "b", "c"]
        await connection.rollback()

        await other.status("ALTER TABLE dialect_elsewhere ADD COLUMN d int")
        await connection.execute(text("SELECT 1"))
        with pytest.raises(exc.NotSupportedError, match="cached plan"):
            await connection.execute(every)
        await connection.rollback()
        await connection.execute(text("SELECT 1"))
        assert list((await connection.execute(every)).keys()) == ["a", "b", "c", "d"]
    await other.status("DROP TABLE dialect_elsewhere")
    await other.close()


async def test_a_killed_connection_is_replaced(make: Make, engine: AsyncEngine) -> None:
    async def kill(pid: int) -> None:
        await scalar(engine, "SELECT pg_terminate_backend(:pid, 5000)", pid=pid)

    careful = make(pool_pre_ping=True)
    pid = await scalar(careful, "SELECT pg_backend_pid()")
    await kill(pid)
    assert await scalar(careful, "SELECT pg_backend_pid()") != pid

    careless = make()
    pid = await scalar(careless, "SELECT pg_backend_pid()")
    await kill(pid)
    with pytest.raises(exc.DBAPIError) as caught:
        await scalar(careless, "SELECT 1")
    assert caught.value.connection_invalidated
    assert await scalar(careless, "SELECT 1") == 1


async def test_a_cancelled_task_leaves_the_pool_whole(make: Make) -> None:
    engine = make(pool_size=1, max_overflow=0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await scalar(engine, "SELECT pg_sleep(30)")
    assert await scalar(engine, "SELECT 1") == 1
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'"
    async with asyncio.timeout(5):
        while await scalar(engine, asleep):
            await asyncio.sleep(0.01)


async def test_closed_and_forgotten_connections_end_at_the_server(
    make: Make, engine: AsyncEngine
) -> None:
    settings = {"server_settings": {"application_name": "dialect_closed"}}
    await scalar(make(poolclass=NullPool, connect_args=settings), "SELECT 1")
    connection = await make(connect_args=settings).connect()
    await connection.execute(text("SELECT 1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)
        del connection
        gc.collect()
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dialect_closed'"
    async with asyncio.timeout(5):
        while await scalar(engine, open_ones):
            await asyncio.sleep(0.01)


async def test_addresses_are_those_of_gino(make: Make, dsn: str) -> None:
    host, _, rest = dsn.rpartition("@")[2].partition("/")
    address, _, port = host.partition(":")
    user = dsn.partition("://")[2].rpartition("@")[0]
    for query in (
        f"host={address}:1&host={address}:{port}",
        f"host={address},{address}&port=1,{port}",
        f"host={address}&port={port}&application_name=x",
    ):
        engine = make(url=f"postgresql://{user}@/{rest.partition('?')[0]}?{query}")
        assert await scalar(engine, "SELECT 1") == 1
    with pytest.raises(exc.InterfaceError, match="nonsense"):
        await scalar(make(url=f"{dsn}?nonsense=1"), "SELECT 1")
    with pytest.raises(TypeError, match="comand_timeout"):
        await scalar(make(connect_args={"comand_timeout": 1}), "SELECT 1")
    with pytest.raises(exc.OperationalError, match="refused"):
        await scalar(make(url="postgresql://x@127.0.0.1:1/x"), "SELECT 1")


async def test_the_drivers_connection_has_asyncpgs_names(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert await driver.fetchval("SELECT $1::int", 5) == 5
        assert await driver.execute("SELECT 1; SELECT 2") == "SELECT 1"


async def test_the_drivers_connection_listens(engine: AsyncEngine) -> None:
    heard: list[str] = []

    def hear(*given: object) -> None:
        heard.append(str(given[-1]))

    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.add_listener("dialect", hear)
        async with engine.begin() as other:
            await other.execute(text("NOTIFY dialect, 'word'"))
        async with asyncio.timeout(5):
            while not heard:
                await asyncio.sleep(0.01)
        await driver.remove_listener("dialect", hear)
    assert heard == ["word"]


def test_the_dialect_is_found_without_an_import_of_gino() -> None:
    program = """
import sys
from sqlalchemy.engine import make_url
assert "gino" not in sys.modules
print(make_url("postgresql+gino://").get_dialect().__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "GinoDialect", done.stderr


async def test_transactions_that_only_read_are_asked_for(engine: AsyncEngine) -> None:
    options = {"postgresql_readonly": True, "postgresql_deferrable": True}
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="SERIALIZABLE", **options)
        adapted = (await connection.get_raw_connection()).dbapi_connection
        assert engine.dialect.get_readonly(adapted)
        assert engine.dialect.get_deferrable(adapted)
        for name in ("transaction_read_only", "transaction_deferrable"):
            assert await connection.scalar(text(f"SHOW {name}")) == "on"


@pytest.mark.parametrize("verb", ["commit", "rollback"])
async def test_a_transaction_in_two_phases_may_end_in_one(engine: AsyncEngine, verb: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS dialect_one_phase (id int)"))
        await connection.execute(text("TRUNCATE dialect_one_phase"))
    async with engine.connect() as connection:
        transaction = await connection.run_sync(lambda sync: sync.begin_twophase("one"))
        await connection.execute(text("INSERT INTO dialect_one_phase VALUES (1)"))
        await connection.run_sync(lambda sync: getattr(transaction, verb)())
    found = await scalar(engine, "SELECT count(*) FROM dialect_one_phase")
    assert found == (1 if verb == "commit" else 0)
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE dialect_one_phase"))


async def test_the_cursor_of_the_driver_is_a_cursor_of_pep_249(engine: AsyncEngine) -> None:
    def use(sync: Any) -> None:
        for stream in (False, True):
            cursor = sync.connection.dbapi_connection.cursor(server_side=stream)
            cursor.execute("SELECT generate_series(1, 4)", ())
            assert cursor.fetchone() == (1,)
            assert cursor.fetchmany(1) == [(2,)]
            assert list(cursor) == [(3,), (4,)]
            assert cursor.fetchone() is None
            cursor.close()

    async with engine.connect() as connection:
        await connection.run_sync(use)
