"""Who started this process, and the end with it: a bring-up that is killed leaves nothing behind.

In: the environment that the launch file or moto-up gives. Out: the bring-up's name, for the
nodes to say; a SIGTERM to this process once the bring-up's own is gone, however it went.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping

STARTED_BY = 'MOTO_BRINGUP'  # '<process id>@<host>' of the bring-up
PATIENCE = 12.0  # [s] that a process has to halt and end, as under `ros2 launch`


def own_name() -> str:
    """Returns the name of the bring-up that this process is."""
    return f'{os.getpid()}@{socket.gethostname()}'


def started_by(environment: Mapping[str, str] = os.environ) -> str:
    """Returns the name of the bring-up that started this process; '' if a person did."""
    return environment.get(STARTED_BY, '')


def end_with_bringup(environment: Mapping[str, str] = os.environ) -> threading.Thread | None:
    """Watches the bring-up's process from a thread that sleeps until it is gone.

    Not by the parent's death: under a launch prefix the parent is another, and a respawned node
    has no other bring-up. Returns None if there is none to watch: a person started this node, or a
    bring-up on another machine.
    """
    number, _, host = started_by(environment).partition('@')
    if not number.isdecimal() or host != socket.gethostname():
        return None
    try:
        process = os.pidfd_open(int(number))
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGTERM)
        return None
    except OSError as error:
        sys.stderr.write(f'the bring-up cannot be watched, end this by hand: {error}\n')
        return None
    watch = threading.Thread(target=_end_after, args=(process,), daemon=True)
    watch.start()
    return watch


def _end_after(process: int) -> None:
    gone = select.poll()
    gone.register(process, select.POLLIN)
    gone.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)
