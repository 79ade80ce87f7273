"""The page as HTML, without scripts.

Owns: what stands where, how figures are written, and that everything is escaped.
Never does: gather anything.
Called by: `gino.ext.debug.serve`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from .style import STYLE

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# nothing is loaded, sent or run; only the style that stands in the page counts
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def render(data: Mapping[str, Any]) -> str:
    """The page of `DebugPage.data()`."""
    queries, pool = data["queries"], data["pool"]
    parts = [
        _head(data),
        _pool(pool, data["metrics"]) if pool else "<p class=empty>There is no engine yet.</p>",
        _section(
            "suspects",
            "N+1 suspects",
            f"Statements that one request has run {data['repeats']} times or more.",
            "".join(map(_suspect, data["suspects"])) or _empty("No request repeats itself."),
        ),
        _section(
            "connections",
            "Connections",
            "Who holds what, since when. The longest held come first.",
            _connections(data["connections"]),
        ),
        _section(
            "slowest",
            "Slowest statements",
            "By the longest time that one of them took.",
            _statements(queries["slowest"]),
        ),
        _section(
            "frequent",
            "Most frequent statements",
            f"Of {_number(queries['statements'], 'statement')} that are remembered.",
            _statements(queries["most_frequent"]),
        ),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Database · GINO</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def _head(data: Mapping[str, Any]) -> str:
    queries, cache = data["queries"], data["cache"]
    rate = cache["hit_rate"]
    facts = [
        ("queries", f"{queries['count']:,}", ""),
        ("errors", f"{queries['errors']:,}", "bad" if queries["errors"] else ""),
        ("suspects", f"{len(data['suspects'])}", "bad" if data["suspects"] else "good"),
        ("cache hits", "—" if rate is None else f"{rate:.0%}", ""),
    ]
    cells = "".join(
        f'<div class="fact {kind}"><dt>{name}</dt><dd>{value}</dd></div>'
        for name, value, kind in facts
    )
    return (
        f"<header><div><h1>Database</h1><p>Seen for {_time(data['seconds'])}. "
        f'<a href="json">The same as JSON</a></p></div><dl>{cells}</dl></header>'
    )


def _pool(pool: Mapping[str, int], metrics: Mapping[str, Any]) -> str:
    slots = [
        "busy" if number < pool["in_use"] else "idle" if number < pool["size"] else "free"
        for number in range(pool["max"])
    ]
    drawn = "".join(f"<i class={kind}></i>" for kind in slots[:200])
    waiting = pool["waiting"]
    words = (
        f"<b>{pool['in_use']}</b> in use · <b>{pool['size'] - pool['in_use']}</b> idle · "
        f"<b>{pool['max'] - pool['size']}</b> not open · "
        f'<b class="{"bad" if waiting else ""}">{waiting}</b> waiting'
    )
    mean = metrics["wait_time"] / metrics["waited"] if metrics["waited"] else 0
    facts = [
        ("opened", metrics["opened"]),
        ("closed", metrics["closed"]),
        ("reused", metrics["reused"]),
        ("had to wait", metrics["waited"]),
        ("mean wait", _time(mean)),
        ("timed out", metrics["timeouts"]),
        ("failed to open", metrics["failed_connects"]),
        ("reset", metrics["resets"]),
    ]
    items = "".join(
        f"<div><dt>{name}</dt><dd>{value if isinstance(value, str) else f'{value:,}'}</dd></div>"
        for name, value in facts
    )
    content = (
        f'<div class=slots role=img aria-label="pool">{drawn}</div><p>{words}</p><dl>{items}</dl>'
    )
    return _section("pool", "Pool", f"{pool['min']} to {pool['max']} connections.", content)


def _suspect(one: Mapping[str, Any]) -> str:
    found = one["suggestion"]
    places = ", ".join(f"<code>{escape(label)}</code>" for label in one["seen_in"])
    advice = ""
    if found:
        code = escape(found["code"])
        advice = f"<p>{escape(found['words'])}</p><pre class=advice><code>{code}</code></pre>"
    return (
        f"<article><p><b class=bad>{one['most']:,} times</b> in one request, "
        f"{_number(one['requests'], 'request')}{' · ' if places else ''}{places}</p>"
        f"{_sql(one['sql'])}{advice}</article>"
    )


def _connections(connections: Iterable[Mapping[str, Any]]) -> str:
    def held(one: Mapping[str, Any]) -> float:
        return one["holder"]["age"] if one["holder"] else -1.0

    rows = []
    for one in sorted(connections, key=lambda one: (-held(one), one["number"])):
        holder = one["holder"] or {}
        since = _time(holder["age"]) if holder else "—"
        # where a request got its connection says nothing, what it asks for does
        place = f"<b>{escape(holder['request'])}</b>" if holder.get("request") else ""
        if not place and holder.get("place"):
            place = escape(holder["place"])
        who = f"{place} <span class=soft>{escape(holder.get('caller') or '')}</span>"
        state = escape(one["state"])
        last = _sql(holder["last_sql"]) if holder.get("last_sql") else ""
        seen = one["statement_hits"] + one["statement_misses"]
        rate = f"{one['statement_hits'] / seen:.0%}" if seen else "—"
        rows.append(
            f"<tr><td class=n>{one['number']}</td><td class=n>{one['process'] or '—'}</td>"
            f'<td><span class="state {state.replace(" ", "-")}">{state}</span></td>'
            f"<td class=n>{since}</td><td class=n>{_time(one['age'])}</td>"
            f"<td class=n>{rate}</td><td class=wide>{who}{last}</td></tr>"
        )
    names = ["#n", "process#n", "state", "held#n", "open#n", "cache#n", "holder and last statement"]
    return _table(names, rows) if rows else _empty("None is open.")


def _statements(statements: Iterable[Mapping[str, Any]]) -> str:
    found = list(statements)
    worst = max((one["slowest"] for one in found), default=0) or 1
    rows = [
        f"<tr><td class=n>{one['count']:,}</td><td class=n>{_time(one['mean'])}</td>"
        f'<td class=n><meter max="1" value="{one["slowest"] / worst:.3f}"></meter> '
        f"{_time(one['slowest'])}</td>"
        f"<td class=n>{_time(one['total'])}</td><td class=n>{one['rows']:,}</td>"
        f'<td class="n {"bad" if one["errors"] else ""}">{one["errors"]:,}</td>'
        f"<td class=wide>{_sql(one['sql'])}</td></tr>"
        for one in found
    ]
    names = ["times#n", "mean#n", "slowest#n", "all#n", "rows#n", "errors#n", "statement"]
    return _table(names, rows) if rows else _empty("None has run yet.")


def _section(name: str, title: str, words: str, content: str) -> str:
    return f"<section id={name}><h2>{title}</h2><p class=words>{words}</p>{content}</section>"


def _table(names: Iterable[str], rows: Iterable[str]) -> str:
    heads = "".join(
        f"<th class=n>{name.removesuffix('#n')}</th>" if name.endswith("#n") else f"<th>{name}</th>"
        for name in names
    )
    return (
        f"<div class=scroll><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _sql(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def _empty(words: str) -> str:
    return f"<p class=empty>{words}</p>"


def _number(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
