"""ON CONFLICT of `bulk_upsert` and `get_or_create`.

Owns: which rows conflict, and what becomes of the one that is there.
Never does: run a statement, or know the values of rows.
Called by: `gino.bulk`, `gino.crud`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import Constraint, Index
from sqlalchemy.sql import ClauseElement

from .json_support import is_mergeable
from .plans import merge
from .update import is_expression


class Conflict:
    """What `conflict=` and `update=` say.

    `conflict`: attributes, columns, a constraint or an index; None: the primary key. `update`:
    None: all that is given besides; names: these; a mapping from names to values or SQL, or a
    function that makes one of `excluded`, the row that was not inserted; empty: nothing.
    """

    def __init__(self, model: Any, conflict: Any, update: Any) -> None:
        self._model = model
        self._plans = model.__plans__
        self._is_key = conflict is None
        self._update = update
        self._names: list[str] = []
        self.target: dict[str, Any] = {}
        self.key: Any = None  # what a statement can be remembered by
        if isinstance(conflict, Constraint | Index):
            self.target["constraint"] = conflict
            known = [column.name for column in getattr(conflict, "columns", ())]
            self._names = [model._column_name_map.invert_get(name, name) for name in known]
            key: Any = conflict
        else:
            given = self._plans.keys if conflict is None else several(conflict)
            self._names = [self._name_of(item) for item in given]
            if not self._names:
                raise ValueError("conflict= names no column, and there is no primary key")
            self.target["index_elements"] = [self._plans.column(name) for name in self._names]
            key = tuple(self._names)
        if update is None:
            self.key = (key, None)
        elif not callable(update) and not isinstance(update, Mapping):
            self._update = tuple(self._name_of(item) for item in several(update))
            self.key = (key, self._update)

    def check(self, attributes: Sequence[str]) -> None:
        """Errors: ValueError if rows with these attributes can never conflict."""
        missing = [name for name in self._names if name not in attributes]
        if self._is_key and missing:
            raise ValueError(
                f"rows without {missing[0]!r} never conflict in the primary key: say in what they "
                "do, as bulk_upsert(rows, conflict=...)"
            )

    def extend(self, insert: Any, given: Sequence[str]) -> Any:
        """An INSERT with ON CONFLICT; `given` are the names of the rows' values."""
        changes = self._changes(insert.excluded, given)
        if changes:
            return insert.on_conflict_do_update(**self.target, set_=changes)
        return insert.on_conflict_do_nothing(**self.target)

    def _changes(self, excluded: Any, given: Sequence[str]) -> dict[Any, Any]:
        update = self._update
        if callable(update):
            update = update(excluded)
        if isinstance(update, Mapping):
            return self._assigned({self._name_of(name): value for name, value in update.items()})
        if update is None:
            update = [name for name in given if name not in self._names]
        wanted: dict[str, Any] = {}
        for name in update:
            prop = self._model.__json_properties__.get(name)
            if prop is None:
                wanted[name] = excluded[self._plans.column(name).key]
            elif prop.prop_name not in update:
                stored = excluded[self._plans.column(prop.prop_name).key]
                wanted[name] = stored.op("->", return_type=JSONB())(name)
        return self._assigned(wanted)

    def _assigned(self, values: Mapping[str, Any]) -> dict[Any, Any]:
        """Columns and what they become; JSON properties are merged into theirs."""
        changes: dict[Any, Any] = {}
        merged: dict[str, list[Any]] = {}
        for name, value in values.items():
            prop = self._model.__json_properties__.get(name)
            if prop is None:
                changes[self._plans.column(name)] = value
                continue
            if not is_expression(value):
                value = sa.cast(sa.bindparam(None, prop.encode(value), type_=JSONB()), JSONB())
            merged.setdefault(prop.prop_name, []).extend([sa.cast(name, sa.Text), value])
        for attribute, pairs in merged.items():
            column = self._plans.column(attribute)
            if not is_mergeable(column):
                raise TypeError(f"keys cannot be merged into {attribute!r}: it is JSON, not JSONB")
            changes[column] = merge(column, sa.func.jsonb_build_object(*pairs, type_=JSONB()))
        return changes

    def _name_of(self, item: Any) -> str:
        model = self._model
        name = item if isinstance(item, str) else None
        if isinstance(item, sa.Column):
            name = model._column_name_map.invert_get(item.name)
        if name not in model._column_name_map and name not in model.__json_properties__:
            raise KeyError(model.__unknown_attribute__(str(name or item)))
        return str(name)


def several(given: Any) -> Iterable[Any]:
    """One name or column, or several, as several."""
    return [given] if isinstance(given, str | ClauseElement) else given
