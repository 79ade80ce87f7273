"""Loaders: how rows become models, tuples, values.

Owns: the loaders of models and aliases, and their translation into the tree of a native program.
Never does: run queries. Rows are walked by the native half; `do_load` does the same in Python, for
rows whose columns only the server knows and for loaders that call other loaders.
Called by: `gino.statement`, `gino.crud`, applications (`Model.load()`, `.gino.load()`).
"""

from __future__ import annotations

import types
import warnings
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql import elements
from sqlalchemy.sql.schema import Column, Table

from .loading import (
    CallableLoader,
    ColumnLoader,
    Finder,
    Loader,
    Tree,
    TupleLoader,
    ValueLoader,
    must_find,
)
from .shape import RowShape

if TYPE_CHECKING:
    from ._typed import Query
    from .executor import GinoExecutor

M_co = TypeVar("M_co", covariant=True)

__all__ = [
    "AliasLoader",
    "CallableLoader",
    "ColumnLoader",
    "Loader",
    "ModelLoader",
    "TupleLoader",
    "ValueLoader",
]


class ModelLoader(Loader, Generic[M_co]):
    """Loads instances of a model: its columns (all, unless some are named) and sub-results as
    attributes.
    """

    def __init__(self, model: Any, *columns: Any, **extras: Any) -> None:
        self.model = model
        self._distinct: tuple[Any, ...] | None = None
        self.on_clause: Any = None
        self._selected: list[Any] | None = None
        self.extras: dict[str, Loader] = {}
        self._key: Any = None
        self.load(*columns, **extras)

    if TYPE_CHECKING:

        @property
        def query(self) -> Query[M_co]: ...
        @property
        def gino(self) -> GinoExecutor[M_co]: ...

    @property
    def columns(self) -> list[Any]:
        """The model's own columns that are loaded."""
        return self._selected if self._selected is not None else self._all_columns()

    def load(self, *columns: Any, **extras: Any) -> Self:
        """Load these columns only (names or columns), and these sub-results."""
        if columns:
            self._selected = [self._own_column(item) for item in columns]
        for name, value in extras.items():
            self.extras[name] = Loader.get(value)
        self._key = None
        return self

    def on(self, on_clause: Any) -> Self:
        """Join on this clause, instead of the foreign key."""
        self.on_clause = on_clause
        return self

    def distinct(self, *columns: Any) -> Self:
        """One instance per key of these columns and per query; later rows reuse it."""
        self._distinct = tuple(columns)
        self._key = None
        return self

    def none_as_none(self, enabled: bool = True) -> Self:
        """Accepted for old code: a model whose columns are all NULL is never made."""
        if not enabled:
            warnings.warn(
                "none_as_none(False) has no effect: all-NULL models are always left out",
                DeprecationWarning,
                stacklevel=2,
            )
        return self

    @property
    def key(self) -> Any:
        """Equal for loaders that make the same of the same rows."""
        if self._key is None:
            self._key = (
                type(self),
                self._origin(),
                tuple(self.columns) if self._selected is not None else None,
                self._distinct,
                tuple((name, loader.key) for name, loader in self.extras.items()),
            )
        return self._key

    @property
    def is_stable(self) -> bool:  # type: ignore[override]
        """Whether all columns are columns of tables, the same objects in every statement."""
        return all(loader.is_stable for loader in self.extras.values()) and all(
            isinstance(getattr(column, "table", None), Table) for column in self._distinct or ()
        )

    def get_columns(self) -> list[Any]:
        """Own columns, then those of the sub-loaders."""
        found = list(self.columns)
        for loader in self.extras.values():
            found += loader.get_columns()
        return found

    def get_from(self) -> Any:
        """The model's table, outer-joined with what the sub-loaders need."""
        source = self._source()
        for loader in self.extras.values():
            other = loader.get_from()
            if other is not None:
                source = sa.outerjoin(source, other, getattr(loader, "on_clause", None))
        return source

    def tree(self, shape: Finder | None) -> Tree:
        """The model node of a native program."""
        if shape is None:
            return super().tree(shape)
        distinct = None
        if self._distinct is not None:
            distinct = tuple(must_find(shape, column) for column in self._distinct)
        return (
            "model",
            self.model,
            self._slots(shape),
            distinct,
            tuple((name, loader.tree(shape), False) for name, loader in self.extras.items()),
        )

    def do_load(self, row: Any, context: dict[Any, Any] | None = None) -> tuple[Any, bool | None]:
        """The instance for a row; see `Loader.do_load`."""
        shape = RowShape(row)
        context = {} if context is None else context
        columns = self._slots(shape)
        values = [(slot, row[index]) for index, slot in columns]
        if values and all(value is None for _, value in values):
            return None, None
        is_new = True
        instance = None
        if self._distinct is not None:
            known = context.setdefault(self.key, {})
            identity = tuple(row[must_find(shape, column)] for column in self._distinct)
            instance = known.get(identity)
            is_new = instance is None
        if instance is None:
            instance = self.model()
            names = self.model.__layout__.names
            for slot, value in values:
                instance.__values__[names[slot]] = value
            if self._distinct is not None:
                known[identity] = instance
        for name, loader in self.extras.items():
            value, fresh = loader.do_load(row, context)
            if fresh is not None:
                _attach(instance, name, value)
        return instance, is_new

    def _slots(self, shape: Finder) -> tuple[tuple[int, int], ...]:
        found = []
        for column in self.columns:
            slot = self._slot_of(column)
            index = shape.find(column) if slot is not None else None
            if index is not None and slot is not None:
                found.append((index, slot))
        return tuple(found)

    def _origin(self) -> Any:
        return self.model

    def _source(self) -> Any:
        return self.model.__table_or_raise__()

    def _all_columns(self) -> list[Any]:
        return list(self.model)

    def _slot_of(self, column: Any) -> int | None:
        slots: dict[Any, int] = self.model.__slots_by_column__
        return slots.get(column.name)

    def _own_column(self, item: Any) -> Any:
        if isinstance(item, str):
            item = getattr(self.model, item)
        if not isinstance(item, Column):
            raise TypeError(
                f"a column of {self.model.__name__} is given by name or as a Column, "
                f"not as {item!r}"
            )
        if item not in self.model:
            raise AttributeError(f"{item} is not a column of {self.model.__name__}")
        return item


class AliasLoader(ModelLoader[Any]):
    """Loads instances of the model behind an alias, from the columns of the alias."""

    is_stable = False

    def __init__(self, alias: Any, *columns: Any, **extras: Any) -> None:
        self.alias = alias
        super().__init__(alias.model, *columns, **extras)

    def _origin(self) -> Any:
        return self.alias

    def _source(self) -> Any:
        return self.alias.alias

    def _all_columns(self) -> list[Any]:
        return list(self.alias.alias.c)

    def _own_column(self, item: Any) -> Any:
        if isinstance(item, str):
            item = getattr(self.alias, item)
        if not isinstance(item, elements.ColumnClause):
            raise TypeError(
                f"a column of an alias is given by name or as a column, not as {item!r}"
            )
        own = self.alias.alias.c.get(item.name)
        if own is None or (own is not item and item not in self.model):
            raise AttributeError(f"{item} is not a column of {self.alias!r}")
        return own


def _attach(instance: Any, name: str, value: Any) -> None:
    if isinstance(getattr(type(instance), name, None), types.FunctionType):
        getattr(instance, name)(value)
    else:
        setattr(instance, name, value)
