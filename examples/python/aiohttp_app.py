"""Owns a small web service on aiohttp: users, in a table of its own.

Never holds anything between requests. Started as `python examples/python/aiohttp_app.py`; settings
are the environment variables DB_DSN, DB_POOL_MAX_SIZE, DB_RETRY_LIMIT and PORT. The other
`*_app.py` are the same service on other frameworks.
"""

from __future__ import annotations

import os
from typing import Any

from aiohttp import web

from gino.ext.aiohttp import Gino

SETTINGS = {
    "dsn": os.environ.get("DB_DSN", "postgresql://localhost/postgres"),
    "pool_min_size": 1,
    "pool_max_size": os.environ.get("DB_POOL_MAX_SIZE", "10"),
    "retry_limit": os.environ.get("DB_RETRY_LIMIT", "8"),
    "retry_interval": 0.5,
}

db: Any = Gino()


class User(db.Model):
    __tablename__ = "gino_example_users"

    id = db.Column(db.BigInteger(), primary_key=True)
    nickname = db.Column(db.Unicode(), nullable=False)


routes = web.RouteTableDef()


@routes.get("/")
async def version(request: web.Request) -> web.Response:
    return web.Response(text=await request["connection"].scalar("SHOW server_version"))


@routes.get("/users")
async def users(request: web.Request) -> web.Response:
    found = await User.query.order_by(User.id).gino.all()
    return web.json_response([user.to_dict() for user in found])


@routes.post("/users")
async def create(request: web.Request) -> web.Response:
    user = await User.create(**await request.json())
    return web.json_response(user.to_dict(), status=201)


@routes.get(r"/users/{uid:\d+}")
async def read(request: web.Request) -> web.Response:
    user = await User.get_or_404(int(request.match_info["uid"]))
    return web.json_response(user.to_dict())


@routes.patch(r"/users/{uid:\d+}")
async def update(request: web.Request) -> web.Response:
    user = await User.get_or_404(int(request.match_info["uid"]))
    await user.update(**await request.json()).apply()
    return web.json_response(user.to_dict())


@routes.delete(r"/users/{uid:\d+}")
async def delete(request: web.Request) -> web.Response:
    user = await User.get_or_404(int(request.match_info["uid"]))
    await user.delete()
    return web.Response(status=204)


async def create_tables(app: web.Application) -> None:
    await db.gino.create_all()


app = web.Application(middlewares=[db])
db.init_app(app, SETTINGS)
app.add_routes(routes)
app.on_startup.append(create_tables)

if __name__ == "__main__":
    from reach import reach, wait

    db.configure(**SETTINGS)
    reach(wait(db))
    web.run_app(app, port=int(os.environ.get("PORT", "8000")))
