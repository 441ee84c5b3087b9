"""An arming ends by itself, and a policy begins near home only."""

import numpy as np
import pytest

from moto_core.guard.state import ARMED, FAULT, HOLD, READY, RUNNING, GuardMemory, GuardRefusal
from moto_ros.config import GuardParams
from moto_ros.loops.arming import Arming
from moto_ros.loops.guard import ArmSettings
from tests.ros.loops.arm import DELAY, HOME, NAMES, TICK, Arm

AWAY = HOME + [0.4, 0, 0, 0, 0, 0, 0]


def timed(seconds, delay=DELAY, **more):
    return Arm(delay, settings=ArmSettings(delay=delay, armed_timeout=seconds), **more)


def test_a_minute_is_time_for_the_documented_steps():
    assert ArmSettings().armed_timeout == GuardParams().armed_timeout == 60.0


@pytest.mark.parametrize('delay', [DELAY, 0.0])
def test_an_arming_that_moves_nothing_ends_and_says_so(delay):
    arm = timed(2.0, delay)
    arm.go(1.9)
    assert arm.guard.state.mode == ARMED
    arm.go(0.2)
    assert arm.guard.state.mode == READY
    assert arm.outputs[-1].reasons == ('not_armed', 'armed_timeout')
    arm.go(1.0, ask=0.2)
    assert arm.guard.state.mode == READY and not arm.velocity.any()
    assert arm.guard.arm() == 'armed'
    arm.go(1.0, ask=0.2)
    assert arm.guard.state.mode == RUNNING and arm.velocity[0] == pytest.approx(0.2, rel=1e-3)
    assert 'armed_timeout' not in arm.outputs[-1].reasons
    arm.guard.disarm()
    arm.go(0.1)
    assert arm.outputs[-1].reasons == ('not_armed',)


def test_time_counts_from_the_last_motion_and_from_every_arm():
    arm = timed(2.0)
    arm.go(1.5)
    arm.guard.arm()
    arm.go(1.5)
    assert arm.guard.state.mode == ARMED
    arm.go(4.0, ask=0.02)
    assert arm.guard.state.mode == RUNNING


def test_a_hold_ends_the_arming_too_but_not_one_that_a_person_has_to_end():
    arming = Arming(10.0)
    arming.arm(True)
    hold = GuardMemory(mode=HOLD, armed=True)
    assert not arming.over(hold, False, 100.0) and not arming.over(hold, False, 109.9)
    assert arming.over(hold, False, 110.0) and arming.ended == 'armed_timeout'
    arming.arm(True)
    for now in (200.0, 211.0, 300.0):
        assert not arming.over(GuardMemory(mode=HOLD, armed=True, confirm=True), False, now)
    for now in (310.0, 321.0):
        assert not arming.over(GuardMemory(mode=RUNNING, armed=True), True, now)
    for now in (330.0, 341.0):
        assert not arming.over(GuardMemory(), False, now), 'nothing is armed'
    assert arming.ended == ''


def test_a_policy_that_asks_for_rest_is_not_armed_for_ever():
    arm = timed(1.0)
    arm.go(0.9, ask=0.02)
    arm.go(0.9, ask=0.0)
    assert arm.guard.state.mode == RUNNING
    arm.go(0.3, ask=0.0)
    assert arm.guard.state.mode == READY and 'armed_timeout' in arm.outputs[-1].reasons


def test_a_deadman_that_nobody_presses_ends_the_arming():
    arm = timed(1.0, deadman_required=True)
    arm.go(1.2, ask=0.2)
    assert arm.guard.state.mode == READY and 'armed_timeout' in arm.outputs[-1].reasons


def test_joints_that_came_after_the_last_tick_are_no_reason_not_to_arm():
    arm = timed(1.0)
    arm.guard.disarm()
    arm.go(0.5)
    still = np.zeros(7)
    arm.guard.inbox.measured(NAMES, arm.position, still, 0.0, arm.now + 0.5)  # its tick is late
    assert arm.guard.refusal == ''


def test_an_arm_that_never_stands_does_not_begin_for_ever():
    arm = timed(1.0, known=False)
    for tick in range(300):  # 0.2 rad/s to and fro
        turn = 1 if tick % 100 < 50 else -1
        arm.position = arm.position + [turn * 0.2 * TICK, 0, 0, 0, 0, 0, 0]
        arm.tick(ask=0.2 if tick > 20 else None)
        assert arm.sent == []
    assert arm.guard.state.mode == READY and 'armed_timeout' in arm.outputs[-1].reasons


@pytest.mark.parametrize('delay', [DELAY, 0.0])
def test_an_arm_that_was_carried_since_it_was_armed_is_not_given_to_a_policy(delay):
    arm = Arm(delay, known=False)
    for _ in range(250):  # 0.25 rad/s for 1 s
        arm.position = arm.position + [0.001, 0, 0, 0, 0, 0, 0]
        arm.tick()
    place = arm.position.copy()
    arm.go(0.2)
    assert arm.guard.state.mode == ARMED and arm.guard.from_home == pytest.approx(0.25)
    arm.go(1.0, ask=0.2)
    assert arm.guard.state.mode == ARMED and 'away_from_home' in arm.outputs[-1].reasons
    assert np.array_equal(arm.position, place) and arm.sent == []
    assert arm.guard.refusal.startswith('fr3_joint1 is +0.250 rad from home, beyond 0.1 rad')
    with pytest.raises(GuardRefusal, match='call home, or bring the arm there'):
        arm.guard.arm()
    for _ in range(250):  # back
        arm.position = arm.position - [0.001, 0, 0, 0, 0, 0, 0]
        arm.tick()
    arm.go(1.0, ask=0.2)
    assert arm.guard.state.mode == RUNNING


def test_an_arm_that_is_carried_while_it_begins_is_not_given_to_a_policy():
    arm = Arm(known=False)
    for tick in range(250):
        arm.position = arm.position + [0.001, 0, 0, 0, 0, 0, 0]
        arm.tick(ask=0.2 if tick > 20 else None)
        assert arm.guard.state.mode == (RUNNING if 20 < tick < 90 else arm.guard.state.mode)
    arm.go(1.0, ask=0.2)
    assert arm.guard.state.mode == HOLD and 'away_from_home' in arm.outputs[-1].reasons
    assert arm.sent == []


def test_a_policy_that_began_at_home_goes_on_after_a_hold_away_from_it():
    arm = Arm()
    arm.go(1.5, ask=0.3)
    assert arm.guard.from_home > 0.2
    arm.go(0.55)
    assert arm.guard.state.mode == HOLD
    arm.go(0.8, ask=0.3)
    assert arm.guard.state.mode == RUNNING and arm.velocity.any()


def test_after_another_activation_the_home_is_asked_for_again():
    arm = Arm()
    arm.go(1.5, ask=0.3)
    arm.guard.activate(False)
    arm.go(0.6)
    arm.guard.activate(True)
    arm.go(0.1)
    with pytest.raises(GuardRefusal, match='from home'):
        arm.guard.arm()


def test_armed_again_at_once_the_home_is_asked_for_again():
    arm = Arm()
    arm.go(1.5, ask=0.3)
    arm.guard.disarm()
    with pytest.raises(GuardRefusal, match='from home'):
        arm.guard.arm()


def test_a_person_begins_anywhere_and_a_policy_does_not_get_what_began_there():
    arm = Arm(known=False)
    arm.guard.intervene(True)
    for _ in range(250):
        arm.position = arm.position + [0.001, 0, 0, 0, 0, 0, 0]
        arm.tick()
    arm.go(1.2, ask=0.1, source='teleop')
    assert arm.guard.state.mode == RUNNING and arm.velocity.any()
    assert arm.guard.intervene(False).startswith('disarmed: the policy has not begun, and fr3_')


def test_a_policy_that_is_silent_for_longer_than_its_stall_is_armed_anew():
    for silent, mode in ((1.1, RUNNING), (1.3, FAULT)):  # stale at 0.2 s, a fault 1 s later
        arm = Arm()
        arm.go(1.0, ask=0.05)
        arm.go(silent)
        arm.go(0.6, ask=0.05)
        assert arm.guard.state.mode == mode


def test_where_a_policy_has_to_be_heard_first_none_is_armed_that_asks_for_nothing():
    settings = ArmSettings(delay=DELAY, policy_heard_first=True)
    arm = Arm(home=HOME.copy(), settings=settings)
    for quiet, ask in ((0.1, None), (0.1, 0.0), (1.1, None)):  # never, then no longer
        arm.go(quiet, ask)
        if ask is None:
            with pytest.raises(GuardRefusal, match='no policy asks for anything'):
                arm.guard.arm()
            assert 'a camera or the joints are silent' in arm.guard.refusal
    arm.go(0.1, ask=0.0)
    arm.go(0.9)
    assert arm.guard.refusal == '' and arm.guard.arm() == 'armed'


def test_a_person_and_the_way_home_wait_for_no_policy():
    settings = ArmSettings(delay=DELAY, policy_heard_first=True)
    arm = Arm(home=HOME.copy(), settings=settings)
    assert arm.guard.home() == 'on its way home'
    arm.go(2.0)
    arm.guard.intervene(True)
    assert arm.guard.arm() == 'armed'
