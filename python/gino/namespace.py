"""The names that `db` offers from SQLAlchemy.

Owns: which names these are, and the forms of `select`, `case`, `exists` and `text` that SQLAlchemy
1.3 had.
Never does: patch SQLAlchemy itself.
Called by: `gino.api`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import quoted_name

from . import json_support
from .declarative import declared_attr
from .schema import Enum

_POSTGRESQL = ("ARRAY", "JSON", "JSONB", "INET", "CIDR", "HSTORE", "TSVECTOR", "array", "INTERVAL")


def select(columns: Any = None, *more: Any, **old: Any) -> Any:
    """`select(a, b)`, and SQLAlchemy 1.3's `select([a, b], whereclause, from_obj=..., order_by=...,
    ...)`.
    """
    if columns is None and "columns" not in old:
        return sa.select()
    columns = old.pop("columns", columns)
    whereclause = old.pop("whereclause", None)
    if not isinstance(columns, list | tuple | set):
        if old:
            raise TypeError(f"select() got unexpected keyword arguments {', '.join(old)}")
        query = sa.select(columns, *more)
    else:
        query = sa.select(*columns)
        if more:
            whereclause = more[0]
        if len(more) > 1:
            old.setdefault("from_obj", more[1])
    if whereclause is not None:
        query = query.where(whereclause)
    return _old_select_options(query, old)


def case(*whens: Any, value: Any = None, else_: Any = None) -> Any:
    """`case((condition, result), ...)`, and 1.3's list of tuples."""
    if len(whens) == 1 and isinstance(whens[0], list):
        whens = tuple(whens[0])
    return sa.case(*whens, value=value, else_=else_)


def exists(*args: Any, **kwargs: Any) -> Any:
    """`exists(select)`, and 1.3's `exists([columns])`, `exists().where(...)`."""
    if args and isinstance(args[0], list | tuple):
        return sa.exists(select(*args, **kwargs))
    return sa.exists(*args, **kwargs)


def text(clause: str, bind: Any = None, bindparams: Iterable[Any] | None = None) -> Any:
    """Textual SQL with `:name` parameters; `bind` is what `.gino` runs it on."""
    made = sa.text(clause)
    if bindparams is not None:
        made = made.bindparams(*bindparams)
    return made if bind is None else made.execution_options(gino_bind=bind)


def public_names() -> dict[str, Any]:
    """Every name that `db` offers, before hooks take some away."""
    found = {
        name: value
        for name, value in vars(sa).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    found.update((name, getattr(postgresql, name)) for name in _POSTGRESQL)
    found.update((name, getattr(json_support, name)) for name in json_support.__all__)
    found.update(
        select=select,
        case=case,
        exists=exists,
        text=text,
        Enum=Enum,
        declared_attr=declared_attr,
        quoted_name=quoted_name,
    )
    return found


def _old_select_options(query: Any, old: dict[str, Any]) -> Any:
    for name, value in old.items():
        if value is None or value is False:
            continue
        if name == "from_obj":
            query = query.select_from(*(value if isinstance(value, list | tuple) else [value]))
        elif name in ("order_by", "group_by"):
            parts = value if isinstance(value, list | tuple) else [value]
            query = getattr(query, name)(*parts)
        elif name in ("having", "limit", "offset"):
            query = getattr(query, name)(value)
        elif name == "distinct":
            parts = value if isinstance(value, list | tuple) else () if value is True else (value,)
            query = query.distinct(*parts)
        elif name == "use_labels":
            query = query.set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
        elif name == "correlate":
            continue
        elif name == "for_update":
            query = query.with_for_update()
        elif name == "bind":
            query = query.execution_options(gino_bind=value)
        else:
            raise TypeError(f"select() got an unexpected keyword argument {name!r}")
    return query
