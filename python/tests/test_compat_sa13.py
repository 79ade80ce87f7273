"""SQLAlchemy 1.3's forms: gone without `gino.compat.sa13`, back with it, gone after uninstall().

Each case is run in a fresh interpreter with and without the import.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SETTING = """
import json, sys, warnings
compat = sys.argv[1] == "with"
if compat:
    import gino.compat.sa13
import sqlalchemy as sa
from sqlalchemy import case, exists, func, select, text
from sqlalchemy.engine.url import URL, make_url

metadata = sa.MetaData()
t = sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True),
             sa.Column("x", sa.Integer))
u = sa.Table("u", metadata, sa.Column("id", sa.Integer, primary_key=True),
             sa.Column("t_id", sa.ForeignKey("t.id")))
engine = sa.create_engine("sqlite://")

def flat(clause):
    compiled = clause.compile(compile_kwargs={"literal_binds": True})
    return " ".join(str(compiled).split())

def appended(method, *args):
    query = select(t.c.id)
    assert getattr(query, method)(*args) is None
    return flat(query)

def set_url():
    url = make_url("postgresql://u:p@h/d")
    url.database = "other"
    url.port = "5433"
    url.query = {"a": "b"}
    assert tuple(url)[5] == url[5] == "other" and url == url.set(host="h")
    return url.set(username="v").render_as_string(hide_password=False)

def ran(method, *args, **kwargs):
    with engine.connect() as connection:
        result = getattr(connection, method)(*args, **kwargs)
        return result if method == "scalar" else [list(row) for row in result]

def bound_metadata():
    bound = sa.MetaData(engine)
    assert bound.bind is engine is sa.MetaData(bind=engine).bind
    table = sa.Table("bound", bound, sa.Column("id", sa.Integer))
    bound.create_all()
    try:
        return [table.name in sa.inspect(engine).get_table_names(), bound.bind is engine]
    finally:
        bound.drop_all()

def autoloaded():
    with engine.begin() as connection:
        connection.exec_driver_sql("create table loaded (id int, x int)")
    try:
        loaded = sa.Table("loaded", sa.MetaData(), autoload=True, autoload_with=engine)
        bound = sa.Table("loaded", sa.MetaData(bind=engine), autoload=True)
        assert list(bound.c.keys()) == list(loaded.c.keys())
        return [column.name for column in loaded.c]
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("drop table loaded")

def written(sql, *sets):
    with engine.connect() as connection:
        connection.exec_driver_sql("create table many (a int)")
        try:
            return connection.execute(sql, *sets).rowcount
        finally:
            connection.rollback()
            connection.exec_driver_sql("drop table if exists many")

def row(sql):
    with engine.connect() as connection:
        return connection.execute(text(sql).columns(t.c.x)).first()
"""

# name: code, what comes out with the shims, a piece of the modern form that the warning names
CASES: dict[str, tuple[str, Any, str]] = {
    "select with a list": (
        "flat(select([t.c.id, t.c.x]).where(t.c.x == 1))",
        "SELECT t.id, t.x FROM t WHERE t.x = 1",
        "select(a, b)",
    ),
    "select with a variable": (
        "flat((lambda columns: select(columns))([t]))",
        "SELECT t.id, t.x FROM t",
        "select(a, b)",
    ),
    "select with a condition": (
        "flat(select([t.c.id], t.c.x == 1))",
        "SELECT t.id FROM t WHERE t.x = 1",
        ".where(",
    ),
    "select with keywords": (
        "flat(select([t.c.id], whereclause=t.c.x == 1, from_obj=[t.join(u)], "
        "order_by=t.c.x, limit=2, distinct=True))",
        "SELECT DISTINCT t.id FROM t JOIN u ON t.id = u.t_id WHERE t.x = 1 ORDER BY t.x LIMIT 2",
        "select(a, b)",
    ),
    "select with columns=": (
        "flat(select(columns=[t.c.id]))",
        "SELECT t.id FROM t",
        "select(a, b)",
    ),
    "select with columns= and no list": (
        "flat(select(columns=t.c.id, whereclause=t.c.x == 1))",
        "SELECT t.id FROM t WHERE t.x = 1",
        "select(a, b)",
    ),
    "select without columns, from_obj=": (
        "flat(select(from_obj=t).with_only_columns(t.c.id))",
        "SELECT t.id FROM t",
        "select(a, b)",
    ),
    "select of the module expression": (
        "flat(sa.sql.expression.select([t.c.id]))",
        "SELECT t.id FROM t",
        "select(a, b)",
    ),
    "select of a select": (
        "flat(select([select([t.c.id])]))",
        "SELECT anon_1.id FROM (SELECT t.id AS id FROM t) AS anon_1",
        "select(a, b)",
    ),
    "case with a list": (
        "flat(case([(t.c.id == 1, 2)], else_=3))",
        "CASE WHEN (t.id = 1) THEN 2 ELSE 3 END",
        "case((a, b), ...)",
    ),
    "case with a list, a value and a default": (
        "flat(case([(1, 2)], t.c.x, 3))",
        "CASE t.x WHEN 1 THEN 2 ELSE 3 END",
        "case((a, b), ...)",
    ),
    "case with whens=": (
        "flat(case(whens=[(t.c.id == 1, 2)]))",
        "CASE WHEN (t.id = 1) THEN 2 END",
        "case((a, b), ...)",
    ),
    "case with a dict and a column": (
        "flat(case({1: 2}, t.c.x))",
        "CASE t.x WHEN 1 THEN 2 END",
        "value=column",
    ),
    "exists with a list": (
        "flat(select(t.c.id).where(exists([u.c.id]).where(u.c.t_id == t.c.id)))",
        "SELECT t.id FROM t WHERE EXISTS (SELECT u.id FROM u WHERE u.t_id = t.id)",
        "exists(select(a)",
    ),
    "exists with a condition": (
        "flat(select(t.c.id).where(exists([u.c.id], u.c.t_id == t.c.id)))",
        "SELECT t.id FROM t WHERE EXISTS (SELECT u.id FROM u WHERE u.t_id = t.id)",
        "exists(select(a)",
    ),
    "text with bind=": ("flat(text('select 1', bind=None))", "select 1", ".bindparams()"),
    "text with bindparams= and typemap=": (
        "flat(text('select :a as b', bindparams=[sa.bindparam('a', 1)], "
        "typemap={'b': sa.Integer}))",
        "select 1 as b",
        ".bindparams()",
    ),
    "with_only_columns with a list": (
        "flat(select(t.c.id, t.c.x).with_only_columns([t.c.x]))",
        "SELECT t.x FROM t",
        "with_only_columns(a, b)",
    ),
    "append_whereclause": (
        "appended('append_whereclause', t.c.x == 1)",
        "SELECT t.id FROM t WHERE t.x = 1",
        "query = query.where()",
    ),
    "append_column": (
        "appended('append_column', t.c.x)",
        "SELECT t.id, t.x FROM t",
        "query = query.add_columns()",
    ),
    "append_from": (
        "appended('append_from', t.join(u))",
        "SELECT t.id FROM t JOIN u ON t.id = u.t_id",
        "query = query.select_from()",
    ),
    "append_order_by": (
        "appended('append_order_by', t.c.x)",
        "SELECT t.id FROM t ORDER BY t.x",
        "query = query.order_by()",
    ),
    "append_group_by and append_having": (
        "[appended('append_group_by', t.c.x), appended('append_having', t.c.x > 1)]",
        ["SELECT t.id FROM t GROUP BY t.x", "SELECT t.id FROM t HAVING t.x > 1"],
        "query = query.group_by()",
    ),
    "append_correlation": (
        "appended('append_correlation', u)",
        "SELECT t.id FROM t",
        "query = query.correlate()",
    ),
    "append_prefix": (
        "appended('append_prefix', 'ALL')",
        "SELECT ALL t.id FROM t",
        "query = query.prefix_with()",
    ),
    "order_by with a direction": (
        "flat(select(t.c.id).order_by('x desc', 't.id asc nulls last'))",
        "SELECT t.id FROM t ORDER BY x desc, t.id asc nulls last",
        "desc(",
    ),
    "order_by of several names": (
        "flat(select(t.c.id).order_by('x desc, id'))",
        "SELECT t.id FROM t ORDER BY x desc, id",
        "desc(",
    ),
    "order_by of a union": (
        "flat(sa.union(select(t.c.id), select(u.c.id)).order_by('id desc'))",
        "SELECT t.id FROM t UNION SELECT u.id FROM u ORDER BY id desc",
        "desc(",
    ),
    "apply_labels": (
        "flat(select(t.c.id).apply_labels())",
        "SELECT t.id AS t_id FROM t",
        "set_label_style",
    ),
    "columns of a select": (
        "(lambda s: flat(select(s.c.id).select_from(s)))(select(t.c.id).where(t.c.x == 1))",
        "SELECT anon_1.id FROM (SELECT t.id AS id FROM t WHERE t.x = 1) AS anon_1",
        "subquery()",
    ),
    "columns of a union": (
        "(lambda s: flat(select(s.columns.id)))(sa.union(select(t.c.id), select(u.c.id)))",
        "SELECT anon_1.id FROM (SELECT t.id AS id FROM t UNION SELECT u.id AS id FROM u) AS anon_1",
        "subquery()",
    ),
    "columns of a changed select": (
        "(lambda s: s.c.id is not s.where(t.c.x == 1).c.id and s.c.id is s.c.id)(select(t.c.id))",
        True,
        "subquery()",
    ),
    "a select in select_from": (
        "flat(select(text('1')).select_from(select(t.c.id)))",
        "SELECT 1 FROM (SELECT t.id AS id FROM t) AS anon_1",
        "query.subquery()",
    ),
    "a select in a join": (
        "flat(select(t.c.x).select_from(t.join(select(u.c.t_id), sa.true())))",
        "SELECT t.x FROM t JOIN (SELECT u.t_id AS t_id FROM u) AS anon_1 ON true",
        "query.subquery()",
    ),
    "select() of a select": (
        "flat((lambda s: s.select(s.c.id == 1))(select(t.c.id)))",
        "SELECT anon_1.id FROM (SELECT t.id AS id FROM t) AS anon_1 WHERE anon_1.id = 1",
        "select(query.subquery())",
    ),
    "count of a table": (
        "flat(t.count(t.c.x > 1))",
        "SELECT count(t.id) AS tbl_row_count FROM t WHERE t.x > 1",
        "func.count()",
    ),
    "count of a join": (
        "flat(t.join(u).count())",
        "SELECT count(t.id) AS tbl_row_count FROM t JOIN u ON t.id = u.t_id",
        "func.count()",
    ),
    "table.select with a condition": (
        "flat(t.select(t.c.x == 1))",
        "SELECT t.id, t.x FROM t WHERE t.x = 1",
        "table.select().where(",
    ),
    "join.select with a condition": (
        "flat(t.join(u).select(t.c.x == 1, use_labels=True))",
        "SELECT t.id AS t_id, t.x AS t_x, u.id AS u_id, u.t_id AS u_t_id "
        "FROM t JOIN u ON t.id = u.t_id WHERE t.x = 1",
        "table.select().where(",
    ),
    "insert with values": (
        "flat(t.insert({'x': 1}))",
        "INSERT INTO t (x) VALUES (1)",
        "insert().values(",
    ),
    "insert inline": (
        "flat(sa.insert(t, values={'x': 1}, inline=True))",
        "INSERT INTO t (x) VALUES (1)",
        "insert().values(",
    ),
    "update with a condition and values": (
        "flat(t.update(t.c.id == 1, values={'x': 2}))",
        "UPDATE t SET x=2 WHERE t.id = 1",
        "update().where(",
    ),
    "delete with a condition": (
        "flat(sa.delete(t, t.c.id == 1))",
        "DELETE FROM t WHERE t.id = 1",
        "delete().where(",
    ),
    "URL made directly": (
        "URL(drivername='postgresql', username='u', password='p', host='h', port='1', "
        "database='d').render_as_string(hide_password=False)",
        "postgresql://u:p@h:1/d",
        "URL.create(",
    ),
    "URL with a positional driver": (
        "str(URL('sqlite').drivername)",
        "sqlite",
        "URL.create(",
    ),
    "URL attributes": ("set_url()", "postgresql://v:p@h:5433/other?a=b", "url.set("),
    "metadata with an engine": ("bound_metadata()", [True, True], "create_all(engine)"),
    "table that loads itself": ("autoloaded()", ["id", "x"], "autoload_with=engine"),
    "engine that executes": (
        "[list(row) for row in engine.execute('select 1, 2')]",
        [[1, 2]],
        "engine.begin()",
    ),
    "engine with a scalar": ("engine.scalar(select(3))", 3, "engine.begin()"),
    "plain string on a connection": (
        "ran('execute', 'select 1, 2')",
        [[1, 2]],
        "exec_driver_sql",
    ),
    "plain string with loose values": (
        "ran('execute', 'select ? + ?', 1, 2)",
        [[3]],
        "exec_driver_sql",
    ),
    "plain string with names": (
        "ran('execute', 'select :a', a=5)",
        [[5]],
        "exec_driver_sql",
    ),
    "plain string with several sets": (
        "written('insert into many values (?)', (1,), (2,))",
        2,
        "exec_driver_sql",
    ),
    "plain string for scalar": ("ran('scalar', 'select ?', (7,))", 7, "exec_driver_sql"),
    "row by name": ("row('select 1 as x')['x']", 1, "row.name"),
    "row by column": ("row('select 1 as x')[t.c.x]", 1, "row.name"),
    "clause with keyword values": (
        "ran('execute', text('select :a'), a=6)",
        [[6]],
        "execute(clause, {",
    ),
}

# forms that mean the same with and without
MODERN: dict[str, Any] = {
    "flat(select(t.c.id, t.c.x))": "SELECT t.id, t.x FROM t",
    "flat(select())": "SELECT",
    "flat(select(t.c.id).order_by('id').group_by('x'))": "SELECT t.id FROM t GROUP BY t.x "
    "ORDER BY t.id",
    "flat(case((t.c.id == 1, 2), else_=3))": "CASE WHEN (t.id = 1) THEN 2 ELSE 3 END",
    "flat(case({1: 2}, value=t.c.x))": "CASE t.x WHEN 1 THEN 2 END",
    "flat(exists(select(u.c.id)))": "EXISTS (SELECT u.id FROM u)",
    "flat(t.select().where(t.c.x == 1))": "SELECT t.id, t.x FROM t WHERE t.x = 1",
    "flat(t.insert().values(x=1))": "INSERT INTO t (x) VALUES (1)",
    "flat(select(t.c.id).with_only_columns(t.c.x))": "SELECT t.x FROM t",
    "flat(select(select(t.c.id).subquery().c.id))": "SELECT anon_1.id "
    "FROM (SELECT t.id AS id FROM t) AS anon_1",
    "flat(select(t.c.id).where(t.c.id.in_(select(u.c.id))))": "SELECT t.id FROM t "
    "WHERE t.id IN (SELECT u.id FROM u)",
    "repr(make_url('postgresql://u:p@h/d'))": "postgresql://u:***@h/d",
    "ran('execute', text('select :a'), {'a': 6})": [[6]],
    "ran('execute', text('select :a'), parameters={'a': 6})": [[6]],
    "ran('scalar', text('select 2'))": 2,
    "[row('select 1')[0], list(row('select 1')[:1]), row('select 1 as x').x]": [1, [1], 1],
}

RUN = (
    SETTING
    + """
found = {}
for name, code in json.load(sys.stdin).items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result, error = eval(code), None
        except Exception as raised:
            result, error = None, type(raised).__name__
        again = None
        if error is None:
            count = len(caught)
            eval(code)
            again = len(caught) - count
    words = [str(item.message) for item in caught]
    files = sorted({item.filename for item in caught})
    kinds = sorted({item.category.__name__ for item in caught})
    found[name] = {"result": result, "error": error, "again": again, "words": words,
                   "kinds": kinds, "files": files}
    if compat:
        gino.compat.sa13.uninstall()
        try:
            eval(code)
            found[name]["after"] = None
        except Exception as raised:
            found[name]["after"] = type(raised).__name__
        gino.compat.sa13.install()
json.dump(found, sys.stdout)
"""
)


def run_all(mode: str, codes: dict[str, str], path: Path | None = None) -> dict[str, Any]:
    paths = [str(path)] if path else []
    if "PYTHONPATH" in os.environ:
        paths.append(os.environ["PYTHONPATH"])
    done = subprocess.run(
        [sys.executable, "-c", RUN, mode],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        input=json.dumps(codes),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def with_shims() -> dict[str, Any]:
    return run_all("with", {name: code for name, (code, _, _) in CASES.items()})


@pytest.fixture(scope="module")
def without_shims() -> dict[str, Any]:
    return run_all("without", {name: code for name, (code, _, _) in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_old_form_fails_without_the_import(name: str, without_shims: dict[str, Any]) -> None:
    assert without_shims[name]["error"] is not None


@pytest.mark.parametrize("name", CASES)
def test_old_form_works_with_the_import(name: str, with_shims: dict[str, Any]) -> None:
    assert with_shims[name]["error"] is None
    assert with_shims[name]["result"] == CASES[name][1]


@pytest.mark.parametrize("name", CASES)
def test_old_form_warns_once_and_names_the_modern_one(
    name: str, with_shims: dict[str, Any]
) -> None:
    found = with_shims[name]
    assert any(CASES[name][2] in words for words in found["words"]), found["words"]
    assert len(found["words"]) == len(set(found["words"]))
    assert found["kinds"] == ["DeprecationWarning"]
    assert found["again"] == 0
    assert found["files"] == ["<string>"]  # the application's own line


@pytest.mark.parametrize("name", CASES)
def test_old_form_fails_again_after_uninstall(
    name: str, with_shims: dict[str, Any], without_shims: dict[str, Any]
) -> None:
    assert with_shims[name]["after"] == without_shims[name]["error"]


def test_modern_forms_are_the_same_with_and_without() -> None:
    codes = {code: code for code in MODERN}
    for mode in ("with", "without"):
        for code, found in run_all(mode, codes).items():
            assert (found["error"], found["words"]) == (None, []), (mode, code, found)
            assert found["result"] == MODERN[code]


def test_str_of_a_url_shows_the_password_only_with_the_import() -> None:
    codes = {"str": "str(make_url('postgresql://u:p@h/d'))"}
    assert run_all("without", codes)["str"]["result"] == "postgresql://u:***@h/d"
    found = run_all("with", codes)["str"]
    assert found["result"] == "postgresql://u:p@h/d"
    assert "hide_password=False" in found["words"][0]


def test_address_without_a_driver_is_psycopg2s_where_psycopg_is_missing(tmp_path: Path) -> None:
    codes = {
        scheme: f"make_url('{scheme}://h/d').get_dialect().__module__.rpartition('.')[2]"
        for scheme in ("postgresql", "postgres", "postgresql+psycopg")
    }
    assert {one["result"] for one in run_all("with", codes).values()} == {"psycopg", None}
    (tmp_path / "psycopg2.py").touch()
    found = run_all("with", codes, tmp_path)
    assert [found[name]["result"] for name in codes] == ["psycopg2", "psycopg2", "psycopg"]
    assert "write postgresql+psycopg2://" in found["postgres"]["words"][0]
    assert found["postgresql+psycopg"]["words"] == []
    found = run_all("without", codes, tmp_path)
    assert [found[name]["result"] for name in codes] == ["psycopg", None, "psycopg"]
    (tmp_path / "psycopg.py").touch()
    found = run_all("with", codes, tmp_path)
    assert (found["postgresql"]["result"], found["postgresql"]["words"]) == ("psycopg", [])


def test_only_names_and_directions_become_text_in_order_by() -> None:
    codes = {"sql": "flat(select(t.c.id).order_by('x desc, (select 1)'))"}
    for mode in ("with", "without"):
        assert run_all(mode, codes)["sql"]["error"] == "CompileError"


def test_a_url_that_was_changed_is_equal_hashed_copied_and_pickled_as_what_it_is() -> None:
    code = """(lambda url, other: [
        setattr(url, "database", "z"),
        url == other.set(database="z"), url != other, hash(url) == hash(other.set(database="z")),
        copy.copy(url).database, pickle.loads(pickle.dumps(url)).database, type(url).database.name,
    ])(make_url("postgresql://u:p@h/d"), make_url("postgresql://u:p@h/d"))"""
    code = code.replace("copy.", "__import__('copy').").replace("pickle.", "__import__('pickle').")
    found = run_all("with", {"url": code, "wrong": "URL(host='h')", "odd": "URL('a', socket='b')"})
    assert found["url"]["result"] == [None, True, True, True, "z", "z", "database"]
    assert found["wrong"]["error"] == found["odd"]["error"] == "TypeError"


def test_importing_gino_alone_changes_nothing() -> None:
    code = "import sys, gino, gino.ext; print('gino.compat.sa13' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


APPLICATION = """
import gino.compat.sa13, asyncio, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from sqlalchemy import case, exists, func, select
from sqlalchemy.engine.url import URL, make_url
from gino import Gino

db = Gino()

class Author(db.Model):
    __tablename__ = "gs_authors"
    id = db.Column(db.Integer(), primary_key=True)
    name = db.Column(db.Unicode())

class Book(db.Model):
    __tablename__ = "gs_books"
    id = db.Column(db.Integer(), primary_key=True)
    title = db.Column(db.Unicode())
    author_id = db.Column(db.ForeignKey("gs_authors.id"))

async def main(dsn):
    url = make_url(dsn)
    url.drivername = "asyncpg"
    assert str(url).startswith("asyncpg://")
    async with db.with_bind(url, min_size=1, max_size=2):
        await db.gino.drop_all()
        await db.gino.create_all()
        author = await Author.create(name="Ada")
        for title in ("Notes", "Letters"):
            await Book.create(title=title, author_id=author.id)

        query = Book.query
        query.append_whereclause(Book.title == "Notes")
        assert [book.title for book in await query.gino.all()] == ["Notes"]
        assert len(await Book.query.gino.all()) == 2, "the model's own query has not changed"

        rows = await select([Book.title, Author.name], from_obj=Book.join(Author)).order_by(
            "title desc"
        ).gino.all()
        assert rows == [("Notes", "Ada"), ("Letters", "Ada")]
        assert await Book.__table__.count().gino.scalar() == 2
        assert await Book.join(Author).count().gino.scalar() == 2
        assert await select([func.count()]).select_from(Book.query).gino.scalar() == 2
        inner = select([Book.title.label("word")])
        assert len(await select([inner.c.word]).gino.all()) == 2
        kind = case([(Book.title == "Notes", "n")], else_="l")
        assert sorted(await select([kind]).gino.all()) == [("l",), ("n",)]
        written = exists([Book.id]).where(Book.author_id == Author.id)
        assert (await Author.query.where(written).gino.first()).name == "Ada"
        assert len(await Book.__table__.select(Book.id == 1).gino.all()) == 1
        assert await db.scalar(db.text("select 5", bind=db.bind)) == 5
        await db.gino.drop_all()
    gino.compat.sa13.uninstall()
    print("done")

asyncio.run(main(sys.argv[1]))
"""


def test_an_application_of_the_time_of_1_3_runs(dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", APPLICATION, dsn], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr


MIGRATION = """
import gino.compat.sa13, asyncio, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

def upgrade(bind):
    bind.execute("CREATE TEMPORARY TABLE gs_migrated (id integer, name text)")
    bind.execute(sa.text("INSERT INTO gs_migrated VALUES (:id, :name)"), id=1, name="Ada")
    for row in bind.execute("SELECT id, name FROM gs_migrated"):
        assert (row["id"], row["name"]) == (1, "Ada")
    assert bind.scalar("SELECT count(*) FROM gs_migrated") == 1

async def main(dsn):
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+gino://"))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()
    print("done")

asyncio.run(main(sys.argv[1]))
"""


def test_a_migration_of_the_time_of_1_3_runs(dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIGRATION, dsn], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr
