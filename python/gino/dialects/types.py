"""The types of the SQLAlchemy dialect: what is cast, and what is converted after the driver.

Owns: a class for each type whose parameters need a cast in a prepared statement, or whose values
the driver gives in another form than SQLAlchemy promises.
Never does: decode what the driver decodes (nothing is processed twice).
Called by: `gino.dialects.sqlalchemy`, as its `colspecs`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import cast, type_coerce
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects.postgresql import BIT, HSTORE, BitString
from sqlalchemy.dialects.postgresql import json as pgjson
from sqlalchemy.dialects.postgresql import types as pgtypes
from sqlalchemy.dialects.postgresql.named_types import ENUM
from sqlalchemy.dialects.postgresql.ranges import AbstractMultiRange, AbstractSingleRange

from .base import (
    NativeARRAY,
    NativeFloat,
    NativeHSTORE,
    NativeInterval,
    NativeJSON,
    NativeJSONB,
    NativeJSONIntIndex,
    NativeJSONPath,
    NativeNumeric,
    NativeUuid,
)
from .literal import array_items
from .ranges import CastMultiRange, CastRange

# OIDs of pg_type.dat
_CHAR = 18
_FLOATS = (700, 701)
_NUMERIC = 1700
# the most that an array can have (PostgreSQL manual, "Limits")
_DIMENSIONS = 6
# array to element, where an element's type decides how it is processed
_ELEMENTS = {1231: _NUMERIC, 1021: 700, 1022: 701}
# arrays whose elements the driver decodes: `gino-core`'s codec/kind.rs
_DECODED_ARRAYS = frozenset(
    {
        *(1000, 1001, 1002, 1003, 1005, 1007, 1009, 1016, 1028, 1011, 1012, 1014, 1015),
        *(199, 3807, 1021, 1022, 1231, 1182, 1183, 1115, 1185, 1187, 2951),
    }
)


class CastString(sqltypes.String):
    """Text of any length."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """The server's internal `"char"` says "nothing" with a zero byte: no text."""
        return _without_zero if coltype == _CHAR else None


class CastInteger(sqltypes.Integer):
    """int4."""

    render_bind_cast = True


class CastSmallInteger(sqltypes.SmallInteger):
    """int2."""

    render_bind_cast = True


class CastBigInteger(sqltypes.BigInteger):
    """int8."""

    render_bind_cast = True


class CastBoolean(sqltypes.Boolean):
    """bool."""

    render_bind_cast = True


class CastBinary(sqltypes.LargeBinary):
    """bytea."""

    render_bind_cast = True


class CastDate(sqltypes.Date):
    """date."""

    render_bind_cast = True


class CastDateTime(sqltypes.DateTime):
    """timestamp and timestamptz."""

    render_bind_cast = True


class CastTime(sqltypes.Time):
    """time and timetz."""

    render_bind_cast = True


class CastBit(BIT):
    """bit and varbit: SQLAlchemy's BitString."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any]:
        """A BitString."""
        return _to_bits


class CastINET(pgtypes.INET):
    """inet: objects of `ipaddress`, or text if the engine says `native_inet_types=False`."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any] | None:
        """Text, if that is asked for."""
        return _to_str if dialect._native_inet_types is False else None


class CastCIDR(pgtypes.CIDR):
    """cidr: objects of `ipaddress`, or text if the engine says `native_inet_types=False`."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any] | None:
        """Text, if that is asked for."""
        return _to_str if dialect._native_inet_types is False else None


class CastEnum(ENUM):
    """An enum under its own name."""

    render_bind_cast = True


class CastNumeric(NativeNumeric):
    """numeric."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """What the column's own type does not give: Decimal, or float if not `asdecimal`."""
        if self.asdecimal:
            return None if coltype in (None, _NUMERIC) else _to_decimal
        return None if coltype in _FLOATS else _to_float


class CastFloat(NativeFloat):
    """float8."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """What the column's own type does not give: float, or Decimal if `asdecimal`."""
        if self.asdecimal:
            return None if coltype == _NUMERIC else _to_decimal
        return None if coltype in _FLOATS else _to_float


class CastInterval(NativeInterval):
    """interval."""


class CastJSON(NativeJSON):
    """json."""

    render_bind_cast = True


class CastJSONB(NativeJSONB):
    """jsonb."""

    render_bind_cast = True


class TextJSON(pgjson.JSON):
    """json that a function of the application decodes: selected as text."""

    def column_expression(self, column: Any) -> Any:
        """The column as text."""
        return type_coerce(cast(column, sqltypes.Text), self)


class TextJSONB(pgjson.JSONB):
    """jsonb that a function of the application decodes: selected as text."""

    def column_expression(self, column: Any) -> Any:
        """The column as text."""
        return type_coerce(cast(column, sqltypes.Text), self)


class CastJSONStrIndex(sqltypes.JSON.JSONStrIndexType):
    """A key of an object."""

    __visit_name__ = "json_str_index"
    render_bind_cast = True


class CastUuid(NativeUuid):
    """uuid."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """Text if not `as_uuid`."""
        return None if self.as_uuid else _to_str


class CastOid(pgtypes.OID):
    """oid."""

    render_bind_cast = True


class CastRegconfig(pgtypes.REGCONFIG):
    """The name of a text search configuration."""

    render_bind_cast = True


class CastARRAY(NativeARRAY):
    """An array."""

    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """A list, or tuple if `as_tuple`, whose elements are processed as their type asks."""
        kind = self.item_type.dialect_impl(dialect)
        is_json = isinstance(kind, sqltypes.JSON)
        item = None if is_json else kind.result_processor(dialect, _ELEMENTS.get(coltype))
        build = tuple if self.as_tuple else list
        # a list within a list may be an element's own value
        deepest = self.dimensions or (1 if is_json else _DIMENSIONS)

        def walk(value: Any, depth: int) -> Any:
            if isinstance(value, list) and depth:
                return build(walk(one, depth - 1) for one in value)
            return value if item is None or value is None else item(value)

        def process(value: Any) -> Any:
            return walk(array_items(value) if isinstance(value, str) else value, deepest)

        is_ready = coltype in _DECODED_ARRAYS and item is None and not self.as_tuple
        return None if is_ready else process


COLSPECS: dict[Any, Any] = {
    sqltypes.String: CastString,
    sqltypes.Integer: CastInteger,
    sqltypes.SmallInteger: CastSmallInteger,
    sqltypes.BigInteger: CastBigInteger,
    sqltypes.Boolean: CastBoolean,
    sqltypes.LargeBinary: CastBinary,
    sqltypes.Date: CastDate,
    sqltypes.DateTime: CastDateTime,
    sqltypes.Time: CastTime,
    sqltypes.Interval: CastInterval,
    sqltypes.Numeric: CastNumeric,
    sqltypes.Float: CastFloat,
    sqltypes.Enum: CastEnum,
    ENUM: CastEnum,
    BIT: CastBit,
    HSTORE: NativeHSTORE,
    pgtypes.INET: CastINET,
    pgtypes.CIDR: CastCIDR,
    sqltypes.JSON: CastJSON,
    pgjson.JSON: CastJSON,
    pgjson.JSONB: CastJSONB,
    sqltypes.JSON.JSONPathType: NativeJSONPath,
    sqltypes.JSON.JSONIntIndexType: NativeJSONIntIndex,
    sqltypes.JSON.JSONStrIndexType: CastJSONStrIndex,
    sqltypes.Uuid: CastUuid,
    sqltypes.ARRAY: CastARRAY,
    pgtypes.INTERVAL: CastInterval,
    pgtypes.OID: CastOid,
    pgtypes.REGCONFIG: CastRegconfig,
    AbstractSingleRange: CastRange,
    AbstractMultiRange: CastMultiRange,
}

# with `json_deserializer`
JSON_AS_TEXT: dict[Any, Any] = {
    sqltypes.JSON: TextJSON,
    pgjson.JSON: TextJSON,
    pgjson.JSONB: TextJSONB,
}


def _without_zero(value: Any) -> Any:
    return "" if value == "\0" else value


def _to_bits(value: Any) -> Any:
    return None if value is None else BitString(value.as_string().replace(" ", ""))


def _to_float(value: Any) -> Any:
    return None if value is None else float(value)


def _to_decimal(value: Any) -> Any:
    return None if value is None else Decimal(str(value))


def _to_str(value: Any) -> Any:
    return None if value is None else str(value)
