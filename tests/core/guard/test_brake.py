"""Rule 8: whatever a trajectory begins with, it ends at rest and within the limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.errors import MotoError
from moto_core.guard.brake import LEAST, Knot, stop_from
from moto_core.guard.limits import load_robot, resolve
from moto_core.guard.reference import between
from tests.core.guard.guard_rig import Rig

FR3 = load_robot('fr3')
NORMAL = resolve(FR3, 'normal')
HOME = np.array(FR3.home)


def start(velocity, position=HOME, acceleration=(0.0,) * 7, time=0.0):
    return Knot(time, np.array(position), np.array(velocity, float), np.array(acceleration, float))


def test_one_joint_stops_as_the_formula_says_with_a_knot_where_the_jerk_changes():
    knots = stop_from(NORMAL, start([0.5, *[0.0] * 6], time=2.0))
    # b/j = 0.01 s to reach the brake, v/b - b/j = 0.09 s at it, 0.01 s to leave it
    assert [knot.time for knot in knots] == pytest.approx([2.01, 2.10, 2.11])
    assert [knot.velocity[0] for knot in knots] == pytest.approx([0.475, 0.025, 0.0])
    assert [knot.acceleration[0] for knot in knots] == pytest.approx([-5.0, -5.0, 0.0])
    assert knots[-1].position[0] == pytest.approx(0.025 + 0.0025)  # v^2/2b, v b/2j
    assert not knots[-1].velocity.any() and not knots[-1].acceleration.any()
    assert knots[-1].position[1:] == pytest.approx(FR3.home[1:])


def test_joints_stop_along_a_line():
    velocity = np.array([0.4, -0.2, 0.1, 0.0, 0.4, -0.4, 0.3])
    end = stop_from(NORMAL, start(velocity))[-1]
    assert end.position - HOME == pytest.approx(velocity * end.position[0] / 0.4, abs=1e-9)


def test_a_joint_with_less_room_stops_by_itself():
    position = HOME.copy()
    position[1] = NORMAL.q_max[1] - NORMAL.margin - 0.01  # 0.2^2 / 10 + 0.001 is half of it
    velocity = [1.0, 0.2, *[0.0] * 5]  # along a line it would take 0.021
    end = stop_from(NORMAL, start(velocity, position))[-1]
    assert end.position[1] <= NORMAL.q_max[1] - NORMAL.margin
    assert end.position[0] == pytest.approx(0.105)


def test_a_stop_that_is_not_found_along_a_line_is_made_joint_by_joint():
    # ruckig finds no synchronised profile of these, 1e-17 rad/s from one joint to the next
    velocity = [-0.01119999999999979, -0.005599999999999895, -0.008399999999999885]
    velocity += [-0.006999999999999951, -0.0139999999999999, -0.008399999999999885]
    velocity += [-0.0139999999999999]
    acceleration = [4.000000000000002, 2.000000000000001, 3.000000000000002, 2.500000000000002]
    acceleration += [5.000000000000004, 3.000000000000002, 5.000000000000004]
    panda = resolve(load_robot('panda'), 'normal')
    knots = stop_from(panda, start(velocity, acceleration=acceleration))
    assert not knots[-1].velocity.any() and not knots[-1].acceleration.any()
    assert max(abs(knots[-1].position - HOME)) < 2e-4 and knots[-1].time < 0.03


def test_an_arm_at_rest_stands_where_it_is():
    (knot,) = stop_from(NORMAL, start([0.0] * 7, time=3.0))
    assert knot.time > 3.0 and knot.position.tolist() == FR3.home


@pytest.mark.parametrize(
    'bad',
    [
        {'velocity': [float('nan')] * 7},
        {'position': [0.0] * 6},
        {'velocity': [1e400] * 7},
        {'acceleration': [0.0]},
    ],
)
def test_what_no_stop_can_begin_with_is_refused(bad):
    with pytest.raises(MotoError, match='expected 7 finite numbers'):
        stop_from(NORMAL, start(**{'velocity': [0.1] * 7, **bad}))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    velocity=st.lists(st.floats(-1, 1), min_size=7, max_size=7),
    acceleration=st.lists(st.sampled_from([0.0, 1.0, -1.0, 0.3]), min_size=7, max_size=7),
    profile=st.sampled_from(['commissioning', 'normal', 'ceiling']),
)
def test_between_its_knots_a_cubic_keeps_brake_and_jerk(velocity, acceleration, profile):
    limits = resolve(FR3, profile)
    first = start(
        np.array(velocity) * limits.dq, HOME, np.array(acceleration) * limits.acceleration
    )
    knots = [first, *stop_from(limits, first)]
    assert (np.diff([knot.time for knot in knots]) > 0).all()
    assert not knots[-1].velocity.any()
    most = max(limits.acceleration, limits.brake)
    for one, other in zip(knots, knots[1:]):
        ends = [between(one, other, time) for time in (one.time, other.time)]
        change = ends[1].acceleration - ends[0].acceleration
        assert max(abs(end.acceleration).max() for end in ends) <= most * 1.001
        assert abs(change).max() <= limits.jerk * (other.time - one.time) * 1.02 + 1e-6
        for end, knot in zip(ends, (one, other)):  # no step of acceleration at a knot
            assert end.acceleration == pytest.approx(
                knot.acceleration, abs=2 * limits.jerk * LEAST
            )


def test_from_anything_the_guard_lets_out_the_stop_keeps_the_margin():
    rig = Rig('fr3', 'normal')
    rig.position = np.array([2.0, 1.2, 2.3, -0.9, 2.0, 3.6, 2.2])
    checked = 0
    for k in range(300):
        rig.run(rig.spec.scale, 0.004)
        if k % 5 == 0 and rig.velocity.any():
            first = start(rig.velocity, rig.position, rig.state.acceleration)
            end = stop_from(rig.limits, first)[-1]
            assert (end.position <= rig.limits.q_max - rig.limits.margin + 1e-6).all()
            checked += 1
    assert checked > 50
    assert (rig.limits.q_max - rig.position < 0.11).any()  # it went to where it matters
