"""How the number of a LIMIT gets into the text of a statement that is compiled once.

PostgreSQL takes it that a LIMIT which is a parameter leaves a tenth of the rows. By that guess the
plan for all values looks dearer than one for these, and it plans such a statement anew at each run
(PostgreSQL manual, PREPARE). An OFFSET stays a parameter: it differs from page to page, and a plan
for its depth is worth the time.

Owns: `NativeCompiler`, whose text has places for those numbers.
Never does: decide which numbers are written; `gino.statement` does.
Called by: SQLAlchemy, for gino's dialect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.dialects.postgresql.base import PGCompiler
from sqlalchemy.sql.selectable import _OffsetLimitParam


class NativeCompiler(PGCompiler):
    """PostgreSQL's compiler; the numbers of LIMIT and FETCH are the last parameters.

    `limits`: their names. None next to an expanding parameter: SQLAlchemy makes the text of each
    execution then, and writes these numbers, too.
    """

    limits: Sequence[str] = ()
    _with_places = ""

    def with_limits(self, numbers: Iterable[int]) -> str:
        """The text with numbers in place of the parameters `limits`."""
        return self._filled(dict(zip(self.limits, map(str, numbers), strict=True)))

    def limit_clause(self, select: Any, **kw: Any) -> str:
        """LIMIT and OFFSET."""
        return super().limit_clause(_with_places(select), **kw)  # type: ignore[no-any-return, no-untyped-call]

    def fetch_clause(self, select: Any, **kw: Any) -> str:  # type: ignore[override]
        """OFFSET and FETCH."""
        return super().fetch_clause(_with_places(select), **kw)  # type: ignore[no-any-return, no-untyped-call]

    def _process_numeric(self) -> None:
        super()._process_numeric()  # type: ignore[no-untyped-call]
        places = self.literal_execute_params
        if self.post_compile_params or not all(isinstance(p, _OffsetLimitParam) for p in places):
            return
        names = list(self.positiontup or ())
        self.limits = [name for name in names if self.binds[name] in places]
        self.positiontup = [*(name for name in names if name not in self.limits), *self.limits]
        self.literal_execute_params = frozenset()
        self._with_places = self.string
        first = self.next_numeric_pos
        self.next_numeric_pos += len(self.limits)
        self.string = self._filled(
            {name: f"${number}" for number, name in enumerate(self.limits, first)}
        )

    def _filled(self, texts: Mapping[str, str]) -> str:
        return self._post_compile_pattern.sub(
            lambda place: texts.get(place[1], place[0]), self._with_places
        )


def _with_places(select: Any) -> Any:
    """The select with numbers that SQLAlchemy leaves places for; expressions stay as they are."""
    copy = select._clone()
    for name in ("_limit_clause", "_fetch_clause"):
        clause = getattr(copy, name)
        if isinstance(clause, _OffsetLimitParam):
            setattr(copy, name, clause.render_literal_execute())
    return copy
