"""Owns a small web service on Litestar: users, in a table of its own.

Never holds anything between requests. Started as `python examples/python/litestar_app.py`, or
`uvicorn litestar_app:app`; settings are the environment variables DB_DSN, DB_POOL_MAX_SIZE,
DB_RETRY_LIMIT and PORT. The other `*_app.py` are the same service on other frameworks.
"""

import os
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from gino.ext.litestar import Gino

db: Any = Gino(
    dsn=os.environ.get("DB_DSN", "postgresql://localhost/postgres"),
    pool_min_size=1,
    pool_max_size=os.environ.get("DB_POOL_MAX_SIZE", "10"),
    retry_limit=os.environ.get("DB_RETRY_LIMIT", "8"),
    retry_interval=0.5,
)


class User(db.Model):
    __tablename__ = "gino_example_users"

    id = db.Column(db.BigInteger(), primary_key=True)
    nickname = db.Column(db.Unicode(), nullable=False)


@get("/", media_type=MediaType.TEXT)
async def version(request: Request[Any, Any, Any]) -> str:
    connection: Any = request.scope["connection"]  # type: ignore[typeddict-item]
    found: str = await connection.scalar("SHOW server_version")
    return found


@get("/users")
async def users() -> list[dict[str, Any]]:
    return [user.to_dict() for user in await User.query.order_by(User.id).gino.all()]


@post("/users")
async def create(data: JSONBody[dict[str, str]]) -> dict[str, Any]:
    user = await User.create(**data)
    return dict(user.to_dict())


@get("/users/{uid:int}")
async def read(uid: FromPath[int]) -> dict[str, Any]:
    user = await User.get_or_404(uid)
    return dict(user.to_dict())


@patch("/users/{uid:int}")
async def update(uid: FromPath[int], data: JSONBody[dict[str, str]]) -> dict[str, Any]:
    user = await User.get_or_404(uid)
    await user.update(**data).apply()
    return dict(user.to_dict())


@delete("/users/{uid:int}")
async def remove(uid: FromPath[int]) -> None:
    user = await User.get_or_404(uid)
    await user.delete()


async def create_tables() -> None:
    await db.gino.create_all()


app = Litestar(
    [version, users, create, read, update, remove],
    on_startup=[create_tables],
    on_app_init=[db.on_app_init],
    logging_config=None,  # leave logging as the process has it
)

if __name__ == "__main__":
    from reach import reach, wait

    reach(wait(db))
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
