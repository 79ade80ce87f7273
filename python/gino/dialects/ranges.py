"""Ranges and multiranges: SQLAlchemy's `Range` to the server's text form and back.

Owns: which Python value a bound of each range type is.
Never does: take the text apart (`gino.dialects.literal` does).
Called by: `gino.dialects.types`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql.ranges import (
    AbstractMultiRangeImpl,
    AbstractSingleRangeImpl,
    MultiRange,
    Range,
)

from .literal import multirange_parts, range_parts

_BOUNDS: dict[str, Callable[[str], Any]] = {
    "INT4": int,
    "INT8": int,
    "NUM": Decimal,
    "DATE": date.fromisoformat,
    "TS": datetime.fromisoformat,
    "TSTZ": datetime.fromisoformat,
}
_SUFFIXES = ("MULTIRANGE", "RANGE")


class CastRange(AbstractSingleRangeImpl[Any]):
    """A range: text on the wire."""

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any]:
        """The text of a Range; text stays as it is."""
        return _text

    def result_processor(self, dialect: Any, coltype: object) -> Callable[[Any], Any]:
        """A Range."""
        bound = _bound_of(self)

        def process(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            parts = range_parts(value)
            return Range(empty=True) if parts is None else _range(parts, bound)

        return process


class CastMultiRange(AbstractMultiRangeImpl[Any]):
    """Several ranges: text on the wire."""

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any]:
        """The text of a sequence of Ranges; text stays as it is."""

        def process(value: Any) -> Any:
            if value is None or isinstance(value, str):
                return value
            return "{" + ",".join(map(_text, value)) + "}"

        return process

    def result_processor(self, dialect: Any, coltype: object) -> Callable[[Any], Any]:
        """A MultiRange."""
        bound = _bound_of(self)

        def process(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            return MultiRange(_range(parts, bound) for parts in multirange_parts(value))

        return process


def _bound_of(type_: Any) -> Callable[[str], Any]:
    name = type_.__visit_name__.upper()
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return _BOUNDS.get(name, str)


def _range(parts: tuple[str | None, str | None, str], bound: Callable[[str], Any]) -> Range[Any]:
    lower, upper, brackets = parts
    return Range(
        None if lower is None else bound(lower),
        None if upper is None else bound(upper),
        bounds=brackets,  # type: ignore[arg-type]
    )


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Range) else value
