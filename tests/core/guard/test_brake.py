"""Rule 8: whatever a trajectory begins with, it ends at rest and within the limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.errors import MotoError
from moto_core.guard.brake import trajectory_to_rest
from moto_core.guard.limits import load_robot, resolve
from tests.core.guard.guard_rig import Rig

FR3 = load_robot('fr3')
NORMAL = resolve(FR3, 'normal')


def test_one_joint_goes_on_for_the_horizon_and_stops_as_the_formula_says():
    points = trajectory_to_rest(NORMAL, FR3.home, [0.5, *[0.0] * 6], horizon=0.04, interval=0.02)
    assert [p.time_from_start for p in points[:2]] == pytest.approx([0.02, 0.04])
    assert [p.velocity[0] for p in points[:2]] == pytest.approx([0.5, 0.5])
    end = points[-1]
    assert end.time_from_start == pytest.approx(0.04 + 0.5 / 5 + 5 / 500)  # v/b + b/j
    assert end.position[0] == pytest.approx(0.02 + 0.025 + 0.0025)  # v h, v^2/2b, v b/2j
    assert end.velocity == [0.0] * 7
    assert end.acceleration == [0.0] * 7
    assert end.position[1:] == pytest.approx(FR3.home[1:])


def test_joints_stop_along_a_line():
    velocity = np.array([0.4, -0.2, 0.1, 0.0, 0.4, -0.4, 0.3])
    points = trajectory_to_rest(NORMAL, FR3.home, velocity, horizon=0.0)
    assert points[-1].position - np.array(FR3.home) == pytest.approx(
        velocity * (points[-1].position[0] - FR3.home[0]) / 0.4, abs=1e-9
    )


def test_a_joint_with_less_room_stops_by_itself():
    position = np.array(FR3.home)
    position[1] = NORMAL.q_max[1] - NORMAL.margin - 0.01  # 0.2^2 / 10 + 0.001 is half of it
    velocity = np.array([1.0, 0.2, *[0.0] * 5])  # along a line it would take 0.021
    end = trajectory_to_rest(NORMAL, position, velocity, horizon=0.0)[-1]
    assert end.position[1] <= NORMAL.q_max[1] - NORMAL.margin
    assert end.position[0] == pytest.approx(0.105)


def test_the_horizon_is_left_out_where_it_would_lead_outside():
    position = np.array(FR3.home)
    position[0] = NORMAL.q_max[0] - NORMAL.margin - 0.03  # 0.5: 0.0275 to stop, 0.02 horizon
    end = trajectory_to_rest(NORMAL, position, [0.5, *[0.0] * 6], horizon=0.04)[-1]
    assert end.time_from_start == pytest.approx(0.11)
    assert end.position[0] <= NORMAL.q_max[0] - NORMAL.margin


def test_an_arm_at_rest_gets_one_point_where_it_is():
    points = trajectory_to_rest(NORMAL, FR3.home, [0.0] * 7)
    assert len(points) == 1
    assert points[0].time_from_start > 0.0
    assert points[0].position == FR3.home


@pytest.mark.parametrize(
    'bad',
    [
        {'velocity': [float('nan')] * 7},
        {'position': [0.0] * 6},
        {'velocity': [1e400] * 7},
        {'acceleration': [0.0]},
        {'interval': 0.0},
        {'horizon': -1.0},
    ],
)
def test_what_no_trajectory_can_begin_with_is_refused(bad):
    arguments = {'position': FR3.home, 'velocity': [0.1] * 7} | bad
    with pytest.raises(MotoError, match='expected'):
        trajectory_to_rest(NORMAL, **arguments)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    velocity=st.lists(st.floats(-1, 1), min_size=7, max_size=7),
    acceleration=st.lists(st.sampled_from([0.0, 1.0, -1.0, 0.3]), min_size=7, max_size=7),
    horizon=st.sampled_from([0.0, 0.004, 0.04, 0.1]),
    interval=st.floats(0.004, 0.05),
    profile=st.sampled_from(['commissioning', 'normal', 'ceiling']),
)
def test_every_trajectory_ends_at_rest_within_brake_and_jerk(
    velocity, acceleration, horizon, interval, profile
):
    limits = resolve(FR3, profile)
    start = np.array(velocity) * limits.dq, np.array(acceleration) * limits.acceleration
    points = trajectory_to_rest(limits, FR3.home, *start, horizon, interval)
    assert points[-1].velocity == [0.0] * 7
    times = np.array([0.0, *[p.time_from_start for p in points]])
    gaps = np.diff(times)
    assert (gaps > 0).all()
    assert gaps.max() <= max(interval, 1e-3) + 1e-9
    rows = [
        np.array([first, *[getattr(p, name) for p in points]])
        for first, name in (
            (FR3.home, 'position'),
            (start[0], 'velocity'),
            (start[1], 'acceleration'),
        )
    ]
    position, speed, change = rows
    most = max(limits.acceleration, limits.brake)
    assert abs(change).max() <= most + 1e-6
    assert (abs(np.diff(speed, axis=0)) <= most * gaps[:, None] + 1e-6).all()
    assert (abs(np.diff(change, axis=0)) <= limits.jerk * gaps[:, None] + 1e-6).all()
    fastest = np.maximum(abs(speed[:-1]), abs(speed[1:])) + most**2 / limits.jerk
    assert (abs(np.diff(position, axis=0)) <= fastest * gaps[:, None] + 1e-9).all()


def test_between_its_points_a_cubic_keeps_fr3s_acceleration():
    points = trajectory_to_rest(NORMAL, FR3.home, NORMAL.dq, horizon=0.04, interval=0.02)
    last = np.zeros(7), np.array(FR3.home), NORMAL.dq
    for point in points:
        h = point.time_from_start - last[0][0]
        q0, v0, q1, v1 = last[1], last[2], np.array(point.position), np.array(point.velocity)
        mean = (q1 - q0) / h
        ends = (6 * mean - 4 * v0 - 2 * v1) / h, (2 * v0 + 4 * v1 - 6 * mean) / h
        assert np.abs(ends).max() <= 10.0
        last = np.full(7, point.time_from_start), q1, v1


def test_from_anything_the_guard_lets_out_the_stop_keeps_the_margin():
    rig = Rig('fr3', 'normal')
    rig.position = np.array([2.0, 1.2, 2.3, -0.9, 2.0, 3.6, 2.2])
    checked = 0
    for k in range(300):
        rig.run(rig.spec.scale, 0.004)
        acceleration = np.array(rig.state.acceleration)
        if k % 5 == 0 and rig.velocity.any():
            end = trajectory_to_rest(rig.limits, rig.position, rig.velocity, acceleration)[-1]
            assert (np.array(end.position) <= rig.limits.q_max - rig.limits.margin + 1e-6).all()
            checked += 1
    assert checked > 50
    assert (rig.limits.q_max - rig.position < 0.11).any()  # it went to where it matters
