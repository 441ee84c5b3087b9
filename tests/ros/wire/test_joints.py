import numpy as np
import pytest
from sensor_msgs.msg import JointState

from moto_core.errors import ObservationError
from moto_core.guard.brake import Knot
from moto_ros.wire.convert import to_ns
from moto_ros.wire.joints import asked, joint_state, pick, request, trajectory, trajectory_points


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


def test_a_request_carries_its_speed_scale_beside_the_joints():
    message = request(['a', 'b'], 1_500_000_001, np.array([1.0, 2.0]), 0.25)
    assert list(message.name) == ['a', 'b', 'speed_scale'] and to_ns(message.header.stamp)
    assert asked(message) == (['a', 'b'], [1.0, 2.0], 0.25)
    message.name, message.velocity = ['a', 'speed_scale', 'b'], [1.0, 0.25, 2.0]
    assert asked(message) == (['a', 'b'], [1.0, 2.0], 0.25), 'by name, not by place'


@pytest.mark.parametrize(
    'names, velocity',
    [
        (['a', 'b'], [1.0, 2.0]),
        (['a', 'speed_scale'], [1.0]),
        (['a', 'speed_scale', 'speed_scale'], [1.0, 0.5, 0.5]),
    ],
)
def test_without_one_speed_scale_a_request_comes_as_it_is(names, velocity):
    assert asked(JointState(name=names, velocity=velocity)) == (names, velocity, 1.0)


def knot(time, position, velocity):
    return Knot(time, np.array(position), np.array(velocity), np.zeros(len(position)))


def test_a_trajectory_is_stamped_with_its_first_points_time_on_the_ros_clock():
    knots = [knot(7.25, [0.0], [1.0]), knot(7.375, [0.5], [0.0])]
    message = trajectory(['a'], knots, ahead=1_000_000_000_123)
    assert to_ns(message.header.stamp) == 1_007_250_000_123
    first, last = message.points
    assert (first.time_from_start.sec, first.time_from_start.nanosec) == (0, 0)
    assert (last.time_from_start.sec, last.time_from_start.nanosec) == (0, 125_000_000)
    assert (list(last.positions), list(last.velocities)) == ([0.5], [0.0])
    assert not last.accelerations, 'a controller would interpolate by quintics'


def test_a_trajectory_comes_back_in_the_wanted_order():
    knots = [knot(0.25, [0.0, 3.0], [1.0, 2.0]), knot(1.5, [1.0, 4.0], [0.0, 0.0])]
    message = trajectory(['a', 'b'], knots, ahead=2_000_000_000)
    times, positions, velocities = trajectory_points(message, ['b', 'a'], received=9.0)
    assert times.tolist() == [2.25, 3.5]
    assert positions.tolist() == [[3.0, 0.0], [4.0, 1.0]]
    assert velocities.tolist() == [[2.0, 1.0], [0.0, 0.0]]


def test_a_trajectory_without_a_stamp_begins_when_it_is_received():
    message = trajectory(['a'], [knot(0.0, [0.0], [0.0]), knot(1.0, [0.0], [0.0])], ahead=0)
    assert trajectory_points(message, ['a'], received=9.0)[0].tolist() == [9.0, 10.0]


def test_a_trajectory_for_other_joints_or_without_velocities_is_refused():
    message = trajectory(['a'], [knot(0.1, [0.0], [0.0])], ahead=0)
    with pytest.raises(ObservationError, match=r"for \['a'\]; expected \['b'\]"):
        trajectory_points(message, ['b'], received=0.0)
    message.points[0].velocities = []
    with pytest.raises(ObservationError, match='1 positions and velocities'):
        trajectory_points(message, ['a'], received=0.0)
    message.points = []
    with pytest.raises(ObservationError, match='has 0 points'):
        trajectory_points(message, ['a'], received=0.0)
