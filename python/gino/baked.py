"""A clause that was compiled once, for good, and its statement on new connections.

Owns: the compiled form of a baked query, the short way from parameters to values, and the hook that
prepares it.
Never does: know bakeries, or compile again.
Called by: `gino.bakery`, `gino.strategies`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.schema import ExecutableDDLElement

from . import _core
from .pool import Hook
from .raw import RawConnection
from .statement import Recipe


class Compiled:
    """A compiled statement with its recipe, and the fast way from parameters to values."""

    __slots__ = ("_fixed", "_known", "_names", "dialect", "plan", "recipe", "sql", "statement")

    def __init__(self, statement: Any, recipe: Recipe | None, dialect: Any) -> None:
        self.statement = statement
        self.recipe = recipe
        self.dialect = dialect
        # None when the SQL depends on the values
        self.plan = None if recipe is None else recipe.usual_plan()
        self.sql = str(statement) if self.plan is None else self.plan.sql
        self._names: list[str] | None = None
        self._fixed: dict[str, Any] = {}
        # None unless a further parameter would be a further column
        self._known: frozenset[str] | None = None
        if recipe is not None and not recipe.expanding and not recipe.defaults:
            self._find_names(recipe)

    @classmethod
    def of(cls, clause: Any, dialect: Any) -> Compiled:
        """Compile a clause."""
        statement = clause.compile(dialect=dialect)
        if isinstance(clause, ExecutableDDLElement):
            return cls(statement, None, dialect)
        recipe = Recipe(statement, dialect)
        if recipe.defaults is None:
            return cls.of(clause.inline(), dialect)
        return cls(statement, recipe, dialect)

    def bound(self, params: Mapping[str, Any]) -> tuple[Any, list[Any]] | None:
        """The plan and its values in order, or None if it cannot be run with these."""
        recipe, names = self.recipe, self._names
        if recipe is None or names is None:
            return None
        if self._known is not None and not params.keys() <= self._known:
            return None
        fixed = self._fixed
        try:
            values = [params[name] if name in params else fixed[name] for name in names]
        except KeyError:
            return None  # the compiler says what is missing
        return recipe.limited(values)

    def with_options(self, options: Mapping[str, Any]) -> Compiled:
        """A copy whose statement has these execution options."""
        statement = copy.copy(self.statement)
        statement.execution_options = options
        return Compiled(statement, self.recipe, self.dialect)

    def _find_names(self, recipe: Recipe) -> None:
        for name in recipe.names:
            bind = self.statement.binds[name]
            if bind.callable or not (bind.unique or bind.key == name):
                return
            if not bind.required:
                self._fixed[name] = bind.value
        self._names = recipe.names
        if self.statement.isinsert or self.statement.isupdate:
            self._known = frozenset(recipe.names)


def preparing(plans: Sequence[_core.Plan], then: Hook | None) -> Hook:
    """An `init` hook that prepares these statements on a new connection, and then runs another.

    Errors: those of the server; the connection is closed then.
    """

    async def init(connection: RawConnection) -> None:
        await connection.prepare_all(plans)
        if then is not None:
            await then(connection)

    return init
