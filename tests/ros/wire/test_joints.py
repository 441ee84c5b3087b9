import numpy as np
import pytest
from sensor_msgs.msg import JointState

from moto_core.errors import ObservationError
from moto_core.guard.brake import TrajectoryPoint
from moto_ros.wire.joints import joint_state, pick, trajectory, trajectory_points


def test_joints_are_mapped_by_name_whatever_their_order():
    message = JointState(name=['x', 'b', 'a'], position=[9.0, 2.0, 1.0], velocity=[9.0, 4.0, 3.0])
    position, velocity = pick(message, ['a', 'b'])
    assert (position.tolist(), velocity.tolist()) == ([1.0, 2.0], [3.0, 4.0])


def test_absent_velocities_are_zero():
    position, velocity = pick(JointState(name=['a'], position=[1.0]), ['a'])
    assert velocity.tolist() == [0.0]


@pytest.mark.parametrize(
    'message, text',
    [
        (JointState(name=['a'], position=[1.0]), r"lack \['b'\]"),
        (JointState(name=['a', 'b', 'a'], position=[1.0, 2.0, 3.0]), 'repeat a name'),
        (JointState(name=['a', 'b'], position=[1.0]), '2 names and 1 position values'),
        (JointState(name=['a', 'b'], position=[1.0, 2.0], velocity=[1.0]), '1 velocity values'),
    ],
)
def test_missing_repeated_or_short_joints_are_refused(message, text):
    with pytest.raises(ObservationError, match=text):
        pick(message, ['a', 'b'])


def test_a_joint_message_carries_stamp_and_names_and_no_frame():
    message = joint_state(['a', 'b'], 1_500_000_001, np.array([1.0, 2.0]))
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_001)
    assert (list(message.name), list(message.velocity)) == (['a', 'b'], [1.0, 2.0])
    assert message.header.frame_id == ''


def test_a_trajectory_comes_back_in_the_wanted_order():
    message = trajectory(
        ['a', 'b'],
        [
            TrajectoryPoint(0.25, [0.0, 0.0], [1.0, 2.0], [0.0, 0.0]),
            TrajectoryPoint(1.5, [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]),
        ],
    )
    times, velocities = trajectory_points(message, ['b', 'a'])
    assert times.tolist() == [0.25, 1.5]
    assert velocities.tolist() == [[2.0, 1.0], [0.0, 0.0]]


def test_a_trajectory_for_other_joints_is_refused():
    with pytest.raises(ObservationError, match=r"for \['a'\]; expected \['b'\]"):
        trajectory_points(trajectory(['a'], [TrajectoryPoint(0.1, [0.0], [0.0], [0.0])]), ['b'])
