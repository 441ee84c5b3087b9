"""Which nodes are there, and whose: what a bring-up knows before it asks anything of a node.

In: what each node says of itself (moto/nodes). Out: the bring-up's own nodes, or a MotoError that
names those of another one in the same ROS domain and namespace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import rclpy
from rclpy.node import Node

from moto_core.errors import MotoError
from moto_ros.messages import Presence
from moto_ros.wire.interface import PRESENCE, payload_reader

APPEAR = 60.0  # [s] for a process to start
SETTLE = 1.5  # [s] at least, for the answers of nodes that were there before; they take 12 ms


class RollCall:
    """Hears the nodes of the names given."""

    def __init__(self, node: Node, names: Sequence[str], bringup: str) -> None:
        """Subscribes through `node`; `bringup` is the name of the one that may be here."""
        self.node, self.names, self.bringup = node, names, bringup
        self.own: dict[str, Presence] = {}
        self.others: list[Presence] = []
        self.began = time.monotonic()
        reader = payload_reader(PRESENCE, self._hear, node.get_logger().error)
        node.create_subscription(PRESENCE.type, PRESENCE.name, reader, PRESENCE.subscription)

    def wait(self) -> None:
        """Waits for every node; raises MotoError for one that does not come or is another's."""
        while time.monotonic() < self.began + APPEAR:
            rclpy.spin_once(self.node, timeout_sec=0.1)
            self.check()
            if len(self.own) == len(self.names) and time.monotonic() > self.began + SETTLE:
                return
        missing = ', '.join(repr(name) for name in self.names if name not in self.own)
        raise MotoError(f'{missing} did not appear within {APPEAR:.0f} s')

    def check(self) -> None:
        """Raises MotoError if another bring-up's nodes of the same names are here."""
        if not self.others:
            return
        names = ', '.join(sorted({presence.node for presence in self.others}))
        domain, space = os.environ.get('ROS_DOMAIN_ID', '0'), self.node.get_namespace()
        raise MotoError(
            f'{names} of {_who(self.others[0].bringup)} runs in ROS domain {domain}, namespace '
            f'{space}: end it, or give this one a ROS_DOMAIN_ID or a namespace:= of its own'
        )

    def _hear(self, presence: Presence) -> None:
        if presence.node not in self.names:
            return
        if presence.bringup == self.bringup:
            self.own[presence.node] = presence
        else:
            self.others.append(presence)


def limits_line(presence: Presence) -> str:
    """Returns the limits in force as a person reads them at the start."""
    return (
        f"limits of '{presence.robot}', profile '{presence.profile}', from {presence.limits_file} "
        f'(sha256 {presence.limits_sha256[:12]})'
        + ('; dry run: nothing is sent to the arm' if presence.dry_run else '')
    )


def _who(bringup: str) -> str:
    number, _, host = bringup.partition('@')
    return f"another bring-up (process {number} on '{host}')" if bringup else 'another, by hand,'
