"""What the simulated arm checks of its commands: each name just above its limit, none just below.

FR3's joint 1: within 2.7437 rad, 2.62 rad/s, 10 rad/s^2, 5000 rad/s^3; T = 1 ms.
"""

import numpy as np
import pytest

from moto_core.guard.limits import load_robot
from moto_sim.reflexes import (
    ACCELERATION,
    JERK,
    NOT_FINITE,
    POSITION,
    VELOCITY,
    Reflexes,
    velocity_limits,
)

FR3, PANDA = load_robot('fr3'), load_robot('panda')
HOME = np.array(FR3.home)
T = 0.001
JUST = [(0.999, False), (1.001, True)]


def moved(first):
    """The home pose with joint 1 elsewhere [rad]."""
    return np.array([first, *HOME[1:]])


def spin(speed):
    """Joint 1 at a speed [rad/s], the others at rest."""
    return np.array([speed, *np.zeros(6)])


def judge(*accelerations, begin=0.0, speed=0.0, robot=FR3, arrays=False):
    """What is said of the last command of a path with joint 1's accelerations [rad/s^2]."""
    reflexes = Reflexes(robot.limits)
    reflexes.begin(moved(begin), spin(speed))
    for acceleration in accelerations:
        speed = speed + acceleration * T
        begin = begin + speed * T
        found = reflexes.judge(moved(begin), spin(speed) if arrays else None)
    return found


@pytest.mark.parametrize('arrays', [False, True])
@pytest.mark.parametrize('sign', [1, -1])
@pytest.mark.parametrize('factor, above', JUST)
def test_jerk_acceleration_and_speed_have_libfrankas_names(factor, above, sign, arrays):
    step, rise = sign * 5.0, sign * 10.0  # [rad/s^2] 5000 rad/s^3 is 5 rad/s^2 a millisecond
    assert judge(factor * step, arrays=arrays) == (JERK,) * above
    assert judge(0.9 * step, 1.8 * step, factor * rise, arrays=arrays) == (ACCELERATION,) * above
    fast = sign * factor * 2.62
    assert judge(0.0, speed=fast, arrays=arrays) == (VELOCITY,) * above


@pytest.mark.parametrize('factor, above', JUST)
def test_each_joint_of_a_panda_has_an_acceleration_of_its_own(factor, above):
    for joint, most in enumerate(PANDA.limits.ddq_max):
        reflexes = Reflexes(PANDA.limits)
        reflexes.begin(HOME, np.zeros(7))
        speed = np.zeros(7)
        for share in (0.4, 0.8, factor):  # of ddq_max; 500 times it is dddq_max
            speed[joint] += share * most * T
            found = reflexes.judge(HOME, speed.copy())
        assert found == (ACCELERATION,) * above


def test_beyond_a_position_limit_only_motion_inwards_is_let_through():
    edge = 2.8973  # Panda's, whose speed does not depend on the position
    assert judge(0.0, begin=edge - 2e-4, speed=0.1, robot=PANDA) == ()
    assert judge(0.0, begin=edge - 5e-5, speed=0.1, robot=PANDA) == (POSITION,)
    assert judge(0.0, begin=edge + 0.01, speed=-0.1, robot=PANDA) == ()
    assert judge(0.0, begin=edge + 0.01, robot=PANDA) == ()
    assert judge(0.0, begin=-edge - 0.01, speed=-0.1, robot=PANDA) == (POSITION,)


def test_fr3s_speed_toward_a_limit_depends_on_the_position():
    position = moved(2.7501 - 0.75)  # 12 * 0.75 = 9, less 0.3: 2.7 rad/s, more than 2.62
    low, high = velocity_limits(FR3.limits, position)
    assert (high[0], low[0]) == (2.62, -2.62)
    _, high = velocity_limits(FR3.limits, moved(2.7501 - 0.12))
    assert high[0] == pytest.approx(0.9)  # sqrt(1.44) - 0.3
    low, _ = velocity_limits(FR3.limits, moved(-2.7501 + 0.12))
    assert low[0] == pytest.approx(-0.9)
    near = 2.7501 - 0.12
    assert judge(0.0, begin=near - 0.9e-3, speed=0.899) == ()
    assert judge(0.0, begin=near - 0.9e-3, speed=0.901) == (VELOCITY,)
    assert judge(0.0, begin=near, speed=-2.6) == ()
    assert judge(0.0, begin=near, speed=0.901, robot=PANDA) == ()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_and_nothing_else_is_said(value):
    reflexes = Reflexes(FR3.limits)
    reflexes.begin(HOME, np.zeros(7))
    assert reflexes.judge(moved(value)) == (NOT_FINITE,)
    assert reflexes.judge(HOME, spin(value)) == (NOT_FINITE,)
    assert reflexes.judge(HOME) == ()  # the next one is held against the last good one


def test_after_forgetting_differences_are_judged_as_they_become_known():
    reflexes = Reflexes(FR3.limits)
    reflexes.begin(HOME, np.zeros(7))
    reflexes.forget()
    assert reflexes.judge(moved(0.5)) == ()
    assert reflexes.judge(moved(0.5 + 2.0 * T)) == ()  # no acceleration yet
    assert reflexes.judge(moved(0.5 + 4.0 * T)) == ()
    assert reflexes.judge(moved(0.5 + 4.0 * T)) == (ACCELERATION, JERK)
