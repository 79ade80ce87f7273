"""Model classes: from a class body to a table, slots and attributes.

Owns: the metaclass `ModelType`, `declared_attr`, column attributes, and the abstract base that
`db.Model` is made from.
Never does: run queries (that is `gino.crud`).
Called by: `gino.crud`, `gino.api`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.sql.schema import Column, Table

from . import _core
from .exceptions import GinoException, InitializedError
from .table import Definition, collect, give_name, make_table

__all__ = [
    "ColumnAttribute",
    "InvertDict",
    "Model",
    "ModelType",
    "declarative_base",
    "declared_attr",
    "inspect_model_type",
]


class InvertDict(dict[Any, Any]):
    """A dict whose values are unique, and can be looked up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inverted: dict[Any, Any] = {}
        for key, value in self.items():
            self._note(key, value)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._note(key, value)
        super().__setitem__(key, value)

    def invert_get(self, value: Any, default: Any = None) -> Any:
        """The key of `value`."""
        return self._inverted.get(value, default)

    def _note(self, key: Any, value: Any) -> None:
        if self._inverted.get(value, key) != key:
            raise GinoException(f"Column name {value} already maps to {self._inverted[value]}")
        self._inverted[value] = key


class ColumnAttribute(_core.Attribute):
    """The attribute of a column: the Column on the class, the value or None on an instance."""


class declared_attr:
    """A class attribute that is computed once per model class from the class.

    `@declared_attr` or `@declared_attr()`; with `with_table=True` it is computed when `__table__`
    exists.
    """

    # whether a model that shares its parent's table has a value of its own
    per_class = False

    def __init__(self, func: Callable[[Any], Any] | None = None, *, with_table: bool = False):
        self.func = func
        self.with_table = with_table
        self.__doc__ = getattr(func, "__doc__", None)

    def __call__(self, func: Callable[[Any], Any]) -> declared_attr:
        """The second half of `@declared_attr(...)`."""
        return type(self)(func, with_table=self.with_table)

    def __get__(self, instance: Any, owner: Any) -> Any:
        """The computed value, also on a mixin that is no model."""
        if self.func is None:
            raise AttributeError("declared_attr() without a function")
        return self.func(owner)


class _Body(dict[str, Any]):
    """The namespace of a class body: columns learn their names at once."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, Column):
            give_name(value, key)
        super().__setitem__(key, value)


class ModelType(type):
    """Metaclass of models: iterable over columns, `column in Model`, usable as its table in
    clauses.
    """

    __attr_factory__: ClassVar[type[_core.Attribute]] = ColumnAttribute
    __table__: Table | None
    __layout__: _core.Layout | None
    __metadata__: Any
    __per_class__: dict[str, Callable[[Any], Any]]

    @classmethod
    def __prepare__(mcs, name: str, bases: tuple[type, ...], /, **kwargs: Any) -> dict[str, Any]:
        return _Body()

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> ModelType:
        cls = super().__new__(mcs, name, bases, dict(namespace), **kwargs)
        if hasattr(cls, "__metadata__"):
            cls._define(collect(cls, declared_attr, _core.Attribute))
        return cls

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls.__table_or_raise__().columns)

    def __contains__(cls, item: Any) -> bool:
        if isinstance(item, str):
            return item in cls.__table_or_raise__().columns
        return any(item is column for column in cls.__table_or_raise__().columns)

    def __clause_element__(cls) -> Table:
        return cls.__table_or_raise__()

    def __table_or_raise__(cls) -> Table:
        """The table of the model. TypeError if it is abstract."""
        table = cls.__table__
        if table is None:
            raise TypeError(f"GINO model {cls.__name__} is abstract, no table is defined.")
        return table

    def _define(cls, found: Definition) -> None:
        if found.shared is not None:
            cls._share(found)
            cls._after_table(found)
            return
        names = InvertDict()
        for attribute, column in found.columns.items():
            names[attribute] = column.name
        cls._column_name_map = names
        slots = list(found.columns)
        cls.__layout__ = _core.Layout(slots)
        cls.__slots_by_column__ = {
            column.name: index for index, column in enumerate(found.columns.values())
        }
        for index, (attribute, column) in enumerate(found.columns.items()):
            setattr(cls, attribute, cls.__attr_factory__(attribute, index, column))
        for attribute, value in found.computed.items():
            setattr(cls, attribute, value)
        cls.__table__ = None
        if found.table_name is not None:
            cls.__table__ = make_table(cls.__metadata__, found)
        cls._after_table(found)

    def _share(cls, found: Definition) -> None:
        """Be another model of a table: an abstract model may stand nearer than the one it is of."""
        owner = found.shared
        for name in found.columns.keys() - owner._column_name_map.keys():
            if isinstance(inspect.getattr_static(cls, name), _core.Attribute):
                raise TypeError(
                    f"{cls.__name__} has the table of {owner.__name__}, which has no column for "
                    f"{name!r}: give it a __tablename__ of its own"
                )
        for name in ("__table__", "__layout__", "__slots_by_column__", "_column_name_map"):
            setattr(cls, name, getattr(owner, name))

    def __getattr__(cls, name: str) -> Any:
        if name in _TABLE_METHODS:
            return getattr(cls.__table_or_raise__(), name)
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")

    def _after_table(cls, found: Definition) -> None:
        if cls.__table__ is not None:
            for attribute, func in found.with_table.items():
                setattr(cls, attribute, func(cls))
            for attribute, func in found.repeated.items():
                with suppress(InitializedError):  # a closed bakery: the parent's has to do
                    setattr(cls, attribute, func(cls))
            if found.per_class:
                cls.__per_class__ = found.per_class
        created = getattr(cls, "__model_created__", None)
        if created is not None:
            created()


_TABLE_METHODS = frozenset({"insert", "join", "outerjoin", "gino"})


class Model(_core.Instance, metaclass=ModelType):
    """Abstract base of models; `declarative_base` makes one for a metadata."""

    __table__: ClassVar[Table | None] = None
    __layout__ = None


def declarative_base(
    metadata: sa.MetaData, model_classes: tuple[type, ...] = (Model,), name: str = "Model"
) -> Any:
    """The base class of the models of `metadata`."""
    return ModelType(name, model_classes, {"__metadata__": metadata})


@sa.inspection._inspects(ModelType)
def inspect_model_type(target: ModelType) -> Any:
    """What SQLAlchemy sees when it inspects a model class: its table."""
    return sa.inspect(target.__table_or_raise__())
