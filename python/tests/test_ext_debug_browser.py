"""The debug page as a real browser shows it, light and dark. Skipped where there is no Chromium."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gino.ext import debug
from gino.ext.starlette import Gino
from services import Service, StarletteService

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--window-size=1280,1700",
)
SCHEMES = {"light": 1, "dark": 0}  # what Blink calls them
MEMBERS = 12

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium: install one, or name it in CHROMIUM"),
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_factories=["asyncio"]),  # the browser does not see the loop
]


@pytest.fixture
async def service(dsn: str) -> AsyncIterator[Service]:
    """Have a service that has been busy: a suspect, errors, a connection that is held."""
    release, held = asyncio.Event(), asyncio.Event()

    async def members(_request: Request) -> Response:
        found = await Member.query.order_by(Member.id).gino.all()
        teams = [await Team.get(member.team_id) for member in found]
        return PlainTextResponse(f"{len(teams)}")

    async def hold(request: Request) -> Response:
        async with request["connection"].transaction():
            await request["connection"].scalar("SELECT count(*) FROM browser_members")
            held.set()
            await release.wait()
        return PlainTextResponse("held")

    async def fail(request: Request) -> Response:
        try:
            await request["connection"].scalar("SELECT 1 / 0 AS \"<script>document.title='x'\"")
        except Exception as error:
            return PlainTextResponse(str(error), 500)
        raise AssertionError("no error")

    async def slow(request: Request) -> Response:
        return PlainTextResponse(str(await request["connection"].scalar("SELECT pg_sleep(0.05)")))

    paths = {"/members": members, "/hold": hold, "/fail": fail, "/slow": slow}
    app = Starlette(routes=[Route(path, handler) for path, handler in paths.items()])
    db: Any = Gino(app, dsn=dsn, pool_min_size=3, pool_max_size=8)
    app.mount("/debug/db", debug.app(db))

    class Team(db.Model):
        __tablename__ = "browser_teams"
        id = db.Column(db.Integer(), primary_key=True)
        name = db.Column(db.Unicode())

    class Member(db.Model):
        __tablename__ = "browser_members"
        id = db.Column(db.Integer(), primary_key=True)
        team_id = db.Column(db.ForeignKey(Team.id))

    made = StarletteService.__new__(StarletteService)
    made.app, made.db = app, db
    made.listen()
    async with made.running():
        await db.gino.drop_all()
        await db.gino.create_all()
        try:
            team = await Team.create(name="core")
            for _ in range(MEMBERS):
                await Member.create(team_id=team.id)
            for path in ("/members", "/members", "/slow", "/fail"):
                await made.get(path)
            holding = asyncio.create_task(made.get("/hold"))
            await held.wait()
            yield made
            release.set()
            assert await holding == (200, "held")
        finally:
            await db.gino.drop_all()


class Page(HTMLParser):
    """The texts of a rendered page by their tags, and which tags there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.classes.update((dict(attributes).get("class") or "").split())

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def browse(home: Path, url: str, *arguments: str) -> str:
    assert BROWSER is not None
    profile = home / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    process = await asyncio.create_subprocess_exec(
        BROWSER,
        *FLAGS,
        f"--user-data-dir={profile}",
        *arguments,
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode == 0, errors.decode(errors="replace")
    return output.decode()


async def test_browser_renders_what_the_page_says(service: Service, tmp_path: Path) -> None:
    page = Page(await browse(tmp_path, f"{service.url}/debug/db/", "--dump-dom"))
    text = " ".join(page.texts)
    assert "Database · GINO" in page.texts  # the title: no script has changed it
    assert page.tags["script"] == page.tags["img"] == page.tags["link"] == 0
    assert page.tags["section"] == 5
    assert page.classes["busy"] == 1
    assert page.classes["idle"] + page.classes["free"] == 8 - 1 + 2  # two idle connections' states
    assert page.classes["in-transaction"] == 1
    assert f"{MEMBERS} times" in text
    assert "GET /members" in text
    assert "GET /hold" in page.texts
    assert "await Member.load(team=Team).query.gino.all()" in text
    assert "<script>document.title=" in text


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_screenshot_has_the_colours_and_regions_of_the_page(
    scheme: str, service: Service, tmp_path: Path
) -> None:
    path = tmp_path / f"{scheme}.png"
    await browse(
        tmp_path,
        f"{service.url}/debug/db/",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        f"--screenshot={path}",
    )
    if keep := os.environ.get("GINO_TEST_SCREENSHOTS"):
        shutil.copy(path, keep)
    colours = palette(scheme)
    with Image.open(path) as image:
        pixels = image.convert("RGB")
    width, height = pixels.size
    assert (width, height) == (1280, 1700)
    raw = pixels.tobytes()
    at = [raw[index : index + 3] for index in range(0, len(raw), 3)]
    counts = Counter(at)

    def share(name: str) -> float:
        return counts[colours[name]] / (width * height)

    assert at[0] == colours["back"]
    assert share("back") > 0.1, "no margin"
    assert share("card") > 0.3, "no cards"
    assert len(counts) > 200, "no text"
    # the pool: one busy slot, then the idle ones, then the free ones, in one row of boxes
    left = {
        name: min(index % width for index, pixel in enumerate(at) if pixel == colours[name])
        for name in ("busy", "free")
    }
    rows = [index // width for index, pixel in enumerate(at) if pixel == colours["busy"]]
    assert left["busy"] < left["free"]
    assert 15 <= max(Counter(index for index in rows).values()) <= 60, "one slot is busy"
    assert min(rows) < height / 4
    assert share("advice") > 0.005, "the suggestion stands out"
    other = palette("dark" if scheme == "light" else "light")
    assert counts[other["back"]] / (width * height) < 0.01


async def test_on_a_narrow_screen_tables_scroll_and_the_page_does_not(
    service: Service, tmp_path: Path
) -> None:
    path = tmp_path / "narrow.png"
    size = ["--window-size=500,1500", "--blink-settings=preferredColorScheme=1"]
    await browse(tmp_path, f"{service.url}/debug/db/", *size, f"--screenshot={path}")
    with Image.open(path) as image:
        pixels = image.convert("RGB")
    assert pixels.size == (500, 1500)
    colours = palette("light")
    margin = pixels.crop((485, 0, 500, 1500)).tobytes()
    assert margin == colours["back"] * (15 * 1500)
    inside = pixels.crop((0, 0, 485, 1500)).tobytes()
    assert inside.count(colours["card"]) > len(inside) / 3 * 0.3


def palette(scheme: str) -> dict[str, bytes]:
    """The colours of the style, by name."""
    import re

    from gino.ext.debug.style import STYLE

    light, _, rest = STYLE.partition("@media(prefers-color-scheme:dark)")
    part = light if scheme == "light" else rest[: rest.index("}}")]
    found = {}
    for name, digits in re.findall(r"--([\w-]+):#([0-9a-f]{3,6})\b", part):
        full = digits if len(digits) == 6 else "".join(char * 2 for char in digits)
        found[name] = bytes.fromhex(full)
    return found
