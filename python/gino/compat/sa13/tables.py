"""Arguments and methods that tables, joins and aliases had.

Owns: `count()`, and the arguments of `select()`, `insert()`, `update()`, `delete()`.
Never does: run anything.
Called by: `gino.compat.sa13`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import expression
from sqlalchemy.sql.selectable import FromClause, Join, TableClause

from .patch import patches


def install() -> None:
    """Put these shims in place."""
    patches.put(FromClause, "count", _count)
    patches.wrap(FromClause, "select", _select)
    patches.wrap(Join, "select", _select)
    for name, shim in (("insert", _insert), ("update", _update), ("delete", _delete)):
        patches.wrap(TableClause, name, shim)
        for module in (sa, sa.sql, expression):
            patches.wrap(module, name, shim)


def _count(self: Any, whereclause: Any = None) -> Any:
    patches.warn("table.count()", "select(func.count()).select_from(table)")
    column = next(iter(self.primary_key or self.c))
    query = sa.select(sa.func.count(column).label("tbl_row_count")).select_from(self)
    return query if whereclause is None else query.where(whereclause)


def _select(
    original: Callable[..., Any], self: Any, whereclause: Any = None, use_labels: bool = False
) -> Any:
    query = original(self)
    if whereclause is not None:
        patches.warn("table.select(condition)", "table.select().where(condition)")
        query = query.where(whereclause)
    if use_labels:
        patches.warn("select(use_labels=True)", "set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)")
        query = query.set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
    return query


def _insert(
    original: Callable[..., Any], table: Any, values: Any = None, inline: bool = False
) -> Any:
    clause = original(table)
    if values is not None:
        patches.warn("insert(values)", "insert().values(values)")
        clause = clause.values(values)
    if inline:
        patches.warn("insert(inline=True)", "insert().inline()")
        clause = clause.inline()
    return clause


def _update(
    original: Callable[..., Any], table: Any, whereclause: Any = None, values: Any = None
) -> Any:
    clause = original(table)
    if whereclause is not None:
        patches.warn("update(condition)", "update().where(condition)")
        clause = clause.where(whereclause)
    if values is not None:
        patches.warn("update(values=...)", "update().values(...)")
        clause = clause.values(values)
    return clause


def _delete(original: Callable[..., Any], table: Any, whereclause: Any = None) -> Any:
    clause = original(table)
    if whereclause is not None:
        patches.warn("delete(condition)", "delete().where(condition)")
        clause = clause.where(whereclause)
    return clause
