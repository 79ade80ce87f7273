"""COPY between a table or query and a file, a stream or records, as asyncpg's connection has it.

Owns: the text of COPY statements, and the moving of data in portions.
Never does: hold more than a portion; run in an application's way: files are read in threads.
Called by: `gino.raw`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from typing import Any

_PORTION = 512 * 1024
_RECORDS = 500

# what may hold a `$1` that is no parameter, then the parameter
_PARAMETER = re.compile(
    r"[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/"
    r"|\$(?P<tag>[^\W\d]\w*)?\$.*?\$(?(tag)(?P=tag))\$|\$(?P<number>\d+)",
    re.DOTALL,
)


async def copy_out(
    connection: Any, source: str, output: Any, options: dict[str, Any], timeout: float | None
) -> str:
    """Copy `source`, a table or a query in parentheses, to `output`; returns the command tag."""
    sql = f"COPY {source} TO STDOUT{_options(options)}"
    async with _writer(output) as write:
        copy = await connection.copy_out(sql, timeout)
        try:
            while (data := await copy.read()) is not None:
                await write(data)
        finally:
            copy.abort()
    tag: str = copy.tag
    return tag


async def copy_in(
    connection: Any,
    target: str,
    source: Any,
    options: dict[str, Any],
    where: str | None,
    timeout: float | None,
) -> str:
    """Copy `source`, a path, file, bytes or async iterable of bytes, into the table `target`."""
    sql = f"COPY {target} FROM STDIN{_options(options)}{_where(where)}"
    copy = await connection.copy_in(sql, None, timeout)
    try:
        async with contextlib.aclosing(_portions(source)) as portions:
            async for data in portions:
                await copy.write(data)
        tag: str = await copy.finish()
        return tag
    finally:
        copy.abort()


async def copy_records(
    connection: Any,
    table: tuple[str, Sequence[str] | None],
    records: Any,
    where: str | None,
    timeout: float | None = None,
) -> str:
    """Copy records, an iterable or async iterable of sequences, into a table, in binary form."""
    name, columns = table
    selected = ", ".join(map(quoted, columns)) if columns else "*"
    probe = f"SELECT {selected} FROM {name}"
    sql = f"COPY {name}{_column_list(columns)} FROM STDIN (FORMAT binary){_where(where)}"
    copy = await connection.copy_in(sql, probe, timeout)
    try:
        if hasattr(records, "__aiter__"):
            portion: list[Any] = []
            async for record in records:
                portion.append(record)
                if len(portion) == _RECORDS:
                    await copy.write_records(portion)
                    portion = []
            await copy.write_records(portion)
        else:
            remaining = iter(records)
            while portion := list(itertools.islice(remaining, _RECORDS)):
                await copy.write_records(portion)
            await copy.write_records([])
        tag: str = await copy.finish(True)
        return tag
    finally:
        copy.abort()


def table_of(name: str, columns: Sequence[str] | None, schema: str | None) -> str:
    """A table with the columns to be copied, quoted."""
    return qualified(name, schema) + _column_list(columns)


def qualified(name: str, schema: str | None) -> str:
    """A table's name, quoted."""
    return f"{quoted(schema)}.{quoted(name)}" if schema else quoted(name)


def quoted(name: str) -> str:
    """An identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


async def with_values(raw: Any, query: str, args: Sequence[Any]) -> str:
    """A query with its parameters as literals that the server has written: COPY takes no values."""
    if not args:
        return query
    types = await raw._connection.parameter_types(query)
    if len(types) != len(args):
        raise ValueError(f"the query takes {len(types)} parameters, {len(args)} were given")
    names = await raw.fetchval(
        "SELECT array_agg(format_type(oid, NULL) ORDER BY place) "
        "FROM unnest($1::oid[]) WITH ORDINALITY AS given (oid, place)",
        types,
    )
    values = ", ".join(
        f"quote_nullable(${number}::{name}::text)" for number, name in enumerate(names, 1)
    )
    literals = await raw.fetchrow(f"SELECT {values}", *args)

    def literal(match: re.Match[str]) -> str:
        number = match["number"]
        if number is None:
            return match[0]
        place = int(number) - 1
        return f"{literals[place]}::{names[place]}"

    return _PARAMETER.sub(literal, query)


@contextlib.asynccontextmanager
async def _writer(output: Any) -> AsyncIterator[Callable[[bytes], Any]]:
    if isinstance(output, str | os.PathLike):
        file = await asyncio.to_thread(open, output, "wb")
        try:
            yield lambda data: asyncio.to_thread(file.write, data)
        finally:
            await asyncio.to_thread(file.close)
    elif hasattr(output, "write"):
        yield lambda data: asyncio.to_thread(output.write, data)
    elif inspect.iscoroutinefunction(output) or inspect.iscoroutinefunction(
        getattr(output, "__call__", None)  # noqa: B004 (an object whose call is a coroutine)
    ):
        yield output
    else:
        raise TypeError(
            "output is a path, a file-like object or a coroutine function, "
            f"not {type(output).__name__}"
        )


async def _portions(source: Any) -> AsyncGenerator[Any]:
    if isinstance(source, str | os.PathLike):
        file = await asyncio.to_thread(open, source, "rb")
        try:
            while data := await asyncio.to_thread(file.read, _PORTION):
                yield data
        finally:
            await asyncio.to_thread(file.close)
    elif hasattr(source, "read"):
        while data := await asyncio.to_thread(source.read, _PORTION):
            yield data
    elif hasattr(source, "__aiter__"):
        async for data in source:
            yield data
    elif isinstance(source, bytes | bytearray | memoryview):
        view = memoryview(source).cast("B")
        for start in range(0, len(view), _PORTION):
            yield view[start : start + _PORTION]
    else:
        raise TypeError(
            "source is a path, a file-like object, bytes or an async iterable of bytes, "
            f"not {type(source).__name__}"
        )


def _options(options: dict[str, Any]) -> str:
    parts = [f"{name.upper()} {_option(name, value)}" for name, value in options.items()]
    return f" ({', '.join(parts)})" if parts else ""


def _option(name: str, value: Any) -> str:
    if name.startswith("force_"):
        return "*" if value is True else f"({', '.join(map(quoted, value))})"
    if name == "format":
        return quoted(value)
    if isinstance(value, bool):
        return str(value).upper()
    return "'" + str(value).replace("'", "''") + "'"


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are not None; a list of columns to be forced may not be empty."""
    return {
        name: value
        for name, value in options.items()
        if value is not None and not (name.startswith("force_") and not value)
    }


def _column_list(columns: Iterable[str] | None) -> str:
    return f" ({', '.join(map(quoted, columns))})" if columns else ""


def _where(where: str | None) -> str:
    return f" WHERE {where}" if where else ""
