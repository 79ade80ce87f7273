"""What to write instead of a statement that is run again and again.

Owns: the reading of simple statements, and the look-up of models and foreign keys.
Never does: guess: where the statement or the models do not tell, there is no suggestion.
Called by: `gino.ext.debug.serve`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_TABLE = rf"(?:{_NAME}\.)*{_NAME}"
_SELECT = re.compile(
    rf"SELECT\s.+?\sFROM\s+(?P<table>{_TABLE})\s+WHERE\s+"
    rf"(?:{_TABLE}\.)?(?P<column>{_NAME})\s*=\s*\$\d+(?:::\w+)?"
    r"(?:\s+(?:ORDER BY|LIMIT|FOR)\b.*)?\s*$",
    re.S | re.I,
)
_INSERT = re.compile(rf"INSERT\s+INTO\s+(?P<table>{_TABLE})\s*\(", re.I)
_FROM = re.compile(rf"\bFROM\s+(?P<table>{_TABLE})", re.I)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Words, and the code that they are about."""

    words: str
    code: str


def suggestion(db: Any, sql: str, others: Collection[str]) -> Suggestion | None:
    """What to write instead of `sql`, as it is repeated next to `others`; None if unknown."""
    models = _models(db)
    insert = _INSERT.match(sql)
    if insert is not None and (model := models.get(_plain(insert["table"]))):
        return Suggestion(
            "Insert all rows at once:", f"await {model.__name__}.insert().gino.all(*rows)"
        )
    select = _SELECT.match(sql)
    model = models.get(_plain(select["table"])) if select else None
    if select is None or model is None:
        return None
    column = model.__table__.c.get(_plain(select["column"]))
    if column is None:
        return None
    seen = {_plain(found["table"]) for other in others if (found := _FROM.search(other))}
    if column.primary_key:
        return _load_parent(models, model, column, seen)
    return _load_children(models, model, column)


def _load_parent(
    models: dict[str, Any], parent: Any, column: Any, seen: set[str]
) -> Suggestion | None:
    """The statement reads one row by its key: who refers to it can be loaded with it."""
    found = [
        (child, key)
        for child in models.values()
        for key in child.__table__.foreign_keys
        if key.column is column and child is not parent
    ]
    # those that the same request has read come first
    found.sort(key=lambda pair: (_name(pair[0]) not in seen, pair[0].__name__))
    if not found:
        return None
    child, key = found[0]
    attribute = _attribute(child, key.parent).removesuffix("_id")
    if attribute == _attribute(child, key.parent):
        attribute = parent.__name__.lower()
    load = f"{attribute}={parent.__name__}"
    is_only = sum(other is child for other, _ in found) == 1
    if not is_only:
        on = f"{child.__name__}.{_attribute(child, key.parent)} == {parent.__name__}"
        load = f"{load}.on({on}.{_attribute(parent, column)})"
    return Suggestion(
        f"Load each {child.__name__} together with its {parent.__name__}:",
        f"await {child.__name__}.load({load}).query.gino.all()",
    )


def _load_children(models: dict[str, Any], child: Any, column: Any) -> Suggestion | None:
    """The statement reads rows by a foreign key: they can be loaded with what they refer to."""
    for key in column.foreign_keys:
        parent = models.get(key.column.table.fullname)
        if parent is None or parent is child:
            continue
        mine, one, many = _attribute(parent, key.column), parent.__name__, child.__name__
        joined = f"{one}.outerjoin({many})"
        if len([k for k in child.__table__.foreign_keys if k.column.table is key.column.table]) > 1:
            theirs = _attribute(child, column)
            joined = f"{one}.outerjoin({many}, {one}.{mine} == {many}.{theirs})"
        return Suggestion(
            f"Load each {one} together with its rows of {many}; "
            f"{one}.add_{many.lower()}() takes them one by one:",
            f"query = {joined}.select()\n"
            f"loader = {one}.distinct({one}.{mine}).load(add_{many.lower()}={many})\n"
            "await query.gino.load(loader).all()",
        )
    return None


def _models(db: Any) -> dict[str, Any]:
    """The models of a database by the full names of their tables; of several for one table the one
    that the others are made of."""
    found: dict[str, Any] = {}
    todo = deque([db.Model])
    while todo:
        model = todo.popleft()
        todo.extend(model.__subclasses__())
        if getattr(model, "__table__", None) is not None:
            found.setdefault(_name(model), model)
    return found


def _name(model: Any) -> str:
    return str(model.__table__.fullname)


def _attribute(model: Any, column: Any) -> str:
    """What a column is called in its model."""
    names: Any = model.__layout__.names
    slot = model.__slots_by_column__.get(column.name)
    return str(names[slot]) if slot is not None else str(column.name)


def _plain(name: str) -> str:
    """A name as SQLAlchemy has it, without the quotes of SQL."""
    return re.sub(r'"((?:[^"]|"")+)"', lambda found: found[1].replace('""', '"'), name)
