"""The curve that an arm is led along: the guard's own acceleration and jerk, at any time."""

import numpy as np
import pytest

from moto_core.guard.limits import load_robot, resolve
from moto_core.guard.reference import Reference, between

FR3 = load_robot('fr3')
NORMAL = resolve(FR3, 'normal')
HOME = np.array(FR3.home)
TICK, DELAY = 0.004, 0.034


def reference(velocities=(), time=0.0):
    """Led by joint 1 alone."""
    made = Reference(NORMAL, TICK, DELAY, time, HOME)
    for velocity in velocities:
        made.push(np.array([velocity, *[0.0] * 6]))
    return made


def test_knots_by_hand():
    # a = (v_k - v_(k-1)) / dt: 2, 4, 0; v: means of two ticks; q: v dt + (2 a + a') dt^2 / 6
    made = reference([0.008, 0.024, 0.024])
    first, second, third, fourth = made.message()[:4]
    assert first.position[0] == 0 and not first.velocity.any()
    assert [k.time for k in (second, third, fourth)] == pytest.approx([0.004, 0.008, 0.012])
    assert [k.acceleration[0] for k in (second, third, fourth)] == pytest.approx([2, 4, 0])
    assert [k.velocity[0] for k in (second, third, fourth)] == pytest.approx([0.004, 0.016, 0.024])
    ways = np.diff([k.position[0] for k in (first, second, third, fourth)])
    expected = [2, 0.004 * 0.004 * 6e6 / 16 + 8, 0.016 * 0.004 * 6e6 / 16 + 8]
    assert ways == pytest.approx(np.array(expected) * 16e-6 / 6)


def test_between_two_knots_the_acceleration_goes_linearly_from_one_to_the_other():
    knots = reference([0.008, 0.024, 0.03]).message()
    for first, last in zip(knots[:3], knots[1:4]):
        for share in (0.0, 0.25, 1.0):
            motion = between(first, last, first.time + share * TICK)
            wanted = (1 - share) * first.acceleration + share * last.acceleration
            assert motion.acceleration == pytest.approx(wanted, abs=1e-9)


def test_a_message_holds_the_moments_that_are_still_ahead_and_ends_at_rest():
    made = reference(np.minimum(0.008 * np.arange(1, 61), 0.4), time=5.0)
    knots = made.message()
    now = made.newest  # the tick of the last knot
    assert now == pytest.approx(5.0 + 60 * TICK)
    assert now - DELAY - 3 * TICK < knots[0].time <= now - DELAY  # passed when it is sent
    assert not knots[-1].velocity.any()
    assert len(knots) < 20


def test_the_curve_is_the_same_whichever_message_it_is_read_from():
    velocities = 0.3 * np.sin(0.02 * np.arange(80)) ** 2
    for count in (50, 60, 74):
        part, later = reference(velocities[:count]), reference(velocities[: count + 5])
        for time in np.linspace(later.message()[0].time, part.newest, 9):
            assert part.at(time).position == pytest.approx(later.at(time).position, abs=1e-12)


def test_before_it_begins_the_arm_stands_and_after_its_stop_it_rests():
    made = reference([0.008, 0.024], time=1.0)
    assert made.at(0.5).position == pytest.approx(HOME) and not made.at(0.5).velocity.any()
    rest = made.at(9.0)
    assert not rest.velocity.any() and not rest.acceleration.any()
    assert rest.position[0] > 0 and made.ends < 1.2
