"""Statements become native plans with their arguments here.

Owns: the compiled cache, the plan of a compiled statement, the order of its parameters, expanding
parameters, and what several parameter sets mean.
Never does: run anything.
Called by: `gino.execution`, and `compile()` of the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Delete, Insert, Select, TextClause, Update, select
from sqlalchemy import exc as sa_exc
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.schema import Sequence as SequenceItem
from sqlalchemy.sql import functions
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.schema import DefaultGenerator
from sqlalchemy.util import LRUCache

from . import _core
from .defaults import DefaultContext, defaults_of
from .dialects.asyncpg import AsyncpgDialect, dialect
from .loader import Loader
from .shape import Shape, result_processors

_CACHE_SIZE = 1000
_PROGRAMS = 64
# texts of one statement that differ in LIMIT; a connection keeps 100 statements prepared by default
_LIMITS = 16
_INT8_MAX = 2**63 - 1


class Recipe:
    """How one compiled statement becomes a plan and a list of values, decided once."""

    __slots__ = (
        "_binds",
        "_expanded",
        "_limited",
        "_loaded",
        "_sources",
        "compiled",
        "defaults",
        "dialect",
        "expanding",
        "limits",
        "names",
        "plan",
        "shape",
    )

    def __init__(self, compiled: Any, for_dialect: AsyncpgDialect) -> None:
        self.compiled = compiled
        self.dialect = for_dialect
        self.shape = Shape.of_compiled(compiled)
        self.defaults = defaults_of(compiled)
        self.expanding = bool(compiled.literal_execute_params or compiled.post_compile_params)
        self.names: list[str] = list(compiled.positiontup or ())
        self.limits = len(compiled.limits)
        self._limited: dict[tuple[int, ...], _core.Plan] = {}
        self._loaded: Any = LRUCache(_PROGRAMS)
        self._binds: Any = LRUCache(_PROGRAMS)
        self._expanded: Any = LRUCache(_PROGRAMS)
        self.plan: Any = None
        self._sources = None if self.expanding or self.defaults else self._find_sources()
        if not self.expanding:
            self.plan = self._make_plan(compiled.string, self.names, compiled._bind_processors)

    def values(
        self, extracted: Any, collected: Any, params: Mapping[str, Any] | None
    ) -> tuple[Any, list[Any]]:
        """The plan, and the values of one execution in the order of its parameters."""
        if not self.expanding:
            return self.limited(self._in_order(extracted, collected, params))
        given = self._by_name(extracted, collected, params)
        state = self.compiled._process_parameters_for_postcompile(given)
        names = list(state.positiontup or ())
        plan = self._expanded.get(state.statement)
        if plan is None:
            processors = {**self.compiled._bind_processors, **state.processors}
            plan = self._make_plan(state.statement, names, processors)
            self._expanded[state.statement] = plan
        given.update(state.additional_parameters)
        return plan, [given[name] for name in names]

    def limited(self, values: list[Any]) -> tuple[Any, list[Any]]:
        """The plan with the numbers of LIMIT in its text, and the other values.

        Beyond the first few of a statement they are parameters: each text is one to prepare.
        """
        if not self.limits:
            return self.plan, values
        numbers = tuple(values[-self.limits :])
        for number in numbers:
            if type(number) is not int or not 0 <= number <= _INT8_MAX:
                return self.plan, values
        plan = self._limited.get(numbers)
        if plan is None:
            if len(self._limited) == _LIMITS:
                return self.plan, values
            plan = self._make_plan(
                self.compiled.with_limits(numbers),
                self.names[: -self.limits],
                self.compiled._bind_processors,
            )
            self._limited[numbers] = plan
        return plan, values[: -self.limits]

    def usual_plan(self) -> Any:
        """The plan for the LIMIT that the statement came with; None if it depends on the values."""
        return self.limited([self.compiled.binds[name].value for name in self.names])[0]

    def many_values(
        self, extracted: Any, collected: Any, sets: Sequence[Mapping[str, Any]]
    ) -> tuple[Any, list[list[Any]]]:
        """The plan, and the values of each parameter set."""
        if self.expanding:
            raise sa_exc.InvalidRequestError(
                "'literal_execute' or 'expanding' parameters can't be used with executemany()"
            )
        known = {*sets[0], *(default.key for default in self.defaults or ())}
        if not collected and known.issuperset(self.names):
            try:
                return self.plan, [self._row(values) for values in sets]
            except KeyError:
                pass  # said properly below
        return self.plan, [
            self._in_order(extracted, collected, values, group)
            for group, values in enumerate(sets, 1)
        ]

    def _in_order(
        self, extracted: Any, collected: Any, params: Mapping[str, Any] | None, group: int = 0
    ) -> list[Any]:
        if self._sources is not None and extracted is not None and not params and not collected:
            return [
                extracted[item].value if type(item) is int else item.value for item in self._sources
            ]
        given = self._by_name(extracted, collected, params, group)
        return [given[name] for name in self.names]

    def _by_name(
        self, extracted: Any, collected: Any, params: Mapping[str, Any] | None, group: int = 0
    ) -> dict[str, Any]:
        given: dict[str, Any] = self.compiled.construct_params(
            params,
            extracted_parameters=extracted,
            escape_names=False,
            _collected_params=collected or None,
            _group_number=group or None,
        )
        if self.defaults:
            context = DefaultContext(self.compiled, self.dialect, given)
            for default in self.defaults:
                default.fill(context)
        return given

    def _row(self, values: Mapping[str, Any]) -> list[Any]:
        if self.defaults:
            values = dict(values)
            context = DefaultContext(self.compiled, self.dialect, values)
            for default in self.defaults:
                default.fill(context)
        return [values[name] for name in self.names]

    def loaded(self, plan: _core.Plan, loader: Any, clause: Any) -> _core.Plan:
        """`plan` with the native program of a loader (or of what stands for one)."""
        if self.shape is None and (
            self.compiled.isinsert or self.compiled.isupdate or self.compiled.isdelete
        ):
            return plan  # no rows to load
        key = loader
        if not isinstance(loader, type):
            loader = Loader.get(loader)
            key = loader.key
            if not loader.is_stable and clause is not self.compiled.statement:
                key = (key, tuple(getattr(clause, "_all_selected_columns", ())))
        if plan is not self.plan:
            key = (plan, key)
        found = self._loaded.get(key)
        if found is None:
            program = _core.Program(Loader.get(loader).tree(self._shape_for(clause)))
            found = self._loaded[key] = plan.with_program(program)
        return found  # type: ignore[no-any-return]

    def processed(self, plan: _core.Plan, values: Sequence[Any]) -> tuple[Any, ...]:
        """Values as the bind processors leave them."""
        binds = self._binds[plan.sql]
        return tuple(
            bind(value) if bind is not None else value
            for bind, value in zip(binds, values, strict=True)
        )

    def _shape_for(self, clause: Any) -> Shape | None:
        if self.shape is None or clause is self.compiled.statement:
            return self.shape
        columns = getattr(clause, "_all_selected_columns", None)
        return self.shape if columns is None else self.shape.with_columns(columns)

    def _make_plan(
        self, sql: str, names: Sequence[str], processors: Mapping[str, Any]
    ) -> _core.Plan:
        binds = self._binds[sql] = [processors.get(name) for name in names]
        results = result_processors(self.compiled, self.dialect)
        named = None
        if results is not None and self.shape is None:
            named = [str(entry.keyname) for entry in self.compiled._result_columns]
        return _core.Plan(
            sql,
            binds=binds if any(binds) else None,
            results=results,
            named=named,
            keys=self.shape.row_keys() if self.shape else None,
        )

    def _find_sources(self) -> list[Any] | None:
        compiled = self.compiled
        if compiled.cache_key is None or compiled.escaped_bind_names:
            return None
        matches = compiled._cache_key_bind_match[0]
        positions = {
            bind: position
            for position, original in enumerate(compiled.cache_key[1])
            for bind in matches[original]
        }
        sources = []
        for name in self.names:
            bind = compiled.binds[name]
            if bind.required or bind.callable:
                return None
            sources.append(positions.get(bind, bind))
        return sources


def recipe_of(
    clause: Any, for_dialect: AsyncpgDialect, keys: list[str], many: bool
) -> tuple[Recipe, Any, Any]:
    """The recipe of a clause, with the extracted and collected parameters of this very one."""
    compiled, extracted, collected, _ = clause._compile_w_cache(
        for_dialect,
        compiled_cache=for_dialect.compiled_cache,
        column_keys=keys,
        for_executemany=many,
    )
    recipe = compiled.__dict__.get("gino_recipe")
    if recipe is None:
        recipe = compiled.gino_recipe = Recipe(compiled, for_dialect)
        if recipe.defaults is None:
            if getattr(clause, "_inline", True):
                raise sa_exc.CompileError("a default of this statement would need its own query")
            del compiled.gino_recipe
            return recipe_of(clause.inline(), for_dialect, keys, many)
    return recipe, extracted, collected


@lru_cache(maxsize=_CACHE_SIZE)
def plain_plan(sql: str) -> _core.Plan:
    """The plan of a plain string."""
    return _core.Plan(sql)


_RUN_AS_THEY_ARE = {Select, Insert, Update, Delete, TextClause}


def executable(clause: Any) -> Any:
    """The clause that is run for what the caller gave.

    Errors: ObjectNotExecutableError.
    """
    if type(clause) in _RUN_AS_THEY_ARE:
        return clause
    if isinstance(clause, SequenceItem):
        return select(clause.next_value())
    if isinstance(clause, functions.FunctionElement):
        return clause.select()
    if not isinstance(clause, Executable) or isinstance(clause, DefaultGenerator):
        query = getattr(clause, "__clause_element__", None)
        inner = query() if query is not None and not isinstance(clause, type) else None
        if not isinstance(inner, Executable):
            raise sa_exc.ObjectNotExecutableError(clause)
        return inner
    return clause


def route(clause: Any) -> tuple[Any, Callable[..., Any]]:
    """What is run for what the caller gave, and what prepares it: `prepare`, or its own
    `__prepare__`. Errors: ObjectNotExecutableError.
    """
    if type(clause) in _RUN_AS_THEY_ARE or isinstance(clause, str):
        return clause, prepare
    return executable(clause), getattr(clause, "__prepare__", prepare)


def parameter_sets(multiparams: Sequence[Any], params: Mapping[str, Any]) -> Sequence[Any]:
    """The parameter sets of a call: one or several mappings or value sequences, or none at all.

    Several sets, or one list with several sets, mean executemany.
    """
    if not multiparams:
        return [params] if params else []
    first = multiparams[0]
    if len(multiparams) == 1:
        if isinstance(first, list | tuple):
            return first if first and _is_set(first[0]) else [first]
        return [first] if isinstance(first, Mapping) else [(first,)]
    return multiparams if _is_set(first) else [multiparams]


def _is_set(value: Any) -> bool:
    return hasattr(value, "__iter__") and not hasattr(value, "strip")


def prepare(
    clause: Any,
    multiparams: Sequence[Any],
    params: Mapping[str, Any],
    for_dialect: AsyncpgDialect | None = None,
) -> tuple[Any, list[Any], bool, Recipe | None]:
    """The plan of an executable clause or of plain SQL, its arguments, whether they are several,
    and the recipe (None for plain SQL and DDL).
    """
    for_dialect = for_dialect or dialect()
    sets = parameter_sets(multiparams, params) if multiparams or params else ()
    many = len(sets) > 1
    if isinstance(clause, str):
        if any(isinstance(item, Mapping) for item in sets):
            raise sa_exc.ArgumentError(
                "plain SQL takes positional parameters ($1, $2, ...); use text() for :name"
            )
        plan = plain_plan(clause)
        return plan, [list(s) for s in sets] if many else list(sets[0]) if sets else [], many, None
    if isinstance(clause, ExecutableDDLElement):
        return _core.Plan(str(clause.compile(dialect=for_dialect))), [], False, None
    if not sets:
        recipe, extracted, collected = recipe_of(clause, for_dialect, [], False)
        plan, values = recipe.values(extracted, collected, None)
        return plan, values, False, recipe
    for item in sets:
        if not isinstance(item, Mapping):
            raise sa_exc.ArgumentError(
                f"parameters of a clause are given by name, as keywords or a dict, not as {item!r}"
            )
    recipe, extracted, collected = recipe_of(clause, for_dialect, sorted(sets[0]), many)
    if many:
        plan, values = recipe.many_values(extracted, collected, sets)
    else:
        plan, values = recipe.values(extracted, collected, sets[0])
    return plan, values, many, recipe
