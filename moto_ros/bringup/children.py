"""The processes of a bring-up: started with a group of their own, watched, and always ended.

In: names and command lines. Out: exit codes. Ctrl-C reaches a process once and through us alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rich.console import Console

from moto_core.command import STOPPED, end_with_parent
from moto_ros.bringup.table import MANAGER, Process, command


class Children:
    """Processes by name, in the order of their start."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, line: Sequence[str], own: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts a process; the kernel ends it with SIGTERM if this one dies.

        `own` goes over everybody's environment.
        """
        environment = {**self.environment, **(own or {})}
        self.running[name] = subprocess.Popen(
            list(line), env=environment, start_new_session=True, preexec_fn=end_with_parent
        )
        return self.running[name]

    def ended(self) -> dict[str, int]:
        """Returns {name: exit code} of the processes that have ended."""
        return {
            name: code
            for name, process in self.running.items()
            if (code := process.poll()) is not None
        }

    def stop(self, patience: float = 6.0) -> None:
        """Asks all to stop (SIGTERM), waits, then ends what is left (SIGKILL)."""
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 2.0)):
            for process in self.running.values():
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, number)
            if self._all_end_within(seconds):
                return

    def _all_end_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(self.ended()) == len(self.running):
                return True
            time.sleep(0.02)
        return False


def tend(
    children: Children,
    table: Sequence[Process],
    follower: Process,
    stop: list[int],
    hint: str = '',
) -> int:
    """Watches the processes until a signal, the session's end or the end of a required one.

    Says `hint`, how to go on, once every node is active. A session that is killed is an error.
    The follower starts once every node is active: a session calls services by name, and before
    that nobody knows whose nodes have these names.
    """
    required = {process.node for process in table if process.required}
    console, told = Console(soft_wrap=True), set[str]()
    while not stop:
        for name, code in children.ended().items():
            if name in told:
                continue
            told.add(name)
            if name == follower.node and code >= 0:
                return code
            if name == MANAGER and not code:
                if hint:
                    console.print(hint, markup=False, highlight=False)
                children.start(follower.node, command(follower))
                break
            console.print(f'{name} ended with code {code}', style='red')
            if name in required or name in (MANAGER, follower.node):
                return 1
        time.sleep(0.05)
    return 0 if follower.node == 'moto_watch' else STOPPED
