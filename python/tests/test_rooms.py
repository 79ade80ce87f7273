"""The structure check finds what it says it finds, and nothing in this repository."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "scripts" / "rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rooms"] = module
    spec.loader.exec_module(module)
    return module


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def crate(root: Path, lower: str, upper: str = "") -> Path:
    return write(
        root,
        {
            "crates/gino-core/src/lib.rs": "//! Three facts.\nmod lower;\nmod upper;\n",
            "crates/gino-core/src/lower.rs": f"//! Three facts.\n{lower}",
            "crates/gino-core/src/upper/mod.rs": f"//! Three facts.\n{upper}",
        },
    )


@pytest.mark.parametrize(
    "code",
    [
        "use crate::upper::Thing;",
        "use crate::{\n    lower,\n    upper::{Thing, Other},\n};",
        "use super::upper;",
        "fn f() { crate::upper::run() }",
    ],
)
def test_use_of_a_module_below_is_an_error(rooms: ModuleType, tmp_path: Path, code: str) -> None:
    found = list(rooms.module_order(crate(tmp_path, code)))
    assert [finding.place for finding in found] == ["crates/gino-core/src/lower.rs"]
    assert "upper" in found[0].words


@pytest.mark.parametrize(
    "code",
    [
        "/// As [`crate::upper`] does.\nfn f() {}",
        "use crate::lower::inside;",
        "#[cfg(test)]\nmod tests {\n    use crate::upper::Thing;\n}\n",
        "use crate::{lower::{upper}};",
    ],
)
def test_comments_tests_and_other_paths_are_no_uses(
    rooms: ModuleType, tmp_path: Path, code: str
) -> None:
    assert list(rooms.module_order(crate(tmp_path, code, "use crate::lower::A;"))) == []


def test_a_name_that_lib_hands_on_counts_as_its_module(rooms: ModuleType, tmp_path: Path) -> None:
    root = crate(tmp_path, "use crate::Thing;")
    lib = root / "crates/gino-core/src/lib.rs"
    lib.write_text(lib.read_text() + "pub use upper::{Other, Thing};\n")
    assert len(list(rooms.module_order(root))) == 1


def test_a_dependency_against_the_arrows_is_an_error(rooms: ModuleType, tmp_path: Path) -> None:
    manifest = (
        '[package]\nname = "gino-core"\n[dependencies]\nbytes = "1"\ngino = "2"\nserde = "1"\n'
    )
    root = write(tmp_path, {"crates/gino-core/Cargo.toml": manifest})
    words = [finding.words for finding in rooms.crate_arrows(root)]
    assert words == ["gino-core must not use gino", "gino-core must not use serde"]


def test_tokio_behind_another_crate_is_found(rooms: ModuleType, tmp_path: Path) -> None:
    lock = "".join(
        f'[[package]]\nname = "{name}"\ndependencies = {needs}\n'
        for name, needs in [("gino-py", ["far 1.0"]), ("far", ["tokio"]), ("tokio", [])]
    )
    root = write(tmp_path, {"Cargo.lock": lock.replace("'", '"')})
    assert [finding.words for finding in rooms.links(root)] == ["gino-py would link tokio"]


def test_an_import_cycle_is_an_error_even_inside_a_function(
    rooms: ModuleType, tmp_path: Path
) -> None:
    files = {
        "python/gino/__init__.py": "from .api import Gino\n",
        "python/gino/api.py": "from gino import crud\n",
        "python/gino/crud.py": "def f():\n    from .api import Gino\n",
    }
    found = list(rooms.python_cycles(write(tmp_path, files), "gino"))
    assert [finding.words for finding in found] == ["cycle: gino.api → gino.crud → gino.api"]


def test_an_import_for_annotations_only_makes_no_cycle(rooms: ModuleType, tmp_path: Path) -> None:
    files = {
        "python/gino/api.py": "from gino import crud\n",
        "python/gino/crud.py": "if TYPE_CHECKING:\n    from .api import Gino\n",
    }
    assert list(rooms.python_cycles(write(tmp_path, files), "gino")) == []


@pytest.mark.parametrize(
    ("lines", "errors"), [(300, []), (500, [False]), (700, [True])], ids=["good", "warn", "fail"]
)
def test_long_files_are_reported(
    rooms: ModuleType, tmp_path: Path, lines: int, errors: list[bool]
) -> None:
    root = write(tmp_path, {"python/gino/long.py": '"""Facts."""\n' + "x = 1\n" * lines})
    assert [finding.is_error for finding in rooms.sizes(root)] == errors


def test_a_file_without_its_opening_is_reported(rooms: ModuleType, tmp_path: Path) -> None:
    root = write(tmp_path, {"crates/gino/src/bare.rs": "fn f() {}\n"})
    assert [finding.is_error for finding in rooms.sizes(root)] == [True]


def test_this_repository_keeps_its_rooms(rooms: ModuleType) -> None:
    assert [str(finding) for finding in rooms.check(ROOT) if finding.is_error] == []
