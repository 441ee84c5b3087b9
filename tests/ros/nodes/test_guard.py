"""The guard's node, inside the test process: what it hears, what it sends, how it ends."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger

from moto_core.config import config_file
from moto_core.guard.guard import arm as arm_core
from moto_core.guard.limits import resolve
from moto_core.guard.state import ESTOP, FAULT, HOLD, READY, RUNNING, GuardRefusal
from moto_ros.loops.configured import FOLLOWS
from moto_ros.loops.gripper import GripperLoop
from moto_ros.loops.halt import ZEROS
from moto_ros.messages import GuardState, from_json
from moto_ros.nodes.guard import GuardNode
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns, to_time
from moto_ros.wire.joints import joint_state, request
from tests.ros.nodes.test_params import ask
from tests.ros.nodes.waiting import wait

SUCCESS = TransitionCallbackReturn.SUCCESS
ARRAYS = {'record.source': 'sim', 'command.mode': 'velocity_array'}
AHEAD = 1000.0  # [s] of the ROS clock over the steady one
FREE = {
    'guard.deadman_required': 'false',
    'command.ask_controller': 'false',
    'command.limits_are_of_no_real_arm': 'true',
}


class Arm:
    """An active guard's node on a clock of the test's own, and an arm that does as it is told."""

    def __init__(self, node, looked_at=True):
        self.node, self.sent, self.knots, self.time = node, [], [], 100.0
        self.position = np.array(node.robot.home)
        node.now = lambda: round((self.time + AHEAD) * 1e9)
        assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
        node.timer.cancel()  # it ticks when the test says so, however busy the machine is
        node.steady = SimpleNamespace(
            now=lambda: SimpleNamespace(nanoseconds=round(self.time * 1e9))
        )
        node._next_tick = self.next_tick
        commands = node.outputs.commands
        self.controller = node.create_subscription(
            commands.msg_type, node.outputs.topic, lambda _: None, interface.COMMAND
        )
        self.publish, commands.publish = commands.publish, self.take
        wait(node, lambda: node.count_subscribers(node.outputs.topic) == 1)
        self.go(0.1)
        if looked_at:
            self.loop.begin_anew()

    @property
    def loop(self):
        return self.node.loop

    @property
    def speed(self):
        return abs(self.loop.output.velocity[0])

    def take(self, message):
        reference = self.loop.reference
        self.knots.append(None if reference is None else reference.message())
        self.sent.append(message)
        self.publish(message)

    def next_tick(self):
        self.time += 1.0 / self.node.config.guard.rate
        return self.time

    def step(self, speed=None):
        """One tick: the guard hears the arm and, at a speed, a policy that asks joint 1 for it."""
        node, names, speeds = self.node, self.node.robot.spec.names, np.zeros(9)
        before, self.time = self.time, self.next_tick()
        if self.loop.reference is not None:
            led = self.loop.reference.at(self.time - self.loop.delay)
            self.position, speeds[:7] = led.position, led.velocity
        elif self.loop.output is not None and not self.loop.delay:
            self.position = self.position + self.loop.output.velocity * (self.time - before)
        place = np.array([*self.position, 0.0, 0.0])
        node.inputs.on_joints(joint_state(names, node.now(), speeds, place))
        if speed is not None:
            wanted = np.array([speed, *[0.0] * 8])
            node.inputs.on_request('policy', joint_state(names, node.now(), wanted))
        node.on_tick()

    def go(self, seconds, speed=None, also=lambda: None):
        """Ticks for some time."""
        for _ in range(round(seconds * self.node.config.guard.rate)):
            also()
            self.step(speed)

    def until(self, condition, speed=None):
        """Ticks, and hears what comes over DDS, until the condition holds."""
        wait(self.node, lambda: self.step(speed) or condition())

    def moves(self, speed=0.3):
        """Arms it, and returns when it moves at that speed."""
        self.go(0.02, 0.0)
        self.node.arm()
        self.go(1.0, speed)
        assert self.speed == pytest.approx(speed, rel=1e-3)


def told(message):
    """The fastest joint [rad/s] that a command ends in."""
    points = getattr(message, 'points', None)
    return np.abs(points[-1].velocities if points else message.data).max()


def test_the_arm_moves_only_while_the_deadmans_button_of_joy_is_held(make):
    arm = Arm(make(GuardNode, **ARRAYS, **{'guard.deadman_button': 2}))

    def joy(*buttons):
        return lambda: arm.node.inputs.on_joy(Joy(buttons=buttons))

    arm.node.arm()
    arm.go(0.3, 0.2, joy(0, 0, 1))
    assert arm.loop.resting, 'held since before the guard listened'
    for _ in range(2):
        arm.go(0.3, 0.2, joy(1, 1, 0, 1))
        assert arm.loop.resting and 'deadman' in arm.loop.output.reasons
        arm.go(0.3, 0.2, joy(0, 0, 1))
        assert arm.loop.state.mode == RUNNING and arm.speed > 0.1
    arm.go(0.3, 0.2, joy())
    assert arm.loop.state.mode == HOLD and arm.loop.state.cause == ('deadman',)
    assert arm.loop.resting


def test_a_word_of_the_joystick_that_is_old_by_its_stamp_only_lets_go(make):
    rule = {'guard.deadman_button': 2, 'guard.intervention_button': 0}
    arm = Arm(make(GuardNode, **ARRAYS, **rule))
    inputs = arm.node.inputs

    def joy(*buttons, age=0.0):
        def say():
            word = Joy(buttons=buttons)
            word.header.stamp = to_time(arm.node.now() - round(age * 1e9))
            inputs.on_joy(word)

        return say

    arm.node.arm()
    arm.go(0.1, 0.2, joy(0, 0, 0))
    for age, says in ((0.13, '0.13 s old'), (-0.3, '0.30 s ahead')):
        arm.go(0.3, 0.2, joy(1, 0, 1, age=age))
        assert arm.loop.resting and arm.loop.source == 'policy' and says in inputs.problem
    for _ in range(100):  # a press from ahead does not become one once its time has come
        arm.step(0.2)
        assert arm.loop.resting
    arm.go(0.3, 0.2, joy(0, 0, 0))
    arm.go(0.3, 0.2, joy(0, 0, 1, age=0.1))
    assert arm.loop.state.mode == RUNNING and inputs.problem == ''
    arm.go(0.3, 0.2, joy(0, 0, 1, age=0.3))
    assert arm.loop.state.mode == HOLD and arm.loop.state.cause == ('deadman',)
    arm.go(0.3, 0.2, joy(0, 0, 1))
    assert arm.loop.resting, 'it was not let go between'
    arm.go(0.1, 0.2, joy(0, 0, 0, age=0.3))
    arm.go(0.3, 0.2, joy(0, 0, 1))
    assert arm.loop.state.mode == RUNNING
    arm.go(0.3, 0.2, joy(0, 0, 0, age=0.3))
    assert arm.loop.state.mode == HOLD and arm.loop.state.cause == ('deadman',)


@pytest.mark.parametrize('age', [0.0, 0.1])
def test_a_press_counts_from_when_it_was_and_not_from_when_it_came(make, age):
    arm = Arm(make(GuardNode, **ARRAYS, **{'guard.deadman_button': 0}))

    def joy(button):
        word = Joy(buttons=[button])
        word.header.stamp = to_time(arm.node.now() - round(age * 1e9))
        arm.node.inputs.on_joy(word)

    arm.node.arm()
    arm.go(0.1, 0.2, lambda: joy(0))
    arm.go(0.3, 0.2, lambda: joy(1))
    assert arm.loop.state.mode == RUNNING
    heard = arm.time
    arm.until(lambda: arm.loop.state.mode == HOLD, 0.2)
    silent = arm.loop.config.deadman_age - age
    assert arm.time - heard == pytest.approx(silent, abs=2.0 / arm.node.config.guard.rate)


@pytest.mark.parametrize('said', [[True], [True, False]])
def test_an_estop_that_was_pressed_before_the_guard_listened_stops_it(make, said):
    node = make(GuardNode, **ARRAYS)
    button = node.create_publisher(Bool, interface.ESTOP.name, interface.LATCHED_READER)
    for pressed in said:
        button.publish(Bool(data=pressed))
    arm = Arm(node)
    arm.until(lambda: arm.loop.state.mode == ESTOP)


def test_an_estop_whose_publisher_keeps_nothing_stops_it(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    button = arm.node.create_publisher(Bool, interface.ESTOP.name, interface.COMMAND)
    arm.moves()
    wait(arm.node, lambda: button.get_subscription_count() > 0)
    button.publish(Bool(data=True))
    arm.until(lambda: arm.loop.state.mode == ESTOP and arm.loop.resting, 0.3)


def test_each_topic_of_estops_counts_for_itself_and_has_one_publisher(make):
    given = {'guard.estops': '[left, right]'}
    arm = Arm(make(GuardNode, **ARRAYS, **given))
    node = arm.node
    left, right, other = (
        node.create_publisher(Bool, topic, interface.LATCHED)
        for topic in ('left', 'right', 'left')
    )
    left.publish(Bool(data=True))
    right.publish(Bool(data=True))
    arm.until(lambda: len(arm.loop.inbox._pressed) == 2 and arm.loop.state.mode == ESTOP)
    right.publish(Bool(data=False))
    arm.until(lambda: not arm.loop.inbox._pressed['right'])
    wait(node, lambda: node.count_publishers('left') == 2)
    with pytest.raises(GuardRefusal, match="several publish on 'left'"):
        node.reset_fault()
    heard = arm.loop.inbox._heard['left']
    other.publish(Bool(data=False))  # it says nothing of the one that is pressed
    arm.until(lambda: arm.loop.inbox._heard['left'] > heard)
    assert arm.loop.inbox._pressed['left']
    node.destroy_publisher(other)
    wait(node, lambda: node.count_publishers('left') == 1)
    with pytest.raises(GuardRefusal, match='still pressed'):
        node.reset_fault()
    for pressed in (True, False):
        left.publish(Bool(data=pressed))
    arm.until(lambda: not arm.loop.inbox._pressed['left'])
    assert node.reset_fault() == 'disarmed'


def test_a_heartbeat_of_one_estop_hides_no_others_silence(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE, **{'guard.estop_heartbeat': '0.5'}))
    buttons = [
        arm.node.create_publisher(Bool, interface.ESTOP.name, interface.COMMAND) for _ in range(2)
    ]
    wait(arm.node, lambda: arm.node.count_publishers(interface.ESTOP.name) == 2)
    with pytest.raises(GuardRefusal, match='hides the silence of another'):
        arm.node.arm()
    arm.node.destroy_publisher(buttons.pop())
    wait(arm.node, lambda: arm.node.count_publishers(interface.ESTOP.name) == 1)
    assert not arm.node.peers.troubles()


def test_two_deadmen_are_none(make):
    arm = Arm(make(GuardNode, **ARRAYS, **{'guard.deadman_required': 'true'}))
    assert not arm.node.peers.troubles()
    sticks = [arm.node.create_publisher(Joy, interface.JOY.name, 5) for _ in range(2)]
    wait(arm.node, lambda: arm.node.count_publishers(interface.JOY.name) == 2)
    with pytest.raises(GuardRefusal, match=r"2 publish the deadman on '/joy' \(.*end all but one"):
        arm.node.arm()
    arm.loop.state = arm_core(arm.loop.state)
    arm.node.peers.latch(arm.node.peers.troubles())
    assert arm.loop.state.cause == ('two_deadmen',)
    arm.node.destroy_publisher(sticks.pop())


def test_who_may_command_the_controller_by_its_action_is_told(make):
    arm = Arm(make(GuardNode, **FREE, **{'record.source': 'sim', 'command.mode': 'trajectory'}))
    assert arm.node.outputs.topic.endswith('/joint_trajectory') and not arm.node.peers.problem
    action = arm.node.outputs.topic.replace('joint_trajectory', 'follow_joint_trajectory')
    client = arm.node.create_client(Trigger, f'{action}/_action/send_goal')
    wait(arm.node, lambda: arm.node.peers.problem)
    assert arm.node.peers.problem.startswith(f"somebody may move the arm by the action '{action}'")
    arm.node.destroy_client(client)


def test_a_dry_run_that_was_ended_begins_anew_with_the_life_cycle(make):
    node = make(GuardNode, **ARRAYS, **{'command.dry_run': 'true'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.set_dry_run(False)
    assert node.loop.sends
    assert (node.trigger_deactivate(), node.trigger_cleanup()) == (SUCCESS, SUCCESS)
    assert node.trigger_configure() == SUCCESS
    assert node.dry_run and not node.loop.sends


def test_a_dry_run_that_was_begun_outlives_the_life_cycle(make):
    node = make(GuardNode, **ARRAYS)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    assert node.loop.sends
    node.set_dry_run(True)
    assert (node.trigger_deactivate(), node.trigger_cleanup()) == (SUCCESS, SUCCESS)
    assert node.trigger_configure() == SUCCESS
    assert node.dry_run and not node.loop.sends


@pytest.mark.parametrize('profile', [interface.COMMAND, interface.LATCHED_READER])
def test_a_press_and_its_release_that_come_together_latch(make, profile):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    arm.moves()
    button = arm.node.create_publisher(Bool, interface.ESTOP.name, profile)
    wait(arm.node, lambda: button.get_subscription_count() > 0)
    for pressed in [False] * 20 + [True] + [False] * 20:
        button.publish(Bool(data=pressed))
    arm.until(lambda: arm.loop.state.mode == ESTOP and arm.loop.resting, 0.3)


def test_an_estop_that_is_not_let_go_is_pressed_after_the_whole_life_cycle(make):
    node = make(GuardNode, **ARRAYS)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    button = node.create_publisher(Bool, interface.ESTOP.name, interface.COMMAND)
    wait(node, lambda: button.get_subscription_count() > 0)
    button.publish(Bool(data=True))
    wait(node, lambda: node.loop.state.mode == ESTOP)
    assert (node.trigger_deactivate(), node.trigger_cleanup()) == (SUCCESS, SUCCESS)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    wait(node, lambda: node.loop.pace.ticks > 10)
    with pytest.raises(GuardRefusal, match="the e-stop on 'moto/estop' is still pressed"):
        node.reset_fault()
    wait(node, lambda: button.get_subscription_count() > 0)
    button.publish(Bool(data=False))
    wait(node, lambda: not node.loop.inbox.pressed_estops())
    assert node.reset_fault() == 'disarmed'


@pytest.mark.parametrize('source', ['sim', 'robot'])
def test_a_guard_says_whether_its_arm_is_a_real_one(make, source):
    mode = {'record.source': source, 'command.mode': 'trajectory'}
    arm = Arm(make(GuardNode, **mode, **FREE))
    said = []
    arm.node.state = SimpleNamespace(publish=lambda message: said.append(message.data))
    arm.node.publish_status()
    assert from_json(GuardState, said[-1]).real is (source == 'robot')


@pytest.fixture
def stranger():
    """Makes nodes by name, as of other processes."""
    made = []

    def make_stranger(name):
        context = rclpy.Context()
        rclpy.init(context=context)
        made.append(rclpy.create_node(name, context=context))
        return made[-1]

    yield make_stranger
    for node in made:
        node.destroy_node()
        node.context.try_shutdown()


BEST_EFFORT = ('reliability: offered best effort, wanted reliable', Bool, interface.SENSOR)
NO_BOOL = ('offered std_msgs/msg/String, wanted std_msgs/msg/Bool', String, interface.COMMAND)


@pytest.mark.parametrize('says, kind, profile', [BEST_EFFORT, NO_BOOL], ids=['quality', 'type'])
def test_an_estop_that_cannot_be_heard_is_a_fault_for_as_long_as_it_is_there(
    make, stranger, says, kind, profile
):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    arm.moves(0.05)
    node, topic, box = arm.node, '/moto/estop', stranger('button_box')
    box.create_publisher(kind, topic, profile)
    wait(
        node,
        lambda: (
            [i.node_name for i in node.get_publishers_info_by_topic(topic)][-1:] == ['button_box']
        ),
    )
    node.publish_status()
    arm.go(0.3, 0.05)
    assert arm.loop.state.cause == ('estop_unheard',) and arm.loop.resting
    for act in (node.reset_fault, node.arm, node.home):
        with pytest.raises(
            GuardRefusal, match=f"an e-stop cannot be heard: topic '{topic}'"
        ) as no:
            act()
        assert 'button_box' in str(no.value) and says in str(no.value)
    box.destroy_node()
    wait(node, lambda: node.count_publishers(topic) == 0)
    assert node.reset_fault() == 'disarmed'
    assert node.arm() == 'armed'


@pytest.mark.parametrize('source', ['robot', 'sim'])
def test_a_guard_that_was_just_started_asks_a_person_to_look_at_a_real_arm(make, source):
    given = {**FREE, 'guard.estop_required': 'false', 'record.source': source}
    arm = Arm(make(GuardNode, **given), looked_at=False)
    arm.go(0.02, 0.0)
    assert ('just started' in arm.loop.refusal) == (source == 'robot')
    if source == 'robot':
        with pytest.raises(GuardRefusal, match='look at the arm.*then call begin_anew'):
            arm.node.arm()
        arm.loop.begin_anew()
    assert arm.node.arm() == 'armed'


def test_a_real_arm_moves_only_while_somebody_publishes_on_its_estop(make):
    arm = Arm(make(GuardNode, **FREE))
    node, name = arm.node, interface.ESTOP.name
    assert node.config.record.source == 'robot'
    assert 'no policy asks for anything' in node.loop.refusal
    arm.go(0.02, 0.0)
    assert node.loop.refusal == ''
    with pytest.raises(GuardRefusal, match=f"nobody publishes on the e-stop '{name}'"):
        node.arm()
    button = node.create_publisher(Bool, name, interface.LATCHED)
    wait(node, lambda: node.count_publishers(name) == 1)
    arm.moves()
    node.publish_status()
    assert arm.loop.state.mode == RUNNING
    node.destroy_publisher(button)
    wait(node, lambda: node.count_publishers(name) == 0)
    node.publish_status()
    assert arm.loop.state.mode == FAULT and arm.loop.state.cause == ('estop_unheard',)


def diagnosed(arm):
    """The next diagnostics of an arm's guard, and their values by key."""
    heard = []
    arm.node.create_subscription_to(interface.DIAGNOSTICS, heard.append)
    arm.node._diagnosed = -1e9
    arm.until(lambda: heard)
    (status,) = heard[0].status
    return status, {value.key: value.value for value in status.values}


@pytest.mark.parametrize(
    ('given', 'warned'),
    [
        ({'record.source': 'sim'}, False),
        ({'guard.estop_required': 'false'}, False),
        ({'command.dry_run': 'true'}, True),
    ],
)
def test_without_an_estop_a_simulated_arm_is_armed_and_a_dry_run_warns(make, given, warned):
    arm = Arm(make(GuardNode, **FREE, **given))
    arm.go(0.02, 0.0)
    assert arm.node.arm() == 'armed'
    status, values = diagnosed(arm)
    assert values['estops_absent'] == 'moto/estop'
    assert ("nobody publishes on the e-stop 'moto/estop'" in status.message) == warned
    assert status.level == (DiagnosticStatus.WARN if warned else DiagnosticStatus.OK)


def test_a_real_arm_whose_guard_is_told_of_no_estop_is_not_armed(make):
    arm = Arm(make(GuardNode, **FREE))
    arm.node.peers._estops.clear()  # as guard.estops: [] of a file leaves it
    arm.go(0.02, 0.0)
    with pytest.raises(GuardRefusal, match='guard.estops names no topic of an e-stop'):
        arm.node.arm()


def test_an_estop_that_has_to_speak_and_does_not_keeps_the_arm_where_it_is(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE, **{'guard.estop_heartbeat': 0.3}))
    with pytest.raises(GuardRefusal, match="no e-stop speaks on 'moto/estop'"):
        arm.node.arm()


def test_another_publisher_of_commands_is_a_fault_that_lasts_while_it_is_there(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    arm.moves()
    node, topic = arm.node, arm.node.outputs.topic
    other = node.create_publisher(node.outputs.commands.msg_type, topic, interface.COMMAND)
    wait(node, lambda: node.count_publishers(topic) == 2)
    node.publish_status()
    arm.go(0.3, 0.3)
    assert arm.loop.state.cause == ('two_masters',) and arm.loop.resting
    with pytest.raises(GuardRefusal, match=f"somebody else publishes on '{topic}' too"):
        node.reset_fault()
    node.destroy_publisher(other)
    wait(node, lambda: node.count_publishers(topic) == 1)
    assert node.reset_fault() == 'disarmed'


@pytest.mark.parametrize('topic', [interface.REQUEST, interface.TELEOP_REQUEST])
def test_two_that_publish_requests_as_one_source_are_a_fault_while_both_are_there(
    make, stranger, topic
):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    node, name = arm.node, f'/{topic.name}'
    first = node.create_publisher(JointState, name, interface.COMMAND)
    wait(node, lambda: node.count_publishers(name) == 1)
    arm.moves(0.05)
    node.publish_status()
    assert arm.loop.state.mode == RUNNING
    other = stranger('second_policy')
    other.create_publisher(JointState, name, interface.COMMAND)
    says = f"2 publish requests on '{name}' \\(/moto_guard, /second_policy\\)"
    wait(node, lambda: node.count_publishers(name) == 2)
    wait(node, lambda: any('second_policy' in t.words for t in node.peers.troubles()))
    node.publish_status()
    arm.go(0.3, 0.05)
    assert arm.loop.state.cause == ('two_requesters',) and arm.loop.resting
    for act in (node.reset_fault, node.arm, node.home):
        with pytest.raises(GuardRefusal, match=says):
            act()
    node.destroy_publisher(first)
    wait(node, lambda: node.count_publishers(name) == 1)
    assert node.reset_fault() == 'disarmed'
    assert node.arm() == 'armed'


@pytest.mark.parametrize('name', ['_ros2cli_4711', 'rosbag2_recorder', 'moto_recorder'])
def test_who_only_looks_on_is_no_controller(make, stranger, name):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    node, topic, kind = arm.node, arm.node.outputs.topic, arm.node.outputs.commands.msg_type

    def listens(name, node_name):
        made = stranger(node_name)
        made.create_subscription(kind, topic, print, interface.COMMAND)
        wait(node, lambda: node_name in [i.node_name for i in infos()])

    def infos():
        return node.get_subscriptions_info_by_topic(topic)

    listens(topic, name)
    node.destroy_subscription(arm.controller)
    wait(node, lambda: len(infos()) == 1)
    with pytest.raises(GuardRefusal, match=f"listens on '{topic}' but /{name}, which moves"):
        node.arm()
    listens(topic, 'arm_controller')
    assert node.arm() == 'armed'


def test_the_log_says_who_is_commanded_when_the_guard_is_armed(make, stranger, capfd):
    arm = Arm(make(GuardNode, 'info', **ARRAYS, **FREE))
    arm.node.arm()
    assert 'armed; led by it: /moto_guard' in capfd.readouterr().err


@pytest.mark.parametrize('mode', ['velocity_array', 'trajectory'])
@pytest.mark.parametrize('end', ['deactivate', 'shutdown', 'halt'])
def test_however_it_ends_it_brings_the_arm_to_rest_before_it_is_silent(make, end, mode):
    arm = Arm(make(GuardNode, **{**ARRAYS, 'command.mode': mode}, **FREE))
    arm.moves()
    node, count = arm.node, len(arm.sent)
    loop = arm.loop
    {'deactivate': node.trigger_deactivate, 'shutdown': node.trigger_shutdown, 'halt': node.halt}[
        end
    ]()
    assert loop.resting and not loop.state.armed
    ends = arm.sent[count:]
    assert len(ends) > 5 and told(ends[-1]) == 0.0
    if mode == 'velocity_array':
        speeds = [told(message) for message in ends]
        assert speeds[0] > 0.2 and (np.diff(speeds) <= 1e-9).all()
        assert speeds[-ZEROS:] == [0.0] * ZEROS
    else:
        way = [message.points[-1].positions[0] for message in ends]
        assert (np.diff(way) > -1e-9).all(), 'never back'


def test_trajectories_hold_the_curve_that_the_arm_is_led_along_later_by_the_delay(make):
    arm = Arm(make(GuardNode, **FREE, **{'record.source': 'sim'}))
    arm.moves(0.2)
    spec, checked = arm.node.robot.spec, 0
    for message, knots in zip(arm.sent, arm.knots):
        assert list(message.joint_names) == list(spec.joints)
        positions = np.array([point.positions for point in message.points])
        assert positions == pytest.approx(np.array([knot.position for knot in knots]))
        velocities = np.array([point.velocities for point in message.points])
        assert velocities == pytest.approx(np.array([knot.velocity for knot in knots]))
        apart = to_ns(message.header.stamp) - round(knots[0].time * 1e9)  # of the two clocks
        assert apart * 1e-9 - AHEAD == pytest.approx(arm.loop.delay, abs=1e-6)
        checked += np.ptp(positions[:, 0]) > 1e-4
    assert checked > 3


def test_what_the_clocks_part_by_while_the_arm_rests_is_no_step_of_its_curve(make):
    arm = Arm(make(GuardNode, **FREE, **{'record.source': 'sim'}))
    drift, start = 50e-6, arm.time
    arm.node.now = lambda: round((arm.time + drift * (arm.time - start) + AHEAD) * 1e9)
    arm.node.outputs._clocks._clock = arm.node.now
    arm.moves(0.05)
    arm.node.disarm()
    arm.go(20.0)  # they part by a millisecond
    assert arm.loop.resting
    count = len(arm.sent)
    arm.moves(0.05)
    apart, times = [], []
    for message, knots in zip(arm.sent[count:], arm.knots[count:]):
        apart.append(to_ns(message.header.stamp) - round(knots[0].time * 1e9))
        times.append(knots[0].time)
    assert len(apart) > 50
    steps = np.abs(np.diff(apart) - drift * np.diff(times) * 1e9)[2:]  # once it moves
    assert steps.max() < 1000, f'{steps.max():.0f} ns between two messages, beside the drift'


def test_the_guard_hears_how_old_and_where_the_joints_are(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    node, names = arm.node, arm.node.robot.spec.names
    place = np.array([*node.robot.home, 0.0, 0.0])
    place[3] += 0.25
    node.inputs.on_joints(joint_state(names, node.now() - 80_000_000, np.zeros(9), place))
    joints = arm.loop.inbox.joints
    assert joints.position == pytest.approx(place)
    assert joints.received - joints.stamp == pytest.approx(0.08)
    asked = request(names, node.now() - 60_000_000, np.arange(9.0), 0.5)
    node.inputs.on_request('teleop', asked)
    arm.loop.intervene(True)
    heard = arm.loop.inbox.sources.request
    assert heard.velocity.tolist() == list(range(9)) and heard.names == tuple(names)
    assert heard.received - heard.stamp == pytest.approx(0.06) and heard.speed_scale == 0.5


def test_a_guard_that_has_stood_for_long_commands_nothing_and_goes_on_to_say_why(make):
    arm = Arm(make(GuardNode, **ARRAYS, **{'command.silence': 0.1}))
    told, executed = [], []
    arm.node.outputs.reasons.publish = told.append
    arm.node.outputs.executed.publish = executed.append
    arm.go(0.2)
    count = len(arm.sent)
    assert 20 < count < 35  # 0.1 s at 250 Hz, and the first
    told.clear(), executed.clear()
    arm.go(1.0)
    assert len(arm.sent) == count and executed == []
    assert 9 <= len(told) <= 11
    assert all('"READY"' in word.data and '["not_armed"]' in word.data for word in told)


def test_what_is_set_reaches_the_guard(make):
    node = make(
        GuardNode,
        **{
            'record.source': 'sim',
            'profile': 'commissioning',
            'guard.rate': 200.0,
            'guard.joint_age': 0.2,
            'guard.speed_floor': 0.1,
            'guard.home_tolerance': 0.3,
            'guard.estop_heartbeat': 0.5,
            'record.required': 'true',
            'command.silence': 3.0,
        },
    )
    assert node.trigger_configure() == SUCCESS
    loop, config = node.loop, node.loop.config
    assert (config.rate, config.joint_age, config.speed_floor) == (200.0, 0.2, 0.1)
    assert config.deadman_required and config.halt_stream == 3.0
    assert loop.delay == node.config.command.delay > 0.0
    assert config.latency == pytest.approx(loop.delay + FOLLOWS)
    assert loop.limits.dq == pytest.approx(resolve(node.robot, 'commissioning').dq)
    assert loop.homing.tolerance == 0.3
    assert loop.inbox.silent_estops(1.0) == ['moto/estop']
    assert loop.inbox.switches(1.0).hold == 'not_recording'


def test_a_dry_run_does_not_change_while_the_arm_may_move(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    arm.moves()
    with pytest.raises(GuardRefusal, match='READY, disarmed and at rest; the guard is in RUNNING'):
        arm.node.set_dry_run(True)
    arm.loop.disarm()
    arm.go(0.02)
    assert arm.loop.state.mode == READY and not arm.loop.resting
    with pytest.raises(GuardRefusal, match='only in READY, disarmed and at rest'):
        arm.node.set_dry_run(True)
    arm.go(0.3)
    assert arm.node.set_dry_run(True) == 'dry_run True'
    arm.node.arm()
    assert arm.loop.state.mode == READY, 'before the next tick'
    with pytest.raises(GuardRefusal, match='the guard is in ARMED: disarm it first'):
        arm.node.set_dry_run(False)
    assert not arm.loop.sends


def test_a_dry_run_ends_whatever_became_of_the_file_of_limits(make, tmp_path):
    own = tmp_path / 'cell.yaml'
    own.write_text(config_file('robot', 'fr3').read_text())
    node = make(GuardNode, **FREE, **{'robot': own, 'command.dry_run': 'true'})
    assert node.trigger_configure() == SUCCESS
    before = node.present
    own.write_text('gone: true')
    node.set_dry_run(False)
    assert node.loop.sends and node.present == replace(before, dry_run=False)
    assert (node.trigger_cleanup(), node.trigger_configure()) == (SUCCESS, SUCCESS)
    assert node.present.dry_run and not node.loop.sends, 'as it was started'


def test_a_disarm_is_counted_though_the_guard_was_disarmed_and_what_ends_by_itself_is_not(make):
    node, told = make(GuardNode, **ARRAYS, **FREE, **{'guard.armed_timeout': 1.0}), []
    arm = Arm(node)
    node.state.publish = lambda message: told.append(from_json(GuardState, message.data))
    node.publish_status()
    for _ in range(2):
        assert ask(node, Trigger, 'disarm').message == 'disarmed'
    node.arm()
    arm.go(1.2)
    node.publish_status()
    assert (told[0].disarms, told[-1].disarms) == (0, 2)
    assert 'armed_timeout' in told[-1].reasons


def test_the_reset_of_an_estop_is_counted_with_the_disarms(make):
    """Who did not hear the guard between the two hears that there was one."""
    node = make(GuardNode, **ARRAYS, **FREE)
    arm = Arm(node)
    arm.go(0.1)
    assert ask(node, Trigger, 'estop').success
    arm.go(0.1)
    assert node.loop.state.mode == 'ESTOP' and node.disarms == 0
    arm.go(1.0)
    assert ask(node, Trigger, 'reset_fault').success and node.disarms == 1


def test_no_way_home_begins_for_nobody_nor_in_a_dry_run(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE))
    arm.node.destroy_subscription(arm.controller)
    wait(arm.node, lambda: arm.node.count_subscribers(arm.node.outputs.topic) == 0)
    with pytest.raises(GuardRefusal, match='nobody listens'):
        arm.node.home()
    told = []
    arm.node.state.publish = lambda message: told.append(from_json(GuardState, message.data))
    arm.node.publish_status()
    for refused in (told[-1].refusal, told[-1].home_refusal, told[-1].unfit):
        assert 'nobody listens' in refused
    arm.node.set_dry_run(True)
    arm.step()
    with pytest.raises(GuardRefusal, match='a dry run moves nothing'):
        arm.node.home()


def test_a_guard_that_is_configured_for_a_dry_run_leads_nowhere(make):
    arm = Arm(make(GuardNode, **ARRAYS, **FREE, **{'command.dry_run': 'true'}))
    with pytest.raises(GuardRefusal, match='a dry run moves nothing'):
        arm.node.home()


def test_what_is_latched_survives_cleanup_and_configure(make):
    node = make(GuardNode, **ARRAYS)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.loop.fault('following_error')
    first = node.loop
    assert (node.trigger_deactivate(), node.trigger_cleanup()) == (SUCCESS, SUCCESS)
    assert node.trigger_configure() == SUCCESS and node.loop is not first
    assert (node.loop.state.mode, node.loop.state.cause) == (FAULT, ('following_error',))


def test_the_diagnostics_tell_how_fast_the_arm_goes_and_how_often_each_topic_speaks(make):
    arm, heard = Arm(make(GuardNode, **ARRAYS)), []
    arm.node.create_subscription_to(interface.DIAGNOSTICS, heard.append)
    arm.until(lambda: len(heard) == 1)
    velocity = arm.loop.limits.dq * np.array([0.1, -0.5, 0.2, 0.0, 0.0, 0.0, 0.0])
    arm.loop.output = arm.loop.output._replace(velocity=velocity)
    arm.node._heard['/joint_states'] = 30
    arm.node._diagnosed = arm.node.steady_now() - 1.5
    arm.node.publish_status()
    assert arm.node._heard['/joint_states'] == 0
    arm.until(lambda: len(heard) == 2)
    found = {value.key: value.value for value in heard[1].status[0].values}
    assert found['speed'] == '0.50 of the cap'
    assert found['/joint_states [Hz]'] == '20.0'
    assert found['/diagnostics [Hz]'] == '0.7'  # the one before it


@pytest.mark.parametrize('end', ['estop', 'dry_run', 'deadman'])
def test_a_gripper_is_told_nothing_once_the_arm_is_not_driven(make, end):
    arm = Arm(make(GuardNode, **ARRAYS))
    node, goals = arm.node, []
    client = SimpleNamespace(
        is_ready=lambda: True, send=lambda opened, over: goals.append((opened, over))
    )
    node.outputs.gripper = GripperLoop(client, np.full(2, 0.05))
    press = [True]

    def joy():
        node.inputs.on_joy(Joy(buttons=[0] * 4 + [int(press[0])]))

    node.inputs.on_joy(Joy())
    arm.step()
    node.arm()
    arm.go(0.5, 0.2, joy)
    assert arm.loop.state.mode == RUNNING
    for asked in (0.05, -0.05):
        node.outputs.gripper.take(np.full(2, asked))
        node.publish_status()
    assert [opened for opened, _ in goals] == [True]
    if end == 'estop':
        node.loop.inbox.stop()
    elif end == 'deadman':
        press[0] = False
    else:
        node.loop.disarm()
        arm.go(1.0)
        node.set_dry_run(True)
        node.arm()
    arm.go(0.5, 0.2, joy)
    node.publish_status()
    goals[0][1]('')
    node.publish_status()
    arm.go(0.5, 0.2, joy)
    assert [opened for opened, _ in goals] == [True]


def test_a_fault_is_an_error_of_the_diagnostics_with_its_cause(make):
    arm, heard = Arm(make(GuardNode, **ARRAYS)), []
    arm.loop.fault('following_error')
    arm.node.create_subscription_to(interface.DIAGNOSTICS, heard.append)
    arm.until(lambda: heard and heard[-1].status[0].level == DiagnosticStatus.ERROR)
    assert 'following_error' in heard[-1].status[0].message
