"""Codecs that an application sets for types, under the names that asyncpg gave them.

Owns: how a type is found by its name, and which types can have a codec.
Never does: convert a value; the native half calls the functions.
Called by: `gino.raw`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_TYPE = """\
SELECT t.oid, t.typtype::text, t.typelem <> 0 AND EXISTS (
  SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = $2::text AND (t.typname = $1::text
  OR $2::text = 'pg_catalog' AND t.oid = pg_catalog.to_regtype($1::text))
ORDER BY t.typname <> $1::text"""

_CONTRIB = "pg_contrib."
_KINDS = {"b", "d", "e", "c"}


async def set_codec(
    raw: Any,
    typename: str,
    schema: str,
    functions: tuple[Callable[[Any], Any], Callable[[Any], Any]],
    format: str,
) -> None:
    """Let functions, encoder and decoder, make what values of a type are on this connection."""
    if format not in ("text", "binary", "tuple"):
        raise ValueError(f'format={format!r}: "text", "binary" or "tuple"')
    encoder, decoder = functions
    oid = await _oid(raw, typename, schema)
    await raw._connection.set_codec(oid, encoder, decoder, format)


async def set_alias(
    raw: Any, typename: str, schema: str, codec_name: str, format: str | None
) -> None:
    """Take a type for one of PostgreSQL's own, or of an extension's that is known."""
    if format not in (None, "text", "binary"):
        raise ValueError(f'format={format!r}: "text", "binary" or None')
    oid = await _oid(raw, typename, schema)
    if codec_name.startswith(_CONTRIB):
        alias = (codec_name.removeprefix(_CONTRIB), 0)
        if alias[0] not in _EXTENSIONS:
            raise ValueError(f"there is no codec {codec_name!r}")
    else:
        alias = (codec_name, await _oid(raw, codec_name, "pg_catalog"))
    if format == "text":
        await raw._connection.set_codec(oid, str, str, "text")
    else:
        await raw._connection.set_codec(oid, alias=alias)


async def reset_codec(raw: Any, typename: str, schema: str) -> None:
    """Let values of a type be what they are on other connections."""
    await raw._connection.set_codec(await _oid(raw, typename, schema))


async def _oid(raw: Any, typename: str, schema: str) -> int:
    row = await raw.fetchrow(_TYPE, typename, schema)
    if row is None:
        raise ValueError(f"unknown type: {schema}.{typename}")
    oid, kind, is_array = row
    if is_array or kind not in _KINDS:
        raise ValueError(
            f"cannot use custom codec on type {schema}.{typename}: "
            "it is neither a scalar type nor a composite type"
        )
    return oid  # type: ignore[no-any-return]


_EXTENSIONS = frozenset(
    {"citext", "hstore", "ltree", "lquery", "ltxtquery", "vector", "halfvec", "sparsevec"}
)
