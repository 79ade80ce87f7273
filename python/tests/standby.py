"""Owns a hot standby beside a throw-away cluster: a copy that follows it, and its promotion.

Never touches the primary but for the copy. Called by test_hosts.py, and as a program by
scripts/test: `python standby.py COMMAND…` runs the command with `GINO_TEST_STANDBY`, the
`host:port` of a standby of the throw-away cluster, if there is one, and removes it afterwards.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cluster import SETTINGS, Cluster, _account, _programs, _run, _start

PROMOTION_TIMEOUT = 20.0  # seconds


class Standby:
    """A running standby of a cluster."""

    def __init__(self, server: Cluster, data: Path) -> None:
        self.server = server
        self._data = data

    def promote(self) -> None:
        """Make it a primary (PostgreSQL manual, "Failover": the signal file of pg_ctl promote)."""
        signal_file = self._data / "promote"
        signal_file.touch()
        self.server.signal_postmaster()
        deadline = time.monotonic() + PROMOTION_TIMEOUT
        while (self._data / "standby.signal").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@contextlib.contextmanager
def standby(primary: Cluster) -> Iterator[Standby]:
    """Make a hot standby of `primary` with pg_basebackup, start it, and remove it."""
    with following(primary.port) as follower:
        yield follower


@contextlib.contextmanager
def following(port: int) -> Iterator[Standby]:
    """The same of the cluster on `port` of this machine."""
    account = _account()
    home = Path(tempfile.mkdtemp(prefix="gino-"))
    server = None
    try:
        if account is not None:
            os.chown(home, account.pw_uid, account.pw_gid)
        programs = _programs(home, account)
        source = f"host=127.0.0.1 port={port} user=gino"
        copy = [programs / "pg_basebackup", "-D", home / "data", "-d", source, "-R", "-c", "fast"]
        _run([*copy, "--no-sync"], account)
        server = _start(home, programs, account, SETTINGS)
        yield Standby(server, home / "data")
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


def main(command: list[str]) -> int:
    """Run the command; its exit code."""
    if "GINO_TEST_ROLES" not in os.environ:
        return subprocess.call(command)
    port = urlsplit(os.environ["GINO_TEST_DSN"]).port
    assert port is not None
    with following(port) as follower:
        place = f"127.0.0.1:{follower.server.port}"
        with subprocess.Popen(command, env=os.environ | {"GINO_TEST_STANDBY": place}) as child:
            try:
                return child.wait()
            except BaseException:
                child.terminate()
                raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
