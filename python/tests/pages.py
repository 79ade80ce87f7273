"""Owns the pages of docs/ as tests run them: their blocks of code, files, servers and requests.

Never asserts anything but what a page promises. Called by test_docs_*.py.

A page is plain Markdown; what its fenced blocks are is told by language and title:

- `python title="app.py"` (or any other language): a file of that name; the same title goes on;
- `python`: run, all of a page in order as one program, where `await` may stand by itself;
- `sh`: run, in the directory of the files; a block with `:8000` or `--port 8000` is a server, which
  runs until the end of the page;
- `output` after `sh`: what it prints; `…` stands for anything;
- `http`, a request: sent to the server; the `http` block after it is the answer that is promised:
  its status, and its body, JSON (what it names has to be there) or text.

The address postgresql://localhost/gino stands for the database of the test, 8000 for a free port.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from ports import free_port

DOCS = Path(__file__).resolve().parents[2] / "docs"
DSN = "postgresql://localhost/gino"
PORT = "8000"
START = 50.0  # seconds: a machine that is busy takes its time
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?P<more>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and the line that it begins in."""

    language: str
    title: str | None
    text: str
    line: int


class Broken(AssertionError):
    """A page promises what does not hold."""


class Page:
    """A page of the documentation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks = list(_blocks(path.read_text(encoding="utf-8")))

    @property
    def runs(self) -> bool:
        """Whether there is anything to run on it."""
        return any(block.language in ("python", "sh", "http") for block in self.blocks)

    def run(self, home: Path, dsn: str) -> None:
        """Do all that the page says, in `home`, an empty directory. Errors: Broken."""
        port = free_port()
        more = "&" if "?" in dsn else "?"  # a page may add settings to its address
        texts = [(f"{DSN}?", f"{dsn}{more}"), (DSN, dsn), (PORT, str(port))]
        for block in self.blocks:
            if block.title:
                (home / block.title).parent.mkdir(parents=True, exist_ok=True)
                with (home / block.title).open("a") as file:
                    file.write(_replaced(block.text, texts))
        with contextlib.ExitStack() as servers:
            asked: tuple[Block, httpx.Response] | None = None
            printed = ""
            for block in self.blocks:
                text = _replaced(block.text, texts)
                if block.title:
                    continue
                if block.language == "sh" and str(port) in text:
                    servers.enter_context(self._serving(text, port, home))
                elif block.language == "sh":
                    printed = self._shell(block, text, home)
                elif block.language == "output":
                    if not re.fullmatch(_pattern(text.strip()), printed.strip(), re.S):
                        raise Broken(f"{self._place(block)}: it prints {printed}")
                elif block.language == "http" and text.startswith("HTTP/"):
                    if asked is None:
                        raise Broken(f"{self._place(block)}: an answer without a request")
                    self._compare(asked[0], asked[1], text)
                    asked = None
                elif block.language == "http":
                    asked = block, _send(text, port)
        self._program(home, texts)

    def _serving(self, text: str, port: int, home: Path) -> contextlib.AbstractContextManager[None]:
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return serving(shlex.split(lines[-1], comments=True), port, home)

    def _shell(self, block: Block, text: str, home: Path) -> str:
        done = subprocess.run(
            ["sh", "-euc", text],
            cwd=home,
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode:
            raise Broken(f"{self._place(block)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _program(self, home: Path, texts: list[tuple[str, str]]) -> None:
        found = [b for b in self.blocks if b.language == "python" and not b.title]
        if not found:
            return
        # lines of the program are those of the page
        source = ""
        for block in found:
            source += "\n" * (block.line - source.count("\n")) + _replaced(block.text, texts)
        program = home / "_page.py"
        program.write_text(source)
        done = subprocess.run(
            [sys.executable, "-W", "error", __file__, program, self.path],
            cwd=home,
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode:
            raise Broken(f"{self.path.name}: {done.stdout}{done.stderr}")

    def _compare(self, request: Block, answer: httpx.Response, promised: str) -> None:
        head, _, body = promised.partition("\n\n")
        status = int(head.split()[1])
        place = self._place(request)
        if answer.status_code != status:
            raise Broken(f"{place}: {answer.status_code} instead of {status}: {answer.text}")
        for line in head.splitlines()[1:]:
            name, _, value = line.partition(": ")
            if value not in answer.headers.get(name, ""):
                raise Broken(f"{place}: {name} is {answer.headers.get(name)!r}, not {value!r}")
        if not body.strip():
            return
        try:
            wanted = json.loads(body)
        except ValueError:
            if not re.fullmatch(_pattern(body.strip()), answer.text.strip(), re.S):
                raise Broken(f"{place}: {answer.text!r} instead of {body.strip()!r}") from None
        else:
            if not _has(answer.json(), wanted):
                raise Broken(f"{place}: {answer.text} instead of {body.strip()}")

    def _place(self, block: Block) -> str:
        return f"{self.path.name}:{block.line}"


@contextlib.contextmanager
def serving(command: list[str], port: int, home: Path, **more: str) -> Iterator[None]:
    """Run a server until the end of the block. Errors: Broken if it does not start, or end well."""
    process = subprocess.Popen(
        command,
        cwd=home,
        env=environment(home) | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + START
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise Broken(f"{' '.join(command)} does not serve: {process.communicate()[0]}")
            time.sleep(0.05)
        yield
        process.send_signal(signal.SIGTERM)
        words = process.communicate(timeout=20)[0]
        if process.returncode not in (0, -signal.SIGTERM) or "Traceback" in words:
            raise Broken(f"{' '.join(command)} ended with {process.returncode}: {words}")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def environment(home: Path) -> dict[str, str]:
    """The environment of what a page runs: the tools of this Python first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(home), "PYTHONUNBUFFERED": "1"}


def _blocks(text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        title = re.search(r'title="([^"]+)"', found["more"])
        lines = found["text"].splitlines()
        unindented = "\n".join(line.removeprefix(found["indent"]) for line in lines) + "\n"
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found["language"], title[1] if title else None, unindented, line)


def _replaced(text: str, texts: list[tuple[str, str]]) -> str:
    for old, new in texts:
        text = text.replace(old, new)
    return text


def _send(text: str, port: int) -> httpx.Response:
    head, _, body = text.partition("\n\n")
    first, *rest = head.splitlines()
    method, path, *_ = first.split()
    headers = dict(line.split(": ", 1) for line in rest)
    headers.pop("Host", None)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
        return client.request(method, path, headers=headers, content=body.strip() or None)


def _pattern(text: str) -> str:
    return re.escape(text).replace("…", ".*")


def _has(found: Any, wanted: Any) -> bool:
    """Whether what is wanted is there; `…` stands for anything."""
    if wanted == "…":
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and _has(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(_has, found, wanted))
    return bool(found == wanted)


async def _execute(source: str, shown: str) -> None:
    """Run a program in which `await` may stand by itself."""
    code = compile(source, shown, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = eval(code, {"__name__": "__main__", "__file__": shown})
    if inspect.isawaitable(result):
        await result


if __name__ == "__main__":
    asyncio.run(_execute(Path(sys.argv[1]).read_text(), sys.argv[2]))
