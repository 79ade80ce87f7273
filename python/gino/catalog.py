"""What exists on a server, asked once before DDL is written.

Owns: the catalog query, and a dialect that answers SQLAlchemy's questions from its result.
Never does: write or run DDL.
Called by: `gino.schema`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .dialects.base import NativeDialect

_EXISTING = """\
SELECT 'r'::text AS kind, n.nspname::text, c.relname::text, pg_catalog.pg_table_is_visible(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind::text = ANY ('{r,p,f,v,m}'::text[])
UNION ALL
SELECT 'S'::text, n.nspname::text, c.relname::text, pg_catalog.pg_table_is_visible(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind::text = 'S'
UNION ALL
SELECT 'i'::text, n.nspname::text, c.relname::text, pg_catalog.pg_table_is_visible(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind::text = ANY ('{i,I}'::text[])
UNION ALL
SELECT 't'::text, n.nspname::text, t.typname::text, pg_catalog.pg_type_is_visible(t.oid)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype::text = ANY ('{e,d}'::text[])"""


# the version that SQLAlchemy writes for when it knows none
_NEWEST = 180000


class Catalog:
    """The server's version (150018 is 15.18), and names of tables, sequences, indexes and types:
    with their schema, and those the search path finds.
    """

    def __init__(
        self, rows: Iterable[tuple[str, str, str, bool]] = (), version: int = _NEWEST
    ) -> None:
        self.version = version
        self._known: set[tuple[str, str | None, str]] = set()
        for kind, schema, name, visible in rows:
            self._known.add((kind, schema, name))
            if visible:
                self._known.add((kind, None, name))

    @classmethod
    async def read(cls, bind: Any) -> Catalog:
        """Ask the server."""
        rows = [tuple(row) for row in await bind.all(_EXISTING)]
        version = await bind.scalar("SELECT current_setting('server_version_num')::int")
        return cls(rows, version)

    def has(self, kind: str, name: str, schema: str | None) -> bool:
        """Whether something of this kind and name exists (schema None: where the search path finds
        it).
        """
        return (kind, None if schema is None else str(schema), str(name)) in self._known


class CatalogDialect(NativeDialect):
    """Answers what SQLAlchemy asks while it writes DDL, without a connection."""

    supports_statement_cache = False

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._catalog = catalog
        # before 18 a computed column is stored, whether that is said or not
        self.supports_virtual_generated_columns = catalog.version >= 180000

    def has_table(self, connection: Any, table_name: str, schema: Any = None, **kw: Any) -> bool:
        """Whether a table or view exists."""
        return self._catalog.has("r", table_name, schema)

    def has_multi_table(
        self, connection: Any, table_names: Any, schema: Any = None, **kw: Any
    ) -> Any:
        """The same for several."""
        return [((schema, name), self._catalog.has("r", name, schema)) for name in table_names]

    def has_index(
        self, connection: Any, table_name: str, index_name: str, schema: Any = None, **kw: Any
    ) -> bool:
        """Whether an index exists."""
        return self._catalog.has("i", index_name, schema)

    def has_sequence(
        self, connection: Any, sequence_name: str, schema: Any = None, **kw: Any
    ) -> bool:
        """Whether a sequence exists."""
        return self._catalog.has("S", sequence_name, schema)

    def has_type(self, connection: Any, type_name: str, schema: Any = None, **kw: Any) -> bool:
        """Whether an enum or domain exists."""
        return self._catalog.has("t", type_name, schema)
