"""Counting a query's rows, and reading them in pages by key.

Owns: the queries behind `count()`, `exists()` and `page()`, and `Page`.
Never does: skip rows by OFFSET: a page begins after a key, so its cost does not grow.
Called by: `gino.executor`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ColumnElement, Label, UnaryExpression
from sqlalchemy.sql.schema import Column, Table
from sqlalchemy.sql.selectable import Select, SelectBase

from .loading import ColumnLoader, Loader, TupleLoader

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a query's results, and where the next page begins.

    `next` is what `page(after=...)` takes for it: a tuple of the values that the last item is
    sorted by; None at the end. It is plain data, and can travel in a link.
    """

    items: list[T]
    next: tuple[Any, ...] | None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def counting(query: Any) -> Any:
    """The query for the number of rows."""
    rows = _unsorted(query, "count").subquery()
    return sa.select(sa.func.count()).select_from(rows)


def testing(query: Any) -> Any:
    """The query for whether there is a row."""
    return sa.select(_unsorted(query, "exists").exists())


class Paging:
    """A select that is read in pages of `size` items.

    Errors: ValueError for a select whose pages would have no certain beginning, see `page()`.
    """

    def __init__(self, query: Any, size: int) -> None:
        if size < 1:
            raise ValueError(f"size={size}: a page has at least one item")
        if not isinstance(query, Select):
            raise ValueError("page() is for a select; turn another query into its subquery() first")
        if query._distinct or query._group_by_clauses or query._having_criteria:
            raise ValueError(
                "page() is for a select without DISTINCT and GROUP BY; turn it into its subquery()"
            )
        if query._limit_clause is not None or query._offset_clause is not None:
            raise ValueError("page() limits the query itself: leave limit() and offset() out")
        self._size = size
        self._query = query
        options = query._execution_options
        loader = options.get("loader")
        loader = options.get("model") if loader is None else loader
        if not options.get("return_model", True):
            loader = None
        if loader is not None:
            loader = Loader.get(loader)
            if vars(loader).get("_distinct") is not None:
                raise ValueError(
                    "page() counts rows, and distinct() makes one item of several: page over the "
                    "keys, and load what belongs to them in a second query"
                )
        self._loader = loader
        self._sorting = [_Sorting.of(clause) for clause in query._order_by_clauses]
        self._sort_fully()

    def clause(self, after: Any) -> Any:
        """The select for the page after a key (None: the first), and one row more."""
        query = self._query
        if after is not None:
            query = query.where(self._beyond(after))
        query = query.limit(self._size + 1)
        if self._loader is None:
            return query
        # what it is sorted by comes back beside each item, whatever the loader makes
        query = query.add_columns(
            *(one.expression.label(_KEYS[i].column.name) for i, one in enumerate(self._sorting))
        )
        loader = TupleLoader((self._loader, *_KEYS[: len(self._sorting)]))
        return query.execution_options(loader=loader, return_model=True)

    def page(self, found: Sequence[Any]) -> Page[Any]:
        """The page for the rows of `clause`."""
        shown = found[: self._size]
        items = list(shown) if self._loader is None else [row[0] for row in shown]
        if len(found) <= self._size:
            return Page(items, None)
        last = shown[-1]
        if self._loader is not None:
            return Page(items, tuple(last[1:]))
        return Page(items, tuple([one.value_in(last) for one in self._sorting]))

    def _sort_fully(self) -> None:
        """Add the primary key to the order, unless it is there: equal rows must have an order."""
        froms = self._query.get_final_froms()
        sorted_by = [one.expression for one in self._sorting]
        table = froms[0] if len(froms) == 1 else None
        if not isinstance(table, Table):
            model = self._query._execution_options.get("model")
            model = model or vars(self._loader).get("model") if self._loader is not None else model
            table = getattr(model, "__table__", None) if len(froms) == 1 else None
            is_sure = bool(sorted_by)
        else:
            is_sure = True
        keys = list(table.primary_key.columns) if table is not None else []
        if not keys and not (is_sure and sorted_by):
            raise ValueError("page() needs an order: add order_by() with columns of a unique key")
        for key in keys:
            if not any(key is one for one in sorted_by):
                self._sorting.append(_Sorting(key, False, False))
                self._query = self._query.order_by(key)
        if len(self._sorting) > len(_KEYS):
            raise ValueError(f"page() takes up to {len(_KEYS)} sort keys")

    def _beyond(self, after: Any) -> Any:
        key = tuple(after) if isinstance(after, list | tuple) else (after,)
        if len(key) != len(self._sorting):
            raise ValueError(
                f"after= has {len(key)} values, the order has {len(self._sorting)}: "
                f"{', '.join(str(one.expression) for one in self._sorting)}"
            )
        if len({one.descends for one in self._sorting}) == 1 and not any(
            one.is_nullable for one in self._sorting
        ):
            return self._beyond_at_once(key)
        wanted = []
        equal: list[Any] = []
        for one, value in zip(self._sorting, key, strict=True):
            beyond = one.beyond(value)
            if beyond is not None:
                wanted.append(sa.and_(*equal, beyond))
            equal.append(one.equal(value))
        return sa.or_(sa.false(), *wanted)

    def _beyond_at_once(self, key: tuple[Any, ...]) -> Any:
        """Compare whole keys: an index on them answers that."""
        values = [one.bound(value) for one, value in zip(self._sorting, key, strict=True)]
        if len(values) == 1:
            left, right = self._sorting[0].expression, values[0]
        else:
            left = sa.tuple_(*(one.expression for one in self._sorting))
            right = sa.tuple_(*values)
        return left < right if self._sorting[0].descends else left > right


@dataclass(frozen=True)
class _Sorting:
    """One expression of ORDER BY; NULLs come last, as the server has it, unless `nulls_first`."""

    expression: Any
    descends: bool
    nulls_first: bool

    @classmethod
    def of(cls, clause: Any) -> _Sorting:
        """What a clause of ORDER BY says."""
        descends = False
        nulls_first: bool | None = None
        while isinstance(clause, UnaryExpression) and clause.modifier is not None:
            if clause.modifier is operators.desc_op:
                descends = True
            elif clause.modifier is operators.nulls_first_op:
                nulls_first = True
            elif clause.modifier is operators.nulls_last_op:
                nulls_first = False
            clause = clause.element
        clause = getattr(clause, "element", clause) if isinstance(clause, Label) else clause
        if not isinstance(clause, ColumnElement) or clause._is_text_clause:
            raise ValueError(
                f"page() cannot compare with {str(clause)!r}: sort by columns or expressions"
            )
        if nulls_first is None:
            nulls_first = descends  # PostgreSQL manual, "Sorting Rows": NULLs are larger
        return cls(clause, descends, nulls_first)

    @property
    def is_nullable(self) -> bool:
        """Whether it may be NULL, as far as is known."""
        return not isinstance(self.expression, Column) or bool(self.expression.nullable)

    def bound(self, value: Any) -> Any:
        """A value as a parameter of the expression's type. Errors: ValueError for a None that
        cannot be.
        """
        if value is None and not self.is_nullable:
            raise ValueError(f"after= has None for {self.expression}, which is never NULL")
        return sa.bindparam(None, value, type_=self.expression.type)

    def beyond(self, value: Any) -> Any:
        """The condition for rows that come after `value`; None if there are none."""
        if value is None:
            return self.expression.is_not(None) if self.nulls_first else None
        bound = self.bound(value)
        found = self.expression < bound if self.descends else self.expression > bound
        if self.is_nullable and not self.nulls_first:
            found = sa.or_(found, self.expression.is_(None))
        return found

    def equal(self, value: Any) -> Any:
        """The condition for rows with this very value."""
        if value is None:
            return self.expression.is_(None)
        return self.expression == self.bound(value)

    def value_in(self, row: Any) -> Any:
        """The value in a row. Errors: ValueError if the query does not select it."""
        try:
            return row[self.expression]
        except (KeyError, sa.exc.NoSuchColumnError):
            raise ValueError(
                f"the rows are sorted by {self.expression}, which the query does not select"
            ) from None


class _Key(ColumnLoader):
    """A sort key, found by its name."""

    is_stable = True

    @property
    def key(self) -> Any:
        """Equal for one name."""
        return (_Key, self.column.name)


_KEYS = tuple(_Key(Label(f"gino_page_{index}", sa.null())) for index in range(16))


def _unsorted(query: Any, method: str) -> Any:
    if not isinstance(query, SelectBase):
        raise TypeError(f"{method}() is for queries, not for {type(query).__name__}")
    return (
        query.order_by(None) if isinstance(query, Select) and query._limit_clause is None else query
    )


Page.__module__ = "gino.api"
