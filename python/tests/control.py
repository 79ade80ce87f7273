"""Owns a cluster that another program controls, the tests of the Rust face: a line in, a line out.

    python control.py [SETTING=VALUE…]

Orders: `kill` and `kill PID` end the server, or one of its processes, by SIGKILL; `start` starts
it again; `recover` starts it as a hot standby, `promote` ends that; `follow` makes a hot standby of
it and gives that one's address, `fail over` makes that the primary. The first line out is the
address. The cluster ends with the input.

Never looks at what is stored. Called by crates/gino/tests/fault.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

from standby import Standby, standby

from cluster import Cluster, Variant, cluster


class Control:
    """The orders."""

    def __init__(self, server: Cluster, stack: contextlib.ExitStack) -> None:
        self._server = server
        self._stack = stack
        self._follower: Standby | None = None

    def obey(self, order: str) -> str:
        """Do it; the answer, if it has one."""
        match order.split():
            case ["kill"]:
                self._server.crash(signal.SIGKILL)
            case ["kill", process]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            case ["start"]:
                self._start()
            case ["recover"]:
                (self._server.home / "data" / "standby.signal").touch()
                self._start()
            case ["promote"]:
                Standby(self._server, self._server.home / "data").promote()
            case ["follow"]:
                self._follower = self._stack.enter_context(standby(self._server))
                return self._follower.server.dsn
            case ["fail", "over"]:
                assert self._follower is not None, "nobody follows"
                self._follower.promote()
            case _:
                raise ValueError(f"no such order: {order}")
        return "done"

    def _start(self) -> None:
        # after SIGKILL the other processes first have to see that they are alone
        self._server.launch_again()
        while not self._server.wait_until_ready():
            time.sleep(0.1)
            self._server.launch_again()


def main(settings: list[str]) -> None:
    given = dict(setting.split("=", 1) for setting in settings)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(cluster(Variant(settings=given)))
        control = Control(server, stack)
        print(server.dsn, flush=True)
        for line in sys.stdin:
            print(control.obey(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
