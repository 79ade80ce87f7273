"""`instance.update(...)` and its `apply()`.

Owns: what was asked to change, where the row is, and which way the UPDATE takes: a cached plan for
plain values, SQLAlchemy for SQL expressions and custom lookups.
Never does: build SQL for the plain case.
Called by: `gino.crud`; public as `gino.crud.UpdateRequest`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ClauseElement

from .exceptions import NoSuchRowError
from .execution import FIRST, execute_into
from .json_support import is_mergeable
from .plans import merge

DEFAULT: Any = object()

# types of values that are surely no SQL expressions
_PLAIN = {type(None), bool, int, float, str, bytes, list, dict, tuple}


def is_expression(value: Any) -> bool:
    """Whether a value is SQL, to be computed by the server."""
    kind = type(value)
    if kind in _PLAIN:
        return False
    if isinstance(value, ClauseElement) or hasattr(value, "__clause_element__"):
        return True
    if not isinstance(value, type) and len(_PLAIN) < 500:
        _PLAIN.add(kind)
    return False


class UpdateRequest:
    """Changes of one row that are not in the database yet.

    `update(...)` adds more, `apply()` writes them all in one UPDATE and reads the changed columns
    back.
    """

    __slots__ = ("_columns", "_expressions", "_instance", "_locator", "_properties")

    def __init__(self, instance: Any) -> None:
        self._instance = instance
        self._columns: dict[str, Any] = {}
        self._expressions: dict[str, Any] = {}
        self._properties: dict[str, Any] = {}
        self._locator: Any = None

    def update(self, **values: Any) -> UpdateRequest:
        """Change attributes in memory, and note them; SQL expressions are only noted.

        Errors: KeyError for an unknown attribute.
        """
        instance = self._instance
        cls = type(instance)
        if self._locator is None:
            self._locator = cls.__locate__(instance)
        names = cls._column_name_map
        properties = cls.__json_properties__
        for name, value in values.items():
            if name in names:
                if is_expression(value):
                    self._columns.pop(name, None)
                    self._expressions[name] = value
                else:
                    setattr(instance, name, value)
                    self._expressions.pop(name, None)
                    if name not in cls.__direct__:
                        value = instance.__values__.get(name, value)
                    self._columns[name] = value
            elif name in properties:
                if not is_expression(value):
                    setattr(instance, name, value)
                    value = properties[name].get_profile(instance)[name]
                self._properties[name] = value
            else:
                raise KeyError(cls.__unknown_attribute__(name))
        return self

    async def apply(self, bind: Any = None, timeout: Any = DEFAULT) -> UpdateRequest:
        """Write the changes, and refresh the changed columns from what the server made of them.

        `timeout`: seconds. Errors: NoSuchRowError if the row is gone; TypeError without table or
        key.
        """
        instance = self._instance
        cls = type(instance)
        if self._locator is None:
            self._locator = cls.__locate__(instance)
        if cls.__table__ is None or self._locator is NOWHERE:
            raise TypeError(f"Model {cls.__name__} has no table, primary key or custom lookup()")
        if not (self._columns or self._expressions or self._properties):
            return self
        if bind is None:
            bind = cls.__metadata__.bind
        seconds = None if timeout is DEFAULT else timeout
        if self._properties or self._expressions or type(self._locator) is not tuple:
            row = await self._apply_slowly(cls, bind, seconds)
        else:
            plan = cls.__plans__.update(tuple(self._columns), ())
            args = plan.arguments(self._columns.values(), (), self._locator)
            row = await bind.run(plan.plan, args, FIRST, seconds, False, instance)
        if row is None:
            raise NoSuchRowError
        for name in self._properties:
            cls.__json_properties__[name].reload(instance)
        self._columns = {}
        self._expressions = {}
        self._properties = {}
        self._locator = None
        return self

    async def _apply_slowly(self, cls: Any, bind: Any, timeout: float | None) -> Any:
        merges, computed = self._merges(cls)
        plain = not computed and not self._expressions and type(self._locator) is tuple
        if plain:
            plan = cls.__plans__.update(tuple(self._columns), tuple(merges))
            args = plan.arguments(self._columns.values(), merges.values(), self._locator)
            return await bind.run(plan.plan, args, FIRST, timeout, False, self._instance)
        plans = cls.__plans__
        values: dict[Any, Any] = {}
        for name, value in (self._columns | self._expressions).items():
            values[plans.column(name)] = value
        for attribute in dict.fromkeys([*merges, *computed]):
            column = plans.column(attribute)
            clause: Any = values.get(column, column)
            if attribute in merges:
                clause = merge(clause, sa.bindparam(None, merges[attribute], type_=JSONB()))
            if attribute in computed:
                pairs = [item for pair in computed[attribute].items() for item in pair]
                clause = merge(
                    clause, sa.func.jsonb_build_object(*map(_text, pairs), type_=JSONB())
                )
            values[column] = clause
        changed = [*values, *(c for c in plans.table.columns if c.onupdate and c not in values)]
        statement = (
            plans.table.update().where(cls.__clause_at__(self._locator)).values(values)
        ).returning(*changed)
        return await execute_into(bind, statement, cls, self._instance, timeout)

    def _merges(self, cls: Any) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        """Keys to set per JSON column: plain values, and SQL expressions."""
        plain: dict[str, dict[str, Any]] = {}
        computed: dict[str, dict[str, Any]] = {}
        for name, value in self._properties.items():
            prop = cls.__json_properties__[name]
            column = cls.__plans__.column(prop.prop_name)
            if not is_mergeable(column):
                raise TypeError(
                    f"JSON is not supported to update single properties ({name!r} of "
                    f"{prop.prop_name!r}); use JSONB, or write the whole column"
                )
            if is_expression(value):
                computed.setdefault(prop.prop_name, {})[name] = value
            else:
                plain.setdefault(prop.prop_name, {})[name] = prop.encode(value)
        return plain, computed


NOWHERE: Any = object()


def _text(item: Any) -> Any:
    return sa.cast(item, sa.Text) if isinstance(item, str) else item


UpdateRequest.__module__ = "gino.crud"
