"""Extensions: the import hook, entry points, and `python -m gino.ext`."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gino


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with two extensions: a module, and a package with a submodule."""
    (tmp_path / "gino_single.py").write_text("import gino\nvalue = object()\n")
    package = tmp_path / "gino_double"
    package.mkdir()
    (package / "__init__.py").write_text("name = __name__\n")
    (package / "part.py").write_text("piece = object()\n")
    info = tmp_path / "gino_pieces-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gino-pieces\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[gino.extensions]\nsingle = gino_single\ndouble = gino_double\ngone = gino_gone\n"
    )
    return tmp_path


def run(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def says(code: str, path: Path) -> str:
    done = run("-c", code, path=path)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import gino.ext.single as a; import gino_single as b",
        "import gino_single as b; import gino.ext.single as a",
        "from gino.ext import single as a; import gino_single as b",
        "import gino_single as b; from gino.ext import single as a",
    ],
)
def test_both_names_are_one_module_whichever_came_first(code: str, site: Path) -> None:
    code += "; print(a is b, a.value is b.value, b.__name__, b.__spec__.name)"
    assert says(code, site) == "True True gino_single gino_single"


def test_a_submodule_of_an_extension_is_loaded_once(site: Path) -> None:
    code = (
        "import gino.ext.double.part as a; import gino_double.part as b; "
        "from gino.ext.double import part as c; print(a is b is c, a.__name__)"
    )
    assert says(code, site) == "True gino_double.part"


def test_a_reloaded_extension_is_still_the_one_module(site: Path) -> None:
    code = (
        "import importlib, gino.ext.single as a; importlib.reload(a); import gino_single; "
        "print(gino_single is a)"
    )
    assert says(code, site) == "True"


@pytest.mark.parametrize("code", ["import gino.ext.nothing", "from gino.ext import nothing"])
def test_an_unknown_extension_says_what_to_install(code: str, site: Path) -> None:
    words = "Cannot import gino.ext.nothing - is gino-nothing a valid extension and installed?"
    done = run("-c", code, path=site)
    assert done.stderr.strip().splitlines()[-1] == f"ImportError: {words}"


def test_an_extension_whose_own_module_is_missing_says_so(site: Path) -> None:
    done = run("-c", "import gino.ext.gone", path=site)
    assert "No module named 'gino_gone'" in done.stderr


FRAMEWORKS = ["aiohttp", "litestar", "quart", "sanic", "starlette", "tornado"]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_extension_without_its_framework_says_what_to_install(name: str) -> None:
    for code in (f"import gino.ext.{name}", f"from gino.ext import {name}"):
        done = run("-c", f"import sys; sys.modules[{name!r}] = None; {code}")
        version = importlib.metadata.version("gino")
        words = f'gino.ext.{name} needs {name}, which is not installed: pip install "gino[{name}]'
        last = done.stderr.strip().splitlines()[-1]
        assert last == f'ModuleNotFoundError: {words}>={version}"'


def test_every_framework_has_an_extra_of_its_name() -> None:
    extras = importlib.metadata.metadata("gino").get_all("Provides-Extra")
    assert set(FRAMEWORKS) <= set(extras or ())


def test_there_is_one_hook_however_often_it_is_installed(site: Path) -> None:
    code = (
        "import sys, importlib, gino.ext, gino.ext._hook as hook; before = len(sys.meta_path); "
        "importlib.reload(gino.ext); importlib.reload(hook).install(); hook.install(); "
        "print(len(sys.meta_path) - before)"
    )
    assert says(code, site) == "0"


def test_a_module_that_gino_ships_is_not_replaced(site: Path, tmp_path: Path) -> None:
    home = copied(tmp_path)
    (home / "gino" / "ext" / "single.py").write_text("shipped = __name__\n")
    code = "from gino.ext import single; print(single.shipped)"
    assert says(code, home) == "gino.ext.single"
    assert run("-m", "gino.ext", "list", path=home).stdout.startswith("double\t")


def test_without_an_argument_the_command_prints_its_help() -> None:
    done = run("-m", "gino.ext")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m gino.ext")
    assert all(word in done.stdout for word in ("list", "stub", "clean"))


def test_list_prints_nothing_when_there_are_none() -> None:
    done = run("-m", "gino.ext", "list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_stubs_are_written_listed_and_cleaned(site: Path, tmp_path: Path) -> None:
    home = copied(tmp_path)
    folder = home / "gino" / "ext"
    (folder / "mine.pyi").write_text("value: int\n")

    assert run("-m", "gino.ext", "list", path=home).stdout.splitlines() == [
        "double\tgino_double\tno stub",
        "gone\tgino_gone\tno stub",
        "single\tgino_single\tno stub",
    ]
    assert run("-m", "gino.ext", "stub", path=home).returncode == 0
    stub = folder / "single.pyi"
    assert stub.read_text().endswith("\nfrom gino_single import *\n")
    assert f"single\tgino_single\t{stub}" in run("-m", "gino.ext", "list", path=home).stdout

    assert run("-m", "gino.ext", "clean", path=home).returncode == 0
    assert [path.name for path in folder.glob("*.pyi")] == ["mine.pyi"]


def copied(base: Path) -> Path:
    """A copy of the package below `base`, so that files can be put into it."""
    source = Path(gino.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, base / "gino", copy_function=os.symlink, ignore=ignored)
    for file in (base / "gino" / "ext").glob("*.py"):
        target = file.resolve()
        file.unlink()
        shutil.copy(target, file)
    return base
