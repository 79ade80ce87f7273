"""Ranges and multiranges: SQLAlchemy's `Range` and the driver's.

Owns: how one becomes the other.
Never does: look at the bounds.
Called by: `gino.dialects.types`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.postgresql.ranges import (
    AbstractMultiRangeImpl,
    AbstractSingleRangeImpl,
    MultiRange,
    Range,
)


class CastRange(AbstractSingleRangeImpl[Any]):
    """A range: the driver takes SQLAlchemy's as it is, and text."""

    def result_processor(self, dialect: Any, coltype: object) -> Callable[[Any], Any]:
        """A Range."""
        return _range


class CastMultiRange(AbstractMultiRangeImpl[Any]):
    """Several ranges: the driver takes a sequence of SQLAlchemy's as it is, and text."""

    def result_processor(self, dialect: Any, coltype: object) -> Callable[[Any], Any]:
        """A MultiRange."""

        def process(value: Any) -> Any:
            return MultiRange(map(_range, value)) if isinstance(value, list) else value

        return process


def _range(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if value.isempty:
        return Range(empty=True)
    opening, closing = "[" if value.lower_inc else "(", "]" if value.upper_inc else ")"
    return Range(value.lower, value.upper, bounds=opening + closing)  # type: ignore[arg-type]
