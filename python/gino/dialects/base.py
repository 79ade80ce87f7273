"""The SQLAlchemy dialect that writes statements for gino's native driver.

Owns: the types whose values the native half converts by itself (nothing is processed twice) and the
few that need a cast.
Never does: connect, run anything, or depend on the version of a server.
Called by: `gino.statement`, `gino.plans` and `gino.schema`, through `dialect()`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import types as sqltypes
from sqlalchemy.dialects.postgresql import HSTORE
from sqlalchemy.dialects.postgresql import json as pgjson
from sqlalchemy.dialects.postgresql.array import ARRAY as PGARRAY
from sqlalchemy.dialects.postgresql.base import INTERVAL, PGDialect
from sqlalchemy.dialects.postgresql.types import PGUuid

from .compiler import NativeCompiler


class NativeJSON(pgjson.JSON):
    """json: the driver decodes it; what goes in is JSON text."""

    render_bind_cast = False

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """None: the driver gives decoded values."""
        return None


class NativeJSONB(pgjson.JSONB):
    """jsonb: the driver decodes it; what goes in is JSON text."""

    render_bind_cast = False

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """None: the driver gives decoded values."""
        return None


class NativeJSONIndex(sqltypes.JSON.JSONIndexType):
    """A key of an object: text, which is what `json -> $1` takes it for."""

    def bind_processor(self, dialect: Any) -> Any:
        """None: it goes as it is."""
        return None


class NativeJSONIntIndex(sqltypes.JSON.JSONIntIndexType):
    """An index of an array: cast, since `json -> $1` takes a key unless told otherwise."""

    __visit_name__ = "json_int_index"
    render_bind_cast = True


class NativeJSONPath(pgjson.JSONPathType):
    """A path as an array of text."""

    def bind_processor(self, dialect: Any) -> Any:
        """Path elements as strings; a string is taken to be a json path already."""

        def process(value: Any) -> Any:
            return value if isinstance(value, str) else [str(element) for element in value or ()]

        return process


class NativeARRAY(PGARRAY[Any]):
    """An array: processed only if its elements are."""

    def bind_processor(self, dialect: Any) -> Any:
        """None unless the elements have a processor."""
        item = self.item_type.dialect_impl(dialect).bind_processor(dialect)
        return None if item is None else super().bind_processor(dialect)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """None unless the elements have a processor."""
        item = self.item_type.dialect_impl(dialect).result_processor(dialect, coltype)
        return None if item is None else super().result_processor(dialect, coltype)


class NativeHSTORE(HSTORE):
    """hstore: the driver takes and gives dicts of str to str or None."""

    def bind_processor(self, dialect: Any) -> Any:
        """None: it goes as it is."""
        return None

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """None: always a dict."""
        return None


class NativeUuid(PGUuid[Any]):
    """uuid: the driver takes UUID and str, and returns UUID."""

    render_bind_cast = False

    def bind_processor(self, dialect: Any) -> Any:
        """None: the driver takes both forms."""
        return None

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """None: always a UUID."""
        return None


class NativeInterval(INTERVAL):
    """interval: cast, since `timestamp - $1` would be taken for a timestamp."""

    render_bind_cast = True

    @classmethod
    def adapt_emulated_to_native(  # type: ignore[override]
        cls, interval: Any, **kw: Any
    ) -> NativeInterval:
        """The native type for SQLAlchemy's generic `Interval`."""
        return cls(precision=interval.second_precision)


class NativeNumeric(sqltypes.Numeric[Any]):
    """numeric: the driver gives Decimal."""

    def bind_processor(self, dialect: Any) -> Any:
        """None: the driver takes Decimal, int and float."""
        return None

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """A float when `asdecimal=False`."""
        return None if self.asdecimal else _to_float


class NativeFloat(sqltypes.Float[Any]):
    """float4 and float8: the driver gives float."""

    def bind_processor(self, dialect: Any) -> Any:
        """None: the driver takes numbers."""
        return None

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """A Decimal when `asdecimal=True`."""
        return _to_decimal if self.asdecimal else None


class NativeDialect(PGDialect):
    """PostgreSQL 13 and later behind gino's driver: `$1` parameters, native values, no DBAPI."""

    driver = "gino"
    default_paramstyle = "numeric_dollar"
    statement_compiler = NativeCompiler
    supports_statement_cache = True
    supports_server_side_cursors = True
    # `->` is understood by every version, and matches the indexes that were made on it
    _supports_jsonb_subscripting = False
    colspecs: ClassVar[dict[Any, Any]] = {  # type: ignore[misc]
        **PGDialect.colspecs,
        sqltypes.JSON: NativeJSON,
        pgjson.JSON: NativeJSON,
        pgjson.JSONB: NativeJSONB,
        sqltypes.JSON.JSONPathType: NativeJSONPath,
        sqltypes.JSON.JSONIndexType: NativeJSONIndex,
        sqltypes.JSON.JSONIntIndexType: NativeJSONIntIndex,
        HSTORE: NativeHSTORE,
        sqltypes.ARRAY: NativeARRAY,
        PGARRAY: NativeARRAY,
        sqltypes.Uuid: NativeUuid,
        sqltypes.Interval: NativeInterval,
        INTERVAL: NativeInterval,
        sqltypes.Float: NativeFloat,
        sqltypes.Numeric: NativeNumeric,
    }


def _to_float(value: Any) -> Any:
    return None if value is None else float(value)


def _to_decimal(value: Any) -> Any:
    return None if value is None else Decimal(repr(value))
