"""The larger example as its container runs it: migrations, server, requests, its own tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from ports import free_port

import gino
from pages import environment, serving
from proxy import Proxy

pytestmark = pytest.mark.timeout(240)  # each test starts several programs
ROOT = Path(__file__).resolve().parents[2] / "examples" / "python" / "service"


@pytest.fixture
def home_dsn(dsn: str) -> Iterator[str]:
    """Have a schema of our own, and an address in which it is the only one."""
    schema = f"service_{uuid4().hex[:12]}"
    sql(dsn, f"CREATE SCHEMA {schema}")
    yield f"{dsn}?options=-csearch_path%3D{schema}"
    sql(dsn, f"DROP SCHEMA {schema} CASCADE")


def sql(dsn: str, text: str) -> list[str]:
    async def run() -> list[str]:
        engine = await gino.create_engine(dsn, min_size=1, max_size=1)
        try:
            return [str(row[0]) for row in await engine.all(text)]
        finally:
            await engine.close()

    return asyncio.run(run())


def run(dsn: str, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *command],
        cwd=ROOT,
        env=environment(ROOT) | {"DB_DSN": dsn},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def instructions() -> list[tuple[str, str]]:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return [
        (word, rest)
        for word, _, rest in (line.partition(" ") for line in lines)
        if word and not word.startswith("#")
    ]


def tables(dsn: str) -> list[str]:
    return sql(
        dsn, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
    )


def test_migrations_go_up_and_down_and_agree_with_the_models(home_dsn: str) -> None:
    run(home_dsn, "alembic", "upgrade", "head")
    assert tables(home_dsn) == [
        "tickets_alembic_version",
        "tickets_events",
        "tickets_members",
        "tickets_teams",
        "tickets_tickets",
    ]
    assert "No new upgrade operations detected" in run(home_dsn, "alembic", "check")
    run(home_dsn, "alembic", "downgrade", "0001")
    assert tables(home_dsn) == ["tickets_alembic_version", "tickets_members", "tickets_teams"]
    run(home_dsn, "alembic", "upgrade", "head")
    run(home_dsn, "alembic", "downgrade", "base")
    assert tables(home_dsn) == ["tickets_alembic_version"]
    left = sql(
        home_dsn,
        "SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace "
        "WHERE nspname = current_schema() AND typtype = 'e'",
    )
    assert left == []


def test_migrations_are_written_as_sql(home_dsn: str) -> None:
    text = run(home_dsn, "alembic", "upgrade", "head", "--sql")
    assert "CREATE TABLE tickets_tickets" in text
    assert tables(home_dsn) == []


def test_service_serves_what_the_containers_command_starts(home_dsn: str) -> None:
    port = free_port()
    command = json.loads(dict(instructions())["CMD"])
    assert command[0] == "python"
    command[0] = sys.executable
    with (
        serving(command, port, ROOT, DB_DSN=home_dsn, PORT=str(port), DEBUG_PAGE="0"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        assert client.get("/health").json()["database"]
        team = client.post("/teams", json={"name": "core"}).json()
        body = {"name": "daisy", "email": "daisy@example.org"}
        member = client.post(f"/teams/{team['id']}/members", json=body).json()
        filed = {"team_id": team["id"], "reporter_id": member["id"], "title": "it leaks"}
        ticket = client.post("/tickets", json=filed).json()
        path = f"/tickets/{ticket['id']}"
        assert client.patch(path, json={"state": "done"}).json()["state"] == "done"
        words = [event["words"] for event in client.get(path).json()["events"]]
        assert words == ["filed", "state: open → done"]
        assert [t["reporter"]["name"] for t in client.get("/tickets").json()] == ["daisy"]
        assert client.get("/tickets/export").text.endswith("done,it leaks,daisy\r\n")
        assert client.get("/debug/db/").status_code == 404
        assert client.delete(f"/teams/{team['id']}").status_code in (204, 409)


@pytest.mark.asyncio(loop_factories=["asyncio"])  # the program chooses its own loop
async def test_service_waits_for_a_database_that_starts_later(home_dsn: str) -> None:
    port = free_port()
    async with Proxy(home_dsn) as proxy:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tickets"),
            cwd=ROOT,
            env=environment(ROOT) | {"DB_DSN": proxy.dsn, "PORT": str(port)},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stderr is not None
            first = (await process.stderr.readline()).decode()
            assert first.startswith("no connection to the database (try 1 of 30, next in 1 s): ")
            assert f"127.0.0.1:{proxy.port}" in first
            await proxy.up()
            async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        answer = await client.get(f"http://127.0.0.1:{port}/health")
                        break
                    await asyncio.sleep(0.1)
            assert answer.json()["database"]
        finally:
            process.terminate()
            words = (await process.communicate())[1].decode()
        assert "Traceback" not in words


def test_its_own_tests_pass(home_dsn: str) -> None:
    arguments = ["pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    output = run(home_dsn, *arguments)
    assert re.search(r"^1[0-9] passed in", output, re.M), output
    # whatever they did was rolled back
    assert sql(home_dsn, "SELECT count(*) FROM tickets_teams") == ["0"]


def test_container_holds_what_the_service_needs() -> None:
    found = instructions()
    copied = [shlex.split(rest) for word, rest in found if word == "COPY"]
    assert all((ROOT / source).exists() for source, _ in copied)
    inside = {source for source, _ in copied}
    needed = {path.name for path in ROOT.iterdir()} - {"tests", "pytest.ini", "Dockerfile"}
    assert needed - {"__pycache__"} == inside
    words = dict(found)
    assert words["FROM"].startswith("python:3.")
    assert "-r requirements.txt" in words["RUN"]
    assert "--only-binary :all:" in words["RUN"], "the image has no compiler"
    assert words["USER"] not in ("root", "0")
    assert [word for word, _ in found][-1] == "CMD"


def test_its_requirements_are_what_is_tested_here() -> None:
    wanted = re.findall(
        r"^([\w-]+)(?:\[\w+\])?>=([\d.]+)", (ROOT / "requirements.txt").read_text(), re.M
    )
    pinned = dict(
        re.findall(
            r"^([\w-]+)==([\d.]+)", (ROOT.parents[2] / "requirements-dev.txt").read_text(), re.M
        )
    )
    lower = {name.lower(): version for name, version in pinned.items()}
    for name, version in wanted:
        if name != "gino":
            assert tuple(map(int, lower[name].split("."))) >= tuple(map(int, version.split(".")))
