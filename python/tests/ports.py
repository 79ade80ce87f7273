"""Owns the choice of ports that servers of the tests listen on."""

from __future__ import annotations

import contextlib
import random
import socket

# Below the ports that the system gives to clients and to whoever does not ask for one (Linux: 32768
# and up). While a server is down a listener of another test could have its port, or a client that
# tries it be connected to itself.
PORTS = range(20_000, 32_768)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As servers do: connections that are still closing do not keep them away.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"nobody may listen on any port from {PORTS.start} to {PORTS.stop - 1}")
