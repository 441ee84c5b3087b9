"""Child processes that never outlive their parent and end in order.

In: command lines. Out: running processes, each in a group of its own, so that Ctrl-C reaches them
once and through us alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Children:
    """Processes by name, in the order of their start."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, line: Sequence[str]) -> subprocess.Popen[bytes]:
        """Starts a process; the kernel ends it with SIGTERM where this one dies."""
        self.running[name] = subprocess.Popen(
            list(line), env=self.environment, start_new_session=True, preexec_fn=_die_with_parent
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


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
