"""The text forms of arrays and ranges (PostgreSQL manual, "Array Input and Output Syntax" and
"Range Input/Output").

Owns: how a literal is taken apart; elements stay text.
Never does: convert an element.
Called by: `gino.dialects.types`, `gino.dialects.ranges`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# an element: quoted, with escapes, or bare
_TOKEN = re.compile(r'[{},]|"((?:[^"\\]|\\.)*)"|[^{},"]+', re.S)
_ESCAPE = re.compile(r"\\(.)", re.S)
_BOUND = re.compile(r'"((?:[^"\\]|\\.|"")*)"|[^",\[\]()]*', re.S)
_TWICE = re.compile(r'\\(.)|"(")', re.S)


def array_items(literal: str) -> list[Any]:
    """The elements of an array: text, None, or a list per inner array.

    Errors: ValueError for what is no array.
    """
    _, equals, rest = literal.partition("=") if literal.startswith("[") else ("", "", "")
    tokens = _TOKEN.finditer(rest if equals else literal)
    first = next(tokens, None)
    if first is None or first[0] != "{":
        raise ValueError(f"not an array: {literal!r}")
    return _items(tokens)


def _items(tokens: Iterator[re.Match[str]]) -> list[Any]:
    items: list[Any] = []
    for token in tokens:
        text = token[0]
        if text == "}":
            return items
        if text == "{":
            items.append(_items(tokens))
        elif token[1] is not None:
            items.append(_ESCAPE.sub(r"\1", token[1]))
        elif text != ",":
            items.append(None if text.upper() == "NULL" else text)
    raise ValueError("the array has no end")


def range_parts(literal: str) -> tuple[str | None, str | None, str] | None:
    """Lower bound, upper bound (None: unbounded) and brackets of a range; None if it is empty.

    Errors: ValueError for what is no range.
    """
    if literal == "empty":
        return None
    parts, end = _range_at(literal, 0)
    if end != len(literal):
        raise ValueError(f"not a range: {literal!r}")
    return parts


def multirange_parts(literal: str) -> list[tuple[str | None, str | None, str]]:
    """The parts of each range of a multirange. Errors: ValueError for what is none."""
    if not (literal.startswith("{") and literal.endswith("}")):
        raise ValueError(f"not a multirange: {literal!r}")
    found, place = [], 1
    while place < len(literal) - 1:
        parts, place = _range_at(literal, place)
        found.append(parts)
        place += literal[place] == ","
    return found


def _range_at(literal: str, start: int) -> tuple[tuple[str | None, str | None, str], int]:
    opening = literal[start : start + 1]
    lower, place = _bound_at(literal, start + 1)
    comma = literal[place : place + 1]
    upper, place = _bound_at(literal, place + 1)
    closing = literal[place : place + 1]
    if opening not in ("[", "(") or comma != "," or closing not in ("]", ")"):
        raise ValueError(f"not a range: {literal!r}")
    return (lower, upper, opening + closing), place + 1


def _bound_at(literal: str, place: int) -> tuple[str | None, int]:
    match = _BOUND.match(literal, place)
    if match is None or not match[0]:
        return None, place
    if match[1] is not None:
        return _TWICE.sub(r"\1\2", match[1]), match.end()
    return match[0], match.end()
