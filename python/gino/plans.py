"""The plans of a model class: what CRUD sends, made once per class and set of keys.

Owns: the SQL of `get`, `create`, `update().apply()` and `delete`, written by SQLAlchemy's compiler,
and the order of their values.
Never does: run a plan, or look at an instance.
Called by: `gino.crud` and `gino.update`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from . import _core
from .defaults import Default, DefaultContext, defaults_of
from .dialects.asyncpg import dialect
from .shape import result_processors

_KEY = "gino_key_"
_MERGE = "gino_merge_"
_CACHED = 500
_LOCKS: dict[Any, dict[str, Any]] = {
    True: {},
    "nowait": {"nowait": True},
    "skip_locked": {"skip_locked": True},
}


class CreatePlan:
    """An INSERT for one set of attributes, in the order in which they are given."""

    __slots__ = ("_compiled", "_defaults", "_keys", "_names", "_order", "plan")

    def __init__(self, plans: Plans, attributes: Sequence[str]) -> None:
        columns = [plans.column(name) for name in attributes]
        statement = plans.table.insert().returning(*plans.table.columns)
        keys = [column.key for column in columns]
        self._compiled, self._defaults = compiled, defaults = compile_insert(statement, keys)
        self._keys = keys
        self._names: list[str] = list(compiled.positiontup or ())
        self._order: list[int] | None = None
        if not defaults:
            self._order = [keys.index(name) for name in self._names]
        self.plan = plans.plan_of(compiled, plans.program(plans.table.columns))

    def arguments(self, values: list[Any]) -> list[Any]:
        """The values in the order of the statement, with the defaults of the other columns."""
        if self._order is not None:
            return [values[index] for index in self._order]
        parameters = dict(zip(self._keys, values, strict=True))
        context = DefaultContext(self._compiled, dialect(), parameters)
        for default in self._defaults:
            default.fill(context)
        return [parameters[name] for name in self._names]


class UpdatePlan:
    """An UPDATE of one row: plain columns, and JSON columns into which keys are merged."""

    __slots__ = ("_compiled", "_defaults", "_keys", "_names", "_order", "plan")

    def __init__(
        self, plans: Plans, attributes: Sequence[str], merged: Sequence[str], whole: bool
    ) -> None:
        plain = [plans.column(name) for name in attributes]
        merges = [plans.column(name) for name in merged]
        statement = plans.table.update().where(plans.key_clause())
        if merges:
            statement = statement.values(
                {
                    column: merge(column, sa.bindparam(_MERGE + column.key, type_=JSONB()))
                    for column in merges
                }
            )
        keys = [column.key for column in plain]
        probe: Any = statement.compile(dialect=dialect(), column_keys=keys)
        changed = [*plain, *merges]
        changed += [
            column for column in _refreshed(plans.table, probe) if column not in _Set(changed)
        ]
        if whole:
            changed = list(plans.table.columns)
        compiled: Any = statement.returning(*changed).compile(dialect=dialect(), column_keys=keys)
        self._compiled = compiled
        self._defaults: Sequence[Default] = defaults_of(compiled) or ()
        self._keys = [
            *keys,
            *(_MERGE + column.key for column in merges),
            *(f"{_KEY}{index}" for index in range(len(plans.keys))),
        ]
        self._names: list[str] = list(compiled.positiontup or ())
        self._order: list[int] | None = None
        if not self._defaults:
            self._order = [self._keys.index(name) for name in self._names]
        self.plan = plans.plan_of(compiled, plans.program(changed))

    def arguments(
        self, values: Sequence[Any], merged: Sequence[Any], key: Sequence[Any]
    ) -> list[Any]:
        """The values in the order of the statement."""
        if self._order is not None:
            given = [*values, *merged, *key]
            return [given[index] for index in self._order]
        parameters = dict(zip(self._keys, (*values, *merged, *key), strict=True))
        context = DefaultContext(self._compiled, dialect(), parameters)
        for default in self._defaults:
            default.fill(context)
        return [parameters[name] for name in self._names]


class Plans:
    """All plans of one model class. Made with the class; each plan is made on its first use."""

    __slots__ = (
        "_creates",
        "_delete",
        "_finds",
        "_get",
        "_updates",
        "bulk",
        "by_key",
        "keys",
        "model",
        "query",
        "table",
    )

    def __init__(self, model: Any) -> None:
        self.model = model
        self.table: sa.Table = model.__table__
        names = model._column_name_map
        self.keys: list[str] = [
            names.invert_get(column.name, column.name) for column in self.table.primary_key.columns
        ]
        self._get: _core.Plan | None = None
        # what `get` takes when the key is one value; None until it is made
        self.by_key: _core.Plan | None = None
        self._delete: _core.Plan | None = None
        self._finds: dict[tuple[Any, ...], _core.Plan] = {}
        self._creates: dict[tuple[str, ...], CreatePlan] = {}
        self._updates: dict[tuple[tuple[str, ...], tuple[str, ...], bool], UpdatePlan] = {}
        # of `gino.bulk`, for each engine: its databases may call types otherwise
        self.bulk: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()
        self.query: Any = None

    def get(self, ident: Any) -> tuple[_core.Plan, list[Any]]:
        """SELECT all columns of the row with a key, and the values of the key.

        Errors: ValueError for a wrong number of values, KeyError for a wrong name.
        """
        if self._get is None:
            statement = sa.select(*self.table.columns).where(self.key_clause())
            compiled = statement.compile(dialect=dialect())
            self._get = self.plan_of(compiled, self.program(self.table.columns))
            if len(self.keys) == 1:
                self.by_key = self._get
        return self._get, self.key_values(ident)

    def locked(self, for_update: Any) -> _core.Plan:
        """As `get`, with a row lock. Errors: ValueError for what names no lock."""
        options = _LOCKS.get(for_update) if isinstance(for_update, bool | str) else for_update
        if not isinstance(options, dict):
            raise ValueError(
                f"for_update={for_update!r}: True, 'nowait', 'skip_locked', or a dict with what "
                "with_for_update() takes"
            )
        key = ("lock", *((name, repr(options[name])) for name in sorted(options)))

        def make() -> Any:
            query = sa.select(*self.table.columns).where(self.key_clause())
            return query.with_for_update(**options)

        return self._found(key, make)

    def find(self, attributes: tuple[str, ...]) -> _core.Plan:
        """SELECT all columns of the row with these values of these attributes."""

        def make() -> Any:
            return sa.select(*self.table.columns).where(
                *(
                    column == sa.bindparam(f"{_KEY}{index}", type_=column.type)
                    for index, column in enumerate(map(self.column, attributes))
                )
            )

        return self._found(attributes, make)

    def _found(self, key: tuple[Any, ...], make: Callable[[], Any]) -> _core.Plan:
        found = self._finds.get(key)
        if found is None:
            if len(self._finds) >= _CACHED:
                self._finds.clear()
            compiled = make().compile(dialect=dialect())
            found = self.plan_of(compiled, self.program(self.table.columns))
            self._finds[key] = found
        return found

    def delete(self) -> _core.Plan:
        """DELETE the row with a key."""
        if self._delete is None:
            statement = self.table.delete().where(self.key_clause())
            self._delete = self.plan_of(statement.compile(dialect=dialect()), None)
        return self._delete

    def create(self, attributes: tuple[str, ...]) -> CreatePlan:
        """INSERT these attributes and return all columns."""
        found = self._creates.get(attributes)
        if found is None:
            if len(self._creates) >= _CACHED:
                self._creates.clear()
            found = self._creates[attributes] = CreatePlan(self, attributes)
        return found

    def update(
        self, attributes: tuple[str, ...], merged: tuple[str, ...], whole: bool = False
    ) -> UpdatePlan:
        """UPDATE these attributes, and merge keys into these JSON columns; returns what changed, or
        all columns if `whole`.
        """
        found = self._updates.get((attributes, merged, whole))
        if found is None:
            if len(self._updates) >= _CACHED:
                self._updates.clear()
            found = UpdatePlan(self, attributes, merged, whole)
            self._updates[attributes, merged, whole] = found
        return found

    def key_values(self, ident: Any) -> list[Any]:
        """The values of a primary key in column order."""
        given = ident if isinstance(ident, list | tuple | dict) else [ident]
        if len(given) != len(self.keys):
            raise ValueError(
                "Incorrect number of values as primary key: "
                f"expected {len(self.keys)}, got {len(given)}."
            )
        if not isinstance(given, dict):
            return list(given)
        values = []
        for index, name in enumerate(self.keys):
            if name not in given and index not in given:
                raise KeyError(name)
            values.append(given[name] if name in given else given[index])
        return values

    def column(self, attribute: str) -> sa.Column[Any]:
        """The column behind an attribute."""
        name = self.model._column_name_map.get(attribute, attribute)
        return next(column for column in self.table.columns if column.name == name)

    def key_clause(self) -> Any:
        """`key = $n`, with a parameter for each column of the primary key."""
        columns = self.table.primary_key.columns
        return sa.and_(
            *(
                column == sa.bindparam(f"{_KEY}{index}", type_=column.type)
                for index, column in enumerate(columns)
            )
        )

    def program(self, columns: Any) -> _core.Program:
        """An instance of the model from these result columns."""
        return _core.Program(("model", self.model, self.pairs(columns), None, ()))

    def pairs(self, columns: Any, first: int = 0) -> tuple[tuple[int, int], ...]:
        """Where result columns, from number `first` on, go in an instance."""
        slots = self.model.__slots_by_column__
        return tuple(
            (index, slots[column.name])
            for index, column in enumerate(columns, first)
            if column.name in slots
        )

    def plan_of(self, compiled: Any, program: _core.Program | None) -> _core.Plan:
        """The native plan of a compiled statement."""
        binds = [compiled._bind_processors.get(name) for name in compiled.positiontup or ()]
        return _core.Plan(
            compiled.string,
            program=program,
            binds=binds if any(binds) else None,
            results=result_processors(compiled, dialect()) if program is not None else None,
        )


class _Set(list[Any]):
    """Membership by identity: `==` of columns makes clauses."""

    def __contains__(self, item: object) -> bool:
        return any(item is other for other in self)


def compile_insert(statement: Any, keys: Sequence[str]) -> tuple[Any, Sequence[Default]]:
    """An INSERT with parameters for the columns of these keys, and the defaults of others."""
    compiled = statement.compile(dialect=dialect(), column_keys=list(keys))
    defaults = defaults_of(compiled)
    if defaults is None:
        compiled = statement.inline().compile(dialect=dialect(), column_keys=list(keys))
        defaults = defaults_of(compiled) or ()
    return compiled, defaults


def merge(column: Any, addition: Any) -> Any:
    """The JSONB value of a column with the keys of `addition` set."""
    empty: Any = sa.literal_column("'{}'::jsonb", JSONB())
    return sa.func.coalesce(column, empty, type_=JSONB()).op("||", return_type=JSONB())(addition)


def _refreshed(table: sa.Table, compiled: Any) -> list[Any]:
    """Columns that an UPDATE changes besides the given ones: those with `onupdate`."""
    return [column for column in table.columns if column.onupdate is not None]
