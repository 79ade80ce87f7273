"""Every example that finds no database ends with one line that says why, and exit code 1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from services import EXAMPLES, SERVICES

NAMES = [*(kind.file for kind in SERVICES), "idioms.py", "timezones.py", "tickets"]


def run(name: str, address: str) -> subprocess.CompletedProcess[str]:
    command = [str(EXAMPLES / name)]
    if name == "tickets":
        command = ["-m", name]
    elif name == "idioms.py":
        command.append(address)
    elif name == "timezones.py":
        command += ["--dsn", address]
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=EXAMPLES / "service",
        env=os.environ | {"DB_DSN": address, "DB_RETRY_LIMIT": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_example_without_a_server_says_so(name: str) -> None:
    with socket.socket() as taken:  # and nobody listens
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(name, f"postgresql://me:secret@{host}/x")
    start = name.removesuffix(".py")
    *earlier, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert last.startswith(f"{start}: cannot connect to {host}: ")
    assert len(earlier) == (name in {kind.file for kind in SERVICES} or name == "tickets")
    assert all("(try 1 of 1, giving up)" in line for line in earlier)
    assert "secret" not in done.stderr


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgrsql://localhost/x", "'postgrsql' is not a kind of database"),
        ("postgresql://localhost/x?ssmode=disable", "ssmode: there is no such setting"),
    ],
)
def test_example_with_a_wrong_address_says_so(name: str, address: str, words: str) -> None:
    done = run(name, address)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert line.startswith(f"{name.removesuffix('.py')}: {words}")
