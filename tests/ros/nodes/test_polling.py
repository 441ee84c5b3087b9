"""What a node polls is as old as it is, however late it is looked at."""

import time

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState, Joy

from moto_ros.nodes.guard import GuardNode
from moto_ros.nodes.policy import PolicyNode
from moto_ros.nodes.teleop import TeleopNode
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.joints import joint_state
from moto_ros.wire.polling import Polling
from tests.ros.nodes.waiting import wait

SUCCESS = TransitionCallbackReturn.SUCCESS
ARRAYS = {'record.source': 'sim', 'command.mode': 'velocity_array'}
LONG = 1.0  # [s] that nobody looks
HOUR = 3600 * 10**9  # [ns]


@pytest.fixture
def heard(make):
    """Makes an active node; returns it, and what has an arm say its joints, long ago then."""

    def begin(kind, **parameters):
        node = make(kind, **parameters)
        assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
        topic = interface.JOINT_STATES
        arm = node.create_publisher(topic.type, topic.name, topic.publisher)
        wait(node, lambda: arm.get_subscription_count() > 0)

        def says(stamp):
            arm.publish(joint_state(node.robot.spec.names, stamp, np.zeros(9), np.zeros(9)))
            time.sleep(LONG)
            return node.steady_now()

        return node, says

    return begin


@pytest.mark.parametrize('stamped', [False, True])
def test_joints_that_nobody_looked_at_are_no_fresh_ones_to_the_guard(heard, stamped):
    node, says = heard(GuardNode, **ARRAYS)
    now = says(node.now() if stamped else 0)
    node.inputs.poll()
    joints = node.loop.inbox.joints
    assert now - LONG - 0.1 < joints.received < now - 0.8 * LONG
    assert joints.stamp == pytest.approx(joints.received, abs=0.1)


def test_a_clock_that_was_set_makes_no_message_older_than_the_last_look(heard, monkeypatch):
    node, says = heard(GuardNode, **ARRAYS)
    for ahead in (HOUR, -HOUR):
        now = says(0) - LONG
        node.inputs.poll()  # finds it, and then nothing
        says(0)
        real = time.time_ns
        monkeypatch.setattr(time, 'time_ns', lambda ahead=ahead, real=real: real() + ahead)
        node.inputs.poll()
        monkeypatch.undo()
        assert now < node.loop.inbox.joints.received <= node.steady_now()


@pytest.mark.parametrize('stamped', [False, True])
def test_a_person_drives_no_arm_by_joints_that_nobody_looked_at(heard, stamped):
    node, says = heard(TeleopNode)
    now = says(node.now() if stamped else 0)
    node.polling.poll()
    assert now - LONG - 0.1 < node._measured < now - 0.8 * LONG


def test_a_policy_takes_joints_without_a_stamp_for_as_old_as_they_are(heard):
    node, says = heard(PolicyNode, **{'policy.bundle': 'random'})
    taken = []
    node.loop.joints = lambda position, velocity, stamp: taken.append(stamp)
    says(0)
    before = node.now()
    node.inputs.silent()
    assert before - 1.1e9 * LONG < taken[-1] < before - 0.8e9 * LONG


def test_joints_that_lie_there_are_taken_before_an_image_is_acted_on(heard):
    node, says = heard(PolicyNode, **{'policy.bundle': 'random'})
    taken = []
    node.loop.joints = lambda *joints: taken.append('joints')
    node.inputs._step = lambda: taken.append('step')
    says(node.now())
    node.inputs.on_image(
        'front', node.inputs.to_rgb, from_rgb(np.zeros((64, 64, 3), np.uint8), node.now(), 'front')
    )
    assert taken == ['joints', 'step']


def test_joints_that_lie_there_are_taken_before_a_joystick_is_followed(heard):
    node, says = heard(TeleopNode)
    says(node.now())
    node.on_joy(Joy(axes=[0.0] * 8, buttons=[0] * 11))
    assert node._measured > -np.inf


def test_the_arms_joints_are_put_beside_the_newest_of_the_fingers(make):
    node = make(PolicyNode, **{'policy.bundle': 'random', 'gripper.joint_states': 'fingers'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    taken, sensor = [], interface.SENSOR
    node.loop.joints = lambda position, *_: taken.append(position[-1])
    arm = node.create_publisher(JointState, 'joint_states', sensor)
    fingers = node.create_publisher(JointState, 'fingers', sensor)
    wait(node, lambda: arm.get_subscription_count() and fingers.get_subscription_count())
    spec = node.robot.spec
    for opened in (0.01, 0.03):
        stamp = node.now()
        arm.publish(joint_state(spec.joints, stamp, np.zeros(7), np.zeros(7)))
        fingers.publish(joint_state(spec.gripper, stamp, np.zeros(2), np.full(2, opened)))
        time.sleep(0.5)
        node.inputs.silent()
    assert taken == [0.01, 0.03]


@pytest.mark.parametrize('publishers', [1, 2])
def test_what_one_publisher_numbers_is_counted_and_of_two_nothing_is(make, publishers):
    node, lost = make(GuardNode, **ARRAYS), []
    polling = Polling(node, lambda name, count: lost.append((name, count)))
    topic = interface.REQUEST.at('numbered')
    assert topic.subscription.depth < 5
    polling.subscribe(topic, lambda data, waited: None)
    ends = [
        node.create_publisher(topic.type, topic.name, topic.publisher) for _ in range(publishers)
    ]
    wait(node, lambda: all(end.get_subscription_count() for end in ends))
    for _ in range(5):
        for end in ends:
            for _ in range(4):
                end.publish(topic.type())
        time.sleep(0.2)
        polling.poll()
    assert bool(lost) is (publishers == 1)
    assert all(name == '/numbered' for name, _ in lost)
