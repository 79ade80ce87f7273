"""Rust blocks of the pages as readers want them: without what is only for the compiler.

Owns: the way of a page's Markdown to the site, as a hook of mkdocs.
Never does: change what is tested: rustdoc and python/tests/pages.py read the pages as they stand.
Called by: mkdocs, see mkdocs.yml.
"""

from __future__ import annotations

import re
from typing import Any

_BLOCK = re.compile(r"^```rust[\w,]*\n(.*?)^```$", re.M | re.S)
_HIDDEN = re.compile(r"^# .*\n|^#\n", re.M)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Take out the words for rustdoc, and the lines that it hides."""
    return _BLOCK.sub(lambda found: f"```rust\n{_HIDDEN.sub('', found[1])}```", markdown)
