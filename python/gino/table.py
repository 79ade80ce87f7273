"""What a class body and its bases say about a table.

Owns: the walk along the MRO that finds columns, constraints, `__tablename__`, `__table_args__` and
declared attributes.
Never does: set attributes on the class, except the columns that declared attributes want to read.
Called by: `gino.declarative`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.schema import Column, Constraint, Index, Table


@dataclass
class Definition:
    """All that was found: columns by attribute name, table items, and how to call the table."""

    columns: dict[str, Column[Any]] = field(default_factory=dict)
    items: list[Any] = field(default_factory=list)
    computed: dict[str, Any] = field(default_factory=dict)
    with_table: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    # of these, what each class has of its own, and what it has because its parent does
    per_class: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    repeated: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    table_name: str | None = None
    table_args: Any = None
    shared: Any = None  # the class whose table this one has


def give_name(column: Column[Any], name: str) -> None:
    """Name a column after its attribute, unless it has a name."""
    if column.name is None:
        column.name = name
        if column.key is None:
            column.key = name


def collect(cls: Any, declared: Any, attribute: Any) -> Definition:
    """Walk the MRO of a new class; the most derived definition of each name counts."""
    found = Definition()
    entries = _entries(cls)
    found.shared = _owner_of_table(cls)
    late: list[tuple[str, Any]] = []
    for name, (owner, value) in entries.items():
        if name in _RESERVED:
            continue
        if isinstance(value, declared):
            late.append((name, value))
            continue
        column = value.column if isinstance(value, attribute) else value
        if isinstance(column, Column):
            found.columns[name] = _own(column, name, owner is cls)
        elif isinstance(value, Index | Constraint):
            found.items.append(value)
    found.per_class = {name: value.func for name, value in late if value.per_class}
    if found.shared is not None:
        found.repeated = _repeated(cls)
        found.per_class = {**found.repeated, **found.per_class}
        found.with_table = {n: v.func for n, v in late if v.with_table and n in vars(cls)}
        return found
    found.table_name = _resolve(entries, "__tablename__", cls, declared)
    if found.table_name is not None:
        for name, column in found.columns.items():
            setattr(cls, name, column)  # declared attributes read it
        for name, value in late:
            _declare(found, cls, name, value)
        found.table_args = _resolve(entries, "__table_args__", cls, declared)
    return found


def make_table(metadata: sa.MetaData, found: Definition) -> Table:
    """The table of a definition, in `metadata`."""
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = {}
    given = found.table_args
    if isinstance(given, dict):
        options = dict(given)
    elif given:
        args = tuple(given)
        if isinstance(args[-1], dict):
            args, options = args[:-1], dict(args[-1])
    for item in found.items:
        if (item.table if isinstance(item, Index) else getattr(item, "parent", None)) is not None:
            raise ValueError(f"{item!r} is already attached to another table")
    options.setdefault("implicit_returning", True)
    if found.table_name is None:
        raise TypeError("a table needs a name")
    columns = found.columns.values()
    return Table(found.table_name, metadata, *columns, *found.items, *args, **options)


_RESERVED = {"__table__", "__tablename__", "__table_args__", "__layout__", "__metadata__"}


def _entries(cls: Any) -> dict[str, tuple[type, Any]]:
    entries: dict[str, tuple[type, Any]] = {}
    for owner in cls.__mro__:
        if owner is object or owner.__module__ == "gino._core":
            continue
        for name, value in list(vars(owner).items()):
            if name not in entries:
                entries[name] = (owner, value)
    return entries


def _owner_of_table(cls: Any) -> Any:
    """The nearest concrete base, unless something nearer names another table."""
    for owner in cls.__mro__:
        if vars(owner).get("__table__") is not None and owner is not cls:
            return owner
        if "__tablename__" in vars(owner):
            return None
    return None


def _repeated(cls: Any) -> dict[str, Callable[[Any], Any]]:
    """What parents have for each class, unless something nearer has the name."""
    repeated: dict[str, Callable[[Any], Any]] = {}
    taken = set(vars(cls))
    for owner in cls.__mro__[1:]:
        for name, func in vars(owner).get("__per_class__", {}).items():
            if name not in taken:
                repeated[name] = func
        taken.update(vars(owner))
    return repeated


def _own(column: Column[Any], name: str, is_own: bool) -> Column[Any]:
    if not is_own or column.table is not None:
        column = column._copy()
    give_name(column, name)
    return column


def _declare(found: Definition, cls: Any, name: str, value: Any) -> None:
    if value.with_table:
        found.with_table[name] = value.func
        return
    made = value.func(cls)
    if isinstance(made, Column):
        give_name(made, name)
        found.columns[name] = made
        setattr(cls, name, made)
        return
    if isinstance(made, Index | Constraint):
        found.items.append(made)
    found.computed[name] = made


def _resolve(entries: dict[str, tuple[type, Any]], name: str, cls: Any, declared: Any) -> Any:
    if name not in entries:
        return None
    value = entries[name][1]
    if isinstance(value, declared):
        value = value.func(cls)
        if value is not None:
            setattr(cls, name, value)
    return value
