"""The pages of docs/ hold what they promise: their code runs, is served and asked."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from uuid import uuid4

import pytest

import gino
from gino.ext._web import Configuration
from pages import DOCS, Broken, Page
from services import SERVICES

PAGES = [path for path in sorted(DOCS.rglob("*.md")) if Page(path).runs]


@pytest.fixture
def empty_dsn(dsn: str) -> Iterator[str]:
    """Have a schema of our own, and an address in which it is the only one."""
    schema = f"docs_{uuid4().hex[:12]}"

    async def run(sql: str) -> None:
        engine = await gino.create_engine(dsn, min_size=1, max_size=1)
        await engine.status(sql)
        await engine.close()

    asyncio.run(run(f"CREATE SCHEMA {schema}"))
    yield f"{dsn}?options=-csearch_path%3D{schema}"
    asyncio.run(run(f"DROP SCHEMA {schema} CASCADE"))


@pytest.mark.timeout(240)  # a page may start a dozen programs
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_page_holds_what_it_promises(path: Path, tmp_path: Path, empty_dsn: str) -> None:
    Page(path).run(tmp_path, empty_dsn)


def test_installing_asks_for_this_version_as_long_as_it_is_no_release() -> None:
    version = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]["version"]
    assert "a" in version, "a release: pip finds it by its name alone"
    found = [
        (path.name, name)
        for path in DOCS.rglob("*.md")
        for line in re.findall(r"pip install .*", path.read_text())
        for name in re.findall(r"gino(?:\[\w+\])?[^\s\"`]*", line)
    ]
    assert len(found) > 8
    assert [one for one in found if not one[1].endswith(f">={version}")] == []
    crate = tomllib.loads((DOCS.parent / "Cargo.toml").read_text())["workspace"]["package"]
    assert crate["version"] == version.replace("a", "-alpha.")
    pages = "\n".join(path.read_text() for path in DOCS.rglob("*.md"))
    assert set(re.findall(r"^gino = (.*)", pages, re.M)) == {f'"{crate["version"]}"'}


def test_every_how_to_page_shows_code_that_runs() -> None:
    pages = set((DOCS / "how-to").glob("*.md"))
    assert pages - set((DOCS / "how-to").glob("rust-*.md")) <= set(PAGES)  # rustdoc has those


def test_every_page_with_rust_is_compiled_by_rustdoc() -> None:
    source = (DOCS.parent / "crates" / "gino" / "src" / "lib.rs").read_text()
    compiled = set(re.findall(r'include_str!\("\.\./\.\./\.\./docs/([^"]+)"\)', source))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if _has_rust(page)}
    assert compiled == pages


def _has_rust(page: Path) -> bool:
    return any(block.language == "rust" for block in Page(page).blocks)


PROMISE = """
```python title="app.py"
import http.server
http.server.HTTPServer(("127.0.0.1", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
```

```sh
python app.py  # http://localhost:8000
```

```http
GET /{path}
```

```http
HTTP/1.1 200 OK

{body}
```

```python
import asyncio
await asyncio.sleep({seconds})
```
"""


@pytest.mark.parametrize(
    ("path", "body", "seconds", "words"),
    [
        ("no.txt", "", "0", "broken.md:11: 404 instead of 200"),
        ("yes.txt", "something else", "0", "instead of 'something else'"),
        ("yes.txt", "here", "nothing", "NameError: name 'nothing'"),
    ],
)
def test_broken_promise_is_found(
    path: str, body: str, seconds: str, words: str, tmp_path: Path
) -> None:
    page = tmp_path / "broken.md"
    page.write_text(PROMISE.format(path=path, body=body, seconds=seconds))
    home = tmp_path / "home"
    home.mkdir()
    (home / "yes.txt").write_text("here")
    with pytest.raises(Broken, match=words):
        Page(page).run(home, "postgresql://nowhere")


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    text = (DOCS / "how-to" / "web-settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `DB_(\w+)` \| (?:`([^`]*)`)? ?\|", text, re.M)
    assert all(name.upper() == variable for name, variable, _ in rows)
    shown = {name: default for name, _, default in rows}
    configuration = Configuration()
    smallest = configuration.engine_keywords["min_size"]
    assert shown == {
        item.name: str(value) if value not in (None, "") else ""
        for item in fields(Configuration)
        for value in [
            smallest if item.name == "pool_min_size" else getattr(configuration, item.name)
        ]
    }


def test_every_framework_has_a_page() -> None:
    assert {kind.name for kind in SERVICES} <= {path.stem for path in PAGES}


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("index.md", None),
        ("index.md#title", None),
        ("gone.md", "'gone.md'"),
        ("index.md#gone", "no such anchor"),
        ("/gone.html", "absolute link"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_site(
    link: str, words: str | None, tmp_path: Path
) -> None:
    pages = tmp_path / "docs"
    pages.mkdir()
    (pages / "index.md").write_text(f"# Title\n\n[there]({link})\n")
    site = {
        "INHERIT": str(DOCS.parent / "mkdocs.yml"),
        "docs_dir": str(pages),
        "site_dir": str(tmp_path / "site"),
        "hooks": [str(DOCS.parent / "scripts" / "site.py")],
        "nav": ["index.md"],
        "plugins": [],
    }
    (tmp_path / "mkdocs.yml").write_text(json.dumps(site))  # YAML, too
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", tmp_path / "mkdocs.yml"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    if words is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert words in done.stderr


def test_readers_of_the_site_fetch_nothing_from_elsewhere() -> None:
    settings = (DOCS.parent / "mkdocs.yml").read_text()
    assert "font: false" in settings
    assert not re.search(r"extra_(css|javascript)|https?://", settings)
