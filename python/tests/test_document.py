"""The JSON text of values: as `json.dumps` has it, for all that it takes."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any

import pytest

from gino._core import json_text


class Level(IntEnum):
    HIGH = 3


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [1, -(2**63), 2**63 - 1, 2**70, 0.1, -0.0, 1e300, 5e-324, 1e22],
        ["", "Kraków", '\x00\x1f"\\/\n\r\t\u2028', "😀"],
        {"a": {"b": [[], {}, ()]}, "": None, 'quote"': 1},
        (1, (2, (3,))),
        {1: "a", None: "b", False: "c", 1.5: "d"},
        [Level.HIGH, Text("sub")],
        "x" * 10_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_text_reads_back_as_what_json_dumps_writes(value: Any) -> None:
    assert json.loads(json_text(value)) == json.loads(json.dumps(value))


def test_deep_and_circular_documents_are_the_matter_of_json_dumps() -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert json.loads(json_text(deep)) == deep
    deep.append(deep)
    with pytest.raises(ValueError, match="Circular"):
        json_text(deep)


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_text({"a": object()})
    assert json_text([float("inf")]) == "[Infinity]"
    assert json_text("\ud800") == '"\\ud800"'
