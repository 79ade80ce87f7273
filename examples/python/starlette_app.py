"""Owns a small web service on Starlette: users, in a table of its own.

Never holds anything between requests. Started as `python examples/python/starlette_app.py`, or
`uvicorn starlette_app:app`; settings are the environment variables DB_DSN, DB_POOL_MAX_SIZE,
DB_RETRY_LIMIT and PORT. The other `*_app.py` are the same service on other frameworks.

    curl localhost:8000/users -d '{"nickname": "fantix"}'
    curl localhost:8000/users/1
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gino.ext.starlette import Gino

db: Any = Gino(
    dsn=os.environ.get("DB_DSN", "postgresql://localhost/postgres"),
    pool_min_size=1,
    pool_max_size=int(os.environ.get("DB_POOL_MAX_SIZE", "10")),
    retry_limit=int(os.environ.get("DB_RETRY_LIMIT", "8")),
    retry_interval=0.5,
)


class User(db.Model):
    __tablename__ = "gino_example_users"

    id = db.Column(db.BigInteger(), primary_key=True)
    nickname = db.Column(db.Unicode(), nullable=False)


async def version(request: Request) -> Response:
    return PlainTextResponse(await request["connection"].scalar("SHOW server_version"))


async def users(request: Request) -> Response:
    if request.method == "POST":
        user = await User.create(**await request.json())
        return JSONResponse(user.to_dict(), 201)
    found = await User.query.order_by(User.id).gino.all()
    return JSONResponse([user.to_dict() for user in found])


async def user(request: Request) -> Response:
    found = await User.get_or_404(request.path_params["uid"])
    if request.method == "PATCH":
        await found.update(**await request.json()).apply()
    elif request.method == "DELETE":
        await found.delete()
        return Response(status_code=204)
    return JSONResponse(found.to_dict())


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    await db.gino.create_all()
    yield


app = Starlette(
    routes=[
        Route("/", version),
        Route("/users", users, methods=["GET", "POST"]),
        Route("/users/{uid:int}", user, methods=["GET", "PATCH", "DELETE"]),
    ],
    lifespan=lifespan,
)
db.init_app(app)

if __name__ == "__main__":
    from reach import reach, wait

    reach(wait(db))
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
