"""The README's Python quick start runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
DROP = """
async def drop():
    async with db.with_bind({dsn!r}, min_size=1):
        await db.gino.drop_all()

asyncio.run(drop())
"""


def test_quick_start_prints_what_it_stored(dsn: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(blocks) == 1
    code = blocks[0].replace("postgresql://localhost/gino", dsn) + DROP.format(dsn=dsn)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, joined, record = done.stdout.splitlines()
    assert first.startswith("['daisy'] <")
    assert joined == "daisy is in core"
    assert "'age': 33" in record
