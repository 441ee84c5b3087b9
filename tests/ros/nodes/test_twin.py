"""The simulated robot's node: modes, recovery, and parameters that are set while it runs."""

import time

import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParametersAtomically
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from moto_core.fields import list_keys
from moto_core.guard.brake import Knot
from moto_ros.config import RosConfig
from moto_ros.messages import SceneReset, from_json
from moto_ros.nodes.twin import DISTURBANCE, TwinNode
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns
from moto_ros.wire.joints import trajectory
from tests.ros.nodes.test_params import ask
from tests.ros.nodes.waiting import wait

SUCCESS = TransitionCallbackReturn.SUCCESS
KEYS = [key.name for key in list_keys(RosConfig()) if key.name.startswith(DISTURBANCE)]


@pytest.fixture
def twin(make):
    """The node, active, and what it says of the robot."""
    node, node.heard = make(TwinNode), []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.ROBOT_STATE, node.heard.append)
    return node


def change(node, **values):
    """Sets parameters below twin.disturbance by their service, all or none; returns the answer."""
    kinds = {bool: (1, 'bool_value'), float: (3, 'double_value')}
    parameters = []
    for name, value in values.items():
        number, field = kinds[type(value)]
        found = ParameterValue(**{'type': number, field: value})
        name = f'{DISTURBANCE}.{name.replace("__", ".")}'
        parameters.append(Parameter(name=name, value=found))
    service = 'set_parameters_atomically'
    return ask(node, SetParametersAtomically, service, parameters=parameters).result


def test_a_command_that_is_not_finite_stops_the_arm_until_it_is_recovered(twin):
    commands = twin.create_publisher(Float64MultiArray, 'joint_velocity_controller/commands', 1)
    wait(twin, lambda: commands.get_subscription_count() and twin.heard)
    assert (twin.heard[-1].mode, twin.heard[-1].errors) == ('idle', ())
    commands.publish(Float64MultiArray(data=[0.0] * 6 + [float('nan')]))
    wait(twin, lambda: twin.heard[-1].mode == 'reflex')
    assert twin.heard[-1].errors == ('command_not_finite',)

    def asked():
        commands.publish(Float64MultiArray(data=[0.2] * 7))
        return len(twin.heard) > count + 5

    count = len(twin.heard)
    wait(twin, asked)
    assert np.abs(twin.sim.velocity[:7]).max() < 0.05 and twin.heard[-1].mode == 'reflex'
    assert ask(twin, Trigger, 'error_recovery').message == 'recovered from reflex'
    wait(twin, lambda: twin.heard[-1].mode == 'idle')
    wait(twin, lambda: asked() and np.abs(twin.sim.velocity[:7]).max() > 0.1)
    wait(twin, lambda: asked() and twin.heard[-1].mode == 'move')


def test_the_user_stop_is_a_service_and_recovery_waits_for_its_release(twin):
    assert ask(twin, SetBool, 'user_stop', data=True).message == 'user_stop True'
    wait(twin, lambda: twin.heard and twin.heard[-1].mode == 'user_stopped')
    answer = ask(twin, Trigger, 'error_recovery')
    assert not answer.success and 'release it' in answer.message
    assert ask(twin, SetBool, 'user_stop', data=False).success
    assert ask(twin, Trigger, 'error_recovery').success


def seeds(node, count):
    return [from_json(SceneReset, ask(node, Trigger, 'reset').message).seed for _ in range(count)]


def test_the_first_reset_is_to_the_seed_it_started_with_while_nothing_has_moved_the_arm(twin):
    first = twin.config.twin.seed
    twin.loop.command(np.zeros(7), twin.steady_now())
    wait(twin, lambda: twin.loop.arm.mode == 'move')
    assert (twin.started, seeds(twin, 3)) == (first, [first, first + 1, first + 2])


@pytest.mark.parametrize('what', ['arm', 'fingers'])
def test_a_scene_that_was_used_is_not_begun_again_by_the_first_reset(twin, what):
    first, command = twin.config.twin.seed, twin.loop.command
    if what == 'fingers':
        command = twin.loop.gripper

    def moves():
        command(np.full(7 if what == 'arm' else 2, 0.01), twin.steady_now())
        return twin.loop.used

    assert not twin.loop.used
    wait(twin, moves)
    assert seeds(twin, 2) == [first + 1, first + 2] and twin.started == first + 2


def test_what_is_wrong_with_the_robot_may_be_set_at_any_time_and_nothing_else(make):
    node = make(TwinNode)
    wanted = ask(node, DescribeParameters, 'describe_parameters', names=[*KEYS, 'twin.watchdog'])
    *found, watchdog = wanted.descriptors
    assert len(found) == 11 and watchdog.read_only and not any(one.read_only for one in found)
    assert all('may be set while the node runs' in one.additional_constraints for one in found)
    (lag,) = [one for one in found if one.name == 'twin.disturbance.lag']
    assert (lag.floating_point_range[0].to_value, lag.description[:3]) == (0.1, '[s]')
    assert change(node, lag=0.02, camera__frozen=True).successful
    assert node.trigger_configure() == SUCCESS, 'also before it is configured'
    assert node.loop.disturbance.lag == 0.02 and node.loop.disturbance.camera.frozen
    assert change(node, lag=0.04, joints__latency=0.1).successful
    assert node.loop.disturbance.lag == 0.04 and node.loop.disturbance.joints.latency == 0.1
    assert node.get_parameter('twin.disturbance.lag').value == 0.04


@pytest.mark.parametrize('value', [0.2, -0.01, float('nan')])
def test_a_disturbance_out_of_its_range_is_refused_and_none_of_the_others_is_set(make, value):
    node = make(TwinNode)
    answer = change(node, clock_offset=0.3, lag=value)
    assert not answer.successful and 'twin.disturbance.lag' in answer.reason
    assert node.config.twin.disturbance.lag == node.config.twin.disturbance.clock_offset == 0.0


def test_a_clock_offset_set_while_it_runs_shows_in_the_stamps(twin):
    stamps = []
    twin.create_subscription(
        JointState,
        'joint_states',
        lambda message: stamps.append((to_ns(message.header.stamp) - twin.now()) * 1e-9),
        interface.SENSOR,
    )
    wait(twin, lambda: len(stamps) > 3)
    assert -0.1 < max(stamps) < 0.02
    assert change(twin, clock_offset=0.4).successful
    wait(twin, lambda: max(stamps) > 0.3)
    assert max(stamps) < 0.42


def test_every_trajectory_that_came_is_heard_before_a_step_with_when_it_was_sent(twin):
    joints, heard = twin.robot.spec.joints, []
    twin.loop.trajectory = lambda points, sent: heard.append((points, sent)) or ''
    topic = interface.TRAJECTORY.at('panda_arm_controller/joint_trajectory')
    publisher = twin.create_publisher(topic.type, topic.name, interface.LOG)
    wait(twin, publisher.get_subscription_count)
    home = np.array(twin.robot.home)
    for first in (1.0, 2.0, 3.0):
        rest = Knot(time=first, position=home, velocity=np.zeros(7), acceleration=np.zeros(7))
        knots = [rest, rest._replace(time=first + 1.0)]
        publisher.publish(trajectory(joints, knots, twin.inputs.ahead))
    end = time.monotonic() + 10.0
    while len(heard) < 3 and time.monotonic() < end:
        twin.on_tick()  # no executor hands a message over
    assert [points.times[0] for points, _ in heard] == pytest.approx([1.0, 2.0, 3.0], abs=0.01)
    sent = [sent for _, sent in heard]
    assert sent == sorted(sent) and abs(sent[0] - twin.steady_now()) < 10.0
