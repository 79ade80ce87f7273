"""Forms of `select`, `case`, `exists`, `text`, and of methods of a select.

Owns: the translation of list forms and old keywords, `append_*`, and sort strings.
Never does: touch the forms that 2.1 understands.
Called by: `gino.compat.sa13`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import expression
from sqlalchemy.sql.selectable import GenerativeSelect, Select, SelectBase

from ... import namespace
from ...crud import CRUDModel
from .patch import patches
from .sources import subquery_of

_MODULES = (sa, sa.sql, expression)
_ITEM = r"\s*[\w.]+(\s+(asc|desc))?(\s+nulls\s+(first|last))?\s*"
_SORTING = re.compile(rf"{_ITEM}(,{_ITEM})*", re.IGNORECASE)

# 1.3's method that changed the select itself -> the method that returns a changed copy
_IN_PLACE = {
    "append_whereclause": "where",
    "append_column": "add_columns",
    "append_from": "select_from",
    "append_order_by": "order_by",
    "append_group_by": "group_by",
    "append_having": "having",
    "append_correlation": "correlate",
    "append_prefix": "prefix_with",
}


def install() -> None:
    """Put these shims in place."""
    functions = {"select": _select, "case": _case, "exists": _exists, "text": _text}
    for module in _MODULES:
        for name, shim in functions.items():
            patches.wrap(module, name, shim)
    patches.wrap(Select, "with_only_columns", _with_only_columns)
    patches.wrap(GenerativeSelect, "order_by", _sorted_by)
    patches.wrap(GenerativeSelect, "group_by", _sorted_by)
    for old, new in _IN_PLACE.items():
        patches.put(Select, old, _in_place(old, new))
    patches.put(Select, "apply_labels", _apply_labels)
    patches.put(CRUDModel, "query", _Fresh(vars(CRUDModel)["query"]))


def _select(original: Callable[..., Any], *columns: Any, **old: Any) -> Any:
    if not old and not (columns and isinstance(columns[0], list | tuple | set)):
        return original(*columns)
    patches.warn("select([a, b], ...)", "select(a, b).where(...)")
    if columns:
        columns = (_columns(columns[0]), *columns[1:])
    elif "columns" in old:
        old["columns"] = _columns(old["columns"])
    else:
        columns = ([],)
    return namespace.select(*columns, **old)


def _columns(given: Any) -> Any:
    if not isinstance(given, list | tuple | set):
        return [given]
    return [subquery_of(item) if isinstance(item, SelectBase) else item for item in given]


def _case(original: Callable[..., Any], *whens: Any, **keywords: Any) -> Any:
    if "whens" in keywords:
        whens = (keywords.pop("whens"), *whens)
    if not (whens and isinstance(whens[0], list)):
        if len(whens) > 1 and isinstance(whens[0], dict):
            patches.warn("case({...}, column)", "case({...}, value=column)")
            return original(whens[0], value=whens[1], **keywords)
        return original(*whens, **keywords)
    patches.warn("case([(a, b), ...])", "case((a, b), ...)")
    for name, value in zip(("value", "else_"), whens[1:], strict=False):
        keywords[name] = value
    return original(*whens[0], **keywords)


def _exists(original: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    if not keywords and not (args and isinstance(args[0], list | tuple)):
        return original(*args)
    patches.warn("exists([a], ...)", "exists(select(a).where(...))")
    return original(namespace.select(*args, **keywords))


def _text(original: Callable[..., Any], text: str, *args: Any, **keywords: Any) -> Any:
    if not args and not keywords:
        return original(text)
    patches.warn("text(..., bind=, bindparams=, typemap=)", "text(...).bindparams().columns()")
    bind, bindparams, typemap = (*args, None, None, None)[:3]
    typemap = keywords.pop("typemap", typemap)
    keywords.pop("autocommit", None)
    made = namespace.text(text, **{"bind": bind, "bindparams": bindparams, **keywords})
    return made.columns(**typemap) if typemap else made


def _with_only_columns(original: Callable[..., Any], self: Any, *columns: Any, **new: Any) -> Any:
    if len(columns) == 1 and isinstance(columns[0], list | tuple | set):
        patches.warn("with_only_columns([a, b])", "with_only_columns(a, b)")
        columns = tuple(columns[0])
    return original(self, *columns, **new)


def _sorted_by(original: Callable[..., Any], self: Any, *clauses: Any) -> Any:
    return original(self, *(_sorting(clause) for clause in clauses))


def _sorting(clause: Any) -> Any:
    """Names with a direction become text; a bare name is a label, and SQLAlchemy finds it."""
    if not isinstance(clause, str) or not re.search(r"[\s,]", clause.strip()):
        return clause
    if not _SORTING.fullmatch(clause):
        return clause
    patches.warn('order_by("x desc")', 'order_by(desc("x"))')
    return sa.text(clause)


def _in_place(old: str, new: str) -> Callable[..., None]:
    def append(self: Any, *args: Any) -> None:
        patches.warn(f"{old}()", f"query = query.{new}()")
        changed = getattr(self, new)(*args)
        self.__dict__.clear()
        self.__dict__.update(changed.__dict__)

    append.__name__ = old
    return append


def _apply_labels(self: Any) -> Any:
    patches.warn("apply_labels()", "set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)")
    return self.set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)


class _Fresh:
    """`Model.query`, a new object each time: `append_*` changes the one it is called on."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __get__(self, instance: Any, owner: Any) -> Any:
        query = self._original.__get__(instance, owner)
        return query._generate() if isinstance(query, Select) else query
