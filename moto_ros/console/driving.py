"""A page that drives: its keys become a Joy, for the teleoperation's node and the guard.

In: keys of one page at a time, which drives from when it asks for it until it turns driving off or
leaves. Out: a sensor_msgs/Joy on `joy` for each of its words. The publisher is there while a page
drives: two of them would be two joysticks, and the guard takes neither.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Joy

from moto_core.errors import MotoError
from moto_ros.console.stick import Stick
from moto_ros.loops.page_layout import PAGE
from moto_ros.wire.convert import to_time
from moto_ros.wire.interface import JOY

TELEOP = 'moto_teleop'  # the node that makes requests of a Joy


class Driving:
    """The one joystick of a console; called by one thread."""

    def __init__(self, node: Node, deadman: int) -> None:
        """Takes the deadman's place in Joy.buttons."""
        self.node, self.deadman = node, deadman
        self._who: object | None = None
        self._stick = Stick(deadman)
        self._publisher: Any = None

    def refusal(self) -> str:
        """Says why no page may drive; '' if one may."""
        heard = self.node.get_subscriptions_info_by_topic(self.node.resolve_topic_name(JOY.name))
        if any(info.node_name == TELEOP for info in heard):
            return ''
        return f'{TELEOP} does not run: start moto-up with teleop:=page'

    def take(self, who: object) -> None:
        """Hears that a page wants to drive, all keys let go.

        Raises MotoError if another page drives, or nobody would make requests of it.
        """
        if self._who is not None and self._who is not who:
            raise MotoError('another page drives: turn it off there first')
        if reason := self.refusal():
            raise MotoError(reason)
        self._who, self._stick = who, Stick(self.deadman)
        if self._publisher is None:
            self._publisher = self.node.create_publisher(JOY.type, JOY.name, JOY.publisher)

    def hear(self, who: object, keys: Collection[str], age: float) -> str:
        """Takes the keys [names] that a page holds, sent `age` [s] ago.

        Returns why they say nothing, '' if they do. Raises MotoError if the page does not drive.
        """
        if self._who is not who:
            raise MotoError('this page does not drive: turn driving on')
        word = self._stick.hear(keys, age, time.monotonic())
        if word is not None:
            message = Joy(axes=word.axes, buttons=word.buttons)
            message.header.frame_id = PAGE
            message.header.stamp = to_time(self.node.get_clock().now().nanoseconds)
            self._publisher.publish(message)
        return self._stick.problem

    def leave(self, who: object) -> None:
        """Hears that a page drives no more."""
        if self._who is who:
            self._who = None
            if self._publisher is not None:
                self.node.destroy_publisher(self._publisher)
                self._publisher = None
