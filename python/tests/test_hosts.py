"""Several hosts: a primary with its hot standby, and which of them a connection goes to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gino import create_engine
from gino.exceptions import ConnectError, Error, OperationalError

from .cluster import Cluster, cluster
from .standby import Standby, standby


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Cluster, Standby]]:
    """A primary and its standby, of this module alone."""
    with cluster() as primary, standby(primary) as follower:
        yield primary, follower


def both(pair: tuple[Cluster, Standby], first: int = 0) -> str:
    """A DSN of both hosts, the one with this index first."""
    ports = [pair[0].port, pair[1].server.port]
    hosts = ",".join(f"127.0.0.1:{port}" for port in (ports[first], ports[1 - first]))
    return f"postgresql://gino@{hosts}/gino"


async def in_standby(dsn: str, wanted: str) -> bool:
    engine = await create_engine(dsn, min_size=1, max_size=1, target_session_attrs=wanted)
    try:
        return bool(await engine.scalar("SELECT pg_is_in_recovery()"))
    finally:
        await engine.close()


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("wanted", "is_standby"),
    [
        ("primary", False),
        ("read-write", False),
        ("standby", True),
        ("read-only", True),
        ("prefer-standby", True),
    ],
)
async def test_server_of_the_wanted_kind_is_taken(
    pair: tuple[Cluster, Standby], first: int, wanted: str, is_standby: bool
) -> None:
    assert await in_standby(both(pair, first), wanted) is is_standby


async def test_any_takes_the_first(pair: tuple[Cluster, Standby]) -> None:
    assert await in_standby(both(pair, 0), "any") is False
    assert await in_standby(both(pair, 1), "any") is True


async def test_no_server_of_the_wanted_kind_is_told(pair: tuple[Cluster, Standby]) -> None:
    primary = pair[0].dsn
    with pytest.raises(ConnectError, match="is not in hot standby, and target_session_attrs"):
        await in_standby(primary, "standby")
    assert await in_standby(primary, "prefer-standby") is False


async def test_session_that_is_read_only_by_default_takes_no_writes(
    pair: tuple[Cluster, Standby],
) -> None:
    settings = {"default_transaction_read_only": "on"}
    with pytest.raises(ConnectError, match="takes no writes"):
        await create_engine(
            pair[0].dsn, min_size=1, target_session_attrs="read-write", server_settings=settings
        )


async def test_hosts_at_random_share_the_load(pair: tuple[Cluster, Standby]) -> None:
    engine = await create_engine(both(pair), min_size=0, max_size=30, load_balance_hosts="random")
    question = "SELECT pg_is_in_recovery() FROM pg_sleep(0.05)"
    answers = await asyncio.gather(*(engine.scalar(question) for _ in range(30)))
    assert set(answers) == {False, True}
    await engine.close()


async def test_engine_follows_the_primary_after_a_failover() -> None:
    """The primary is killed, the standby promoted: the same engine goes on with the other host."""
    with cluster() as primary, standby(primary) as follower:
        dsn = both((primary, follower))
        engine = await create_engine(dsn, min_size=2, max_size=4, target_session_attrs="read-write")
        await engine.status("CREATE TABLE failover (n int)")
        await engine.status("INSERT INTO failover VALUES (1)")
        await asyncio.sleep(0.3)  # the standby has it
        primary.stop()
        with pytest.raises(OperationalError):
            await engine.status("INSERT INTO failover VALUES (2)")
        await asyncio.to_thread(follower.promote)
        for _ in range(100):
            try:
                await engine.status("INSERT INTO failover VALUES (3)")
                break
            except Error:  # the connections of before may still be in the pool
                await asyncio.sleep(0.1)
        assert await engine.scalar("SELECT count(*) FROM failover WHERE n IN (1, 3)") >= 2
        await engine.close()
