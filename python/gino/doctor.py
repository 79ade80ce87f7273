"""What an application for GINO 1.x and SQLAlchemy 1.3 contains that 2.1 no longer understands.

Owns: the list of old forms, how they look in a syntax tree, and what to write instead.
Never does: import or run what it reads; or guess where a form has a modern meaning, too.
Called by: `gino doctor`, see `gino.__main__`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

GINO = "gino"  # works as it stands
SA13 = "sa13"  # works with `import gino.compat.sa13`
NOTHING = "no"  # has to be changed

_SORTED = re.compile(r"\s*[\w.]+\s+(asc|desc)\b.*", re.IGNORECASE)
_FUNCTIONS = {"select", "case", "exists", "text"}
_SELECT_KEYWORDS = {"columns", "whereclause", "from_obj", "order_by", "group_by", "having"}
_IN_PLACE = {
    "append_whereclause": "where",
    "append_column": "add_columns",
    "append_from": "select_from",
    "append_order_by": "order_by",
    "append_group_by": "group_by",
    "append_having": "having",
    "append_correlation": "correlate",
    "append_prefix": "prefix_with",
}
_MOVED = {
    "sqlalchemy.engine.RowProxy": "sqlalchemy.Row",
    "sqlalchemy.engine.result.RowProxy": "sqlalchemy.Row",
    "sqlalchemy.engine.ResultProxy": "sqlalchemy.CursorResult",
    "sqlalchemy.engine.result.ResultProxy": "sqlalchemy.CursorResult",
    "sqlalchemy.engine.strategies": "gino.strategies",
    "sqlalchemy.databases": "sqlalchemy.dialects",
    "sqlalchemy.types.Binary": "sqlalchemy.LargeBinary",
    "sqlalchemy.Binary": "sqlalchemy.LargeBinary",
    "sqlalchemy.sql.expression.Function": "sqlalchemy.sql.functions.Function",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One old form: where it is, and what to write. `covered` is "gino" when it works as it stands,
    "sa13" when it works with `import gino.compat.sa13`, "no" when it has to be changed.
    """

    file: str
    line: int
    column: int
    old: str
    new: str
    covered: str


def examine(paths: Iterable[Path]) -> list[Finding]:
    """The old forms in these files, and in all Python files of these directories, in order.

    Errors: OSError for a file that cannot be read, SyntaxError for one that is not Python.
    """
    found: set[Finding] = set()
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            found.update(examine_source(file.read_bytes(), str(file)))
    return sorted(found)


def examine_source(source: bytes | str, name: str) -> list[Finding]:
    """The old forms in one source. Errors: SyntaxError."""
    visitor = _Visitor(name)
    tree = ast.parse(source, name)
    visitor.learn(tree)
    visitor.visit(tree)
    return sorted(visitor.found)


class _Visitor(ast.NodeVisitor):
    def __init__(self, file: str) -> None:
        self._file = file
        self.found: list[Finding] = []
        # what a name in this file is, as a dotted path
        self._imported: dict[str, str] = {}
        self._kinds: dict[str, str] = {}

    def learn(self, tree: ast.AST) -> None:
        """Note what names stand for, wherever they are assigned."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for item in node.names:
                    top = item.name.partition(".")[0]
                    self._imported[item.asname or top] = item.name if item.asname else top
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for item in node.names:
                    self._imported[item.asname or item.name] = f"{node.module}.{item.name}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                kind = self._kind_of(node.value)
                for target in node.targets:
                    if kind and isinstance(target, ast.Name):
                        self._kinds[target.id] = kind
            elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
                kind = self._kind_of(node.context_expr)
                if kind:
                    self._kinds[node.optional_vars.id] = kind

    # ---- nodes ----------------------------------------------------------------------------------

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Names that have moved."""
        for item in node.names:
            new = _MOVED.get(f"{node.module}.{item.name}") or _MOVED.get(node.module or "")
            if new:
                self._add(node, f"from {node.module} import {item.name}", new, NOTHING)

    def visit_Import(self, node: ast.Import) -> None:
        """Modules that are gone."""
        for item in node.names:
            if item.name in _MOVED:
                self._add(node, f"import {item.name}", _MOVED[item.name], NOTHING)

    def visit_Assign(self, node: ast.Assign) -> None:
        """`url.password = ...`: a URL cannot be changed."""
        for target in node.targets:
            if isinstance(target, ast.Attribute) and self._is(target.value, "url"):
                new = f"url = url.set({target.attr}=...)"
                self._add(node, f"url.{target.attr} = ...", new, SA13)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """`select(...).c`, and names that have moved."""
        if node.attr in ("c", "columns") and self._calls(node.value, "select"):
            self._add(node, f"select(...).{node.attr}", "select(...).subquery().c", SA13)
        path = self._path(node)
        if path in _MOVED:
            self._add(node, path, _MOVED[path], NOTHING)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Calls with old arguments, and of old methods."""
        function = node.func
        name = self._public(function)
        if name is not None:
            self._public_call(node, name, self._is_gino(function))
        elif isinstance(function, ast.Attribute):
            self._method_call(node, function)
        if self._path(function) in ("sqlalchemy.engine.url.URL", "sqlalchemy.engine.URL"):
            self._add(node, "URL(...)", "URL.create(...)", SA13)
        builtin = function.id if isinstance(function, ast.Name) else None
        if builtin == "str" and len(node.args) == 1 and self._is(node.args[0], "url"):
            new = "url.render_as_string(hide_password=False)"
            self._add(node, "str(url) with its password", new, SA13)
        if builtin == "isinstance" and len(node.args) == 2:
            path = self._path(node.args[1]) or ""
            if path in ("asyncpg.Connection", "asyncpg.connection.Connection", "asyncpg.Record"):
                new = "no class of asyncpg: the driver is gino's own, with asyncpg's method names"
                self._add(node, f"isinstance(..., {path})", new, NOTHING)
        self.generic_visit(node)

    # ---- forms ----------------------------------------------------------------------------------

    def _public_call(self, node: ast.Call, name: str, is_gino: bool) -> None:
        first = node.args[0] if node.args else None
        given = {keyword.arg for keyword in node.keywords}
        covered = GINO if is_gino else SA13
        if name == "select" and (_is_list(first) or given & _SELECT_KEYWORDS):
            self._add(node, "select([a, b], ...)", "select(a, b).where(...)", covered)
        elif name == "case" and (isinstance(first, ast.List) or "whens" in given):
            covered = covered if "whens" not in given else SA13
            self._add(node, "case([(a, b), ...])", "case((a, b), ...)", covered)
        elif name == "exists" and (_is_list(first) or given & _SELECT_KEYWORDS):
            self._add(node, "exists([a], ...)", "exists(select(a).where(...))", covered)
        elif name == "text" and given & {"bind", "bindparams", "typemap", "autocommit"}:
            covered = SA13 if given & {"typemap", "autocommit"} else covered
            new = "text(...).bindparams(...).columns(...)"
            self._add(node, "text(..., bind=, bindparams=, typemap=)", new, covered)
        elif name == "MetaData" and "bind" in given:
            self._add(node, "MetaData(bind=...)", "MetaData(), and create_all(engine)", SA13)
        elif name == "Table" and "autoload" in given:
            self._add(node, "Table(..., autoload=True)", "Table(..., autoload_with=engine)", SA13)

    def _method_call(self, node: ast.Call, function: ast.Attribute) -> None:
        name, first = function.attr, node.args[0] if node.args else None
        given = {keyword.arg for keyword in node.keywords}
        if name == "with_only_columns" and _is_list(first):
            self._add(node, "with_only_columns([a, b])", "with_only_columns(a, b)", SA13)
        elif name in _IN_PLACE:
            self._add(node, f"{name}()", f"query = query.{_IN_PLACE[name]}()", SA13)
        elif name == "apply_labels" and not node.args:
            new = "set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)"
            self._add(node, "apply_labels()", new, SA13)
        elif name in ("order_by", "group_by") and any(map(_sorts, node.args)):
            self._add(node, f'{name}("x desc")', f'{name}(desc("x"))', SA13)
        elif name == "count" and self._is(function.value, "table"):
            self._add(node, "table.count()", "select(func.count()).select_from(table)", SA13)
        elif name in ("select", "update", "delete") and (
            _is_condition(first) or "whereclause" in given
        ):
            self._add(node, f"{name}(condition)", f"{name}().where(condition)", SA13)
        elif name == "insert" and (isinstance(first, ast.Dict) or "values" in given):
            self._add(node, "insert(values)", "insert().values(values)", SA13)
        elif name == "execute" and self._is(function.value, "engine"):
            self._add(node, "engine.execute(...)", "with engine.begin() as c: c.execute()", SA13)
        elif name in ("execute", "scalar") and self._is(function.value, "connection"):
            if isinstance(first, ast.Constant | ast.JoinedStr):
                new = f"{name}(text(...)) or exec_driver_sql(...)"
                self._add(node, f"{name}() of a plain string", new, SA13)
        elif name == "none_as_none" and isinstance(first, ast.Constant) and first.value is False:
            new = "nothing: models whose columns are all NULL are left out"
            self._add(node, "none_as_none(False)", new, NOTHING)

    # ---- what things are ------------------------------------------------------------------------

    def _kind_of(self, value: ast.expr) -> str | None:
        if isinstance(value, ast.Await):
            value = value.value
        if not isinstance(value, ast.Call):
            return None
        path = self._path(value.func) or ""
        last = path.rpartition(".")[2]
        if last == "Gino" and path.startswith("gino"):
            return "gino"
        if not path.startswith(("sqlalchemy", "alembic")):
            is_table = isinstance(value.func, ast.Attribute) and value.func.attr == "Table"
            if is_table and self._is_gino(value.func):
                return "table"
            if isinstance(value.func, ast.Attribute) and value.func.attr in ("connect", "begin"):
                return "connection" if self._is(value.func.value, "engine") else None
            return None
        kinds = {
            "make_url": "url",
            "URL": "url",
            "create_engine": "engine",
            "engine_from_config": "engine",
            "Table": "table",
            "get_bind": "connection",
        }
        return kinds.get(last)

    def _is(self, node: ast.expr, kind: str) -> bool:
        if isinstance(node, ast.Name):
            return self._kinds.get(node.id) == kind
        if kind == "table" and isinstance(node, ast.Attribute):
            return node.attr == "__table__"
        return isinstance(node, ast.Call) and self._kind_of(node) == kind

    def _is_gino(self, function: ast.expr) -> bool:
        """Whether it is an attribute of a `Gino`: of one made here, or of what is called `db`."""
        if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)):
            return False
        name = function.value.id
        if self._kinds.get(name) == "gino":
            return True
        return name == "db" and not self._imported.get(name, "").startswith("sqlalchemy")

    def _public(self, function: ast.expr) -> str | None:
        """The name of one of SQLAlchemy's functions, however it is reached."""
        path = self._path(function) or ""
        last = path.rpartition(".")[2]
        if path.startswith("sqlalchemy.") and last in _FUNCTIONS | {"MetaData", "Table"}:
            return last
        if isinstance(function, ast.Attribute) and self._is_gino(function):
            return function.attr if function.attr in _FUNCTIONS | {"Table"} else None
        return None

    def _calls(self, node: ast.expr, name: str) -> bool:
        return isinstance(node, ast.Call) and self._public(node.func) == name

    def _path(self, node: ast.expr) -> str | None:
        """The dotted path of a name or attribute that comes from an import."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._imported:
            return None
        return ".".join([self._imported[node.id], *reversed(parts)])

    def _add(self, node: ast.stmt | ast.expr, old: str, new: str, covered: str) -> None:
        place = (self._file, node.lineno, node.col_offset + 1)
        self.found.append(Finding(*place, old, new, covered))


def _is_list(node: ast.expr | None) -> bool:
    return isinstance(node, ast.List | ast.Tuple | ast.ListComp)


def _is_condition(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Compare) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr)
    )


def _sorts(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(_SORTED.fullmatch(node.value))
    )


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings as text, a line for each."""
    said = {
        GINO: "works as it stands",
        SA13: "works with gino.compat.sa13",
        NOTHING: "has to be changed",
    }
    for one in findings:
        place = f"{one.file}:{one.line}:{one.column}"
        yield f"{place}: {one.old} -> {one.new} ({said[one.covered]})"
