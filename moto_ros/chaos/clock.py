"""A clock of simulated time that can be made to jump: /clock, 250 Hz, from a thread of its own."""

from __future__ import annotations

import threading
import time

import rclpy
from rosgraph_msgs.msg import Clock as ClockMessage

from moto_ros.wire.convert import to_time

PERIOD = 0.004  # [s]
BEGIN = 1_700_000_000_000_000_000  # [ns] far from the system's clock, and no zero


class Clock:
    """Publishes time until it is closed."""

    def __init__(self) -> None:
        self.ahead = BEGIN - time.monotonic_ns()  # [ns] over the steady clock
        self._node = rclpy.create_node('moto_chaos_clock')
        self._publisher = self._node.create_publisher(ClockMessage, '/clock', 10)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def now(self) -> int:
        """Returns the simulated time [ns]."""
        return time.monotonic_ns() + self.ahead

    def jump(self, seconds: float) -> None:
        """Steps the time; the next message shows it."""
        self.ahead += round(seconds * 1e9)

    def close(self) -> None:
        """Stops the clock."""
        self._stop.set()
        self._thread.join()
        self._node.destroy_node()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD):
            self._publisher.publish(ClockMessage(clock=to_time(self.now())))
