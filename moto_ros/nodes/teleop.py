"""The node by which a person drives: a joystick in, requests out; it never moves the arm itself.

    Joy, joint states -> Teleop ─┬─> teleop/command_request: the guard's switch lets it drive
                                 └─> acts: services of guard, recorder and twin

Run as `python -m moto_ros.nodes.teleop`. Each word of the joystick is a request, and nothing else
is: when it falls silent the guard brakes, whatever happens to this node.
"""

from __future__ import annotations

import sys

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState, Joy
from std_srvs.srv import SetBool, Trigger

from moto_core.errors import ObservationError
from moto_ros.config import PERSON, WHILE_LET_GO
from moto_ros.loops.acts import AT_ONCE, steps_of
from moto_ros.loops.errand import Call, Errand, Pending
from moto_ros.loops.joystick import late
from moto_ros.loops.page_layout import PAGE
from moto_ros.loops.teleop import Teleop
from moto_ros.loops.watch import Watch
from moto_ros.messages import GuardState, RecorderState, TeleopState
from moto_ros.services import SWITCHES, TELEOP, TRIGGERS, service_name
from moto_ros.wire import interface
from moto_ros.wire.endpoints import publishers
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import pick, request
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.polling import Polling
from moto_ros.wire.runner import run

SILENT = {
    'joy': "nothing comes on '{}': start the joystick's driver (ros2 run joy joy_node)",
    'page': "nothing comes on '{}': turn 'Drive with keys' (G) on, on the operator's page",
    'none': "nothing comes on '{}'",
}
ENDED = 'the episode has ended: nothing is recorded now'


class TeleopNode(MotoNode):
    """Lifecycle node 'moto_teleop'."""

    def __init__(self) -> None:
        super().__init__(TELEOP)
        self.loop: Teleop | None = None
        self.active = False
        self.errands: list[Errand] = []
        self.said, self.rivals = '', ''
        self.late = ''  # what is wrong with the stamp of the joystick's newest word
        self.recording = False  # an episode, by the recorder's word
        self._position: np.ndarray | None = None  # (n,) [rad]
        self._measured = -np.inf  # [s] when joints were last heard of

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Makes the topics, and the callers of the services that buttons need."""
        config = self.config
        self.loop = Teleop(self.robot, config.teleop, config.guard.deadman_button)
        self.watch = Watch(self.loop.stick.speaks)
        self.demonstrates = config.policy.bundle == PERSON
        self.sim = config.record.source == 'sim'
        self.requests = self.create_publisher_of(
            interface.request(self.robot.spec.period, interface.TELEOP_REQUEST)
        )
        self.state = self.create_publisher_of(interface.TELEOP_STATE)
        joint_states = interface.JOINT_STATES.at(config.joint_states)
        self.polling = Polling(self)  # an arm's joints: 1 kHz
        self.polling.decoded(joint_states, self.on_joints)
        self.create_subscription_to(interface.GUARD_STATE, self.on_guard)
        self.create_subscription_to(interface.RECORDER_STATE, self.on_recorder)
        self.create_subscription_to(interface.JOY, self.on_joy)
        self._joy = self.resolve_topic_name(interface.JOY.name)
        self.callers = {
            (node, service): self.create_client(kind, service_name(node, service))
            for kind, table in ((Trigger, TRIGGERS), (SetBool, SWITCHES))
            for node, services in table.items()
            for service in services
        }
        self.destroyed_with(self._destroy_callers)
        return super().on_configure(state)

    @logs_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begins to ask, once the joystick speaks and its deadman is held anew."""
        self.check_qos()
        self.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Asks for nothing any more; the guard brakes."""
        self.halt()
        return super().on_deactivate(state)

    def halt(self) -> None:
        """Asks for nothing any more, and leaves what a button began."""
        self.active = False
        self.errands.clear()

    def on_joy(self, message: Joy) -> None:
        """Takes the joystick's word, and asks for what it says."""
        if self.loop is None or not self.active:
            return
        self.polling.poll()
        age, now = self.age(message.header.stamp) or 0.0, self.steady_now()
        self.late = late(age, self.config.teleop.silence)
        if self.late:
            self.loop.miss(message.buttons)
            return
        page = message.header.frame_id == PAGE
        for act in self.loop.hear(message.axes, message.buttons, now, page):
            self.begin(act)
        for act in self.loop.early:
            self._say(f'{act}: the deadman was let go just now; press again', True)
        fresh = now - self._measured <= self.config.guard.joint_age
        asked = self.loop.request(self._position if fresh else None, now)
        if not self.rivals:
            stamp = self.now() - round(age * 1e9)
            self.requests.publish(request(self.robot.spec.names, stamp, asked, 1.0))
        self._go_on(now)

    def on_joints(self, message: JointState) -> None:
        """Takes the arm's joints, mapped by name."""
        try:
            position, _ = pick(message, self.robot.spec.joints)
        except ObservationError as error:
            self.report_problem(str(error))
            return
        if np.isfinite(position).all():  # the guard says of others what is wrong
            by_stamp = self.steady_now() - (self.age(message.header.stamp) or 0.0)
            self._position, self._measured = position, min(self.polling.heard_at, by_stamp)

    def on_guard(self, told: GuardState) -> None:
        """Hears whether the arm rests, and whether anybody stopped it."""
        now = self.steady_now()
        self.watch.hear(told, now)
        self._go_on(now)

    def on_recorder(self, told: RecorderState) -> None:
        """Hears whether an episode is under way."""
        before, self.recording = self.recording, told.state == 'recording'
        ours = any(errand.name in WHILE_LET_GO for errand in self.errands)
        if self.active and before and not self.recording and not ours:
            self._say(ENDED, True)
        elif self.recording and self.said == ENDED:
            self.said = ''  # another one is under way

    def begin(self, act: str) -> None:
        """Begins what a button asks for, unless something else is under way."""
        under_way = [errand for errand in self.errands if not errand.over]
        busy = [errand.name for errand in under_way if errand.name not in AT_ONCE]
        if busy and act not in AT_ONCE:
            self._say(f'{act}: {busy[0]} is still under way; press again once it is done', True)
            return
        steps = steps_of(act, self.sim, self.demonstrates, self.recording)
        self.errands.append(Errand(act, steps, self._ask, self.watch))

    def publish_status(self) -> None:
        """Publishes what a person who drives has to know."""
        loop = self.loop
        if loop is None or not self.active:
            return
        now = self.steady_now()
        self._go_on(now)
        held = loop.stick.held(now)
        names = publishers(self, self._joy)
        self.rivals = '' if len(names) < 2 else f"{len(names)} publish '{self._joy}': end one"
        heard = loop.stick.speaks(now)
        silent = '' if heard else SILENT[self.config.teleop.input].format(self._joy)
        state = TeleopState(
            heard=heard,
            held=held,
            sticks=loop.sticks,
            joints=loop.joints,
            moves=held and loop.moves,
            said=self.said,
            problem=self.rivals or self.late or silent or loop.problem or self.problem,
        )
        self.state.publish(to_string(state))
        values = {name: getattr(state, name) for name in ('heard', 'held', 'sticks', 'said')}
        self.publish_diagnostics([state.problem] if state.problem else [], values)

    def _go_on(self, now: float) -> None:
        """Goes on with what buttons began."""
        for errand in list(self.errands):
            before = errand.over, errand.told
            errand.step(now)
            if errand.over and before != (True, errand.told):
                self._say(errand.told, errand.failed)
            if errand.over and not errand.waits:
                self.errands.remove(errand)

    def _ask(self, call: Call) -> Pending | None:
        caller = self.callers[call.node, call.service]
        if not caller.service_is_ready():
            return None
        return caller.call_async(
            Trigger.Request() if call.flag is None else SetBool.Request(data=call.flag)
        )

    def _say(self, told: str, warns: bool = False) -> None:
        self.said = told
        if warns:  # a call each: rclpy refuses another severity at the same one
            self.get_logger().warn(told)
        else:
            self.get_logger().info(told)

    def _destroy_callers(self) -> None:
        for caller in self.callers.values():
            self.destroy_client(caller)
        self.callers.clear()


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(TeleopNode)


if __name__ == '__main__':
    sys.exit(main())
