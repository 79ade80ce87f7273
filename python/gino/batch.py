"""The statements of `bulk_create`, `bulk_upsert` and `bulk_update`: one for many rows.

Owns: their SQL, made once for each set of attributes, with one array per column (so that no number
of rows meets the limit of 65,535 parameters), or for one row where a type has no such array.
Never does: run a statement, or look at an instance.
Called by: `gino.bulk`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

from . import _core
from .copying import qualified
from .defaults import DefaultContext, defaults_of
from .dialects.asyncpg import dialect
from .plans import Plans, compile_insert, merge
from .shape import result_processors

# types of the server whose arrays the driver writes without asking, by their name in SQL
_ARRAYED = {
    name: name
    for name in (
        "smallint",
        "integer",
        "bigint",
        "text",
        "character varying",
        "boolean",
        "real",
        "double precision",
        "numeric",
        "timestamp without time zone",
        "timestamp with time zone",
        "date",
        "time without time zone",
        "interval",
        "uuid",
        "json",
        "jsonb",
        "bytea",
    )
} | {"character": "bpchar"}  # `character` alone would be character(1)

# 5: for each row that is inserted; 66: before that, or instead of it
TYPES = """
SELECT a.attname, format_type(coalesce(b.oid, t.oid), NULL), coalesce(b.typtype, t.typtype) = 'e',
    c.relhasrules OR EXISTS (
        SELECT FROM pg_catalog.pg_trigger g
        WHERE g.tgtype & 5 = 5 AND g.tgtype & 66 <> 0 AND g.tgrelid IN (
            SELECT c.oid UNION ALL SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p
        )
    )
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
WHERE c.oid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""

Values = Sequence[Any]
Bind = Callable[[Any], Any]


class Types:
    """What the server says the columns of a table are, and whether it may keep new rows out."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._arrays: dict[str, str] = {}
        self._copied: set[str] = set()
        self.may_keep_out = any(row[3] for row in rows)
        for name, kind, is_enum, _ in rows:
            if is_enum or kind in _ARRAYED:
                self._arrays[name] = f"{_ARRAYED.get(kind, kind)}[]"
            if is_enum or kind.removesuffix("[]") in _ARRAYED:
                self._copied.add(name)

    def array_of(self, column: sa.Column[Any]) -> str | None:
        """The array type for values of a column, or None if it has none that is written safely."""
        return None if column.type._has_bind_expression else self._arrays.get(column.name)

    def can_copy(self, columns: Sequence[sa.Column[Any]]) -> bool:
        """Whether values of all these columns have a binary form for COPY."""
        return all(c.name in self._copied and not c.type._has_bind_expression for c in columns)


def table_name(table: sa.Table) -> str:
    """The table's name as SQL."""
    return qualified(table.name, table.schema)


class _Array(UserDefinedType[Any]):
    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **kw: Any) -> str:
        return self.name


class Insertion:
    """INSERT of many rows that have the same attributes.

    `extend` adds what comes after the values (ON CONFLICT) to an insert.
    """

    __slots__ = (
        "_compiled",
        "_defaults",
        "_fixed",
        "_keys",
        "_names",
        "_order",
        "can_copy",
        "columns",
        "each",
        "processors",
        "whole",
    )

    def __init__(
        self,
        plans: Plans,
        attributes: Sequence[str],
        types: Types,
        extend: Callable[[Any], Any] | None,
        returning: bool,
    ) -> None:
        table = plans.table
        result = list(table.columns) if returning else []
        program = plans.program(result) if returning else None

        def finished(insert: Any) -> Any:
            insert = insert if extend is None else extend(insert)
            return insert.returning(*result) if returning else insert

        self._keys = [plans.column(name).key for name in attributes]
        compiled, self._defaults = compile_insert(finished(postgresql.insert(table)), self._keys)
        self._compiled = compiled
        self._names: list[str] = list(compiled.positiontup or ())
        known = {*self._keys, *(default.key for default in self._defaults)}
        self._fixed = {n: compiled.binds[n].value for n in self._names if n not in known}
        # the values of `attributes` in the order of the statement, if it takes nothing else
        self._order: list[int] | None = None
        if not self._defaults and not self._fixed:
            self._order = [self._keys.index(name) for name in self._names]
        named = [name for name in self._names if name not in self._fixed]
        self.columns = [table.columns[name] for name in named]
        self.processors = [compiled._bind_processors.get(name) for name in named]
        self.can_copy = bool(named) and not self._fixed and types.can_copy(self.columns)
        self.each = plans.plan_of(compiled, program)
        self.whole: _Whole | None = None
        source = _Source.of(self.columns, types)
        if source is not None:
            query = sa.select(*source.columns).order_by(source.place)
            insert = postgresql.insert(table).from_select(named, query)
            self.whole = _Whole(finished(insert), source, self.processors, program)

    def rows(self, columns: Sequence[Values], count: int) -> list[list[Any]]:
        """For each of `count` rows its values in the order of `each`, with the defaults of other
        columns. `columns`: for each attribute the values of all rows.
        """
        rows = zip(*columns, strict=True) if columns else repeat((), count)
        if self._order is not None:
            order = self._order
            return [[row[index] for index in order] for row in rows]
        found = []
        for row in rows:
            parameters = {**self._fixed, **dict(zip(self._keys, row, strict=True))}
            context = DefaultContext(self._compiled, dialect(), parameters)
            for default in self._defaults:
                default.fill(context)
            found.append([parameters[name] for name in self._names])
        return found

    def records(self, columns: Sequence[Values], count: int) -> list[Values]:
        """For each row its values in the order of `self.columns`, processed: for COPY."""
        processed = [
            column if bind is None else map(bind, column)
            for column, bind in zip(self.arrays(columns, count), self.processors, strict=True)
        ]
        return list(zip(*processed, strict=True))

    def arrays(self, columns: Sequence[Values], count: int) -> list[Values]:
        """For each of `self.columns` the values of all rows."""
        if self._order is not None:
            return [columns[index] for index in self._order]
        places = [index for index, name in enumerate(self._names) if name not in self._fixed]
        turned = list(zip(*self.rows(columns, count), strict=True))
        return [turned[index] for index in places]


class Change:
    """UPDATE of many rows by primary key, each with values of its own for the same attributes.

    `merged` are JSON columns into which keys are merged. The values of a row are those of its key,
    of `attributes` and of `merged`. A row of the result is its place, from 1, and the instance; of
    `each` the instance alone.
    """

    __slots__ = ("_counts", "_update", "each", "whole")

    def __init__(
        self, plans: Plans, attributes: Sequence[str], merged: Sequence[str], types: Types
    ) -> None:
        table = plans.table
        keys = list(table.primary_key.columns)
        plain = [plans.column(name) for name in attributes]
        merges = [plans.column(name) for name in merged]
        columns = [*keys, *plain, *merges]
        self._counts = len(keys), len(plain)
        self._update = plans.update(tuple(attributes), tuple(merged), whole=True)
        self.each = self._update.plan
        self.whole: _Whole | None = None
        source = _Source.of(columns, types)
        if source is None:
            return
        given = dict(zip(columns[len(keys) :], source.columns[len(keys) :], strict=True))
        values = {column: given[column] for column in plain}
        values |= {column: merge(column, given[column]) for column in merges}
        found = sa.and_(*(key == value for key, value in zip(keys, source.columns, strict=False)))
        update = table.update().where(found).values(values)
        update = update.returning(source.place, *table.columns)
        pairs = plans.pairs(table.columns, 1)
        program = _core.Program(("tuple", (("column", 0), ("model", plans.model, pairs, None, ()))))
        processors: list[Bind | None] = [
            column.type._cached_bind_processor(dialect()) for column in (*keys, *plain)
        ]
        processors += [None] * len(merges)  # keys of JSON properties, encoded by these
        self.whole = _Whole(update, source, processors, program)

    def rows(self, columns: Sequence[Values]) -> list[list[Any]]:
        """For each row its values in the order of `each`."""
        keys, plain = self._counts
        return [
            self._update.arguments(row[keys : keys + plain], row[keys + plain :], row[:keys])
            for row in zip(*columns, strict=True)
        ]


class _Source:
    """The arrays as rows: `unnest(...) WITH ORDINALITY`."""

    def __init__(self, arrays: Sequence[str]) -> None:
        self.names = [f"gino_{index}" for index in range(len(arrays))]
        values = [
            sa.cast(sa.bindparam(name, type_=_Array(kind)), _Array(kind))
            for name, kind in zip(self.names, arrays, strict=True)
        ]
        rows = sa.func.unnest(*values).table_valued(*self.names, with_ordinality="gino_place")
        rows = rows.render_derived(name="gino_given")
        self.columns = [rows.c[name] for name in self.names]
        self.place = rows.c.gino_place

    @classmethod
    def of(cls, columns: Sequence[sa.Column[Any]], types: Types) -> _Source | None:
        """The source for values of these columns; None if one of them is in no array."""
        arrays = [types.array_of(column) for column in columns]
        found = [kind for kind in arrays if kind is not None]
        return cls(found) if found and len(found) == len(arrays) else None


class _Whole:
    """A statement with an array for each column."""

    __slots__ = ("_compiled", "_defaults", "_parts", "plan")

    def __init__(
        self,
        statement: Any,
        source: _Source,
        processors: Sequence[Bind | None],
        program: _core.Program | None,
    ) -> None:
        self._compiled = compiled = statement.compile(dialect=dialect())
        self._defaults = defaults_of(compiled) or ()
        # for each parameter its name, the index of its array, else the value that all rows share
        self._parts: list[tuple[str, int | None, Any]] = []
        binds: list[Bind | None] = []
        for name in compiled.positiontup or ():
            if name in source.names:
                index = source.names.index(name)
                self._parts.append((name, index, None))
                binds.append(_of_all(processors[index]))
            else:
                self._parts.append((name, None, compiled.binds[name].value))
                binds.append(compiled._bind_processors.get(name))
        self.plan = _core.Plan(
            compiled.string,
            program=program,
            binds=binds if any(binds) else None,
            results=None if program is None else result_processors(compiled, dialect()),
        )

    def arguments(self, arrays: Sequence[Values]) -> list[Any]:
        """The arrays and the other values in the order of the statement."""
        filled: dict[str, Any] = {}
        if self._defaults:
            context = DefaultContext(self._compiled, dialect(), filled)
            for default in self._defaults:
                default.fill(context)
        return [
            filled.get(name, value) if index is None else arrays[index]
            for name, index, value in self._parts
        ]


def _of_all(bind: Bind | None) -> Bind | None:
    if bind is None:
        return None
    return lambda values: list(map(bind, values))
