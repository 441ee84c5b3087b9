"""A ROS domain of one's own: graphs of several users, tests and demonstrations beside each other.

In: this machine's UDP ports and locks. Out: a domain number that nobody here is in.
"""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from filelock import FileLock

from moto_core.errors import MotoError
from moto_core.lock import LockHeldError, hold_lock

LARGEST = 101  # whose ports lie below those that Linux gives to anybody
PARTICIPANTS = 32  # looked for; as many find each other (config/ros/fastdds_udp.xml)
# the ports of a participant: DDSI-RTPS 2.5, section 9.6.2.3
BASE, PER_DOMAIN, PER_PARTICIPANT, DISCOVERY, DATA = 7400, 250, 2, 10, 11

_held: list[FileLock] = []  # as long as this process lives


@cache
def own_domain() -> int:
    """Returns a domain from 1 to 100 that no process of this machine is in, this process's own.

    Others do not get it until this process ends: a lock in the folder of temporary files says so,
    and two that ask at once get different ones. The process id says which is looked at first. Who
    takes part from another machine is not seen. Raises MotoError if all are taken.
    """
    for turn in range(100):
        number = 1 + (os.getpid() + turn) % 100
        if occupied(number):
            continue
        with suppress(LockHeldError, OSError):  # another process's, or a file of another user
            _held.append(hold_lock(Path(tempfile.gettempdir()) / f'moto-domain-{number}.lock'))
            return number
    raise MotoError(
        'in each ROS domain from 1 to 100 is a process of this machine; end some, or set '
        'ROS_DOMAIN_ID yourself'
    )


def occupied(number: int) -> bool:
    """Returns whether a participant of this machine is in a domain: its ports are bound."""
    base = BASE + PER_DOMAIN * number
    return any(
        not _free(base + port + PER_PARTICIPANT * participant)
        for participant in range(PARTICIPANTS)
        for port in (DISCOVERY, DATA)
    )


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind(('', port))
        except OSError:
            return False
    return True
