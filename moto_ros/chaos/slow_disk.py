"""The recorder's node on a disk that stalls: run in its place by the fault of a full disk.

    python -m moto_ros.chaos.slow_disk --ros-args ...

A write takes STALL [s] once after the file that the environment names has appeared. The process
waits in it as it would in the disk's own: its other threads go on, its callbacks do not.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from moto_core.episodes.writer import EpisodeWriter
from moto_core.row import Row
from moto_ros.nodes.recorder import main

TRIGGER = 'MOTO_CHAOS_STALL'  # environment: the file that makes one write stall
STALL = 1.0  # [s]


def stall() -> None:
    """Makes the next row's write stall whenever the trigger is there."""
    append, trigger = EpisodeWriter.append, Path(os.environ[TRIGGER])

    def slow(self: EpisodeWriter, row: Row) -> None:
        if trigger.exists():
            trigger.unlink()
            time.sleep(STALL)
        append(self, row)

    EpisodeWriter.append = slow  # type: ignore[method-assign]


if __name__ == '__main__':
    stall()
    sys.exit(main())
