"""What only Quart has: settings in `app.config`, `request.connection`, hooks, websockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from quart import Quart, request, websocket

from gino.ext.quart import Gino, GinoConnection, GinoEngine
from services import QuartService


def serving(app: Quart, db: Any) -> Any:
    service = QuartService.__new__(QuartService)
    service.app, service.db = app, db
    service.listen()
    return service.running()


async def test_settings_are_read_when_the_application_starts(dsn: str) -> None:
    app = Quart("app")
    db: Any = Gino(app, pool_max_size=3)
    app.config.update(DB_DSN=dsn, DB_POOL_MIN_SIZE="1", DB_POOL_MAX_SIZE=7, DB_ECHO="no")
    app.config["DB_KWARGS"] = {"isolation_level": "SERIALIZABLE"}

    async with serving(app, db):
        assert isinstance(db.bind, GinoEngine)
        figures = db.bind.raw_pool.native.figures
        assert (figures["min"], figures["max"]) == (1, 3)
        assert await db.scalar("SHOW default_transaction_isolation") == "serializable"
    assert not db.bind


async def test_functions_around_serving_use_the_database_whenever_they_were_added(
    dsn: str,
) -> None:
    app = Quart("app")
    db: Any = Gino(dsn=dsn, pool_max_size=1)
    order: list[Any] = []

    def add(when: str) -> None:
        @app.before_serving
        async def before() -> None:
            order.append(await db.scalar("SELECT $1", f"{when} before"))

        @app.while_serving
        async def around() -> AsyncIterator[None]:
            order.append(await db.scalar("SELECT $1", f"{when} begin"))
            yield
            order.append(await db.scalar("SELECT $1", f"{when} end"))

        @app.after_serving
        async def after() -> None:
            order.append(await db.scalar("SELECT $1", f"{when} after"))

    add("early")
    db.init_app(app)
    add("late")
    app.add_url_rule("/", "here", lambda: "here")
    async with serving(app, db) as service:
        assert await service.get("/") == (200, "here")
    assert order[:4] == ["early before", "late before", "early begin", "late begin"]
    assert order[4:] == ["late end", "early end", "early after", "late after"]
    assert not db.bind


async def test_hooks_and_views_share_the_connection_of_the_request(dsn: str) -> None:
    app = Quart("app")
    db: Any = Gino(app, dsn=dsn, pool_max_size=1)
    seen: list[Any] = []

    @app.before_request
    async def before() -> None:
        seen.append(request.connection)

    @app.teardown_request
    async def teardown(_error: Any) -> None:
        seen.append(request.connection)
        raise RuntimeError("a hook that fails must not keep the connection")

    @app.get("/")
    async def view() -> str:
        assert isinstance(request.connection, GinoConnection)
        seen.append(request["connection"])
        pids = [await db.scalar("SELECT pg_backend_pid()") for _ in range(2)]
        pids.append(await request.connection.scalar("SELECT pg_backend_pid()"))
        return str(len(set(pids)))

    async with serving(app, db) as service:
        assert (await service.get("/"))[0] == 500
        assert len(seen) == 3
        assert len(set(map(id, seen))) == 1
        await service.quiet()


async def test_streams_do_not_wait_for_connections_of_their_own_requests(dsn: str) -> None:
    app = Quart("app")
    db: Any = Gino(app, dsn=dsn, pool_max_size=1)

    @app.get("/")
    async def view() -> Any:
        await db.scalar("SELECT 1")

        async def rows() -> AsyncIterator[bytes]:
            async with db.transaction():
                async for row in db.iterate("SELECT * FROM generate_series(1, 3)"):
                    yield b"%d" % row[0]

        return rows()

    async with serving(app, db) as service:
        for _ in range(3):
            assert await service.get("/") == (200, "123")
        await service.quiet()


async def test_websocket_has_no_connection(dsn: str) -> None:
    app = Quart("app")
    db: Any = Gino(app, dsn=dsn, pool_max_size=1)

    @app.websocket("/socket")
    async def socket() -> None:
        has_one = hasattr(websocket, "connection")
        await websocket.send(f"{has_one} {await db.scalar('SELECT 1')}")

    async with serving(app, db) as service, service.client.ws_connect("/socket") as client:
        assert await client.receive_str() == "False 1"


async def test_request_connection_can_be_switched_off(dsn: str) -> None:
    app = Quart("app")
    app.config.update(DB_DSN=dsn, DB_POOL_MAX_SIZE=1, DB_USE_CONNECTION_FOR_REQUEST=False)
    db: Any = Gino()
    db.init_app(app)

    @app.get("/")
    async def view() -> str:
        return f"{hasattr(request, 'connection')} {await db.scalar('SELECT 1')}"

    async with serving(app, db) as service:
        assert await service.get("/") == (200, "False 1")


async def test_address_is_made_from_parts() -> None:
    app = Quart("app")
    db: Any = Gino(app, user="me", port=1)
    app.config.update(DB_HOST="there", DB_USER="you", DB_PASSWORD="secret", DB_DATABASE="data")
    db.configure(app.config)
    shown = db.configuration.address.render_as_string(hide_password=False)
    assert shown == "asyncpg://me:secret@there:1/data"
    assert "secret" not in repr(db.configuration)
    app.config["DB_RETRY_LIMIT"] = "often"
    with pytest.raises(ValueError, match="retry_limit has to be a whole number"):
        db.configure(app.config)
