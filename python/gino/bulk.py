"""Many rows at once: `bulk_create`, `bulk_upsert`, `bulk_update`.

Owns: the way of rows (dicts or instances) to statements: in portions, sorted by which attributes
they have, in one transaction if it takes more than one statement.
Never does: build an SQLAlchemy expression per row; the SQL is `gino.batch`'s.
Called by: `gino.crud`.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from . import _core
from .batch import TYPES, Change, Insertion, Types, table_name
from .conflict import Conflict
from .copying import copy_records
from .exceptions import NoRowReturnedError, NoSuchRowError
from .execution import ALL, EACH, STATUS
from .given import Group, changes_of, groups_of

Progress = Callable[[int, int | None], Awaitable[object] | object]
Store = Callable[[Any, Group], Awaitable[None]]
Sort = Callable[[Sequence[Any], int], list[Group]]

CHUNK = 5000

# from how many rows on COPY is clearly faster than an INSERT of arrays that returns nothing
_COPIED = 5000
_TYPES = _core.Plan(TYPES)


class Job:
    """One call: the model, where it runs, and how far it is."""

    def __init__(
        self,
        model: Any,
        bind: Any,
        timeout: float | None,
        chunk_size: int,
        progress: Progress | None,
    ) -> None:
        if chunk_size < 1:
            raise ValueError(f"chunk_size={chunk_size}: a number of rows, at least 1")
        self.table = model.__table_or_raise__()
        self.model = model
        self.plans = model.__plans__
        self.bind = model.__metadata__.bind if bind is None else bind
        self.timeout = timeout
        self.chunk_size = chunk_size
        self.progress = progress
        self.done = 0
        self._memory: dict[Any, Any] = {}

    async def create(self, rows: Any, returning: bool, copy: bool | None) -> Any:
        """See `CRUDModel.bulk_create`."""
        if copy and returning:
            raise ValueError("copy=True gives no instances: it needs returning=False")
        is_long = not hasattr(rows, "__len__") or len(rows) >= _COPIED
        by_copy = (is_long and not returning) if copy is None else copy
        results: list[Any] = []
        stored = 0

        async def store(bind: Any, group: Group) -> None:
            nonlocal stored
            statement: Insertion = self._remembered(
                (group.attributes, returning),
                lambda types: Insertion(self.plans, group.attributes, types, None, returning),
            )
            if returning:
                _, loaded = await _insert(bind, statement, group)
                if len(loaded) != len(group.places):
                    del self._memory[Types]  # a trigger that was not there, perhaps
                    raise NoRowReturnedError(
                        f"{len(loaded)} of {len(group.places)} new rows of {self.model.__name__} "
                        "came back: a trigger or rule kept the others out; returning=False stores "
                        "what is let in, and tells how many"
                    )
                group.place(results, loaded)
            elif by_copy and (copy or statement.can_copy):
                stored += await self._copy(bind, statement, group)
            else:
                stored += (await _insert(bind, statement, group))[0]

        await self._run(rows, self._sorted, store, by_copy, all_or_none=returning)
        return results if returning else stored

    async def upsert(self, rows: Any, conflict: Any, update: Any, returning: bool) -> Any:
        """See `CRUDModel.bulk_upsert`."""
        rule = Conflict(self.model, conflict, update)
        results: list[Any] = []
        more: list[Any] = []
        count = 0

        async def store(bind: Any, group: Group) -> None:
            nonlocal count
            rule.check(group.attributes)
            key = None
            if rule.key is not None:
                key = (group.attributes, group.given, rule.key, returning)
            statement: Insertion = self._remembered(
                key,
                lambda types: Insertion(
                    self.plans,
                    group.attributes,
                    types,
                    lambda insert: rule.extend(insert, group.given),
                    returning,
                ),
            )
            stored, loaded = await _insert(bind, statement, group)
            count += stored
            if len(loaded) == len(group.places):
                group.place(results, loaded)
            else:
                more.extend(loaded)

        await self._run(rows, self._sorted, store, False)
        if not returning:
            return count
        return [one for one in (*results, *more) if one is not None]

    async def update(self, rows: Any) -> list[Any]:
        """See `CRUDModel.bulk_update`."""
        model, keys = self.model, self.plans.keys
        if not keys:
            raise TypeError(f"Model {model.__name__} has no primary key that finds rows to update")
        results: list[Any] = []
        seen: set[Any] = set()

        async def store(bind: Any, group: Group) -> None:
            change: Change = self._remembered(
                ("update", group.attributes, group.given),
                lambda types: Change(self.plans, group.attributes, group.given, types),
            )
            group.place(results, await _update(bind, change, group.columns, keys))

        await self._run(rows, lambda some, at: changes_of(model, some, at, seen), store, True)
        return results

    async def _run(
        self, rows: Any, sort: Sort, store: Store, in_transaction: bool, all_or_none: bool = False
    ) -> None:
        """Give the groups of each portion to `store` with what they run on, in a transaction if
        there are several, or (`all_or_none`) if the table may keep out some rows of a statement.
        """
        total = len(rows) if hasattr(rows, "__len__") else None
        async with asyncio.timeout(self.timeout):
            portions = _portions(rows, self.chunk_size)
            portion: list[Any] = await anext(portions, [])
            if not portion:
                return
            following: list[Any] = []
            if len(portion) == self.chunk_size:
                following = await anext(portions, [])
            groups = sort(portion, 0)
            self._memory = await self._memory_of_engine()
            in_transaction |= all_or_none and self._memory[Types].may_keep_out
            if len(groups) == 1 and not following and not in_transaction:
                await store(self.bind, groups[0])
                await self._say(len(portion), total)
                return
            async with self.bind.transaction() as tx:
                while portion:
                    for group in groups:
                        await store(tx.connection, group)
                    await self._say(len(portion), total)
                    portion, following = following, []
                    if len(portion) == self.chunk_size:
                        following = await anext(portions, [])
                    groups = sort(portion, self.done)

    def _sorted(self, rows: Sequence[Any], first: int) -> list[Group]:
        return groups_of(self.model, rows, first)

    async def _copy(self, connection: Any, statement: Insertion, group: Group) -> int:
        names = [column.name for column in statement.columns]
        table = (table_name(self.table), names)
        records = statement.records(group.columns, len(group.places))
        return _count(await copy_records(connection, table, records, None))

    def _remembered(self, key: Any, make: Callable[[Types], Any]) -> Any:
        """What `make` made for `key` on this engine before; nothing is kept for None."""
        found = None if key is None else self._memory.get(key)
        if found is None:
            found = make(self._memory[Types])
            if key is not None:
                self._memory[key] = found
        return found

    async def _memory_of_engine(self) -> dict[Any, Any]:
        engine = getattr(self.bind, "_engine", None) or getattr(self.bind, "bind", self.bind)
        memory: dict[Any, Any] = self.plans.bulk.setdefault(engine, {})
        if Types not in memory:
            name = table_name(self.table)
            memory[Types] = Types(await self.bind.run(_TYPES, (name,), ALL))
        elif len(memory) > _REMEMBERED:
            types = memory[Types]
            memory.clear()
            memory[Types] = types
        return memory

    async def _say(self, count: int, total: int | None) -> None:
        self.done += count
        if self.progress is not None:
            said = self.progress(self.done, total)
            if inspect.isawaitable(said):
                await said


async def _insert(bind: Any, statement: Insertion, group: Group) -> tuple[int, Sequence[Any]]:
    """How many rows there are, and the instances that came back."""
    whole = statement.whole
    if whole is None:
        done = await bind.run(
            statement.each, statement.rows(group.columns, len(group.places)), EACH, None, True
        )
        return done  # type: ignore[no-any-return]
    args = whole.arguments(statement.arrays(group.columns, len(group.places)))
    tag, loaded = await bind.run(whole.plan, args, STATUS)
    return _count(tag), loaded


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])


async def _update(
    bind: Any, change: Change, columns: Sequence[Any], keys: Sequence[str]
) -> Sequence[Any]:
    """The instances that came back, in the order of their rows."""
    count = len(columns[0])
    if change.whole is None:
        _, loaded = await bind.run(change.each, change.rows(columns), EACH, None, True)
        if len(loaded) == count:
            return loaded  # type: ignore[no-any-return]
        raise NoSuchRowError(f"{count - len(loaded)} of the {count} rows are not there")
    found = dict(await bind.run(change.whole.plan, change.whole.arguments(columns), ALL))
    lost = [place for place in range(1, count + 1) if place not in found]
    if lost:
        key = tuple([column[lost[0] - 1] for column in columns[: len(keys)]])
        raise NoSuchRowError(
            f"{len(lost)} of the {count} rows are not there, the first has the key {key}"
        )
    return [found[place] for place in range(1, count + 1)]


async def _portions(rows: Any, size: int) -> AsyncIterator[list[Any]]:
    if not hasattr(rows, "__aiter__"):
        remaining = iter(rows)
        while portion := list(itertools.islice(remaining, size)):
            yield portion
        return
    portion = []
    async for row in rows:
        portion.append(row)
        if len(portion) == size:
            yield portion
            portion = []
    if portion:
        yield portion


_REMEMBERED = 500
