"""What the system is told of connections that fall silent, read back from the sockets."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from gino import _core, create_engine

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="sockets of the process are found in /proc"
)


def sockets_to(port: int) -> Iterator[socket.socket]:
    """Duplicates of this process's TCP sockets that are connected to `port`."""
    for entry in os.listdir("/proc/self/fd"):
        try:
            copy = socket.socket(fileno=os.dup(int(entry)))
        except OSError:  # no socket, or the listing's own descriptor
            continue
        with copy:
            try:
                peer = copy.getpeername()
            except OSError:
                continue
            if isinstance(peer, tuple) and peer[1] == port:
                yield copy


async def options(dsn: str, **settings: object) -> list[int]:
    port = int(_core.Config(dsn, {}, {}).endpoints[0].rpartition(":")[2])
    engine = await create_engine(dsn, min_size=1, max_size=1, **settings)
    names = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
    ]
    found = [[one.getsockopt(*name) for name in names] for one in sockets_to(port)]
    await engine.close()
    assert len(found) == 1
    return found[0]


@pytest.fixture
def tcp_dsn(dsn: str) -> str:
    if "/" in _core.Config(dsn, {}, {}).endpoints[0]:
        pytest.skip("the server is reached by a Unix socket")
    return dsn


async def test_silent_servers_are_asked_with_the_settings_of_the_system(tcp_dsn: str) -> None:
    plain = socket.socket()
    with plain:
        usual = [
            plain.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ]
    assert await options(tcp_dsn) == [1, 1, *usual, 0]


async def test_all_that_is_said_of_keep_alives_reaches_the_system(tcp_dsn: str) -> None:
    settings = {
        "keepalives_idle": 11,
        "keepalives_interval": 7,
        "keepalives_count": 4,
        "tcp_user_timeout": 2500,
    }
    assert await options(tcp_dsn, **settings) == [1, 1, 11, 7, 4, 2500]


async def test_keep_alives_can_be_switched_off(tcp_dsn: str) -> None:
    found = await options(tcp_dsn, keepalives=0, keepalives_idle=11)
    assert found[0] == 0
    assert found[2] != 11
