"""The page as a web application.

Owns: `DebugPage`: what is shown at the moment, as data and as HTML, and answers to ASGI requests;
`aiohttp_app`, the same for aiohttp.
Never does: borrow a connection.
Called by: `gino.ext.debug`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from .._web.scope import running_requests
from .page import POLICY, render
from .record import Recorder, Statement, Suspect, without_literals
from .suggest import suggestion

HTML = "text/html; charset=utf-8"
JSON = "application/json"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class DebugPage:
    """The page of one database, an ASGI application; it listens from now until `close()`.

    `repeats`: how often one request has to run a statement to be a suspect; `keep`: how many
    statements are remembered; `rows`: the length of each list on the page.
    """

    def __init__(self, db: Any, *, repeats: int = 5, keep: int = 500, rows: int = 10) -> None:
        self._db = db
        self._rows = rows
        self._recorder = Recorder(repeats, keep)
        self._end = db.on_query(self._recorder.told)

    def close(self) -> None:
        """Listen no more."""
        self._end()

    def data(self) -> dict[str, Any]:
        """All that the page shows. Sizes are connections, times seconds. Errors: none."""
        recorder = self._recorder
        statements = recorder.statements
        slowest = sorted(statements, key=lambda one: -one.slowest)[: self._rows]
        frequent = sorted(statements, key=lambda one: -one.count)[: self._rows]
        return {
            "seconds": time.time() - recorder.since,
            **self._engine(),
            "queries": {
                "count": recorder.queries,
                "errors": recorder.errors,
                "statements": len(statements),
                "slowest": [_statement(one) for one in slowest],
                "most_frequent": [_statement(one) for one in frequent],
            },
            "repeats": recorder.repeats,
            "suspects": [self._suspect(one) for one in recorder.suspects[: self._rows]],
        }

    def json(self) -> str:
        """All that the page shows, as JSON."""
        return json.dumps(self.data())

    def html(self) -> str:
        """The page."""
        return render(self.data())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request: the page at its own place, data at `/json`."""
        if scope["type"] != "http":
            await _nothing_to_do(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        status, kind, body = self.answer(scope["method"], path)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **HEADERS}
        if status == 405:
            headers["Allow"] = "GET, HEAD"
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    def answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        """The status, content type and body for a path below the page's own place."""
        if method not in ("GET", "HEAD"):
            return 405, "text/plain", b"the page can only be read"
        name = path.strip("/")  # frameworks differ in the slashes that they leave
        if name == "":
            return 200, HTML, self.html().encode()
        if name == "json":
            return 200, JSON, self.json().encode()
        return 404, "text/plain", b"there is the page, and /json"

    def _engine(self) -> dict[str, Any]:
        bind = self._db.bind
        if not bind or not hasattr(bind, "stats"):
            return {"pool": None, "metrics": None, "connections": [], "cache": _cache([])}
        stats = bind.stats()
        requests = {one.caller: one.label for one in running_requests}
        names = ("max", "min", "size", "in_use", "idle", "waiting")
        return {
            "pool": {name: getattr(stats, name) for name in names},
            "metrics": asdict(stats.metrics),
            "connections": [_connection(one, requests) for one in stats.connections],
            "cache": _cache(stats.connections),
        }

    def _suspect(self, suspect: Suspect) -> dict[str, Any]:
        found = suggestion(self._db, suspect.sql, suspect.others)
        return {
            "sql": suspect.sql,
            "most": suspect.most,
            "requests": suspect.requests,
            "seen_in": suspect.labels,
            "suggestion": asdict(found) if found else None,
        }


def app(db: Any, *, repeats: int = 5, keep: int = 500, rows: int = 10) -> DebugPage:
    """The page of a database, for `mount()` of an ASGI application; see `DebugPage`."""
    return DebugPage(db, repeats=repeats, keep=keep, rows=rows)


def aiohttp_app(db: Any, *, repeats: int = 5, keep: int = 500, rows: int = 10) -> Any:
    """The page of a database, for `add_subapp()` of an aiohttp application; see `DebugPage`."""
    from aiohttp import web

    page = DebugPage(db, repeats=repeats, keep=keep, rows=rows)

    async def handler(request: web.Request) -> web.Response:
        status, kind, body = page.answer(request.method, "/" + request.match_info["path"])
        headers = {"Content-Type": kind, **HEADERS}
        return web.Response(status=status, headers=headers, body=body)

    made = web.Application()
    made.router.add_route("*", "/{path:.*}", handler)
    return made


async def _nothing_to_do(scope: Any, receive: Any, send: Any) -> None:
    """Take part in a lifespan, refuse a websocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
        return
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


def _connection(one: Any, requests: Mapping[str, str]) -> dict[str, Any]:
    found = asdict(one)
    holder = found["holder"]
    if holder is not None:
        holder["request"] = requests.get(holder["caller"])
        holder["last_sql"] = holder["last_sql"] and without_literals(holder["last_sql"])
        # enough to find it, without telling where the application lives
        holder["place"] = holder["place"] and "/".join(holder["place"].split("/")[-2:])
    return found


def _cache(connections: Iterable[Any]) -> dict[str, Any]:
    """The statement caches of the connections that are open."""
    found = list(connections)
    hits = sum(one.statement_hits for one in found)
    misses = sum(one.statement_misses for one in found)
    return {
        "hits": hits,
        "misses": misses,
        "hit_rate": hits / (hits + misses) if hits + misses else None,
        "kept": sum(one.statements for one in found),
    }


def _statement(one: Statement) -> dict[str, Any]:
    return {**asdict(one), "mean": one.mean}
