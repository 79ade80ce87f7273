"""Loaders of plain expressions: columns, tuples, functions, values; and the base of all loaders.

Owns: `Loader`, the choice of a loader for an expression, and the query that a loader implies.
Never does: run queries, or know what a model is beyond its `__loader_class__`.
Called by: `gino.loader`, where all of it is public.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.sql import elements
from sqlalchemy.sql.schema import Table

from . import _core

Tree = tuple[Any, ...]


class Finder(Protocol):
    """What a loader asks where a column is."""

    def find(self, column: Any) -> int | None:
        """The position of a column in the row, or None."""


class Loader:
    """Base of all loaders. A subclass of your own overrides `do_load`.

    Unknown attributes go to `query`, so `User.load(team=Team).where(...)` is a select that loads.
    """

    is_stable = True

    @classmethod
    def get(cls, value: Any) -> Loader:
        """The loader for an expression: loader, model, alias, column, label, tuple, callable, else
        a literal.
        """
        if isinstance(value, Loader):
            return value
        factory = getattr(value, "__loader_class__", None)
        if factory is not None and not isinstance(value, _core.Instance):
            return cast("Loader", factory(value))
        if isinstance(value, elements.ColumnElement):
            return ColumnLoader(value)
        if isinstance(value, tuple):
            return TupleLoader(value)
        if callable(value):
            return CallableLoader(value)
        return ValueLoader(value)

    @property
    def query(self) -> Any:
        """A select of the loader's columns from its joined tables, loaded by this loader."""
        query = sa.select(*self.get_columns())
        source = self.get_from()
        if source is not None:
            query = query.select_from(source)
        return query.execution_options(loader=self)

    @property
    def key(self) -> Any:
        """Equal for loaders that make the same of the same rows."""
        return self

    def do_load(self, row: Any, context: dict[Any, Any] | None = None) -> tuple[Any, bool | None]:
        """The value for a row, and whether it is new: False for a repeated `distinct` one, None for
        an all-NULL model.
        """
        raise NotImplementedError

    def get_columns(self) -> list[Any]:
        """The columns that this loader reads."""
        return []

    def get_from(self) -> Any:
        """What the columns are selected from, or None."""
        return None

    def tree(self, shape: Finder | None) -> Tree:
        """The tree for a native program; `shape` is None when only the server knows the columns."""
        return ("call", lambda row, context: self.do_load(row, context)[0])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.query, name)


class ColumnLoader(Loader):
    """The value of one column; a label is found by its name."""

    def __init__(self, column: Any) -> None:
        self.column = column

    @property
    def is_stable(self) -> bool:  # type: ignore[override]
        """Whether the column is one of a table, the same object in every statement."""
        return isinstance(getattr(self.column, "table", None), Table)

    @property
    def key(self) -> Any:
        """Equal for loaders of one column."""
        return (ColumnLoader, self.column)

    def get_columns(self) -> list[Any]:
        """The column itself."""
        return [self.column]

    def tree(self, shape: Finder | None) -> Tree:
        """The column node of a native program."""
        if shape is None:
            return super().tree(shape)
        return ("column", must_find(shape, self.column))

    def do_load(self, row: Any, context: dict[Any, Any] | None = None) -> tuple[Any, bool | None]:
        """The value in a row."""
        return row[self.column], True


class TupleLoader(Loader):
    """A tuple of what other loaders make."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.loaders = tuple(Loader.get(value) for value in values)

    @property
    def is_stable(self) -> bool:  # type: ignore[override]
        """Whether all parts are."""
        return all(loader.is_stable for loader in self.loaders)

    @property
    def key(self) -> Any:
        """Equal when all parts are."""
        return (TupleLoader, tuple(loader.key for loader in self.loaders))

    def get_columns(self) -> list[Any]:
        """The columns of all parts."""
        return [column for loader in self.loaders for column in loader.get_columns()]

    def tree(self, shape: Finder | None) -> Tree:
        """The tuple node of a native program."""
        if shape is None:
            return super().tree(shape)
        return ("tuple", tuple(loader.tree(shape) for loader in self.loaders))

    def do_load(self, row: Any, context: dict[Any, Any] | None = None) -> tuple[Any, bool | None]:
        """The tuple for a row."""
        return tuple(loader.do_load(row, context)[0] for loader in self.loaders), True


class CallableLoader(Loader):
    """What a function makes of `(row, context)`; `context` is one dict per query."""

    def __init__(self, func: Callable[[Any, dict[Any, Any]], Any]) -> None:
        self.func = func

    @property
    def key(self) -> Any:
        """Equal for one function."""
        return (CallableLoader, self.func)

    def tree(self, shape: Finder | None) -> Tree:
        """The call node of a native program."""
        return ("call", self.func)

    def do_load(self, row: Any, context: dict[Any, Any] | None = None) -> tuple[Any, bool | None]:
        """What the function returns."""
        return self.func(row, {} if context is None else context), True


class ValueLoader(Loader):
    """The same value for every row."""

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def key(self) -> Any:
        """The loader itself: values need not be hashable."""
        return (ValueLoader, id(self.value), self)

    def tree(self, shape: Finder | None) -> Tree:
        """The value node of a native program."""
        return ("value", self.value)

    def do_load(self, row: Any, context: dict[Any, Any] | None = None) -> tuple[Any, bool | None]:
        """The value."""
        return self.value, True


def must_find(shape: Finder, column: Any) -> int:
    """The position of a column. Errors: NoSuchColumnError."""
    found = shape.find(column)
    if found is None:
        raise sa.exc.NoSuchColumnError(f"could not locate column {str(column)!r} in the result")
    return found


for _public in (Loader, ColumnLoader, TupleLoader, CallableLoader, ValueLoader):
    _public.__module__ = "gino.loader"
