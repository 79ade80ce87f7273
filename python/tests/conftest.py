"""Owns what every test may ask for: a server, and both event loops.

Never holds fixtures of one module only. Called by pytest.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import uvloop

from cluster import Variant, cluster

# Where packages of PostgreSQL with its extensions live, newest first: Debian's place and Red Hat's.
PLACES = [
    Path(place.format(major))
    for major in range(18, 12, -1)
    for place in ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
]


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
def extended_dsn() -> Iterator[str]:
    """Reach a server that has hstore, ltree, citext and XML, which the one under test may not have:
    GINO_TEST_EXTENDED_DSN, else a cluster of a PostgreSQL that is installed."""
    given = os.environ.get("GINO_TEST_EXTENDED_DSN")
    if given:
        yield given
        return
    programs = next((place for place in PLACES if (place / "initdb").exists()), None)
    if programs is None:
        pytest.skip("GINO_TEST_EXTENDED_DSN is not given, and no PostgreSQL is installed")
    with cluster(Variant(programs=programs)) as server:
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
