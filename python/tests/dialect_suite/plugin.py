"""Owns how pytest becomes the runner that SQLAlchemy's dialect suite asks for.

Never runs in the same process as our own tests: SQLAlchemy's plugin changes how tests are
collected. Called by pytest, as test_sqlalchemy_suite.py starts it with `-p plugin`.
"""

from __future__ import annotations

import re

import pytest

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from excluded import EXCLUDED  # noqa: E402
from sqlalchemy.dialects.postgresql import provision  # noqa: E402, F401  (registers its hooks)
from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402, F403
from sqlalchemy.testing.provision import post_configure_engine  # noqa: E402

import gino  # noqa: E402, F401  (registers the dialect)


@post_configure_engine.for_db("postgresql")
def _without_extensions(url: object, engine: object, follower_ident: object) -> None:
    """Ask for no extensions: the suite uses none, and a server need not have them."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Skip what is excluded, with its reason."""
    class_name = re.sub(r"_postgresql\+gino.*", "", item.parent.name if item.parent else "")
    name = item.name.partition("[")[0]
    reason = EXCLUDED.get(f"{class_name}::{name}")
    if reason is not None:
        item.add_marker(pytest.mark.skip(reason=reason))
