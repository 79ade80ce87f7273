"""Creating and dropping tables, types, sequences, indexes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from gino import Gino, UninitializedError
from gino.exceptions import DuplicateTableError, UndefinedTableError
from gino.schema import AsyncEnum, GinoSchemaVisitor


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    metadata: Any = Gino(schema="gt_schema")
    async with metadata.with_bind(dsn, min_size=1, max_size=1):
        await metadata.status("DROP SCHEMA IF EXISTS gt_schema CASCADE")
        await metadata.status("CREATE SCHEMA gt_schema")
        yield metadata
        await metadata.status("DROP SCHEMA gt_schema CASCADE")


async def tables(db: Any) -> list[str]:
    rows = await db.all("SELECT tablename FROM pg_tables WHERE schemaname = 'gt_schema' ORDER BY 1")
    return [row[0] for row in rows]


async def test_tables_with_circular_foreign_keys_come_and_go(db: Any) -> None:
    class A(db.Model):
        __tablename__ = "a"
        id = db.Column(db.Integer, primary_key=True)
        b_id = db.Column(db.ForeignKey("gt_schema.b.id", name="a_b", use_alter=True))

    class B(db.Model):
        __tablename__ = "b"
        id = db.Column(db.Integer, primary_key=True)
        a_id = db.Column(db.ForeignKey("gt_schema.a.id", name="b_a"))

    assert await db.gino.create_all() is db
    assert await tables(db) == ["a", "b"]
    await db.gino.create_all()
    with pytest.raises(DuplicateTableError):
        await db.gino.create_all(checkfirst=False)
    await db.gino.drop_all()
    assert await tables(db) == []
    await db.gino.drop_all()
    with pytest.raises(UndefinedTableError):
        await db.gino.drop_all(checkfirst=False)


async def test_some_tables_only(db: Any) -> None:
    one = db.Table("one", db, db.Column("id", db.Integer))
    db.Table("two", db, db.Column("id", db.Integer))
    await db.gino.create_all(tables=[one])
    assert await tables(db) == ["one"]


async def test_enum_comes_and_goes_with_its_table(db: Any) -> None:
    table = db.Table("t", db, db.Column("kind", db.Enum("a", "b", name="gt_kind")))
    assert await table.gino.create() is table
    exists = "SELECT count(*) FROM pg_type WHERE typname = 'gt_kind'"
    assert await db.scalar(exists) == 1
    await db.status(table.insert().values(kind="a"))
    assert await db.scalar(db.select([table.c.kind])) == "a"
    await table.gino.drop()
    assert await db.scalar(exists) == 0


async def test_enum_by_itself(db: Any) -> None:
    for kind in (
        AsyncEnum("a", "b", name="gt_own", schema="gt_schema"),
        db.Enum("a", "b", name="gt_own", schema="gt_schema"),
    ):
        await kind.create_async(db.bind)
        await kind.create_async(db.bind, checkfirst=True)
        async with db.acquire() as connection:
            has_type = db.bind.dialect.has_type
            assert await has_type(connection, "gt_own", schema="gt_schema")
            assert not await has_type(connection, "gt_own", schema="public")
        await kind.drop_async(db.bind)
        await kind.drop_async(db.bind, checkfirst=True)


async def test_sequence_and_index_by_themselves(db: Any) -> None:
    sequence = db.Sequence("gt_seq", metadata=db, schema="gt_schema")
    await sequence.gino.create()
    assert await db.scalar(sequence) == 1
    assert await db.scalar(sequence.next_value()) == 2
    table = db.Table("t", db, db.Column("id", db.Integer))
    await table.gino.create()
    index = db.Index("gt_index", table.c.id)
    await index.gino.create()
    dialect = db.bind.dialect
    async with db.acquire() as connection:
        assert await dialect.has_sequence(connection, "gt_seq", schema="gt_schema")
        assert await dialect.has_table(connection, "t", schema="gt_schema")
        assert await dialect.has_schema(connection, "gt_schema")
        assert not await dialect.has_table(connection, "t", schema="public")
        assert not await dialect.has_schema(connection, "gt_nothing")
    await index.gino.drop()
    await sequence.gino.drop()


async def test_comments_are_written(db: Any) -> None:
    column = db.Column("id", db.Integer, comment="it's a key")
    table = db.Table("t", db, column, comment="a table")
    await db.gino.create_all()
    oid = "'gt_schema.t'::regclass"
    assert await db.scalar(f"SELECT obj_description({oid})") == "a table"
    assert await db.scalar(f"SELECT col_description({oid}, 1)") == "it's a key"
    assert table.comment == "a table"


async def test_schema_may_change_after_the_definition(db: Any) -> None:
    table = db.Table("moved", db, db.Column("id", db.Integer, primary_key=True), schema="nothing")
    table.schema = "gt_schema"
    await db.gino.create_all()
    assert await tables(db) == ["moved"]


async def test_plain_metadata_needs_a_bind(db: Any) -> None:
    metadata = sa.MetaData(schema="gt_schema")
    sa.Table("plain", metadata, sa.Column("id", sa.Integer))
    with pytest.raises(UninitializedError):
        await GinoSchemaVisitor(metadata).create_all()
    await GinoSchemaVisitor(metadata).create_all(db.bind)
    assert await tables(db) == ["plain"]


async def test_column_types_arrive_as_they_were_sent(db: Any) -> None:
    import uuid
    from datetime import UTC, date, datetime, time, timedelta
    from decimal import Decimal

    from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

    values = {
        "flag": (db.Boolean, True),
        "small": (db.SmallInteger, -3),
        "big": (db.BigInteger, 2**40),
        "exact": (db.Numeric(20, 5), Decimal("12345.67890")),
        "rounded": (db.Numeric(asdecimal=False), 1.5),
        "real": (db.Float, 2.25),
        "letters": (db.Unicode, "žluťoučký"),
        "octets": (db.LargeBinary, b"\x00\xff"),
        "day": (db.Date, date(2024, 2, 29)),
        "clock": (db.Time, time(1, 2, 3, 4)),
        "local": (db.DateTime, datetime(2024, 1, 2, 3, 4, 5, 6)),
        "moment": (db.DateTime(timezone=True), datetime(2024, 1, 2, tzinfo=UTC)),
        "span": (db.Interval, timedelta(days=1, seconds=2)),
        "key": (UUID, uuid.UUID(int=5)),
        "numbers": (ARRAY(db.Integer), [1, None, 3]),
        "grid": (ARRAY(db.Unicode, dimensions=2), [["a"], ["b"]]),
        "tree": (JSONB, {"a": [1, "x", None]}),
        "plain": (db.JSON, [1, 2]),
    }
    columns = [db.Column(name, kind) for name, (kind, _) in values.items()]
    table = db.Table("types", db, *columns)
    await db.gino.create_all()
    given = {name: value for name, (_, value) in values.items()}
    await db.status(table.insert().values(**given))
    row = await db.first(table.select())
    assert dict(row) == given
    await db.status(table.update().values(dict.fromkeys(given)))
    row = await db.first(db.select([table.c.flag, table.c.numbers, table.c.span]))
    assert row == (None, None, None)
    await db.status(table.insert().values(key=str(uuid.UUID(int=6))))
    assert await db.scalar(db.select([table.c.key]).where(table.c.key.isnot(None))) == uuid.UUID(
        int=6
    )


@pytest.mark.filterwarnings("ignore:Computed column:sqlalchemy.exc.SAWarning")
async def test_computed_columns_are_made_by_every_version(dsn: str) -> None:
    db: Any = Gino()

    class Square(db.Model):
        __tablename__ = "gt_squares"
        id = db.Column(db.Integer, primary_key=True)
        area = db.Column(db.Integer, db.Computed("id * id"))

    async with db.with_bind(dsn, min_size=1, max_size=1):
        await db.gino.create_all()
        assert (await Square.create(id=3)).area == 9
        await db.gino.drop_all()


async def test_enum_of_two_tables_goes_with_the_last(db: Any) -> None:
    mood = db.Enum("good", "bad", name="mood", schema="gt_schema")
    one = db.Table("one", db, db.Column("mood", mood))
    db.Table("two", db, db.Column("mood", mood))
    await db.gino.create_all()
    count = "SELECT count(to_regtype('gt_schema.mood'))"
    await one.gino.drop()
    assert await tables(db) == ["two"]
    assert await db.scalar(count) == 1
    await db.gino.drop_all()
    assert await db.scalar(count) == 0


async def test_what_is_there_is_not_made_again(db: Any) -> None:
    table = db.Table("t", db, db.Column("id", db.Integer))
    index = sa.Index("t_id", table.c.id)
    for _ in range(2):
        await table.gino.create(checkfirst=True)
        await index.gino.create(checkfirst=True)
    with pytest.raises(DuplicateTableError):
        await table.gino.create()
    for _ in range(2):
        await index.gino.drop(checkfirst=True)
        await table.gino.drop(checkfirst=True)
    with pytest.raises(UndefinedTableError):
        await table.gino.drop()
