"""Owns what every test may ask for: a server, and both event loops.

Never holds fixtures of one module only. Called by pytest.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
import uvloop

from cluster import cluster


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every coroutine test on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def dsn() -> Iterator[str]:
    """Reach the server under test: GINO_TEST_DSN, else a cluster that lives as long as the run."""
    given = os.environ.get("GINO_TEST_DSN")
    if given:
        yield given
        return
    with cluster() as server:
        os.environ["GINO_TEST_SOCKET_DSN"] = server.socket_dsn
        os.environ["GINO_TEST_ROLES"] = "1"
        yield server.dsn


@pytest.fixture(scope="session")
def socket_dsn(dsn: str) -> str:
    """Reach the same server over its Unix socket."""
    given = os.environ.get("GINO_TEST_SOCKET_DSN")
    if not given:
        pytest.skip("GINO_TEST_SOCKET_DSN is not given")
    return given


@pytest.fixture(scope="session")
def login(dsn: str) -> Callable[[str, str], str]:
    """Make the DSN of a role of the throw-away cluster: `login("gino_scram", password)`."""
    if not os.environ.get("GINO_TEST_ROLES"):
        pytest.skip("the server given has no roles for log-in tests")

    def with_role(role: str, password: str = "") -> str:
        parts = urlsplit(dsn)
        user = f"{role}:{password}" if password else role
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))

    return with_role
