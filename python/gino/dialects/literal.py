"""The text form of arrays (PostgreSQL manual, "Array Input and Output Syntax").

Owns: how a literal is taken apart; elements stay text.
Never does: convert an element.
Called by: `gino.dialects.types`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# an element: quoted, with escapes, or bare
_TOKEN = re.compile(r'[{},]|"((?:[^"\\]|\\.)*)"|[^{},"]+', re.S)
_ESCAPE = re.compile(r"\\(.)", re.S)


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
