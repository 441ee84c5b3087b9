"""What the four nodes share: parameters to a frozen config, errors of a transition said aloud.

rclpy swallows an exception of a transition callback; here it becomes a logged failure, so that
the node stays where it was and can be configured again.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from moto_core.errors import ConfigError, MotoError
from moto_core.guard.limits import RobotConfig
from moto_ros.config import RosConfig
from moto_ros.wire.params import read_config, refuse_changes
from moto_ros.wire.qos import subscription_mismatches

STATUS_PERIOD = 0.1  # [s]
SCHEMA = 1  # of every JSON message
Self = TypeVar('Self', bound='MotoNode')
Transition = Callable[[Self, LifecycleState], TransitionCallbackReturn]


def said(transition: Transition) -> Transition:
    """Wraps on_configure or on_activate: an error is logged, and the transition fails."""

    @wraps(transition)
    def wrapped(self: Self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except MotoError as error:
            self.get_logger().error(f'{transition.__name__}: {error}')
        except Exception as error:  # noqa: BLE001  rclpy would drop it unseen
            self.get_logger().error(f'{transition.__name__}: {type(error).__name__}: {error}')
        if transition.__name__ == 'on_configure':
            self.forget()
        return TransitionCallbackReturn.FAILURE

    return wrapped


class MotoNode(LifecycleNode):
    """A lifecycle node with a frozen configuration, a steady clock and a list of what it made."""

    def __init__(self, name: str) -> None:
        """Reads the parameters; raises ConfigError for one that is unknown or wrong."""
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        self.config: RosConfig
        self.robot: RobotConfig
        self.config, self.robot = read_config(self)
        self.add_on_set_parameters_callback(refuse_changes)
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.heard: list[tuple[str, QoSProfile]] = []  # topics subscribed, for the QoS check
        self.problem = ''  # the last message that was refused
        self._made: list[tuple[Callable[[Any], object], Any]] = []
        self.every(STATUS_PERIOD, self.report)  # also lets the runner see signals

    def report(self) -> None:
        """Publishes the node's status, ten times a second in every state."""

    def halt(self) -> None:
        """Decelerates, flushes and closes before the process ends."""

    def now(self) -> int:
        """Returns the ROS clock, the one of stamps [ns]."""
        return self.get_clock().now().nanoseconds

    def steady_now(self) -> float:
        """Returns the steady clock, the one of control [s]."""
        return self.steady.now().nanoseconds * 1e-9

    def hear(
        self,
        kind: type,
        topic: str,
        callback: Callable,
        profile: QoSProfile,
        raw: bool = False,
        checked: bool = True,
    ) -> None:
        """Subscribes until cleanup; `checked`: a publisher it cannot hear is an error."""
        made = self.create_subscription(kind, topic, callback, profile, raw=raw)
        if checked:
            self.heard.append((made.topic_name, profile))
        self._made.append((self.destroy_subscription, made))

    def say(self, kind: type, topic: str, profile: QoSProfile) -> Any:
        """Returns a publisher that lives until cleanup and is silent while inactive."""
        made = self.create_lifecycle_publisher(kind, topic, profile)
        self._made.append((self.destroy_lifecycle_publisher, made))
        return made

    def command(self, name: str, act: Callable[[], str]) -> None:
        """Offers the Trigger '~/name' until cleanup; a MotoError of `act` is a refusal."""
        made = self.create_service(Trigger, f'~/{name}', lambda _, answer: _answer(act, answer))
        self._made.append((self.destroy_service, made))

    def switch(self, name: str, act: Callable[[bool], str]) -> None:
        """Offers the SetBool '~/name' until cleanup; a MotoError of `act` is a refusal."""

        def reply(asked: Any, answer: Any) -> Any:
            return _answer(lambda: act(asked.data), answer)

        made = self.create_service(SetBool, f'~/{name}', reply)
        self._made.append((self.destroy_service, made))

    def complain(self, problem: str) -> None:
        """Logs a problem once, and keeps it for the diagnostics."""
        if problem != self.problem:
            self.get_logger().error(problem)
        self.problem = problem

    def every(self, seconds: float, callback: Callable[[], None]) -> Any:
        """Returns a timer on the steady clock; destroy it with destroy_timer."""
        return self.create_timer(seconds, callback, clock=self.steady)

    def check_qos(self) -> None:
        """Raises MotoError that names each topic whose publisher this node cannot hear."""
        found = subscription_mismatches(self, self.heard)
        if found:
            raise MotoError('quality of service does not match: ' + '; '.join(found))

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Leaves the node as it was before on_configure."""
        result = super().on_cleanup(state)
        self.forget()
        return result

    def forget(self) -> None:
        """Destroys what on_configure made."""
        for destroy, made in reversed(self._made):
            destroy(made)
        self._made.clear()
        self.heard.clear()


def to_json(**data: Any) -> String:
    """Returns a JSON message with its schema's version first."""
    return String(data=json.dumps({'schema': SCHEMA, **data}))


def from_json(message: String) -> dict[str, Any]:
    """Returns what `to_json` wrote; an empty dict for anything else."""
    try:
        data = json.loads(message.data)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def message_class(kind: str) -> type:
    """Returns the Python class of 'package/msg/Name'; raises ConfigError where it is missing."""
    package, _, name = kind.partition('/msg/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"message type '{kind}' cannot be imported; expected an installed type "
            "such as 'sensor_msgs/msg/JointState'"
        ) from error


def _answer(act: Callable[[], str], answer: Any) -> Any:
    try:
        answer.message, answer.success = act(), True
    except MotoError as error:
        answer.message, answer.success = str(error), False
    return answer
