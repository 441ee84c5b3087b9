"""The console's ears: one rclpy node whose thread takes what comes, and the services it calls.

In: topics of cameras, joints, policy, guard, recorder and twin. Out: what is known of the graph,
made anew ten times a second, pictures; calls from any other thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node

from moto_core.guard.limits import RobotConfig
from moto_ros.bringup.graph import LATEST, RosGraph
from moto_ros.config import RosConfig, camera_topics
from moto_ros.console.pictures import Pictures
from moto_ros.console.seen import Seen, seen
from moto_ros.console.tally import Stream, Strip
from moto_ros.messages import RobotState
from moto_ros.wire import interface
from moto_ros.wire.interface import Topic

PERIOD = 0.1  # [s] between two looks at what is known
READY = 3.0  # [s] that a press waits for a service


class Listening(RosGraph):
    """A RosGraph whose node is spun by a thread of its own; others wait and call."""

    def __init__(self, node: Node, config: RosConfig, robot: RobotConfig) -> None:
        """Subscribes; nothing is heard before `begin`."""
        super().__init__(node, service_ready=READY)
        self.deadman = config.guard.deadman_button
        self.streams: dict[str, Stream] = {}
        self.pictures: dict[str, Pictures] = {}
        self.strip = Strip()
        self.known, self.looked = Seen(), time.monotonic()
        self._newest: dict[str, Any] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name='moto-console-ros', daemon=True)
        for camera, topic in camera_topics(config, robot).items():
            self._show(camera, topic, camera in config.compressed)
        joints = interface.JOINT_STATES.at(config.joint_states)
        self._count('joints', joints, lambda _: None, raw=True)
        self._keep(interface.ROBOT_STATE, partial(self._hear, 'robot'))
        for name in LATEST:
            if name != 'episode':
                self.streams[name] = Stream()
        self.streams['decisions'] = Stream()

    def begin(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def spin(self, seconds: float = 0.05) -> None:
        """Waits while the thread listens; called by whoever waits for an answer."""
        time.sleep(min(seconds, 0.02))

    def close(self) -> None:
        """Ends the thread and destroys the node."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)
        super().close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            super().spin(PERIOD / 2)
            now = time.monotonic()
            self._take_decisions(now)
            if now - self.looked >= PERIOD:
                self.known = seen(dict(self._newest), dict(self.heard), now)
                self.looked = now

    def _keeper(self, name: str) -> Callable[[Any], None]:
        keep = super()._keeper(name)

        def keep_and_count(payload: Any) -> None:
            keep(payload)
            self._newest[name] = payload  # `latest` is cleared by who waits for the next one
            if name in self.streams:
                self.streams[name].heard(self.heard[name])

        return keep_and_count

    def _hear(self, name: str, payload: RobotState) -> None:
        self._newest[name], self.heard[name] = payload, time.monotonic()

    def _take_decisions(self, now: float) -> None:
        decisions = self.latest.decisions
        for decision in decisions:
            self.strip.take(decision, now)
            self.streams['decisions'].heard(now)
        decisions.clear()

    def _show(self, camera: str, topic: str, compressed: bool) -> None:
        kind = interface.CAMERA
        if compressed:
            kind, topic = interface.COMPRESSED_CAMERA, f'{topic}/compressed'
        pictures = self.pictures[camera] = Pictures(kind.type, compressed)
        self._count(f'camera {camera}', kind.at(topic), pictures.take, raw=True)

    def _count(self, name: str, topic: Topic, take: Callable[[Any], None], raw: bool) -> None:
        stream = self.streams[name] = Stream()

        def count(message: Any) -> None:
            stream.heard(time.monotonic())
            take(message)

        self.node.create_subscription(topic.type, topic.name, count, topic.subscription, raw=raw)
