"""Owns a small web service on FastAPI: users, in a table of its own.

Never holds anything between requests. Started as `python examples/python/fastapi_app.py`, or
`uvicorn fastapi_app:app`; settings are the environment variables DB_DSN, DB_POOL_MAX_SIZE,
DB_RETRY_LIMIT and PORT. The other `*_app.py` are the same service on other frameworks.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

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


class Nickname(BaseModel):
    nickname: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await db.gino.create_all()
    yield


app = FastAPI(lifespan=lifespan)
db.init_app(app)


@app.get("/", response_class=PlainTextResponse)
async def version(request: Request) -> str:
    found: str = await request["connection"].scalar("SHOW server_version")
    return found


@app.get("/users")
async def users() -> list[dict[str, Any]]:
    return [user.to_dict() for user in await User.query.order_by(User.id).gino.all()]


@app.post("/users", status_code=201)
async def create(body: Nickname) -> dict[str, Any]:
    user = await User.create(nickname=body.nickname)
    return dict(user.to_dict())


@app.get("/users/{uid}")
async def read(uid: int) -> dict[str, Any]:
    user = await User.get_or_404(uid)
    return dict(user.to_dict())


@app.patch("/users/{uid}")
async def update(uid: int, body: Nickname) -> dict[str, Any]:
    user = await User.get_or_404(uid)
    await user.update(nickname=body.nickname).apply()
    return dict(user.to_dict())


@app.delete("/users/{uid}", status_code=204)
async def delete(uid: int) -> None:
    user = await User.get_or_404(uid)
    await user.delete()


if __name__ == "__main__":
    from reach import reach, wait

    reach(wait(db))
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
