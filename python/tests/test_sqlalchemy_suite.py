"""SQLAlchemy's own dialect suite, on `postgresql+gino`.

In a process of its own, as its plugin changes how pytest collects; the parts are in dialect_suite/.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gino

SUITE = Path(__file__).parent / "dialect_suite"
DATABASE = "gino_dialect_suite"


async def prepare(dsn: str, *commands: str) -> None:
    engine = await gino.create_engine(dsn, min_size=0, max_size=1)
    try:
        for command in commands:
            await engine.status(command)
    finally:
        await engine.close()


@pytest.fixture
def suite_dsn(dsn: str) -> Iterator[str]:
    base = dsn.rpartition("/")[0]
    drop = f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"
    asyncio.run(prepare(dsn, drop, f"CREATE DATABASE {DATABASE}"))
    asyncio.run(prepare(f"{base}/{DATABASE}", "CREATE SCHEMA test_schema"))
    yield f"{base}/{DATABASE}"
    asyncio.run(prepare(dsn, drop))


@pytest.mark.timeout(300)
def test_the_suite_of_sqlalchemy_passes(suite_dsn: str) -> None:
    url = suite_dsn.replace("postgresql://", "postgresql+gino://", 1)
    plugins = ["-p", "plugin", "-p", "no:cacheprovider"]
    place = ["-c", str(SUITE / "setup.cfg"), "--rootdir", str(SUITE), str(SUITE / "suite.py")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", *plugins, "--dburi", url, *place],
        env=os.environ
        | {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join([str(SUITE), os.environ.get("PYTHONPATH", "")]),
        },
        cwd=SUITE,
        capture_output=True,
        text=True,
        check=False,
    )
    words = (done.stdout + done.stderr)[-8000:]
    assert done.returncode == 0, words
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, words
    # what is skipped is said in requirements.py and excluded.py; here, that it is not everything
    assert int(passed[1]) > 1500, words
