"""The simulated arm brakes by itself, says why, and follows nothing until it is recovered."""

import numpy as np
import pytest

from moto_core.guard.limits import load_robot
from moto_sim.franka import (
    ALL,
    IDLE,
    MOVE,
    NONE,
    REFLEX,
    USER_STOPPED,
    Command,
    FrankaArm,
    RecoveryError,
)
from moto_sim.reflexes import ACCELERATION, JERK, NOT_FINITE, SILENCE

FR3 = load_robot('fr3')
HOME = np.array(FR3.home)
STILL = np.zeros(7)


def spin(speed):
    """A velocity of joint 1 [rad/s]."""
    return Command(np.array([speed, *np.zeros(6)]))


def led(position, speed=0.0):
    """A position and velocity of joint 1."""
    return Command(spin(speed).velocity, np.array([position, *HOME[1:]]))


def start(judged='by_mode', speed=0.0):
    """An arm that follows velocities, joint 1 at a speed [rad/s]."""
    arm = FrankaArm(FR3.limits, judged)
    arm.follow(spin(speed), HOME)
    return arm


def test_it_is_idle_until_somebody_commands_and_follows_exactly():
    arm = FrankaArm(FR3.limits)
    assert arm.follow(None, HOME).velocity.tolist() == [0.0] * 7 and arm.mode == IDLE
    told = led(1e-6, 1e-3)
    assert arm.follow(told, HOME) is told and arm.mode == MOVE and arm.errors == ()


def test_in_a_reflex_it_brakes_at_its_own_acceleration_from_the_last_good_command():
    arm = FrankaArm(FR3.limits)
    for k in range(1, 41):  # ramp of 5 rad/s^2 to 0.2 rad/s, each millisecond at its end
        arm.follow(led(0.5 * 5.0 * (0.001 * k) ** 2, 0.005 * k), HOME)
    assert arm.mode == MOVE
    last = arm.follow(led(1.0), HOME)  # 1 rad away
    assert arm.mode == REFLEX and {ACCELERATION, JERK} <= set(arm.errors)
    speeds, positions = [last.velocity[0]], [last.position[0]]
    while arm.moving:
        told = arm.follow(led(1.0), HOME)  # goes on asking, and is not heard
        speeds.append(told.velocity[0])
        positions.append(told.position[0])
    assert speeds == pytest.approx(np.arange(0.19, -0.001, -0.01).tolist())  # 10 rad/s^2
    assert positions[-1] - 0.004 == pytest.approx(0.2**2 / 20, abs=0.2e-3)  # v^2 / (2 a)
    assert arm.follow(led(1.0), HOME).position[0] == positions[-1]


def test_velocities_are_held_so_that_their_steps_are_judged_only_if_all_is():
    step = spin(0.02)  # of the guard's 5 rad/s^2 over 4 ms: 20 rad/s^2 in one
    arm = start()
    assert arm.follow(step, HOME) is step and arm.mode == MOVE
    arm = start(ALL)
    arm.follow(step, HOME)
    assert arm.errors == (ACCELERATION, JERK)


def test_velocities_that_stop_coming_while_it_moves_are_a_reflex_and_at_rest_are_none():
    arm = start(speed=0.02)
    arm.follow(None, HOME)
    assert (arm.mode, arm.errors) == (REFLEX, (SILENCE,))
    arm = start(speed=0.0)
    arm.follow(None, HOME)
    assert (arm.mode, arm.errors) == (IDLE, ())


def test_without_reflexes_only_what_nobody_can_follow_stops_it():
    arm = start(NONE, speed=0.5)
    assert not arm.follow(None, HOME).velocity.any() and arm.mode == IDLE
    assert arm.follow(led(1.0), HOME).position[0] == 1.0
    assert np.isfinite(arm.follow(led(np.nan), HOME).position).all()
    assert (arm.mode, arm.errors) == (REFLEX, (NOT_FINITE,))


def test_from_velocities_to_positions_it_may_not_stop_at_once():
    arm = start(speed=0.5)
    arm.follow(led(0.0), HOME)  # a controller that begins anew stands where the joints are
    assert ACCELERATION in arm.errors


def test_nothing_moves_it_again_before_it_is_recovered_at_rest():
    arm = start(speed=0.5)
    arm.follow(None, HOME)
    with pytest.raises(RecoveryError, match='still brakes'):
        arm.recover()
    for _ in range(60):
        arm.follow(spin(0.1), HOME)
    assert arm.mode == REFLEX and not arm.follow(spin(0.1), HOME).velocity.any()
    assert arm.recover() == REFLEX and (arm.mode, arm.errors) == (IDLE, ())
    assert arm.follow(spin(0.004), HOME).velocity[0] == 0.004


def test_the_user_stop_brakes_and_keeps_the_arm_from_being_recovered_while_pressed():
    arm = start(speed=0.05)
    arm.user_stop(True)
    assert arm.follow(spin(0.05), HOME).velocity[0] == pytest.approx(0.04)
    for _ in range(10):
        arm.follow(spin(0.05), HOME)
    assert arm.mode == USER_STOPPED and not arm.moving
    with pytest.raises(RecoveryError, match='release it'):
        arm.recover()
    arm.start()
    assert arm.mode == USER_STOPPED, 'nor by a reset of the scene'
    arm.user_stop(False)
    assert arm.mode == USER_STOPPED, 'released it stands all the same'
    assert arm.recover() == USER_STOPPED and arm.mode == IDLE


def test_after_time_that_was_lost_the_next_command_is_a_beginning():
    for forgets, mode in ((False, REFLEX), (True, MOVE)):
        arm = FrankaArm(FR3.limits)
        for _ in range(3):
            arm.follow(led(0.0), HOME)
        if forgets:
            arm.forget()
        arm.follow(led(0.02), HOME)
        assert arm.mode == mode
