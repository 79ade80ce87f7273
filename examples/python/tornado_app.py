"""Owns a small web service on Tornado: users, in a table of its own.

Never holds anything between requests. Started as `python examples/python/tornado_app.py`; settings
are the environment variables DB_DSN, DB_POOL_MAX_SIZE, DB_RETRY_LIMIT and PORT. The other
`*_app.py` are the same service on other frameworks.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

from tornado.httpserver import HTTPServer

from gino.ext.tornado import Application, Gino, GinoRequestHandler

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


class VersionHandler(GinoRequestHandler):
    async def get(self) -> None:
        self.write(await self.connection.scalar("SHOW server_version"))


class UsersHandler(GinoRequestHandler):
    async def get(self) -> None:
        found = await User.query.order_by(User.id).gino.all()
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps([user.to_dict() for user in found]))

    async def post(self) -> None:
        user = await User.create(**json.loads(self.request.body))
        self.set_status(201)
        self.write(user.to_dict())


class UserHandler(GinoRequestHandler):
    async def get(self, uid: str) -> None:
        user = await User.get_or_404(int(uid))
        self.write(user.to_dict())

    async def patch(self, uid: str) -> None:
        user = await User.get_or_404(int(uid))
        await user.update(**json.loads(self.request.body)).apply()
        self.write(user.to_dict())

    async def delete(self, uid: str) -> None:
        user = await User.get_or_404(int(uid))
        await user.delete()
        self.set_status(204)


app = Application(
    [(r"/", VersionHandler), (r"/users", UsersHandler), (r"/users/(\d+)", UserHandler)]
)


async def start() -> HTTPServer:
    await db.init_app(app)
    await db.gino.create_all()
    return HTTPServer(app)


async def stop(server: HTTPServer) -> None:
    server.stop()
    await db.shutdown()
    await server.close_all_connections()


async def main() -> None:
    server = await start()
    server.listen(int(os.environ.get("PORT", "8000")))
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await stop(server)


if __name__ == "__main__":
    from reach import reach, wait

    reach(wait(db))
    asyncio.run(main())
