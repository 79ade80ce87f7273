"""The shape of a result: which column of a statement is at which position.

Owns: the search for a column among the result columns of a compiled statement (by identity, lineage
and name), and row keys.
Never does: compile or run a statement.
Called by: `gino.statement`; loaders ask a Shape where their columns are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy.sql import elements

from . import _core


class Shape:
    """Names, column objects and result processors of a result, by position."""

    __slots__ = ("by_name", "by_object", "names", "objects")

    def __init__(self, names: Sequence[str], objects: Sequence[Sequence[Any]]) -> None:
        self.names = list(names)
        self.objects = [
            tuple(item for item in candidates if isinstance(item, elements.ClauseElement))
            for candidates in objects
        ]
        self.by_name: dict[str, int] = {}
        self.by_object: dict[Any, int] = {}
        for position, name in enumerate(self.names):
            self.by_name[name] = position
            for item in self.objects[position]:
                self.by_object.setdefault(item, position)

    @classmethod
    def of_compiled(cls, compiled: Any) -> Shape | None:
        """The shape that a compiled statement knows; None when only the server knows it."""
        entries = getattr(compiled, "_result_columns", None)
        if not entries:
            return None
        if not (compiled._ordered_columns or compiled._textual_ordered_columns):
            return None
        return cls(
            [_name_of(entry) for entry in entries],
            [entry.objects or () for entry in entries],
        )

    def with_columns(self, columns: Iterable[Any]) -> Shape:
        """The same shape for another statement with the same cache key, whose columns are other
        objects.
        """
        given = list(columns)
        if len(given) != len(self.names):
            return self
        return Shape(self.names, [(column,) for column in given])

    def row_keys(self) -> _core.RowKeys:
        """Keys of a row: names, and column objects."""
        return _core.RowKeys(self.names, self.by_object)

    def find(self, column: Any) -> int | None:
        """The position of a column, or None if it is not in the result."""
        found = self.by_object.get(column)
        if found is not None:
            return found
        name = getattr(column, "name", None)
        if name is None or name not in self.by_name:
            return None
        if not isinstance(column, elements.ColumnClause):
            return self.by_name[name]
        for position in reversed(range(len(self.names))):
            if self.names[position] == name and self._same_origin(position, column):
                return position
        return None

    def _same_origin(self, position: int, column: Any) -> bool:
        for item in self.objects[position]:
            if getattr(item, "name", None) != column.name:
                continue
            table = getattr(item, "table", None)
            if table is None or getattr(table, "_is_textual", False):
                return True
            if not column.proxy_set.isdisjoint(item.proxy_set):
                return True
        return False


def _name_of(entry: Any) -> str:
    """The name of a result column: SQLAlchemy numbers repeated names in SQL, rows do not."""
    if entry.name.startswith("%("):
        for item in entry.objects or ():
            if isinstance(item, elements.ColumnClause):
                return str(item.name)
    return str(entry.keyname)


class RowShape:
    """The shape of a single row whose columns only the server knows: by name."""

    __slots__ = ("row",)

    def __init__(self, row: Any) -> None:
        self.row = row

    def find(self, column: Any) -> int | None:
        """The position of the last column with the name of `column`, or None."""
        name = getattr(column, "name", None)
        names = self.row.keys()
        for position in reversed(range(len(names))):
            if names[position] == name:
                return position
        return None


def result_processors(compiled: Any, dialect: Any) -> list[Callable[[Any], Any] | None] | None:
    """A processor or None per result column; None when there is none at all."""
    entries = getattr(compiled, "_result_columns", None) or ()
    found = [entry.type._cached_result_processor(dialect, None) for entry in entries]
    return found if any(item is not None for item in found) else None
