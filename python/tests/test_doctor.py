"""`gino doctor`: old forms are found where they are, modern ones are left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gino.__main__ import main
from gino.doctor import examine_source

OLD = """\
import sqlalchemy as sa
from sqlalchemy import select, case, exists as there_is, text, MetaData, Table
from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.engine import RowProxy
import sqlalchemy.databases
import asyncpg
from alembic import op
from gino import Gino

db = Gino()
metadata = MetaData(bind="sqlite://")
table = db.Table("t", db, autoload=True)
url = make_url("postgresql://")


async def queries(x, User, q, joined):
    select([x.a, x.b])
    sa.select((x.a,), whereclause=x.a == 1)
    sa.select(whereclause=x.a == 1)
    db.select([x.a])
    case([(x.a == 1, 2)], else_=3)
    db.case([(x.a == 1, 2)])
    there_is([x.a])
    text("SELECT :a", bindparams=[])
    db.text("SELECT :a", bind=x)
    q.with_only_columns([x.a])
    q.append_whereclause(x.a == 1)
    q.apply_labels()
    User.query.order_by("name desc")
    table.count()
    User.__table__.count()
    table.select(x.a == 1)
    User.__table__.update((x.a == 1) & (x.b == 2))
    table.delete(x.a != 1)
    table.insert({"a": 1})
    sa.select(x.a).c
    User.load(x).none_as_none(False)
    isinstance(x, asyncpg.Connection)


def others(engine):
    url.password = "secret"
    print(str(url))
    URL(drivername="postgresql")
    connection = op.get_bind()
    connection.execute("SELECT 1")
    connection.scalar(f"SELECT {1}")
    made = sa.create_engine(url)
    made.execute("SELECT 1")
    with made.connect() as conn:
        conn.execute("SELECT 1")
    x = sa.engine.RowProxy
"""

EXPECTED = [
    (4, "from sqlalchemy.engine import RowProxy", "no"),
    (5, "import sqlalchemy.databases", "no"),
    (11, "MetaData(bind=...)", "sa13"),
    (12, "Table(..., autoload=True)", "sa13"),
    (17, "select([a, b], ...)", "sa13"),
    (18, "select([a, b], ...)", "sa13"),
    (19, "select([a, b], ...)", "sa13"),
    (20, "select([a, b], ...)", "gino"),
    (21, "case([(a, b), ...])", "sa13"),
    (22, "case([(a, b), ...])", "gino"),
    (23, "exists([a], ...)", "sa13"),
    (24, "text(..., bind=, bindparams=, typemap=)", "sa13"),
    (25, "text(..., bind=, bindparams=, typemap=)", "gino"),
    (26, "with_only_columns([a, b])", "sa13"),
    (27, "append_whereclause()", "sa13"),
    (28, "apply_labels()", "sa13"),
    (29, 'order_by("x desc")', "sa13"),
    (30, "table.count()", "sa13"),
    (31, "table.count()", "sa13"),
    (32, "select(condition)", "sa13"),
    (33, "update(condition)", "sa13"),
    (34, "delete(condition)", "sa13"),
    (35, "insert(values)", "sa13"),
    (36, "select(...).c", "sa13"),
    (37, "none_as_none(False)", "no"),
    (38, "isinstance(..., asyncpg.Connection)", "no"),
    (42, "url.password = ...", "sa13"),
    (43, "str(url) with its password", "sa13"),
    (44, "URL(...)", "sa13"),
    (46, "execute() of a plain string", "sa13"),
    (47, "scalar() of a plain string", "sa13"),
    (49, "engine.execute(...)", "sa13"),
    (51, "execute() of a plain string", "sa13"),
    (52, "sqlalchemy.engine.RowProxy", "no"),
]

MODERN = """\
import sqlalchemy as sa
from sqlalchemy import select, case, func, text
from gino import Gino

db = Gino()


async def fine(User, x, q, conn, rows, words):
    select(x.a, x.b).where(x.a == 1)
    case((x.a == 1, 2), else_=3)
    text("SELECT 1").columns(User.id)
    User.query.order_by(User.name.desc(), "name").gino.all()
    await User.query.gino.count()
    await User.select("name").where(x.a == 1).gino.all()
    User.update.values(a=1).where(x.a == 1)
    await User.get(1)
    await user.update(name="x").apply()
    await user.delete()
    await db.scalar("SELECT 1")
    await conn.execute("SELECT 1")
    await conn.scalar("SELECT 1")
    rows.count(1)
    "a".count("a")
    words.select([1, 2])
    words.insert(0, {"a": 1})
    str(x)
    x.password = "secret"
    URL = str
"""


def test_old_forms_are_found_with_their_line() -> None:
    found = examine_source(OLD, "app.py")
    assert [(one.line, one.old, one.covered) for one in found] == EXPECTED
    assert all(one.file == "app.py" and one.new and one.column > 0 for one in found)


def test_modern_forms_are_left_alone() -> None:
    assert examine_source(MODERN, "app.py") == []


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "package"
    package.mkdir()
    old, modern = package / "old.py", package / "modern.py"
    old.write_text("from sqlalchemy import select\nselect([1])\n")
    modern.write_text(MODERN)
    assert main(["doctor", str(package)]) == 1
    assert capsys.readouterr().out == (
        f"{old}:2:1: select([a, b], ...) -> select(a, b).where(...) (works with gino.compat.sa13)\n"
    )
    assert main(["doctor", "--json", str(old), str(modern)]) == 1
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["file"], one["line"], one["covered"]) == (str(old), 2, "sa13")
    assert main(["doctor", str(modern)]) == 0
    old.write_text("from gino import Gino\ndb = Gino()\ndb.select([1])\n")
    assert main(["doctor", str(old)]) == 0
    assert "works as it stands" in capsys.readouterr().out


def test_files_that_cannot_be_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", str(tmp_path / "absent.py")]) == 2
    assert "absent.py" in capsys.readouterr().err
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    assert main(["doctor", str(broken)]) == 2
    assert "broken.py" in capsys.readouterr().err
    assert main([]) == 0
    assert "doctor" in capsys.readouterr().out


def test_module_can_be_run() -> None:
    command = [sys.executable, "-m", "gino", "doctor", __file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
