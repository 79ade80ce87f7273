"""Owns a small web service on Quart: users, in a table of its own.

Never holds anything between requests. Started as `python examples/python/quart_app.py`; settings
are the environment variables DB_DSN, DB_POOL_MAX_SIZE, DB_RETRY_LIMIT and PORT. The other
`*_app.py` are the same service on other frameworks.
"""

from __future__ import annotations

import os
from typing import Any

from quart import Quart, request

from gino.ext.quart import Gino

app = Quart(__name__)
app.config.update(
    DB_DSN=os.environ.get("DB_DSN", "postgresql://localhost/postgres"),
    DB_POOL_MIN_SIZE=1,
    DB_POOL_MAX_SIZE=os.environ.get("DB_POOL_MAX_SIZE", "10"),
    DB_RETRY_LIMIT=os.environ.get("DB_RETRY_LIMIT", "8"),
    DB_RETRY_INTERVAL=0.5,
)
db: Any = Gino(app)


class User(db.Model):
    __tablename__ = "gino_example_users"

    id = db.Column(db.BigInteger(), primary_key=True)
    nickname = db.Column(db.Unicode(), nullable=False)


@app.before_serving
async def create_tables() -> None:
    await db.gino.create_all()


@app.get("/")
async def version() -> str:
    found: str = await request.connection.scalar("SHOW server_version")
    return found


@app.get("/users")
async def users() -> list[dict[str, Any]]:
    return [user.to_dict() for user in await User.query.order_by(User.id).gino.all()]


@app.post("/users")
async def create() -> tuple[dict[str, Any], int]:
    user = await User.create(**await request.get_json())
    return user.to_dict(), 201


@app.get("/users/<int:uid>")
async def read(uid: int) -> dict[str, Any]:
    user = await User.get_or_404(uid)
    return dict(user.to_dict())


@app.patch("/users/<int:uid>")
async def update(uid: int) -> dict[str, Any]:
    user = await User.get_or_404(uid)
    await user.update(**await request.get_json()).apply()
    return dict(user.to_dict())


@app.delete("/users/<int:uid>")
async def delete(uid: int) -> tuple[str, int]:
    user = await User.get_or_404(uid)
    await user.delete()
    return "", 204


if __name__ == "__main__":
    from reach import reach, wait

    db.configure(app.config)
    reach(wait(db))
    app.run(port=int(os.environ.get("PORT", "8000")))
