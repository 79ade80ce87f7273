"""Owns the structure check: what may use what, and how long a file may be.

Never looks at style (the formatters do) or at meaning. Called by scripts/check; prints a line for
each finding and exits with 1 if any is an error.

Rust: the order of the `mod` lines in a crate's lib.rs is the dependency order, and a module uses
only those above it. Python: the imports inside a package make no cycle. Tests are exempt.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WARN_LINES = 400
MAX_LINES = 600
MAX_SCRIPT_LINES = 40

# Which crates of the workspace a crate may use.
ARROWS: dict[str, set[str]] = {
    "gino-core": set(),
    "gino-sqlite": {"gino-core"},
    "gino-macros": set(),
    "gino": {"gino-core", "gino-macros", "gino-sqlite"},
    "gino-py": {"gino-core", "gino-sqlite"},
}
# All that gino-core may use from outside; whoever adds to it says why in the commit.
CORE_OUTSIDE = {"bytes", "fallible-iterator", "foldhash", "postgres-protocol", "postgres-types"}
# What must not even come in through a dependency's dependency.
NEVER_LINKED = {
    "gino-core": {"tokio", "async-std", "smol", "mio", "pyo3"},
    "gino-py": {"tokio", "async-std", "smol", "mio"},
    "gino": {"pyo3"},
}

SOURCES = (
    "crates/*/src/**/*.rs",
    "python/gino/**/*.py*",
    "examples/**/*.rs",
    "examples/**/*.py",
    "benches/*.py",
    "benches/rust/src/**/*.rs",
    "scripts/*.py",
)


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    place: str
    words: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{'error' if self.is_error else 'warning'}: {self.place}: {self.words}"


def check(root: Path) -> list[Finding]:
    """All findings in the tree below `root`."""
    return [
        *module_order(root),
        *crate_arrows(root),
        *links(root),
        *python_cycles(root, "gino"),
        *sizes(root),
    ]


# ---- Rust ----------------------------------------------------------------------------------------


def module_order(root: Path) -> Iterator[Finding]:
    """Find uses of a module that stands below the user in lib.rs."""
    for lib in sorted(root.glob("crates/*/src/lib.rs")):
        text = rust_code(lib)
        order = re.findall(r"^\s*(?:pub(?:\([^)]*\))? )?mod (\w+)\s*[;{]", text, re.M)
        homes = {name: name for name in order} | reexports(text, set(order))
        for file in sorted(lib.parent.rglob("*.rs")):
            parts = file.relative_to(lib.parent).with_suffix("").parts
            if parts[0] not in order or is_test(file):
                continue
            for used in uses(rust_code(file), is_top=parts[1:] in ((), ("mod",))):
                home = homes.get(used)
                if home and order.index(home) > order.index(parts[0]):
                    words = f"uses {home}, which stands below {parts[0]} in lib.rs"
                    yield Finding(str(file.relative_to(root)), words)


def rust_code(file: Path) -> str:
    """The text of a source file without comments and without its own tests."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read_text(), flags=re.S)
    return re.split(r"^#\[cfg\(test\)\]\s*mod \w+ \{", text, maxsplit=1, flags=re.M)[0]


def reexports(lib: str, modules: set[str]) -> dict[str, str]:
    """Names that lib.rs hands on, and the module each comes from."""
    names = {}
    for path in re.findall(r"^\s*pub(?:\([^)]*\))? use ([^;]+);", lib, re.M):
        home = re.match(r"(?:self::|crate::)?(\w+)::", path)
        if home and home[1] in modules:
            names.update(dict.fromkeys(re.findall(r"\w+", path[home.end() :]), home[1]))
    return {name: home for name, home in names.items() if name not in modules}


def uses(text: str, *, is_top: bool) -> set[str]:
    """First names of all paths that start at the crate's root."""
    start = r"(?:\bcrate|^(?:pub(?:\([^)]*\))? )?use super)" if is_top else r"\bcrate"
    found = set(re.findall(start + r"::(\w+)", text, re.M))
    for match in re.finditer(start + r"::\{", text, re.M):
        depth, names = 1, ""
        for char in text[match.end() :]:
            depth += {"{": 1, "}": -1}.get(char, 0)
            if depth == 0:
                break
            names += char if depth == 1 else ""
        found.update(re.findall(r"(?:^|,)\s*(\w+)", names))
    return found


def crate_arrows(root: Path) -> Iterator[Finding]:
    """Find dependencies that DESIGN's arrows do not allow."""
    for manifest in sorted(root.glob("crates/*/Cargo.toml")):
        tables = tomllib.loads(manifest.read_text())
        crate = tables["package"]["name"]
        place = str(manifest.relative_to(root))
        if crate not in ARROWS:
            yield Finding(place, f"the crate {crate} has no arrows in scripts/rooms.py")
            continue
        needed = {*tables.get("dependencies", {}), *tables.get("build-dependencies", {})}
        for table in tables.get("target", {}).values():
            needed |= set(table.get("dependencies", {}))
        for name in sorted(needed & set(ARROWS) - ARROWS[crate]):
            yield Finding(place, f"{crate} must not use {name}")
        if crate == "gino-core":
            for name in sorted(needed - set(ARROWS) - CORE_OUTSIDE):
                yield Finding(place, f"gino-core must not use {name}")


def links(root: Path) -> Iterator[Finding]:
    """Find what a crate would link by way of others, as Cargo.lock has it."""
    lock = root / "Cargo.lock"
    if not lock.exists():
        return
    packages = tomllib.loads(lock.read_text())["package"]
    graph: dict[str, set[str]] = {}
    for package in packages:
        wanted = {line.split()[0] for line in package.get("dependencies", [])}
        graph.setdefault(package["name"], set()).update(wanted)
    for crate, never in NEVER_LINKED.items():
        seen, todo = set(), [crate]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(graph.get(name, ()))
        for name in sorted(seen & never):
            yield Finding("Cargo.lock", f"{crate} would link {name}")


# ---- Python --------------------------------------------------------------------------------------


def python_cycles(root: Path, package: str) -> Iterator[Finding]:
    """Find a cycle among the imports of a package, wherever in a file they stand."""
    home = root / "python" / package
    files = {
        module_name(file, home.parent): file
        for file in sorted(home.rglob("*.py*"))
        if file.suffix in (".py", ".pyi")
    }
    graph = {name: imports(file, name, set(files)) for name, file in files.items()}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
        if name in path:
            return (*path[path.index(name) :], name)
        if name in done:
            return None
        for target in sorted(graph[name]):
            if cycle := walk(target, (*path, name)):
                return cycle
        done.add(name)
        return None

    for name in sorted(graph):
        if cycle := walk(name, ()):
            yield Finding(str(files[cycle[0]].relative_to(root)), "cycle: " + " → ".join(cycle))
            return


def module_name(file: Path, base: Path) -> str:
    parts = file.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path, name: str, known: set[str]) -> set[str]:
    """Modules of the package that a file imports when it runs (not for its annotations only)."""
    found: set[str] = set()
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    todo: list[ast.AST] = [ast.parse(file.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
            continue
        todo.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *base.split(".")]).rstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in known else base)
    return {target for target in found if target in known and target != name}


# ---- files ---------------------------------------------------------------------------------------


def sizes(root: Path) -> Iterator[Finding]:
    """Find files that are too long, or open without saying what they are."""
    for file in sorted({file for pattern in SOURCES for file in root.glob(pattern)}):
        if is_test(file) or file.suffix not in (".rs", ".py", ".pyi"):
            continue
        text = file.read_text()
        place = str(file.relative_to(root))
        if not text.startswith(("//!", '"""', 'r"""')):
            yield Finding(place, "does not open with what it owns, never does, and who calls it")
        if "@generated" in text[:400]:
            continue
        lines = text.count("\n")
        if file.suffix == ".rs":
            lines = re.split(r"^#\[cfg\(test\)\]", text, maxsplit=1, flags=re.M)[0].count("\n")
        if lines > WARN_LINES:
            words = f"{lines} lines (split at {MAX_LINES})"
            yield Finding(place, words, is_error=lines > MAX_LINES)
    for file in sorted(root.glob("scripts/*")):
        if file.is_file() and not file.suffix and file.read_text().count("\n") >= MAX_SCRIPT_LINES:
            yield Finding(str(file.relative_to(root)), f"{MAX_SCRIPT_LINES} lines or more")


def is_test(file: Path) -> bool:
    return "tests" in file.parts or file.stem == "tests" or file.stem.endswith("_tests")


if __name__ == "__main__":
    findings = check(Path(__file__).resolve().parent.parent)
    for finding in findings:
        print(finding)
    sys.exit(any(finding.is_error for finding in findings))
