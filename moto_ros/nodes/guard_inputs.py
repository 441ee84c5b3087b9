"""What the guard's node hears: requests, joints, people, the recorder; all of it to the inbox.

In: ROS messages. Out: calls of ArmGuard's inbox, with the age of each message by its stamp and the
steady time of its arrival.
"""

from __future__ import annotations

from functools import partial

from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool

from moto_ros.loops.guard import ArmGuard
from moto_ros.loops.joystick import late
from moto_ros.loops.sources import POLICY, TELEOP
from moto_ros.messages import RecorderState
from moto_ros.wire import interface
from moto_ros.wire.joints import asked
from moto_ros.wire.lifecycle import MotoNode
from moto_ros.wire.polling import Polling

TIMELESS = 'joint states have stamps of zero: they count as measured when they come'
REQUESTS = {POLICY: interface.REQUEST, TELEOP: interface.TELEOP_REQUEST}


class GuardInputs:
    """The subscriptions of one guard's node."""

    def __init__(self, node: MotoNode, loop: ArmGuard) -> None:
        """Subscribes until the node's cleanup."""
        self.node, self.loop, self.config = node, loop, node.config
        self._held = False  # the intervention button
        self._timeless = False  # the newest joint state has no stamp
        self._late = ''  # what is wrong with the stamp of the joystick's newest word
        for source, topic in REQUESTS.items():
            node.create_subscription_to(topic, partial(self.on_request, source))
        self._polling = Polling(node)
        self._polling.decoded(interface.JOINT_STATES.at(self.config.joint_states), self.on_joints)
        node.create_subscription_to(interface.JOY, self.on_joy)
        for name in self.config.guard.estops:
            pressed = partial(self.on_estop, name)
            node.create_subscription_to(interface.ESTOP.at(name), pressed)
            node.create_subscription_to(interface.ESTOP_LATCHED.at(name), pressed, checked=False)
        if self.config.record.required:
            node.create_subscription_to(interface.RECORDER_STATE, self.on_recorder)

    @property
    def problem(self) -> str:
        """What the joint states lack, which stops nothing, and what is wrong with the deadman."""
        return '; '.join(filter(None, [TIMELESS if self._timeless else '', self._late]))

    def poll(self) -> None:
        """Takes the newest joints: an arm says them a thousand times a second."""
        self._polling.poll()

    def on_request(self, source: str, message: JointState) -> None:
        """Takes a source's request."""
        names, velocity, scale = asked(message)
        self.loop.inbox.request(
            names,
            velocity,
            self.node.age(message.header.stamp),
            self.node.steady_now(),
            source,
            scale,
        )

    def on_joints(self, message: JointState) -> None:
        """Takes the measured joints."""
        heard, age = self._polling.heard_at, self.node.age(message.header.stamp)
        if age is not None:  # when it came
            age -= self._polling.waited
        self._timeless = age is None
        self.loop.inbox.measured(message.name, message.position, message.velocity, age, heard)

    def on_joy(self, message: Joy) -> None:
        """Takes the deadman and the intervention button.

        Of a word that is late by its stamp only that the deadman is let go counts.
        """
        params, age = self.config.guard, self.node.age(message.header.stamp) or 0.0
        held = _pressed(message, params.deadman_button)
        self._late = late(age, self.loop.config.deadman_age)
        if self._late and held:
            self.loop.inbox.doubt_deadman()
        else:
            self.loop.inbox.deadman(held, self.node.steady_now() - age)
        if self._late:
            return
        held = _pressed(message, params.intervention_button)
        if held != self._held:
            self._held = held
            self.loop.intervene(held)

    def on_estop(self, topic: str, message: Bool) -> None:
        """Takes the state of an e-stop."""
        alone = self.node.count_publishers(self.node.resolve_topic_name(topic)) <= 1
        self.loop.inbox.estop(message.data, self.node.steady_now(), topic, alone)

    def on_recorder(self, state: RecorderState) -> None:
        """Takes a recorder's word."""
        if state.state == 'recording' and not state.problem:
            self.loop.inbox.recording(self.node.steady_now())


def _pressed(message: Joy, button: int) -> bool:
    return button < len(message.buttons) and bool(message.buttons[button])
