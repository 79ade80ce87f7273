"""The dialect under GINO's own name, and the PostgreSQL types that applications import from here.

Owns: `AsyncpgDialect`, its cache of compiled statements, and the catalog questions `has_schema`,
`has_table`, `has_sequence`, `has_type`.
Never does: connect; the questions are asked on a connection that is given.
Called by: `gino.statement`, `gino.schema`, applications.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, JSON, JSONB
from sqlalchemy.util import LRUCache

from .. import _core
from ..pool import NullPool, Pool
from ..schema import AsyncEnum
from .base import NativeDialect
from .cursors import BufferedCursor as DBAPICursor

__all__ = [
    "ARRAY",
    "ENUM",
    "JSON",
    "JSONB",
    "AsyncEnum",
    "AsyncpgDialect",
    "DBAPICursor",
    "NullPool",
    "Pool",
    "dialect",
]

_COMPILED = 1000


class AsyncpgDialect(NativeDialect):
    """How statements are written for gino's driver, under the name that applications know."""

    driver = "asyncpg"
    supports_statement_cache = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("json_serializer", _core.json_text)
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.compiled_cache: Any = LRUCache(_COMPILED)

    async def has_schema(  # type: ignore[override]
        self, connection: Any, schema_name: str, **kw: Any
    ) -> bool:
        """Whether the schema exists."""
        sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1"
        return bool(await connection.scalar(sql, schema_name))

    async def has_table(  # type: ignore[override]
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        """Whether a table, view or the like of this name exists (None: where the search path finds
        it).
        """
        return bool(
            await connection.scalar(_RELATION, table_name, schema, ["r", "p", "f", "v", "m"])
        )

    async def has_sequence(  # type: ignore[override]
        self, connection: Any, sequence_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        """Whether the sequence exists (None: where the search path finds it)."""
        return bool(await connection.scalar(_RELATION, sequence_name, schema, ["S"]))

    async def has_type(
        self, connection: Any, type_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        """Whether the type exists (None: where the search path finds it)."""
        return bool(await connection.scalar(_TYPE, type_name, schema))


_RELATION = """\
SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $1::text AND c.relkind::text = ANY ($3::text[])
AND CASE WHEN $2::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $2 END"""

_TYPE = """\
SELECT 1 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typname = $1::text
AND CASE WHEN $2::text IS NULL THEN pg_catalog.pg_type_is_visible(t.oid) ELSE n.nspname = $2 END"""


@lru_cache(maxsize=1)
def dialect() -> AsyncpgDialect:
    """The dialect that all engines share: it knows nothing of a server, so plans fit every one."""
    return AsyncpgDialect()


registry.register("asyncpg", "gino.dialects.asyncpg", "AsyncpgDialect")
