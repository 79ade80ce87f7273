"""Every line of spec/behaviours.toml names tests, which exist, and run with the others."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
LINES: dict[str, dict[str, Any]] = tomllib.loads(
    (TESTS.parents[1] / "spec" / "behaviours.toml").read_text()
)


def functions_of(file: str) -> dict[str, list[str]]:
    """The test functions of a file, each with its decorators."""
    body = ast.parse((TESTS / file).read_text()).body
    return {
        node.name: [ast.unparse(decorator) for decorator in node.decorator_list]
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("line", LINES)
def test_line_is_shown_by_tests_that_run(line: str, request: pytest.FixtureRequest) -> None:
    assert set(LINES[line]) == {"text", "tests"}
    assert LINES[line]["text"].strip()
    assert LINES[line]["tests"]
    collected = {item.nodeid.partition("[")[0] for item in request.session.items}
    files = {item.path.name for item in request.session.items}
    narrowed = request.config.option.keyword or any("::" in arg for arg in request.config.args)
    for test in LINES[line]["tests"]:
        file, _, name = test.partition("::")
        found = functions_of(file)
        assert name in found, f"{test} does not exist"
        marks = [mark for mark in found[name] if "mark.skip" in mark or "mark.xfail" in mark]
        assert not marks, f"{test} does not run: {marks}"
        if file in files and not narrowed:
            assert any(node.endswith(test) for node in collected), f"{test} was not collected"


def test_no_line_is_written_twice() -> None:
    texts = [" ".join(line["text"].split()) for line in LINES.values()]
    assert len(texts) == len(set(texts))
