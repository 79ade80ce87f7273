"""Owns a small web service on Sanic: users, in a table of its own.

Never holds anything between requests. Started as `python examples/python/sanic_app.py`; settings
are the environment variables DB_DSN, DB_POOL_MAX_SIZE, DB_RETRY_LIMIT and PORT. The other
`*_app.py` are the same service on other frameworks.
"""

from __future__ import annotations

import os
from typing import Any

from sanic import HTTPResponse, Request, Sanic, empty, json, text

from gino.ext.sanic import Gino

app = Sanic("gino_example", configure_logging=False)
app.config.update(
    {
        "DB_DSN": os.environ.get("DB_DSN", "postgresql://localhost/postgres"),
        "DB_POOL_MIN_SIZE": 1,
        "DB_POOL_MAX_SIZE": os.environ.get("DB_POOL_MAX_SIZE", "10"),
        "DB_RETRY_LIMIT": os.environ.get("DB_RETRY_LIMIT", "8"),
        "DB_RETRY_INTERVAL": 0.5,
    }
)
db: Any = Gino(app)


class User(db.Model):
    __tablename__ = "gino_example_users"

    id = db.Column(db.BigInteger(), primary_key=True)
    nickname = db.Column(db.Unicode(), nullable=False)


@app.before_server_start
async def create_tables(_app: Any) -> None:
    await db.gino.create_all()


@app.get("/")
async def version(request: Request) -> HTTPResponse:
    return text(await request.ctx.connection.scalar("SHOW server_version"))


@app.get("/users")
async def users(_request: Request) -> HTTPResponse:
    return json([user.to_dict() for user in await User.query.order_by(User.id).gino.all()])


@app.post("/users")
async def create(request: Request) -> HTTPResponse:
    user = await User.create(**request.json)
    return json(user.to_dict(), status=201)


@app.get("/users/<uid:int>")
async def read(_request: Request, uid: int) -> HTTPResponse:
    user = await User.get_or_404(uid)
    return json(user.to_dict())


@app.patch("/users/<uid:int>")
async def update(request: Request, uid: int) -> HTTPResponse:
    user = await User.get_or_404(uid)
    await user.update(**request.json).apply()
    return json(user.to_dict())


@app.delete("/users/<uid:int>")
async def delete(_request: Request, uid: int) -> HTTPResponse:
    user = await User.get_or_404(uid)
    await user.delete()
    return empty()


if __name__ == "__main__":
    from reach import reach, wait

    db.configure(app.config)
    reach(wait(db))
    app.run(port=int(os.environ.get("PORT", "8000")), single_process=True)
