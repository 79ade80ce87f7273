"""Statements meet a bind here: options, loader, plan, run.

Owns: which execution options count (statement over connection over engine) and what they mean.
Never does: know about pools or tasks; a bind is anything with `run`, `dialect` and
`execution_opts`.
Called by: `gino.engine`, `gino.connection`, `gino.crud`, `gino.update`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import exc as sa_exc

from . import _core
from .exceptions import MultipleResultsFound, NoResultFound
from .loader import Loader
from .statement import Recipe, prepare, route

ALL = _core.ALL
EACH = _core.EACH
FIRST = _core.FIRST
ONE = _core.ONE
ONE_OR_NONE = _core.ONE_OR_NONE
SCALAR = _core.SCALAR
STATUS = _core.STATUS


class Bind(Protocol):
    """What statements run on."""

    @property
    def run(self) -> Callable[..., Awaitable[Any]]: ...
    @property
    def dialect(self) -> Any: ...
    @property
    def execution_opts(self) -> Mapping[str, Any]: ...


def execute(
    bind: Bind, clause: Any, multiparams: Sequence[Any], params: Mapping[str, Any], mode: int
) -> Awaitable[Any]:
    """Run a clause or plain SQL; what comes back depends on `mode`."""
    clause, take = route(clause)
    plan, values, many, recipe = take(clause, multiparams, params, bind.dialect)
    options = options_of(bind, clause)
    if many:
        waiting = bind.run(plan, values, mode, options.get("timeout"), True)
        return _none_found(waiting) if mode == ONE else waiting
    if options and mode != SCALAR:
        plan = with_loader(plan, recipe, clause, options)
    waiting = bind.run(plan, values, mode, options.get("timeout"))
    return _one_or_none(waiting) if mode == ONE_OR_NONE else waiting


def execute_into(
    bind: Bind, clause: Any, model: Any, instance: Any, timeout: Any
) -> Awaitable[Any]:
    """Run a clause with RETURNING; its row goes into the instance."""
    plan, values, _, recipe = prepare(clause, (), {}, bind.dialect)
    if recipe is None:
        raise sa_exc.ObjectNotExecutableError(clause)
    plan = recipe.loaded(plan, model, clause)
    return bind.run(plan, values, FIRST, timeout, False, instance)


def open_cursor(
    bind: Any, clause: Any, multiparams: Sequence[Any], params: Mapping[str, Any]
) -> _core.Cursor:
    """A cursor over the result of a clause."""
    clause, take = route(clause)
    plan, values, many, recipe = take(clause, multiparams, params, bind.dialect)
    if many:
        raise ValueError("too many multiparams")
    options = options_of(bind, clause)
    if options:
        plan = with_loader(plan, recipe, clause, options)
    cursor: _core.Cursor = bind.cursor(plan, values, options.get("timeout"))
    return cursor


def compile_clause(
    dialect: Any, clause: Any, multiparams: Sequence[Any], params: Mapping[str, Any]
) -> tuple[str, Any]:
    """The SQL and the values as they are sent; a tuple of tuples for several parameter sets."""
    clause, take = route(clause)
    plan, values, many, recipe = take(clause, multiparams, params, dialect)
    if isinstance(clause, str):
        return plan.sql, tuple(map(tuple, values)) if many else tuple(values)
    if recipe is None:
        return plan.sql, ()
    if many:
        return plan.sql, tuple(recipe.processed(plan, row) for row in values)
    return plan.sql, recipe.processed(plan, values)


def options_of(bind: Bind, clause: Any) -> Mapping[str, Any]:
    """The options that count for a clause on a bind."""
    own: Mapping[str, Any] = {} if isinstance(clause, str) else clause._execution_options
    outer = bind.execution_opts
    if not outer:
        return own
    return {**outer, **own} if own else outer


def with_loader(
    plan: _core.Plan, recipe: Recipe | None, clause: Any, options: Mapping[str, Any]
) -> _core.Plan:
    """The plan with the program of the loader or model that the options name."""
    if not options.get("return_model", True):
        return plan
    loader = options.get("loader")
    if loader is None:
        loader = options.get("model")
        if loader is None:
            return plan
    if recipe is None:
        return plan.with_program(_core.Program(Loader.get(loader).tree(None)))
    return recipe.loaded(plan, loader, clause)


async def _one_or_none(waiting: Awaitable[Any]) -> Any:
    try:
        return await waiting
    except MultipleResultsFound:
        raise MultipleResultsFound("Multiple rows found for one_or_none()") from None


async def _none_found(waiting: Awaitable[Any]) -> Any:
    await waiting
    raise NoResultFound("No row was found for one()")
