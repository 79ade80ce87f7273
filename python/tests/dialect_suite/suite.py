"""Owns SQLAlchemy's dialect suite, for pytest to collect, and the one place that knows the driver.

Never changes what a test expects. Collected by pytest, as test_sqlalchemy_suite.py starts it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.testing.suite import *  # noqa: F403
from sqlalchemy.testing.suite import ServerSideCursorsTest as _ServerSideCursorsTest


class ServerSideCursorsTest(_ServerSideCursorsTest):
    """The suite asks the drivers that it knows; here it asks ours."""

    def _is_server_side(self, cursor: Any) -> bool:
        return bool(cursor.server_side)
