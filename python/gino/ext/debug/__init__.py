"""A page that shows what a database does for an application: for people, while they develop.

Owns: `app`, which any ASGI application mounts, `aiohttp_app`, and `DebugPage`, which others serve.
Never does: run unless an application asks for it; show values, or texts that stand in a statement;
change anything. Its `/json` has the same as data.
Called by: applications.

**It has to be protected.** It tells everybody who can reach it which tables there are, which
queries run and how long they take. Mount it behind the log-in of administrators or on an address of
its own, or only where people develop; nothing here asks who somebody is.

    from gino.ext import debug

    app.mount("/debug/db", debug.app(db))                        # Starlette, FastAPI
    app.add_subapp("/debug/db", debug.aiohttp_app(db))           # aiohttp

Suspects of N+1 queries are found in requests that have their `connection`, as they have by default.
"""

from __future__ import annotations

from .serve import DebugPage, aiohttp_app, app

__all__ = ["DebugPage", "aiohttp_app", "app"]
