"""The application: routers, the database, and what its errors mean to clients.

Owns: `app`.
Never does: know a table.
Called by: uvicorn (`tickets.app:app`).
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from gino.exceptions import ForeignKeyViolationError, OperationalError, UniqueViolationError

from .models import db
from .routers import teams, tickets
from .settings import settings

app = FastAPI(title="Tickets")
db.init_app(app)
app.include_router(teams.router)
app.include_router(tickets.router)
if settings.debug_page:
    # for developers: whoever reaches it sees every statement
    from gino.ext import debug

    app.mount("/debug/db", debug.app(db))


@app.get("/health")
async def health(request: Request) -> dict[str, str]:
    return {"database": await request["connection"].scalar("SHOW server_version")}


@app.exception_handler(UniqueViolationError)
async def taken(_request: Request, error: UniqueViolationError) -> JSONResponse:
    return JSONResponse({"detail": f"{error.constraint_name}: already taken"}, 409)


@app.exception_handler(ForeignKeyViolationError)
async def in_use(_request: Request, error: ForeignKeyViolationError) -> JSONResponse:
    return JSONResponse({"detail": f"{error.constraint_name}: refers to nothing, or is used"}, 409)


@app.exception_handler(OperationalError)
async def unavailable(_request: Request, _error: OperationalError) -> JSONResponse:
    return JSONResponse({"detail": "the database cannot be reached, try again"}, 503)
