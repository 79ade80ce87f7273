"""The wheel, installed into an environment that holds nothing but what it requires, next to a
distribution that brings an extension.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = ("SQLAlchemy", "typing_extensions")
# the first that runs builds the wheel; Rust is only compiled if scripts/setup has not done it
pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path) -> str:
    # what scripts/test says to cargo would have maturin compile all again
    environment = {name: value for name, value in os.environ.items() if "PYO3" not in name}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with gino and gino-tickets in it."""
    base = tmp_path_factory.mktemp("wheel")
    tools = Path(sysconfig.get_path("scripts"))
    target = ["--interpreter", sys.executable, "--compatibility", "linux", "--out", str(base)]
    run(tools / "maturin", "build", "--release", "--manifest-path", MANIFEST, *target)
    extension = base / "extension"
    extension.mkdir()
    (extension / "gino_tickets.py").write_text("import gino\n\nprice = 7\n")
    (extension / "pyproject.toml").write_text(EXTENSION)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    run(*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", base, extension)
    home = base / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    wheels = sorted(base.glob("*.whl"))
    assert [wheel.name.split("-")[0] for wheel in wheels] == ["gino", "gino_tickets"]
    install = ["install", "--no-index", "--no-deps", *map(str, wheels)]
    run(*pip, "--python", home / "bin" / "python", *install)
    site = Path(run(home / "bin" / "python", "-c", SITE))
    for name in REQUIRED:
        files = distribution(name)
        for top in {file.parts[0] for file in files.files or () if file.parts[0] != "__pycache__"}:
            (site / top).symlink_to(Path(str(files.locate_file(top))))
    return home / "bin"


MANIFEST = ROOT / "crates" / "gino-py" / "Cargo.toml"
SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"
EXTENSION = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "gino-tickets"
version = "1.0"
dependencies = ["gino"]

[project.entry-points."gino.extensions"]
tickets = "gino_tickets"

[tool.setuptools]
py-modules = ["gino_tickets"]
"""


def says(environment: Path, code: str, *arguments: str) -> str:
    return run(environment / "python", "-I", "-W", "error", "-c", dedent(code), *arguments)


def test_it_requires_sqlalchemy_alone_and_queries(environment: Path, dsn: str) -> None:
    code = """
        import asyncio, sys
        from importlib.metadata import distributions
        from gino import Gino

        async def main():
            db = Gino()
            async with db.with_bind(sys.argv[1], min_size=1, max_size=1):
                print(await db.scalar(db.select(db.func.lower("HERE"))))

        asyncio.run(main())
        print(*sorted(one.name.lower() for one in distributions()))
    """
    assert says(environment, code, dsn).splitlines() == [
        "here",
        "gino gino-tickets sqlalchemy typing_extensions",
    ]


def test_an_installed_extension_is_found_by_its_entry_point(environment: Path) -> None:
    code = """
        import gino.ext.tickets
        from gino.ext import tickets
        import gino_tickets
        print(gino.ext.tickets is tickets is gino_tickets, tickets.price)
    """
    assert says(environment, code) == "True 7"


def test_stubs_of_an_installed_extension_come_and_go(environment: Path) -> None:
    def command(word: str) -> list[str]:
        return run(environment / "python", "-I", "-m", "gino.ext", word).splitlines()

    assert command("list") == ["tickets\tgino_tickets\tno stub"]
    (stub,) = command("stub")
    assert Path(stub).read_text().endswith("from gino_tickets import *\n")
    assert command("list") == [f"tickets\tgino_tickets\t{stub}"]
    assert command("clean") == [f"removed {stub}"]
    assert not Path(stub).exists()


def test_other_packages_find_what_it_brings(environment: Path, tmp_path: Path) -> None:
    code = """
        from importlib.metadata import entry_points
        for group in ("sqlalchemy.dialects", "pytest11", "console_scripts"):
            for entry in entry_points(group=group):
                if entry.module.startswith("gino"):
                    print(group, entry.name)
        from sqlalchemy.dialects import registry
        print(registry.load("postgresql.gino").driver)
    """
    assert says(environment, code).splitlines() == [
        "sqlalchemy.dialects postgresql.gino",
        "pytest11 gino",
        "console_scripts gino",
        "gino",
    ]
    file = tmp_path / "app.py"
    file.write_text("from gino import Gino\n")
    assert run(environment / "gino", "doctor", file) == ""


def test_types_and_former_names_are_in_it_and_tests_are_not(environment: Path) -> None:
    code = """
        from importlib.metadata import files
        print(*sorted({str(file) for file in files("gino")}), sep="\\n")
    """
    names = says(environment, code).splitlines()
    source = {
        str(path.relative_to(ROOT / "python"))
        for package in ROOT.glob("python/gino*")
        for path in package.rglob("*")
        if path.suffix in (".py", ".pyi") or path.name == "py.typed"
    }
    shipped = {name for name in names if name.endswith((".py", ".pyi", "py.typed"))}
    assert shipped == source
    assert any("licenses/LICENSE" in name for name in names)
