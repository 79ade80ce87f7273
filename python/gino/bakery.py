"""Baked queries: statements that are compiled once, and prepared with their connections.

Owns: `Bakery`, which collects queries until an engine takes it, and `BakedQuery`.
Never does: cache on its own account; a prepared statement lives in the native statement cache.
Called by: `gino.api` (`db.bake`), `gino.strategies` (`bakery=`), applications.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import sqlalchemy as sa
from sqlalchemy.sql.elements import ClauseElement

from . import _core
from .baked import Compiled
from .declarative import declared_attr
from .exceptions import InitializedError, UninitializedError
from .executor import GinoExecutor
from .statement import Recipe, executable, parameter_sets, prepare

__all__ = ["BakedQuery", "Bakery"]


class BakedQuery(GinoExecutor[Any]):
    """A query that is compiled when an engine takes its bakery; made by `Bakery.bake()`.

    Engines and connections run it like the query itself. With a `metadata` it has the query methods
    of `query.gino`, too. Options make a shadow: another object, equal to this one.
    """

    __slots__ = ("_compiled", "_elem", "_hash", "_metadata", "_root")

    def __init__(self, elem: Any, metadata: Any, hash_: int | None = None) -> None:
        super().__init__(self)  # engines are given the baked query, not the bare one
        self._elem = executable(sa.text(elem) if isinstance(elem, str) else elem)
        self._metadata = metadata
        self._hash = id(self) if hash_ is None else hash_
        self._root = self
        self._compiled: Compiled | None = None

    @property
    def query(self) -> Any:
        """The clause, as it was before it was compiled."""
        return self._elem

    @property
    def bind(self) -> Any:
        """The engine of the metadata. Errors: UninitializedError without one."""
        bind = None if self._metadata is None else self._metadata.bind
        if not bind:
            raise UninitializedError("this query has no engine: run it on one, or bind its Gino")
        return bind

    @property
    def sql(self) -> str | None:
        """The SQL; None before an engine has the bakery."""
        compiled = self._root._compiled
        return None if compiled is None else compiled.sql

    @property
    def compiled_sql(self) -> Any:
        """SQLAlchemy's compiled statement; None before an engine has the bakery."""
        if self._compiled is None and self._root._compiled is not None:
            self._compiled = self._root._compiled.with_options(self._elem.get_execution_options())
        return None if self._compiled is None else self._compiled.statement

    def get(self, _: Any = None) -> Any:
        """The same as `compiled_sql`."""
        return self.compiled_sql

    def execution_options(self, **options: Any) -> Self:
        """A shadow of this query with more execution options; this one does not change."""
        shadow = type(self)(self._elem.execution_options(**options), self._metadata, self._hash)
        shadow._root = self._root
        return shadow

    def __clause_element__(self) -> Any:
        return self._elem

    def __prepare__(
        self, clause: Any, multiparams: Sequence[Any], params: Mapping[str, Any], dialect: Any
    ) -> tuple[Any, list[Any], bool, Recipe | None]:
        """As `gino.statement.prepare`, from what was compiled before where that is possible."""
        compiled = self._root._compiled
        if compiled is not None and compiled.dialect is dialect:
            sets = parameter_sets(multiparams, params) if multiparams else (params,)
            if len(sets) == 1 and isinstance(sets[0], Mapping):
                bound = compiled.bound(sets[0])
                if bound is not None:
                    return *bound, False, compiled.recipe
        return prepare(clause, multiparams, params, dialect)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BakedQuery) and self._hash == other._hash

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.sql or self._elem!s}>"


class Bakery:
    """Collects queries. The first engine that takes it compiles them; then it is closed: it takes
    no more queries, and no other engine takes it.
    """

    query_cls: ClassVar[type[BakedQuery]] = BakedQuery

    def __init__(self) -> None:
        self._queries: list[BakedQuery] = []
        self._closed = False

    def __iter__(self) -> Iterator[BakedQuery]:
        return iter(self._queries)

    @property
    def is_closed(self) -> bool:
        """Whether an engine has it."""
        return self._closed

    def bake(self, func_or_elem: Any = None, **execution_options: Any) -> Any:
        """Bake SQL (a string with `:name` parameters), a clause, or what a function returns.

        Also a decorator, with or without options. A function with a parameter is for the body of a
        model or mixin: it is called with each model class, and its query baked for that model.
        Errors: InitializedError if the bakery is closed.
        """
        return self._bake(None, func_or_elem, execution_options)

    def bake_for(self, metadata: Any, func_or_elem: Any, options: dict[str, Any]) -> Any:
        """As `bake`, for queries that run on the engine of `metadata` by themselves."""
        return self._bake(metadata, func_or_elem, options)

    def _bake(self, metadata: Any, given: Any, options: dict[str, Any]) -> Any:
        if self._closed:
            raise InitializedError(
                "this bakery is closed: bake queries before an engine is made with it"
            )
        if given is None:
            return lambda func: self._bake(metadata, func, options)
        if _is_function(given):
            if inspect.signature(given).parameters:
                baked = declared_attr(
                    lambda cls: self._bake(metadata, given(cls), options), with_table=True
                )
                baked.per_class = True
                return baked
            given = given()
        query = self.query_cls(given, metadata)
        if options:
            query._elem = query._elem.execution_options(**options)
        self._queries.append(query)
        return query

    @contextmanager
    def given(self, dialect: Any) -> Iterator[list[_core.Plan]]:
        """The block in which an engine is made that has this bakery: it is closed, its queries are
        compiled. Gives the plans that can be prepared.

        Errors: InitializedError if another engine has it; CompileError. If the block fails, the
        bakery is open again.
        """
        if self._closed:
            raise InitializedError("this bakery is closed: another engine has it")
        self._closed = True
        try:
            ready = [(query, Compiled.of(query.query, dialect)) for query in self._queries]
            yield [compiled.plan for _, compiled in ready if compiled.plan is not None]
        except BaseException:
            self._closed = False
            raise
        for query, compiled in ready:
            query._compiled = compiled


def _is_function(given: Any) -> bool:
    return (
        callable(given)
        and not isinstance(given, type | ClauseElement)
        and not hasattr(given, "__clause_element__")
    )
