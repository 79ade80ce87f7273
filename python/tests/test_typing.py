"""What mypy and pyright say about an application: nothing, where it is right, and where it is not,
what is wrong.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gino import Gino, json_support
from gino.namespace import public_names

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "python" / "tests" / "typed_example.py"
MYPY = ["-m", "mypy", "--config-file", "pyproject.toml", "--strict"]
PYRIGHT = ["-m", "pyright", "--pythonpath", sys.executable]
MODEL = """
from gino import Gino
from gino.crud import CRUDModel

db = Gino()

class Model(CRUDModel):
    __metadata__ = db

class User(Model):
    __tablename__ = "users"
    id = db.Column(db.Integer(), primary_key=True)
    nickname = db.Column(db.Unicode())
    age = db.IntegerProperty()
"""
pytestmark = pytest.mark.timeout(300)


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        # the engine of pyright is a part of its package: nothing is fetched
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "PYTHONPATH": "python"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
def test_typed_example_is_accepted(checker: list[str]) -> None:
    place = [str(EXAMPLE)] if checker is MYPY else []  # the settings name it for pyright
    code, words = run(*checker, *place)
    assert code == 0, words


def test_typed_example_does_what_its_types_say(dsn: str) -> None:
    code, words = run(str(EXAMPLE), dsn)
    assert code == 0, words


WRONG = [
    ("async def f() -> str | None:\n    return (await User.get(1)).nickname", "nickname"),
    ("async def f() -> list[str]:\n    return await User.query.gino.all()", "User"),
    ("async def f() -> int:\n    return (await User.create()).nickname", "str"),
    ("User(nickname='x').nickname = 5", "ssign"),
    ("print(User(nickname='x').surname)", "surname"),
    ("print(User(nickname='x').age + 'x')", "+"),
    ("print(db.Intger())", "Intger"),
    ("async def f() -> None:\n    await User().update(nickname='x').aply()", "aply"),
]


@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
def test_mistakes_are_found(checker: list[str], tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(MODEL + "\n".join(code for code, _ in WRONG) + "\n")
    code, words = run(*checker, str(file))
    assert code == 1, words
    text = file.read_text().splitlines()
    for wrong, named in WRONG:
        line = text.index(wrong.splitlines()[-1]) + 1
        said = [said for said in words.splitlines() if f"wrong.py:{line}:" in said]
        assert said, (wrong, words)
        assert any(named in one for one in said), (named, said)


def test_models_of_db_model_are_known_to_pyright(tmp_path: Path) -> None:
    file = tmp_path / "application.py"
    file.write_text(
        MODEL.replace("User(Model)", "User(db.Model)")
        + "async def f() -> str | None:\n    return (await User.create()).nickname\n"
    )
    code, words = run(*PYRIGHT, str(file))
    assert code == 0, words


def test_names_of_db_are_the_ones_that_checkers_know() -> None:
    text = (ROOT / "python" / "gino" / "_names.pyi").read_text()
    names = text.partition("class Names:")[2]
    known = {line.strip().partition(":")[0] for line in names.splitlines() if ": " in line}
    known = {name.partition("(")[0].removeprefix("def ") for name in known if '"' not in name}
    db = Gino()
    there = {name for name, value in public_names().items() if vars(db).get(name) is value}
    assert there - known == set()
    assert {name for name in known if not hasattr(db, name)} == set()
    assert set(json_support.__all__) <= known


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "python" / "gino" / "py.typed").is_file()
