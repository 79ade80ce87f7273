"""Settings and exceptions that all frameworks share, asked of each framework's own module."""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import ssl
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.engine.url import make_url

import gino
from pages import serving
from services import EXAMPLES, SERVICES

MODULES = ("aiohttp", "litestar", "quart", "sanic", "starlette", "tornado")
MISSING = {
    "aiohttp": ("aiohttp.web", "HTTPNotFound"),
    "litestar": ("litestar.exceptions", "NotFoundException"),
    "quart": ("werkzeug.exceptions", "NotFound"),
    "sanic": ("sanic.exceptions", "NotFound"),
    "starlette": ("starlette.exceptions", "HTTPException"),
    "tornado": ("tornado.web", "HTTPError"),
}
CONTEXT = ssl.create_default_context()
EVERYTHING: dict[str, Any] = {
    "driver": "postgresql",
    "host": "there",
    "port": "6543",
    "user": "me",
    "password": "secret",
    "database": "data",
    "echo": "yes",
    "pool_min_size": "2",
    "pool_max_size": "3",
    "ssl": CONTEXT,
    "use_connection_for_request": "off",
    "retry_limit": "4",
    "retry_interval": "0.5",
    "kwargs": {"statement_cache_size": 7},
}


def made(name: str, **settings: Any) -> Any:
    return importlib.import_module(f"gino.ext.{name}").Gino(**settings)


def check(configuration: Any) -> None:
    shown = configuration.address.render_as_string(hide_password=False)
    assert shown == "postgresql://me:secret@there:6543/data"
    assert configuration.engine_keywords == {
        "min_size": 2,
        "max_size": 3,
        "echo": True,
        "ssl": CONTEXT,
        "statement_cache_size": 7,
    }
    assert (configuration.retry_limit, configuration.retry_interval) == (4, 0.5)
    assert configuration.use_connection_for_request is False
    assert "secret" not in repr(configuration)


@pytest.mark.parametrize("name", MODULES)
def test_every_setting_is_a_keyword(name: str) -> None:
    check(made(name, **EVERYTHING).configuration)


@pytest.mark.parametrize("name", ["quart", "sanic"])
def test_every_setting_stands_in_the_applications_configuration(name: str) -> None:
    db = made(name)
    db.configure({f"DB_{key.upper()}": value for key, value in EVERYTHING.items()})
    check(db.configuration)
    db = made(name, host="here")
    db.configure({"DB_HOST": "there", "DB_RETRY_TIMES": 5, "OTHER": 1})
    assert (db.configuration.host, db.configuration.retry_limit) == ("here", 5)


@pytest.mark.parametrize("name", MODULES)
def test_defaults_are_those_of_the_documentation(name: str) -> None:
    configuration = made(name).configuration
    assert str(configuration.address) == "asyncpg://postgres@localhost:5432/postgres"
    assert configuration.engine_keywords == {"min_size": 5, "max_size": 10, "echo": False}
    assert (configuration.retry_limit, configuration.retry_interval) == (1, 1)
    assert configuration.use_connection_for_request is True
    assert made(name, pool_max_size=2).configuration.engine_keywords["min_size"] == 2


@pytest.mark.parametrize("name", MODULES)
def test_mistakes_are_named(name: str) -> None:
    with pytest.raises(TypeError, match="'pool_maxsize', did you mean 'pool_max_size'"):
        made(name, pool_maxsize=3)
    with pytest.raises(ValueError, match="pool_max_size has to be a whole number, not 'many'"):
        made(name, pool_max_size="many")
    with pytest.raises(ValueError, match="echo has to be true or false, not 'loud'"):
        made(name, echo="loud")


@pytest.mark.parametrize("name", MODULES)
async def test_mistakes_in_engine_keywords_end_the_start_at_once(
    name: str, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    db = made(name, dsn=dsn, retry_limit=5, kwargs={"max_sizes": 1})
    with pytest.raises(TypeError, match="max_sizes"):
        await db.startup()
    assert not caplog.records
    assert not db.bind


@pytest.mark.parametrize("name", MODULES)
async def test_missing_rows_raise_the_exception_of_the_framework(name: str, dsn: str) -> None:
    module, missing = MISSING[name]
    kind = getattr(importlib.import_module(module), missing)
    db = made(name, dsn=dsn, pool_max_size=1)

    class Nobody(db.Model):
        __tablename__ = "ext_settings_nobody"
        id = db.Column(db.Integer(), primary_key=True)

    await db.startup()
    try:
        await Nobody.gino.create(checkfirst=True)
        nobody = Nobody.query
        async with db.acquire() as connection:
            for asked in (
                db.first_or_404(nobody),
                db.bind.first_or_404(nobody),
                connection.first_or_404(nobody),
                nobody.gino.first_or_404(),
                Nobody.get_or_404(1),
            ):
                with pytest.raises(kind) as raised:
                    await asked
                error: Any = raised.value
                status = getattr(error, "status_code", None) or getattr(error, "code", None)
                assert 404 in (status, getattr(error, "status", None))
    finally:
        await Nobody.gino.drop()
        await db.shutdown()


@pytest.mark.parametrize("name", MODULES)
async def test_password_is_in_no_line_of_a_start_that_fails(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    db = made(name, host="127.0.0.1", port=1, password="tell-nobody", retry_limit=2)
    db.configure(retry_interval=0.01)
    with pytest.raises(gino.exceptions.OperationalError) as raised:
        await db.startup()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "(try 1 of 2, next in 0.01 s)" in lines[0]
    assert "(try 2 of 2, giving up)" in lines[1]
    assert {record.name for record in caplog.records} == {f"gino.ext.{name}"}
    assert all("127.0.0.1:1" in line for line in lines)
    assert "tell-nobody" not in caplog.text + str(raised.value) + repr(db.configuration)


@pytest.mark.parametrize("name", MODULES)
async def test_try_that_fails_half_way_leaves_no_connection_open(name: str, dsn: str) -> None:
    role = f"ext_{uuid4().hex[:12]}"
    engine = await gino.create_engine(dsn, min_size=1, max_size=1)

    async def connections() -> int:
        count: int = await engine.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role
        )
        return count

    try:
        await engine.status(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 2")
        address = make_url(dsn).set(username=role).render_as_string(hide_password=False)
        db = made(name, dsn=address, retry_limit=2, retry_interval=0.01)
        with pytest.raises(gino.exceptions.TooManyConnectionsError, match=role):
            await db.startup()  # five at once
        assert not db.bind
        async with asyncio.timeout(5):
            while await connections():
                await asyncio.sleep(0.01)
        db.configure(pool_min_size=2, pool_max_size=2)
        await db.startup()
        assert await connections() == 2
        await db.shutdown()
    finally:
        await engine.status(f"DROP ROLE {role}")
        await engine.close()


@pytest.mark.parametrize("kind", SERVICES, ids=lambda kind: kind.name)
def test_example_runs_as_a_program(kind: Any, dsn: str, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(EXAMPLES / kind.file)]
    with (
        serving(command, port, tmp_path, DB_DSN=dsn, PORT=str(port), DB_POOL_MAX_SIZE="2"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        assert client.get("/").text[0].isdigit()
        uid = client.post("/users", json={"nickname": "fantix"}).json()["id"]
        assert client.get(f"/users/{uid}").json()["nickname"] == "fantix"
        assert client.delete(f"/users/{uid}").status_code == 204
        assert client.get(f"/users/{uid}").status_code == 404
    assert os.listdir(tmp_path) == []
