"""Python-side defaults of columns.

Owns: how `default=` and `onupdate=` values and functions are turned into parameters, and the
context that functions get.
Never does: defaults that are SQL; those are part of the statement.
Called by: `gino.statement` and `gino.plans`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Maker = Callable[["DefaultContext"], Any]


class DefaultContext:
    """What a default function gets: the parameters of the statement so far.

    `current_parameters` and `get_current_parameters()` as in SQLAlchemy; `current_column` is the
    column that is asked for.
    """

    __slots__ = ("compiled", "current_column", "current_parameters", "dialect")

    def __init__(self, compiled: Any, dialect: Any, parameters: dict[str, Any]) -> None:
        self.compiled = compiled
        self.dialect = dialect
        self.current_parameters = parameters
        self.current_column: Any = None

    def get_current_parameters(self, isolate_multiinsert_groups: bool = True) -> dict[str, Any]:
        """The parameters so far, by column key; of one row, if the statement inserts several."""
        state = getattr(self.compiled, "compile_state", None)
        if not isolate_multiinsert_groups or not getattr(state, "_has_multi_parameters", False):
            return self.current_parameters
        column = self.current_column
        row = column.index + 1 if getattr(column, "_is_multiparam_column", False) else 0
        keys = state._dict_parameters or () if state is not None else ()
        return {key: self.current_parameters[f"{key}_m{row}"] for key in keys}


class Default:
    """One parameter that a Python-side default fills."""

    __slots__ = ("argument", "column", "is_callable", "key")

    def __init__(self, column: Any, key: str, argument: Any, is_callable: bool) -> None:
        self.column = column
        self.key = key
        self.argument = argument
        self.is_callable = is_callable

    def fill(self, context: DefaultContext) -> Any:
        """Compute the value and put it among the parameters."""
        value = self.argument
        if self.is_callable:
            context.current_column = self.column
            value = value(context)
        context.current_parameters[self.key] = value
        return value


def defaults_of(compiled: Any) -> Sequence[Default] | None:
    """The defaults that a compiled INSERT or UPDATE needs; None if one of them would need a query
    first.
    """
    found = []
    insert = getattr(compiled, "insert_prefetch", None) or ()
    update = getattr(compiled, "update_prefetch", None) or ()
    if not insert and not update:
        return ()
    key_of = compiled._within_exec_param_key_getter
    for column in insert or update:
        default = column.default if insert else column.onupdate
        if default is None or not (default.is_scalar or default.is_callable):
            return None
        found.append(Default(column, key_of(column), default.arg, default.is_callable))
    return found
