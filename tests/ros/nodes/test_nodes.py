"""Single nodes inside the test process: what they refuse, and that they can be asked again."""

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState

from moto_core.errors import ConfigError
from moto_ros.loops.twin import Frame, TwinLoop
from moto_ros.nodes.guard import GuardNode
from moto_ros.nodes.policy import PolicyNode
from moto_ros.nodes.recorder import RecorderNode
from moto_ros.wire import names, qos

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


@pytest.fixture
def make():
    """Makes a node with ROS parameters; everything ends with the test."""
    made = []

    def make(kind, **parameters):
        arguments = ['--ros-args', '--log-level', 'fatal']
        for key, value in parameters.items():
            arguments += ['-p', f'{key}:={value}']
        rclpy.init(args=arguments)
        made.append(kind())
        return made[0]

    yield make
    for node in made:
        node.halt()
        node.destroy_node()
    rclpy.try_shutdown()


def test_an_unknown_parameter_names_the_nearest(make):
    with pytest.raises(ConfigError, match="'guard.rat'. Did you mean 'guard.rate'"):
        make(GuardNode, **{'guard.rat': 250.0})


def test_a_rate_out_of_range_names_the_range(make):
    with pytest.raises(ConfigError, match='guard.rate is 5; expected at least 50, at most 1000'):
        make(GuardNode, **{'guard.rate': 5.0})


def test_a_parameter_cannot_be_changed_while_running(make):
    node = make(GuardNode, profile='normal')
    (result,) = node.set_parameters([Parameter('profile', value='ceiling')])
    assert not result.successful and 'start the node again' in result.reason


def test_a_missing_bundle_fails_to_configure_and_may_be_asked_again(make, capfd):
    node = make(PolicyNode, **{'policy.bundle': '/nowhere/bundle'})
    for _ in range(2):
        assert node.trigger_configure() == FAILURE
    assert node._state_machine.current_state[1] == 'unconfigured'
    assert node.heard == []


def test_a_dataset_that_cannot_be_made_fails_to_configure(make, tmp_path):
    (tmp_path / 'file').write_text('')
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'file' / 'd'})
    assert node.trigger_configure() == FAILURE


def test_a_second_recorder_of_one_dataset_fails_to_configure(make, tmp_path):
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'd'})
    assert node.trigger_configure() == SUCCESS
    other = RecorderNode()
    assert other.trigger_configure() == FAILURE
    other.destroy_node()
    assert node.trigger_cleanup() == SUCCESS
    assert node.trigger_configure() == SUCCESS


def test_a_publisher_that_cannot_be_heard_keeps_the_guard_from_activating(make):
    node = make(GuardNode, **{'command.mode': 'velocity_array'})
    assert node.trigger_configure() == SUCCESS
    other = node.create_publisher(JointState, names.REQUEST, qos.SENSOR)
    wait(node, lambda: node.count_publishers(names.REQUEST) == 1)
    with pytest.raises(
        Exception,
        match="topic '/moto/policy/command_request' from 'moto_guard': "
        'reliability: offered best effort, wanted reliable',
    ):
        node.check_qos()
    assert node.trigger_activate() == FAILURE
    node.destroy_publisher(other)
    wait(node, lambda: node.count_publishers(names.REQUEST) == 0)
    assert node.trigger_activate() == SUCCESS


def test_a_dry_run_computes_and_commands_nothing(make):
    node = make(GuardNode, **{'command.mode': 'velocity_array', 'command.dry_run': 'true'})
    sent, said = [], []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription(
        type_of(node.commands), node.config.command.topic, sent.append, qos.COMMAND
    )
    node.create_subscription(JointState, names.EXECUTED, said.append, qos.LOG_READER)
    wait(node, lambda: len(said) > 20)
    assert sent == [] and all('dry_run' in m.header.frame_id for m in said)
    assert node.set_dry_run(False) == 'dry_run False'
    wait(node, lambda: len(sent) > 5)


def test_the_guard_cannot_be_armed_before_it_is_active(make):
    node = make(GuardNode)
    assert node.trigger_configure() == SUCCESS
    with pytest.raises(Exception, match='not active'):
        node.loop.arm()


class Still:
    """A simulation that counts its ticks."""

    def __init__(self):
        self.ticks, self.given = 0, []
        self.position = self.velocity = np.zeros(9)

    def set_velocity(self, velocity):
        self.given.append(velocity)

    def advance(self, ticks):
        self.ticks += ticks

    def render(self, camera, height, width):
        return np.full((height, width, 3), 9, np.uint8)

    def reward(self):
        return 0.0

    def success(self):
        return False


@pytest.fixture
def twin():
    from moto_core.guard.limits import load_robot

    loop = TwinLoop(Still(), load_robot('kitchen_sim').spec, 125.0, 0.0, 0.1)
    loop.start(10.0)
    return loop


def test_the_twin_gives_a_frame_every_period_whatever_the_calls(twin):
    times = []
    for now in (10.0, 10.013, 10.1, 10.18, 10.25):
        times += [seen.time for seen in twin.advance(now) if isinstance(seen, Frame)]
    assert times == pytest.approx([10.0, 10.08, 10.16, 10.24])
    assert twin.sim.ticks == 63  # 0.25 s and the tick at 10.248


def test_the_twin_leaves_time_behind_that_it_cannot_make_good(twin):
    list(twin.advance(10.0))
    list(twin.advance(11.0))
    assert twin.overruns == 1 and twin.sim.ticks == 27
    assert twin.time == pytest.approx(11.004)


def test_an_array_command_holds_until_the_watchdog(twin):
    twin.command(np.full(7, 0.5), 10.0)
    twin.gripper(np.full(2, 0.1), 10.0)
    assert twin.wanted(10.09).tolist() == [0.5] * 7 + [0.1] * 2
    assert not twin.wanted(10.11).any()


def test_a_trajectory_is_followed_to_its_rest(twin):
    twin.trajectory(np.array([0.1, 0.2]), np.array([[0.4] * 7, [0.0] * 7]), 10.0)
    assert [twin.wanted(10.0 + t)[0] for t in (0.05, 0.1, 0.15, 0.2, 0.3)] == pytest.approx(
        [0.4, 0.4, 0.2, 0.0, 0.0]
    )


def wait(node, condition, seconds=10):
    import time

    executor = SingleThreadedExecutor()
    executor.add_node(node)
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert condition()


def type_of(publisher):
    return publisher.msg_type
