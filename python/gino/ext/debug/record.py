"""What was seen of the queries since the page was made.

Owns: `Recorder`: figures for each statement, and statements that one request ran many times.
Never does: keep a value, or more than a fixed number of statements.
Called by: `gino.ext.debug.serve`, and by the engine after each statement.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .._web.scope import current_request

LABELS = 5  # requests that are named for a suspect
SEEN = 50  # statements of one request that are remembered for a suggestion
LONGEST = 4000  # characters of a statement

# PostgreSQL manual, Lexical Structure: names in quotes stay; comments and texts go, also open ones
_TOKEN = re.compile(
    r'(?P<name>"(?:[^"]|"")*")'
    r"|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|\b[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)"
    r"|'(?:[^']|'')*(?:'|\Z)"
    r"|(?<![\w$])\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)",
    re.S,
)
_CONTROL = re.compile(
    r"\s*(BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|END|SET|RESET|SHOW|DISCARD)\b", re.I
)


@dataclass(slots=True)
class Statement:
    """What is known of one statement; times in seconds."""

    sql: str
    count: int = 0
    total: float = 0.0
    slowest: float = 0.0
    rows: int = 0
    errors: int = 0
    prepared: int = 0  # times it was not in the cache

    @property
    def mean(self) -> float:
        """The mean time, in seconds."""
        return self.total / self.count if self.count else 0.0


@dataclass(slots=True)
class Suspect:
    """A statement that requests run again and again."""

    sql: str
    most: int = 0  # times in one request
    requests: int = 0
    labels: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)  # what else those requests ran


class Recorder:
    """Listens to the queries of a database.

    `repeats`: how often a request has to run a statement to be a suspect; `keep`: statements that
    are remembered, those that were not seen for longest go first.
    """

    def __init__(self, repeats: int, keep: int) -> None:
        self.repeats = repeats
        self.since = time.time()
        self.queries = 0
        self.errors = 0
        self._keep = keep
        self._statements: OrderedDict[str, Statement] = OrderedDict()
        self._suspects: OrderedDict[str, Suspect] = OrderedDict()

    @property
    def statements(self) -> list[Statement]:
        """The statements that are remembered."""
        return list(self._statements.values())

    @property
    def suspects(self) -> list[Suspect]:
        """The suspects, the worst first."""
        return sorted(self._suspects.values(), key=lambda one: (-one.most, -one.requests))

    def told(self, query: Any) -> None:
        """Take note of a finished statement, a `gino.observe.QueryEvent`."""
        sql = without_literals(query.sql)
        self.queries += 1
        one = self._statements.pop(sql, None) or Statement(sql)
        self._statements[sql] = one
        if len(self._statements) > self._keep:
            self._statements.popitem(last=False)
        one.count += 1
        one.total += query.duration
        one.slowest = max(one.slowest, query.duration)
        one.rows += query.rows or 0
        one.prepared += query.prepared
        if query.error is not None:
            one.errors += 1
            self.errors += 1
        request = current_request.get()
        if request is not None and not _CONTROL.match(sql):
            self._count(request, sql)

    def _count(self, request: Any, sql: str) -> None:
        counts: dict[str, int] = request.notes.setdefault(self, {})
        if sql not in counts and len(counts) >= SEEN:
            return
        count = counts[sql] = counts.get(sql, 0) + 1
        if count < self.repeats:
            return
        suspect = self._suspects.pop(sql, None) or Suspect(sql)
        self._suspects[sql] = suspect
        if len(self._suspects) > self._keep:
            self._suspects.popitem(last=False)
        suspect.most = max(suspect.most, count)
        if count == self.repeats:
            suspect.requests += 1
            label = request.label
            if label and label not in suspect.labels and len(suspect.labels) < LABELS:
                suspect.labels.append(label)
            suspect.others.update(other for other in counts if other != sql)


@lru_cache(maxsize=1024)
def without_literals(sql: str) -> str:
    """The statement without the texts that stand in it: those may be anything, also secrets."""
    shorter = _TOKEN.sub(_shown, sql).strip()
    return shorter if len(shorter) <= LONGEST else shorter[:LONGEST] + " …"


def _shown(token: re.Match[str]) -> str:
    if token["name"] is not None:
        return token["name"]
    return " " if token["comment"] is not None else "'…'"
