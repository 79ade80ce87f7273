"""The debug page: opt-in, on real servers, with real suggestions, and without values."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest
from models import Mood, Note, Seat, Team, User, bound

from gino import Gino
from gino.ext import debug
from gino.ext.debug.record import without_literals
from gino.ext.debug.suggest import suggestion
from services import (
    AiohttpService,
    FastAPIService,
    LitestarService,
    QuartService,
    SanicService,
    Service,
    StarletteService,
    TornadoService,
)

NAMES = {"User": User, "Team": Team, "Seat": Seat, "Note": Note, "Mood": Mood}
PLACE = "/debug/db"


def mount(service: Service) -> None:
    """Put the page where the framework mounts things."""
    if isinstance(service, AiohttpService):
        service.app.add_subapp(PLACE, debug.aiohttp_app(service.db))
    elif isinstance(service, LitestarService):
        import litestar

        page = debug.app(service.db)

        async def handler(scope: Any, receive: Any, send: Any) -> None:
            await page(scope, receive, send)

        handler.__annotations__ = {
            "scope": litestar.types.Scope,
            "receive": litestar.types.Receive,
            "send": litestar.types.Send,
            "return": None,
        }
        service.app.register(litestar.asgi(PLACE, is_mount=True, copy_scope=True)(handler))
    elif isinstance(service, QuartService):
        from hypercorn.middleware import DispatcherMiddleware

        service.served = DispatcherMiddleware({PLACE: debug.app(service.db), "": service.app})
    else:
        service.app.mount(PLACE, debug.app(service.db))


@pytest.fixture(
    params=[StarletteService, FastAPIService, AiohttpService, LitestarService, QuartService],
    ids=lambda kind: kind.name,
)
def service(request: pytest.FixtureRequest, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("DB_DSN", dsn)
    monkeypatch.setenv("DB_POOL_MAX_SIZE", "4")
    made: Service = request.param()
    return made


async def data(service: Service) -> Any:
    status, text = await service.get(f"{PLACE}/json")
    assert status == 200
    return json.loads(text)


def test_nothing_brings_the_page_but_who_asks_for_it() -> None:
    code = (
        "import sys, gino, gino.ext.starlette, gino.ext.aiohttp, gino.ext.quart, gino.ext.sanic, "
        "gino.ext.tornado, gino.ext.litestar; print('gino.ext.debug' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_page_is_not_there_unless_mounted(service: Service) -> None:
    async with service.running():
        assert (await service.get(f"{PLACE}/"))[0] == 404
        assert (await service.get(f"{PLACE}/json"))[0] == 404


async def test_mounted_page_shows_pool_holders_and_statements(service: Service) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def holding(connection: Any) -> str:
        await connection.scalar("SELECT 'a <b>secret</b>', $1::int", 421_337)
        begun.set()
        await go_on.wait()
        return "held"

    service.add("/holding", holding)
    mount(service)
    async with service.running():
        asked = asyncio.create_task(service.get("/holding"))
        await asyncio.wait_for(begun.wait(), 10)
        try:
            found = await data(service)
            async with service.client.get(f"{PLACE}/") as response:
                page = await response.text()
                headers = response.headers
        finally:
            go_on.set()
        assert await asked == (200, "held")
        await service.quiet()

        assert found["pool"]["in_use"] == 1
        assert found["pool"]["max"] == 4
        [holder] = [one["holder"] for one in found["connections"] if one["holder"]]
        assert holder["age"] < 10
        assert holder["last_sql"] == "SELECT '…', $1::int"
        assert holder["caller"].startswith("task ")
        assert holder["request"].startswith("GET ")
        assert f"<b>{holder['request']}</b>" in unescape(page)
        assert found["queries"]["count"] > 0
        assert found["suspects"] == []

        assert headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert "<script" not in page
        assert "SELECT &#x27;…&#x27;, $1::int" in page
        assert "421337" not in page + json.dumps(found)
        assert "secret" not in page + json.dumps(found)

        assert (await data(service))["pool"]["in_use"] == 0
        assert (await service.get(f"{PLACE}/other"))[0] == 404
        async with service.client.post(f"{PLACE}/json") as response:
            assert response.status == 405


@pytest.mark.parametrize(
    "kind",
    [
        StarletteService,
        FastAPIService,
        AiohttpService,
        QuartService,
        SanicService,
        TornadoService,
        LitestarService,
    ],
    ids=lambda kind: kind.name,
)
async def test_repeated_statement_of_a_request_is_a_suspect(
    kind: Any, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_DSN", dsn)
    service = kind()
    page = debug.DebugPage(service.db, repeats=5)

    async def one_by_one(connection: Any) -> str:
        for number in range(7):
            await service.User.get(-number)
        await asyncio.gather(*(connection.scalar("SELECT 1") for _ in range(4)))
        return "done"

    service.add("/seven", one_by_one)
    async with service.running():
        for _ in range(3):
            assert await service.get("/seven") == (200, "done")
            assert (await service.get("/users/0"))[0] == 404
        suspects = page.data()["suspects"]
    assert [(one["most"], one["requests"]) for one in suspects] == [(7, 3)]
    assert "FROM gino_example_users" in suspects[0]["sql"]
    assert len(suspects[0]["seen_in"]) == 1
    assert suspects[0]["seen_in"][0].startswith("GET ")
    assert len(suspects[0]["seen_in"][0]) > len("GET ")


# ---- what it says --------------------------------------------------------------------------------


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn, max_size=2) as made:
        yield made


async def sql_of(db: Any, work: Any) -> list[str]:
    seen: list[str] = []
    end = db.on_query(lambda query: seen.append(query.sql))
    await work
    end()
    return seen


async def result_of(code: str, **names: Any) -> Any:
    """Run what a suggestion says, which may be several lines; the value of the last."""
    *lines, last = code.splitlines()
    body = "".join(f"    {line}\n" for line in [*lines, f"return {last}"])
    space: dict[str, Any] = {**NAMES, **names}
    exec(f"async def run():\n{body}", space)
    return await space["run"]()


async def test_a_row_that_is_read_by_key_is_loaded_with_who_refers_to_it(db: Any) -> None:
    team = await Team.create(name="core")
    await User.create(nickname="fantix", team_id=team.id)
    [sql] = await sql_of(db, Team.get(team.id))
    [users] = await sql_of(db, User.query.gino.all())
    found = suggestion(db, sql, [users])
    assert found is not None
    assert found.code == "await User.load(team=Team).query.gino.all()"
    [user] = await result_of(found.code)
    assert (user.nickname, user.team.name) == ("fantix", "core")


async def test_rows_that_are_read_by_a_foreign_key_are_loaded_with_what_they_refer_to(
    db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = await Team.create(name="core")
    for name in ("fantix", "daisy"):
        await User.create(nickname=name, team_id=team.id)
    [sql] = await sql_of(db, User.query.where(User.team_id == team.id).gino.all())
    found = suggestion(db, sql, [])
    assert found is not None

    def add_user(self: Any, user: Any) -> None:
        self.__dict__.setdefault("users", []).append(user)

    monkeypatch.setattr(Team, "add_user", add_user, raising=False)
    [loaded] = await result_of(found.code)
    assert loaded.name == "core"
    assert {user.nickname for user in loaded.users} == {"fantix", "daisy"}


async def test_single_inserts_are_made_at_once(db: Any) -> None:
    [sql] = await sql_of(db, Team.create(name="one"))
    found = suggestion(db, sql, [])
    assert found is not None
    await result_of(found.code, rows=[{"name": "two"}, {"name": "three"}])
    assert sorted(team.name for team in await Team.query.gino.all()) == ["one", "three", "two"]


async def test_no_suggestion_where_the_models_do_not_tell(db: Any) -> None:
    statements = [
        "SELECT 1",
        "SELECT * FROM somewhere WHERE somewhere.id = $1",
        *await sql_of(db, Seat.get((1, 2))),  # a key of two columns
        *await sql_of(db, User.get(1)),  # nobody refers to users
        *await sql_of(db, User.query.where(User.nickname == "x").gino.all()),
        *await sql_of(db, User.delete.where(User.id == 1).gino.status()),
    ]
    assert [suggestion(db, sql, []) for sql in statements] == [None] * 6


async def test_figures_of_statements_and_of_their_cache(db: Any) -> None:
    page = debug.DebugPage(db, rows=2)
    async with db.acquire():
        for _ in range(5):
            await db.scalar("SELECT pg_sleep(0.001)")
        await db.scalar("SELECT pg_sleep(0.05)")
        with pytest.raises(Exception, match="division by zero"):
            await db.scalar("SELECT 1 / 0")
    found = page.data()
    queries, cache = found["queries"], found["cache"]
    assert next(one["sql"] for one in queries["slowest"]) == "SELECT pg_sleep(0.05)"
    assert queries["slowest"][0]["slowest"] >= 0.05
    assert queries["most_frequent"][0]["count"] == 5
    assert queries["most_frequent"][0]["prepared"] == 1
    assert (queries["count"], queries["errors"], queries["statements"]) == (7, 1, 3)
    assert len(queries["slowest"]) == 2
    assert cache["hits"] >= 4
    assert cache["misses"] >= 2
    page.close()
    await db.scalar("SELECT 2")
    assert page.data()["queries"]["count"] == 7


async def test_what_is_remembered_is_bounded(db: Any) -> None:
    page = debug.DebugPage(db, keep=3)
    for number in range(6):
        await db.scalar(f"SELECT {number}")
    assert [one.sql for one in page._recorder.statements] == ["SELECT 3", "SELECT 4", "SELECT 5"]
    page.close()


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("ALTER ROLE me PASSWORD 'it''s \\ secret'", "ALTER ROLE me PASSWORD '…'"),
        ("SELECT 'a\\', 'secret'", "SELECT '…', '…'"),
        ("SELECT E'a\\'secret', $1, $2", "SELECT '…', $1, $2"),
        ("DO $body$ secret $body$; DO $$ secret $$", "DO '…'; DO '…'"),
        ("SELECT 1 -- it's\n, 'secret'", "SELECT 1  \n, '…'"),
        ("SELECT 1 /* it's */, 'secret'", "SELECT 1  , '…'"),
        ("SELECT \"it's\", 'secret'", "SELECT \"it's\", '…'"),
        ("SELECT 'secret", "SELECT '…'"),
        ("SELECT a$b$c FROM t", "SELECT a$b$c FROM t"),
    ],
)
def test_texts_and_comments_inside_of_statements_are_left_out(sql: str, shown: str) -> None:
    assert without_literals(sql) == shown


def test_long_statements_are_cut() -> None:
    assert len(without_literals("SELECT " + "x" * 100_000)) < 5000


async def test_everything_on_the_page_is_escaped(db: Any) -> None:
    page = debug.DebugPage(db, repeats=1)
    await db.scalar('SELECT 1 AS "<script>alert(1)</script>"')
    shown = page.html()
    assert "<script" not in shown
    assert '"<script>alert(1)</script>"' in unescape(shown)
    page.close()


def test_page_says_when_there_is_no_engine() -> None:
    page = debug.app(Gino())
    assert page.data()["pool"] is None
    assert "There is no engine yet." in page.html()
    assert page.answer("POST", "/") == (405, "text/plain", b"the page can only be read")


def test_documentation_says_that_it_has_to_be_protected() -> None:
    assert "has to be protected" in (debug.__doc__ or "")
