"""The methods of a model for many rows, and for a row that may be there.

Owns: `bulk_create`, `bulk_upsert`, `bulk_update` and `get_or_create`, and what is said about them.
Never does: the work of the bulk methods; `gino.bulk` does.
Called by: `gino.crud` inherits them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, Literal, Self, overload

from .bulk import CHUNK, Job, Progress
from .declarative import Model
from .exceptions import NoRowReturnedError
from .execution import FIRST

Rows = Iterable[Any] | AsyncIterable[Any]


class ManyModel(Model):
    """What models can do with many rows at once."""

    @overload
    @classmethod
    async def bulk_create(
        cls,
        rows: Rows,
        *,
        bind: Any = None,
        timeout: float | None = None,
        returning: Literal[True] = True,
        copy: None = None,
        chunk_size: int = CHUNK,
        progress: Progress | None = None,
    ) -> list[Self]: ...

    @overload
    @classmethod
    async def bulk_create(
        cls,
        rows: Rows,
        *,
        bind: Any = None,
        timeout: float | None = None,
        returning: Literal[False],
        copy: bool | None = None,
        chunk_size: int = CHUNK,
        progress: Progress | None = None,
    ) -> int: ...

    @classmethod
    async def bulk_create(
        cls,
        rows: Rows,
        *,
        bind: Any = None,
        timeout: float | None = None,
        returning: bool = True,
        copy: bool | None = None,
        chunk_size: int = CHUNK,
        progress: Progress | None = None,
    ) -> list[Self] | int:
        """Insert many rows, all or none, and return their instances in the same order.

        `rows`: dicts of attributes or instances, mixed if need be, from an iterable or an
        asynchronous one. Defaults, JSON properties and what the server makes (keys, server
        defaults) are as with `create`; instances that were given are filled and returned.
        `returning=False`: return how many were stored; a long input goes by COPY then (`copy=True`:
        any; `False`: none, for tables with row-level security or rules). Rows are sent
        `chunk_size` at a time; `progress(done, total)` is called, and awaited if it is a
        coroutine function, after each of these; `total` is None for an input without `len()`.
        `timeout`: seconds for all of it.
        Errors: TypeError for an SQL expression as a value, KeyError for an unknown attribute, those
        of the server; NoSuchRowError if a trigger or rule kept a row out: nothing is stored then
        (`returning=False` stores what is let in; a trigger that is made while the program runs is
        noticed when it has kept out the first row). Cancellation: nothing is stored.
        """
        found: list[Self] | int = await Job(cls, bind, timeout, chunk_size, progress).create(
            rows, returning, copy
        )
        return found

    @overload
    @classmethod
    async def bulk_upsert(
        cls,
        rows: Rows,
        *,
        conflict: Any = None,
        update: Any = None,
        bind: Any = None,
        timeout: float | None = None,
        returning: Literal[True] = True,
        chunk_size: int = CHUNK,
        progress: Progress | None = None,
    ) -> list[Self]: ...

    @overload
    @classmethod
    async def bulk_upsert(
        cls,
        rows: Rows,
        *,
        conflict: Any = None,
        update: Any = None,
        bind: Any = None,
        timeout: float | None = None,
        returning: Literal[False],
        chunk_size: int = CHUNK,
        progress: Progress | None = None,
    ) -> int: ...

    @classmethod
    async def bulk_upsert(
        cls,
        rows: Rows,
        *,
        conflict: Any = None,
        update: Any = None,
        bind: Any = None,
        timeout: float | None = None,
        returning: bool = True,
        chunk_size: int = CHUNK,
        progress: Progress | None = None,
    ) -> list[Self] | int:
        """Insert many rows; where one is there already, update it. All or none.

        `conflict`: what makes a row be there: attributes or columns with a unique index, or a
        constraint or index; None: the primary key. `update`: attributes that are taken from the
        new row (None: all that it was given, JSON properties one by one; empty: none, and the row
        is not returned); or a dict from attributes to values or SQL; or a function that makes this
        dict of `excluded`, the columns of the new row: `lambda new: {"n": Model.n + new.n}`.
        `onupdate=` of columns is not applied. The rest is as with `bulk_create`.
        Errors: DatabaseError (SQLSTATE 21000) if two rows conflict with each other.
        """
        found: list[Self] | int = await Job(cls, bind, timeout, chunk_size, progress).upsert(
            rows, conflict, update, returning
        )
        return found

    @classmethod
    async def bulk_update(
        cls,
        rows: Rows,
        *,
        bind: Any = None,
        timeout: float | None = None,
        chunk_size: int = CHUNK,
        progress: Progress | None = None,
    ) -> list[Self]:
        """Update many rows by primary key, all or none, and return their instances in the same
        order.

        A row is a dict with the key and the attributes to be changed (JSON properties are merged),
        or an instance, whose values are all written; it is refreshed and returned. Columns with
        `onupdate=` are set, too. `chunk_size`, `progress`, `timeout` as with `bulk_create`.
        Errors: NoSuchRowError if one is not there, ValueError for a row without key or twice the
        same. Cancellation: nothing is changed.
        """
        found: list[Self] = await Job(cls, bind, timeout, chunk_size, progress).update(rows)
        return found

    @classmethod
    async def get_or_create(
        cls,
        defaults: Mapping[str, Any] | None = None,
        *,
        bind: Any = None,
        timeout: float | None = None,
        **key: Any,
    ) -> tuple[Self, bool]:
        """The instance with these values, and whether it was created, with `defaults` besides.

        The columns of `key` need a unique constraint or index of exactly these: so two tasks, or
        two programs, never create it twice. `timeout`: seconds for all of it.
        Errors: ValueError for a None in the key, or for none at all, KeyError for an unknown
        attribute, ProgrammingError (SQLSTATE 42P10) if the key is not unique. Cancellation: it is
        created or it is not.
        """
        if not key or None in key.values():
            raise ValueError(f"get_or_create() needs a key without None, not {key!r}")
        model: Any = cls
        model.__table_or_raise__()
        for name in key:
            if name not in model._column_name_map:
                raise KeyError(model.__unknown_attribute__(name))
        bind = model.__metadata__.bind if bind is None else bind
        names = tuple(sorted(key))
        plan = model.__plans__.find(names)
        values = [key[name] for name in names]
        async with asyncio.timeout(timeout):
            for _ in range(_ATTEMPTS):
                found: Self | None = await bind.run(plan, values, FIRST)
                if found is not None:
                    return found, False
                made = await cls.bulk_upsert(
                    [{**(defaults or {}), **key}], conflict=names, update=(), bind=bind
                )
                if made:
                    return made[0], True
        raise NoRowReturnedError(
            f"the row of {cls.__name__} was there each time it should be created, and gone each "
            "time it should be read"
        )


_ATTEMPTS = 5
