"""The twin's streams led through this process, so that they may be disturbed on their way.

    twin -> chaos/joint_states, chaos/<camera> -> Relay -> joint_states, the cameras' topics

In: what the twin publishes, functions that change it. Out: what the other nodes hear. It runs in a
thread of its own, so that nothing is late that was not meant to be.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor

from moto_core.guard.limits import RobotConfig
from moto_ros.services import TWIN
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns, to_time

Change = Callable[[Any], Iterable[Any]]
JOINTS = 'chaos/joint_states'
SOONEST = 0.004  # [s] at which what is late is looked for


def unchanged(message: Any) -> Iterable[Any]:
    """Passes a message on."""
    return (message,)


def lost(message: Any) -> Iterable[Any]:
    """Passes nothing on."""
    return ()


def stamped(message: Any, stamp: int) -> Any:
    """Returns a message with another stamp [ns], its other fields shared with it."""
    other = copy(message)
    other.header = copy(message.header)
    other.header.stamp = to_time(stamp)
    return other


def twin_overrides(robot: RobotConfig) -> dict[str, dict[str, Any]]:
    """Returns the parameters with which the twin publishes where the relay listens."""
    cameras = {camera: f'/chaos/{camera}' for camera in robot.spec.cameras}
    return {TWIN: {'joint_states': JOINTS, 'cameras': cameras}}


class Relay:
    """Passes joint states and images on, each through a function that may change them."""

    def __init__(self, robot: RobotConfig) -> None:
        """Begins to listen; rclpy must be initialised."""
        self.joints: Change = unchanged
        self.cameras: dict[str, Change] = {}  # by name; what has none is unchanged
        self.delays: dict[str, float] = {}  # [s] by camera
        self.newest: dict[str, int] = {}  # camera: stamp [ns] of the newest image passed on
        self.held: dict[str, Any] = {}  # camera: its newest image as the twin made it
        self._late: list[tuple[int, int, str, Any]] = []  # due [ns], number, camera, image
        self._number = 0
        node = self._node = rclpy.create_node('moto_chaos_relay')
        states, image = interface.JOINT_STATES, interface.CAMERA
        self._states = node.create_publisher(states.type, states.name, states.publisher)
        node.create_subscription(states.type, JOINTS, self._on_joints, states.subscription)
        self._images = {}
        for name, camera in robot.spec.cameras.items():
            self._images[name] = node.create_publisher(image.type, camera.topic, image.publisher)
            hear = partial(self._on_image, name)
            node.create_subscription(image.type, f'/chaos/{name}', hear, image.subscription)
        node.create_timer(SOONEST, self._send_late)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Passes nothing on any more."""
        self._stop.set()
        self._thread.join()
        self._executor.shutdown()
        self._node.destroy_node()

    def clear(self) -> None:
        """Passes everything on as it comes."""
        self.joints = unchanged
        self.cameras.clear()
        self.delays.clear()
        self._late.clear()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def _on_joints(self, message: Any) -> None:
        for told in self.joints(message):
            self._states.publish(told)

    def _on_image(self, name: str, message: Any) -> None:
        self.held[name] = message
        delay = self.delays.get(name, 0.0)
        for image in self.cameras.get(name, unchanged)(message):
            if not delay:
                self._send(name, image)
                continue
            self._number += 1
            due = self._node.get_clock().now().nanoseconds + round(delay * 1e9)
            heapq.heappush(self._late, (due, self._number, name, image))

    def _send_late(self) -> None:
        now = self._node.get_clock().now().nanoseconds
        while self._late and self._late[0][0] <= now:
            _, _, name, image = heapq.heappop(self._late)
            self._send(name, image)

    def _send(self, name: str, image: Any) -> None:
        self.newest[name] = to_ns(image.header.stamp)
        self._images[name].publish(image)
