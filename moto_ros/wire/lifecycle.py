"""What the nodes share: a frozen configuration, entities made from the table, diagnostics.

rclpy swallows an exception of a transition callback; here it becomes a logged failure, so that
the node stays where it was and can be configured again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from std_srvs.srv import SetBool, Trigger

from moto_core.errors import MotoError, one_line
from moto_core.guard.limits import RobotConfig
from moto_ros.config import RosConfig, limits_file
from moto_ros.messages import Presence
from moto_ros.wire.clocks import ClockOffset, StandingClock
from moto_ros.wire.convert import to_ns, to_time
from moto_ros.wire.interface import (
    DIAGNOSTICS,
    PRESENCE,
    Topic,
    payload_reader,
    subscription_mismatches,
    to_string,
)
from moto_ros.wire.params import read_config, refuse_changes
from moto_ros.wire.started_by import started_by

STATUS_PERIOD = 0.1  # [s]
DIAGNOSTICS_PERIOD = 1.0  # [s]
Self = TypeVar('Self', bound='MotoNode')
Transition = Callable[[Self, LifecycleState], TransitionCallbackReturn]


def logs_errors(transition: Transition) -> Transition:
    """Wraps on_configure or on_activate: an error is logged, and the transition fails."""

    @wraps(transition)
    def wrapped(self: Self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except MotoError as error:
            self.get_logger().error(f'{transition.__name__}: {error}')
        except Exception as error:  # noqa: BLE001  rclpy would drop it unseen
            self.get_logger().error(
                f'{transition.__name__}: {type(error).__name__}: {one_line(error)}'
            )
        if transition.__name__ == 'on_configure':
            self.destroy_entities()
        return TransitionCallbackReturn.FAILURE

    return wrapped


class MotoNode(LifecycleNode):
    """A lifecycle node with a frozen configuration, a steady clock and a list of what it made."""

    def __init__(self, name: str, changeable: str | None = None) -> None:
        """Reads the parameters; raises ConfigError for one that is unknown or wrong.

        Those of the group `changeable` may be set while the node runs, if it has an
        `on_parameters` that takes them.
        """
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        self.config: RosConfig
        self.robot: RobotConfig
        self.config, self.robot = read_config(self, changeable)
        self.add_on_set_parameters_callback(self.on_parameters)
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.subscribed: list[tuple[str, QoSProfile]] = []  # topics whose publishers must match
        self.problem = ''  # the last message that was refused
        self.clock_problem = ''  # a ROS clock that stands
        self._standing = StandingClock()
        self._made: list[tuple[Callable[[Any], object], Any]] = []
        self._heard: Counter[str] = Counter()  # messages of each topic since diagnostics
        self._diagnosed = -DIAGNOSTICS_PERIOD  # [s] when diagnostics were last published
        self._diagnostics: Any = None
        self._presence = self.create_publisher(PRESENCE.type, PRESENCE.name, PRESENCE.publisher)
        self.present = self._present()
        self.be_present(self.present.dry_run)
        self.create_steady_timer(STATUS_PERIOD, self._on_status)

    def on_parameters(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        """Answers an attempt to set parameters while the node runs."""
        return refuse_changes(parameters)

    def publish_status(self) -> None:
        """Publishes the node's status, ten times a second in every state.

        The timer behind it also lets the runner see signals.
        """

    def halt(self) -> None:
        """Decelerates, flushes and closes before the process ends."""

    def now(self) -> int:
        """Returns the time on the ROS clock [ns], which stamps use."""
        return self.get_clock().now().nanoseconds

    def steady_now(self) -> float:
        """Returns the time on the steady clock [s], which control uses."""
        return self.steady.now().nanoseconds * 1e-9

    def age(self, stamp: Time) -> float | None:
        """Returns how old [s] a stamp of the ROS clock is; None if it is zero."""
        value = to_ns(stamp)
        return (self.now() - value) * 1e-9 if value else None

    def clock_offset(self) -> ClockOffset:
        """Returns what follows how far the ROS clock is ahead of the steady one."""
        simulated = bool(self.get_parameter('use_sim_time').value)
        return ClockOffset(self.now, lambda: self.steady.now().nanoseconds, simulated)

    def create_publisher_of(self, topic: Topic) -> Any:
        """Returns a publisher that lives until cleanup and is silent while inactive."""
        made = self.create_lifecycle_publisher(topic.type, topic.name, topic.publisher)
        self._made.append((self.destroy_lifecycle_publisher, made))
        return made

    def create_subscription_to(
        self,
        topic: Topic,
        callback: Callable[..., object],
        raw: bool = False,
        checked: bool = True,
        group: CallbackGroup | None = None,
    ) -> Any:
        """Subscribes until cleanup; `checked`: a publisher that it cannot hear is an error.

        The callback gets the payload if the topic has one, and bytes if `raw`; one of two
        arguments also what DDS knows of the message.
        """
        if topic.payload is not None and not raw:
            callback = payload_reader(topic, callback, self.report_problem)
        made = self.create_subscription(
            topic.type,
            topic.name,
            self._counted(topic, callback),
            topic.subscription,
            raw=raw,
            callback_group=group,
        )
        if checked:
            self.subscribed.append((made.topic_name, topic.subscription))
        self._made.append((self.destroy_subscription, made))
        return made

    def destroyed_with(self, destroy: Callable[[], object]) -> None:
        """Has cleanup call `destroy` too, for what has no method of its own here."""
        self._made.append((lambda _: destroy(), None))

    def create_trigger_service(self, name: str, act: Callable[[], str]) -> None:
        """Offers the Trigger '~/name' until cleanup; a MotoError of `act` is a refusal."""
        made = self.create_service(Trigger, f'~/{name}', lambda _, answer: _answer(act, answer))
        self._made.append((self.destroy_service, made))

    def create_switch_service(self, name: str, act: Callable[[bool], str]) -> None:
        """Offers the SetBool '~/name' until cleanup; a MotoError of `act` is a refusal."""

        def reply(asked: Any, answer: Any) -> Any:
            return _answer(lambda: act(asked.data), answer)

        made = self.create_service(SetBool, f'~/{name}', reply)
        self._made.append((self.destroy_service, made))

    def create_steady_timer(self, seconds: float, callback: Callable[[], None]) -> Any:
        """Returns a timer on the steady clock; destroy it with destroy_timer."""
        return self.create_timer(seconds, callback, clock=self.steady)

    def report_problem(self, problem: str) -> None:
        """Logs a problem once, and keeps it for the diagnostics."""
        if problem != self.problem:
            self.get_logger().error(problem)
        self.problem = problem

    def publish_diagnostics(
        self, problems: Sequence[str], values: Mapping[str, Any], error: bool = False
    ) -> None:
        """Publishes OK, or the problems as a warning or an error, at most once a second."""
        now = self.steady_now()
        elapsed = now - self._diagnosed
        if elapsed < DIAGNOSTICS_PERIOD:
            return
        self._diagnosed = now
        if self.clock_problem and self.clock_problem not in problems:
            problems = [self.clock_problem, *problems]
        bad = DiagnosticStatus.ERROR if error else DiagnosticStatus.WARN
        limits = ('profile', 'limits_file', 'limits_sha256')
        values = {**values, **{name: getattr(self.present, name) for name in limits}}
        for topic, count in self._heard.items():
            values[f'{topic} [Hz]'] = f'{count / elapsed:.1f}'
            self._heard[topic] = 0
        status = DiagnosticStatus(
            level=bad if problems else DiagnosticStatus.OK,
            name=self.get_fully_qualified_name().lstrip('/'),
            message='; '.join(problems) or 'ok',
            hardware_id=self.config.hardware_id or self.robot.name,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = to_time(self.now())
        self._diagnostics.publish(message)

    def _on_status(self) -> None:
        told = self._standing.look(self.now(), self.steady_now())
        if told and not self.clock_problem:
            self.get_logger().warn(told)
        self.clock_problem = told
        self.publish_status()

    def _counted(self, topic: Topic, callback: Callable[..., object]) -> Callable[..., None]:
        name = self.resolve_topic_name(topic.name)
        self._heard[name] = 0

        @wraps(callback)  # rclpy reads from its arguments what it is to be called with
        def counted(*message: Any) -> None:
            self._heard[name] += 1
            callback(*message)

        return counted

    def be_present(self, dry_run: bool) -> None:
        """Says whose this node is and under which limits, to whoever asks from now on."""
        self.present = replace(self.present, dry_run=dry_run)
        self._presence.publish(to_string(self.present))

    def _present(self) -> Presence:
        limits = limits_file(self.config)
        return Presence(
            node=self.get_name(),
            bringup=started_by(),
            robot=self.robot.name,
            profile=self.config.profile,
            limits_file=str(limits.path),
            limits_sha256=limits.sha256,
            dry_run=self.config.command.dry_run,
        )

    def check_qos(self) -> None:
        """Raises MotoError that names each topic whose publisher this node cannot hear."""
        found = subscription_mismatches(self, self.subscribed)
        if found:
            raise MotoError('quality of service does not match: ' + '; '.join(found))

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Makes the publisher of diagnostics; every node calls this last."""
        self._diagnostics = self.create_publisher_of(DIAGNOSTICS)
        return super().on_configure(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Destroys what on_configure made."""
        result = super().on_cleanup(state)
        self.destroy_entities()
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Decelerates, flushes and closes, and destroys what on_configure made."""
        self.halt()
        result = super().on_shutdown(state)
        self.destroy_entities()
        return result

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Does the same after a callback that raised; the node is unconfigured then."""
        self.halt()
        result = super().on_error(state)
        self.destroy_entities()
        return result

    def destroy_entities(self) -> None:
        """Destroys what on_configure made."""
        for destroy, made in reversed(self._made):
            destroy(made)
        self._made.clear()
        self.subscribed.clear()
        self._heard.clear()


def _answer(act: Callable[[], str], answer: Any) -> Any:
    try:
        answer.message, answer.success = act(), True
    except MotoError as error:
        answer.message, answer.success = str(error), False
    return answer
