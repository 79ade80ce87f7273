"""A select in the place of a table: its columns as `select.c`, and itself in FROM.

Owns: the one subquery that stands for a select.
Never does: touch `select.subquery()` and `select.alias()`, which are the modern forms.
Called by: `gino.compat.sa13`, and its select with a list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.sql import coercions, roles
from sqlalchemy.sql.selectable import SelectBase

from .patch import patches

_KEY = "gino_sa13_subquery"
_MODERN = "query.subquery()"


def install() -> None:
    """Put these shims in place."""
    columns = property(_columns, doc="The columns of the select as a subquery.")
    patches.put(SelectBase, "c", columns)
    patches.put(SelectBase, "columns", columns)
    patches.put(SelectBase, "select", _select)
    implementation = type(_implementations()[roles.FromClauseRole])
    patches.wrap(implementation, "_implicit_coercions", _coerced)


def subquery_of(query: Any) -> Any:
    """The subquery that stands for a select, the same each time."""
    found = query.__dict__.get(_KEY)
    if found is None or found.element is not query:  # copies of the select carry it along
        found = query.__dict__[_KEY] = query.subquery()
    return found


def _columns(self: Any) -> Any:
    patches.warn("select.c", "subquery = query.subquery(); subquery.c")
    return subquery_of(self).c


def _select(self: Any, whereclause: Any = None) -> Any:
    patches.warn("select.select()", "select(query.subquery())")
    query = subquery_of(self).select()
    return query if whereclause is None else query.where(whereclause)


def _coerced(
    original: Callable[..., Any], self: Any, element: Any, resolved: Any, *args: Any, **kw: Any
) -> Any:
    if not resolved._is_select_base or kw.get("explicit_subquery"):
        return original(self, element, resolved, *args, **kw)
    patches.warn("a select inside of FROM", _MODERN)
    return subquery_of(resolved)


def _implementations() -> dict[Any, Any]:
    return coercions._impl_lookup  # type: ignore[no-any-return,attr-defined,unused-ignore]
