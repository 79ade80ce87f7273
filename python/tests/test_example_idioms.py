"""The example of idioms runs: each part of it asserts what existing applications rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_idioms_of_existing_applications_work(dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / "python" / "idioms.py"), dsn],
        env={"PYTHONPATH": str(ROOT / "python"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "active_records",
        "queries",
        "changes",
        "loaders",
        "schema",
        "connections",
        "requests",
    ]
