"""Creating and dropping tables and what belongs to them.

Owns: `GinoSchemaVisitor` (`metadata.gino`, `table.gino`, ...), the enum type with `create_async`,
and the collector that lets SQLAlchemy write all DDL as strings, in its order, without a connection.
Never does: use greenlets, or run SQLAlchemy's own engines.
Called by: `gino.api`, applications.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ENUM, DropEnumType
from sqlalchemy.sql import ddl

from .catalog import Catalog, CatalogDialect
from .exceptions import UninitializedError

__all__ = ["AsyncEnum", "AsyncSchemaTypeMixin", "GinoSchemaVisitor"]


class _Collector:
    """Stands for a connection while SQLAlchemy writes DDL: keeps the statements instead of running
    them.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.dialect = CatalogDialect(catalog)
        self.statements: list[str] = []
        self.engine = self

    def execute(self, element: Any, *args: Any, **kwargs: Any) -> None:
        """Keep a statement."""
        compiled = element.compile(dialect=self.dialect)
        text = str(compiled).strip()
        if text:
            self.statements.append(text)

    def schema_for_object(self, item: Any) -> Any:
        """The schema of a table, sequence or type."""
        return item.schema

    def get_execution_options(self) -> dict[str, Any]:
        """None."""
        return {}

    def _execute_ddl(self, element: Any, *args: Any, **kwargs: Any) -> None:
        self.execute(element)

    def _run_ddl_visitor(self, visitor: Callable[..., Any], item: Any, **kwargs: Any) -> None:
        visitor(self.dialect, self, **kwargs).traverse_single(item)


class GinoSchemaVisitor:
    """`create` and `drop` for a metadata, table, index, sequence or type; all awaitable."""

    def __init__(self, item: Any) -> None:
        self._item = item

    async def create_all(
        self, bind: Any = None, tables: Any = None, checkfirst: bool = True
    ) -> Any:
        """Create what the metadata holds and what is missing: sequences, types, tables, indexes,
        comments.

        Returns the metadata. `checkfirst=False`: create everything, and fail on what exists.
        """
        return await self.create(bind, checkfirst=checkfirst, tables=tables)

    async def drop_all(self, bind: Any = None, tables: Any = None, checkfirst: bool = True) -> Any:
        """Drop what the metadata holds, in the order that foreign keys need."""
        return await self.drop(bind, checkfirst=checkfirst, tables=tables)

    async def create(self, bind: Any = None, checkfirst: bool = False, tables: Any = None) -> Any:
        """Create the item, and return it."""
        await self._run(ddl.SchemaGenerator, bind, checkfirst, tables)
        return self._item

    async def drop(self, bind: Any = None, checkfirst: bool = False, tables: Any = None) -> Any:
        """Drop the item, and return it."""
        extra = _types_of(self._item) if isinstance(self._item, sa.Table) else []
        await self._run(ddl.SchemaDropper, bind, checkfirst, tables, extra)
        return self._item

    async def _run(
        self,
        visitor: Callable[..., Any],
        bind: Any,
        checkfirst: bool,
        tables: Any,
        types: list[Any] | None = None,
    ) -> None:
        bind = _bind_of(self._item) if bind is None else bind
        if hasattr(bind, "acquire"):
            async with bind.acquire(reuse=True) as connection:
                await self._run(visitor, connection, checkfirst, tables, types)
            return
        catalog = await Catalog.read(bind)
        collector = _Collector(catalog)
        if isinstance(self._item, sa.types.TypeEngine):
            native: Any = self._item.dialect_impl(collector.dialect)
            visitor = native.DDLGenerator if visitor is ddl.SchemaGenerator else native.DDLDropper
            visitor(collector.dialect, collector, checkfirst=checkfirst).traverse_single(native)
        else:
            given = {} if tables is None else {"tables": list(tables)}
            visitor(
                collector.dialect, collector, checkfirst=ddl.CheckFirst(bool(checkfirst)), **given
            ).traverse_single(self._item)
        for enum in types or ():
            if catalog.has("t", enum.name, enum.schema):
                collector.execute(DropEnumType(enum))
        for statement in collector.statements:
            await bind.status(statement)


class AsyncSchemaTypeMixin:
    """`create_async` and `drop_async` for a type that exists on the server."""

    async def create_async(self, bind: Any = None, checkfirst: bool = False) -> None:
        """CREATE TYPE; `checkfirst`: unless it exists."""
        await GinoSchemaVisitor(self).create(bind, checkfirst)

    async def drop_async(self, bind: Any = None, checkfirst: bool = False) -> None:
        """DROP TYPE; `checkfirst`: if it exists."""
        await GinoSchemaVisitor(self).drop(bind, checkfirst)


class AsyncEnum(AsyncSchemaTypeMixin, ENUM):
    """A PostgreSQL enum that can be created and dropped by itself."""

    def adapt(self, cls: Any, **kw: Any) -> Any:
        """The same enum as another class of enum."""
        adapted: Any = super().adapt(ENUM if cls is AsyncEnum else cls, **kw)  # type: ignore[no-untyped-call]
        return adapted


class Enum(AsyncSchemaTypeMixin, sa.Enum):
    """SQLAlchemy's Enum, with `create_async` and `drop_async`."""

    __visit_name__ = "enum"


def _bind_of(item: Any) -> Any:
    metadata = item if isinstance(item, sa.MetaData) else getattr(item, "metadata", None)
    if metadata is None and getattr(item, "table", None) is not None:
        metadata = item.table.metadata
    bind = getattr(metadata, "bind", None)
    if bind is None:
        raise UninitializedError(
            f"{item!r} has no engine: pass bind=, or use a metadata that is a Gino with an engine"
        )
    return bind


def _types_of(table: sa.Table) -> list[Any]:
    """The enum types that no other table of the metadata uses."""
    found: dict[Any, Any] = {}
    for other in sorted(table.metadata.tables.values(), key=lambda item: item is not table):
        for column in other.columns:
            kind = getattr(column.type, "item_type", column.type)
            if isinstance(kind, sa.Enum) and kind.native_enum and kind.name:
                if other is table:
                    found[kind.schema, kind.name] = kind
                else:
                    found.pop((kind.schema, kind.name), None)
    return list(found.values())
