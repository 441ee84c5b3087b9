"""The way home: slowly, straight, through the guard, and not beyond a margin."""

import math

import numpy as np
import pytest

from moto_core.guard.state import FAULT, HOLD, READY, RUNNING, GuardRefusal
from moto_ros.loops.guard import ArmSettings
from moto_ros.loops.homing import FRACTION, THERE, Homing
from tests.ros.loops.arm import DELAY, FR3, HOME, TICK, Arm

AWAY = HOME + [0.4, -0.2, 0.0, 0.1, 0.0, 0.0, -0.3]
CAP = FRACTION * np.array(FR3.limits.dq_recommended)


def until_home(arm, seconds=20.0, ask=None):
    for _ in range(round(seconds / TICK)):
        arm.tick(ask)
        if arm.guard.source != 'home':
            return
    raise AssertionError('it never ended')


def test_the_velocity_is_the_straight_way_within_a_quarter_of_the_recommended_speed():
    homing = Homing(FR3, 0.1)
    velocity = homing.velocity(AWAY)
    way = HOME - AWAY
    assert velocity == pytest.approx(way * velocity[0] / way[0])
    assert (np.abs(velocity) / CAP).max() == pytest.approx(1.0)
    near = HOME + [0.02, 0, 0, 0, 0, 0, 0]
    assert homing.velocity(near)[0] == pytest.approx(-2.0 * 0.02)
    assert not homing.velocity(HOME + 0.9 * THERE).any()


def test_what_is_away_is_named_with_its_distance_and_the_setting():
    homing = Homing(FR3, 0.25)
    assert homing.distance(AWAY) == pytest.approx(0.4)
    text = homing.away(AWAY)
    assert text.startswith('fr3_joint1 is +0.400 rad from home, beyond 0.25 rad')
    assert 'guard.home_tolerance' in text
    assert homing.away(HOME + 0.25 - 1e-9) == ''


@pytest.mark.parametrize('delay', [DELAY, 0.0])
def test_an_arm_that_is_away_is_not_armed_until_it_has_been_home(delay):
    arm = Arm(delay, home=AWAY)
    assert arm.guard.home_refusal == arm.guard.unfit == ''
    with pytest.raises(GuardRefusal, match='fr3_joint1 is .0.400 rad from home.*call home'):
        arm.guard.arm()
    assert arm.guard.home() == 'on its way home'
    with pytest.raises(GuardRefusal, match='on its way home'):
        arm.guard.arm()
    assert 'on its way home' in arm.guard.refusal
    until_home(arm, ask=0.5)  # a policy asks for something else all the while
    assert np.abs(arm.position - HOME).max() <= THERE + 1e-3
    moved = np.abs([output.velocity for output in arm.outputs]).max(axis=0)
    assert (moved <= CAP * 1.001).all() and moved[0] == pytest.approx(CAP[0], rel=0.02)
    arm.go(0.4)
    assert arm.guard.state.mode == READY and arm.guard.resting and arm.guard.problem == ''
    assert arm.guard.from_home <= THERE + 1e-3
    assert arm.guard.refusal == '' and arm.guard.arm() == 'armed'


def test_from_home_it_is_home_at_once():
    arm = Arm()
    arm.guard.disarm()
    arm.go(0.1)
    arm.guard.home()
    until_home(arm, 0.5)
    assert arm.guard.state.mode in (READY, RUNNING)
    arm.go(0.2)
    assert arm.guard.state.mode == READY and np.array_equal(arm.position, HOME)


def test_a_way_that_a_margin_ends_is_given_up_with_the_distance():
    arm = Arm(home=AWAY)
    arm.guard.homing.home = HOME + [3.0, 0, 0, 0, 0, 0, 0]  # the limit is at 2.74, the margin .1
    arm.guard.home()
    until_home(arm)
    assert arm.guard.problem.startswith('the way home ended early: fr3_joint1 is -0.3')
    arm.go(0.3)
    assert arm.guard.state.mode == READY


@pytest.mark.parametrize('end', ['disarm', 'stop', 'fault', 'teleop', 'inactive'])
def test_a_way_home_can_be_ended_at_any_time(end):
    arm = Arm(home=AWAY)
    arm.guard.home()
    arm.go(1.0)
    assert arm.guard.state.mode == RUNNING and arm.velocity.any()
    {
        'disarm': arm.guard.disarm,
        'stop': arm.guard.inbox.stop,
        'fault': lambda: arm.guard.fault('two_masters'),
        'teleop': lambda: arm.guard.intervene(True),
        'inactive': lambda: arm.guard.activate(False),
    }[end]()
    arm.go(0.6, ask=0.3)
    assert arm.guard.source == ('teleop' if end == 'teleop' else 'policy')
    assert not arm.velocity.any() and arm.guard.resting and not arm.guard.state.armed
    place = arm.position.copy()
    arm.go(0.5, ask=0.3)
    assert np.array_equal(arm.position, place)
    assert 0.05 < np.abs(place - HOME).max() < 0.4


def test_a_deadman_that_is_let_go_holds_the_way_home():
    arm = Arm(home=AWAY, deadman_required=True)
    arm.guard.home()

    def hold(pressed, seconds):
        for _ in range(round(seconds / TICK)):
            arm.guard.inbox.deadman(pressed, arm.now)
            arm.tick()

    hold(False, 1.5)
    assert np.array_equal(arm.position, AWAY) and arm.guard.source == 'home'
    hold(True, 1.0)
    assert arm.velocity.any()
    hold(False, 1.5)
    assert arm.guard.state.mode == HOLD and not arm.velocity.any()
    assert arm.guard.source == 'home', 'it waits, however long'
    hold(True, 8.0)
    assert arm.guard.source == 'policy' and np.abs(arm.position - HOME).max() < 2 * THERE


def test_without_joints_no_way_home_begins_and_one_that_loses_them_is_a_fault():
    arm = Arm(home=AWAY)
    arm.joints = False
    arm.go(0.2)
    with pytest.raises(GuardRefusal, match='the joint state is too old .joints_stale.'):
        arm.guard.home()
    assert 'joints_stale' in arm.guard.home_refusal and 'joints_stale' in arm.guard.unfit
    arm.joints = True
    arm.go(0.1)
    arm.guard.home()
    arm.go(1.0)
    arm.joints = False
    arm.go(2.0)
    assert arm.guard.state.mode == FAULT and arm.guard.source == 'policy'


@pytest.mark.parametrize(
    'simulated, remedy', [(True, 'computer is too slow'), (False, 'mend the joint states')]
)
def test_old_joint_states_are_the_computers_in_simulation_and_the_robots_elsewhere(
    simulated, remedy
):
    arm = Arm(settings=ArmSettings(delay=DELAY, simulated=simulated))
    arm.guard.disarm()
    arm.joints = False
    arm.go(0.2)
    assert 'joints_stale' in arm.guard.refusal and remedy in arm.guard.refusal


def test_a_dry_run_and_an_armed_guard_do_not_go_home():
    arm = Arm()
    with pytest.raises(GuardRefusal, match='is armed; disarm it first'):
        arm.guard.home()
    assert 'is armed; disarm it first' in arm.guard.home_refusal
    arm.guard.disarm()
    arm.guard.sends = False
    with pytest.raises(GuardRefusal, match='a dry run moves nothing'):
        arm.guard.home()


def test_far_from_home_a_person_may_drive_and_a_dry_run_may_be_armed():
    for prepare in (lambda g: g.intervene(True), lambda g: setattr(g, 'sends', False)):
        arm = Arm(home=AWAY)
        prepare(arm.guard)
        assert arm.guard.arm() == 'armed'


def test_what_a_person_armed_far_from_home_is_not_handed_to_a_policy():
    arm = Arm(home=AWAY)
    arm.guard.intervene(True)
    arm.guard.arm()
    arm.go(0.5, ask=0.2, source='teleop')
    assert arm.velocity.any()
    told = arm.guard.intervene(False)
    assert told.startswith('disarmed: the policy has not begun, and fr3_joint1 is +0.4')
    arm.go(0.6, ask=0.3)
    assert arm.guard.state.mode == READY and not arm.velocity.any()


def test_a_policy_that_began_at_home_gets_the_arm_back_wherever_a_person_left_it():
    arm = Arm()
    arm.go(0.6, ask=0.05)
    arm.guard.intervene(True)
    arm.go(1.5, ask=0.4, source='teleop')
    assert arm.guard.from_home > 0.2
    assert arm.guard.intervene(False) == 'policy drives'
    arm.go(0.3, ask=0.1)
    assert arm.guard.state.mode == RUNNING


def test_a_policy_that_has_not_begun_does_not_get_what_a_person_led_away():
    arm = Arm()
    arm.go(0.6, ask=0.0)
    assert arm.guard.state.mode == RUNNING, 'it asks for rest, and has moved nothing'
    arm.guard.intervene(True)
    arm.go(1.5, ask=0.4, source='teleop')
    told = arm.guard.intervene(False)
    assert told.startswith('disarmed: the policy has not begun, and fr3_joint')
    arm.go(0.6, ask=0.3)
    assert arm.guard.state.mode == READY and not arm.velocity.any()


def test_a_policy_that_gets_a_moving_arm_has_not_begun_by_its_coasting():
    arm = Arm()
    arm.go(0.6, ask=0.0)
    arm.guard.intervene(True)
    while arm.guard.from_home < 0.06:
        arm.go(TICK, ask=0.2, source='teleop')
    assert arm.velocity.max() > 0.15 and arm.guard.intervene(False) == 'policy drives'
    arm.go(0.6, ask=0.0)
    assert not arm.velocity.any() and arm.guard.from_home < 0.1
    arm.guard.intervene(True)
    arm.go(1.5, ask=0.4, source='teleop')
    assert arm.guard.intervene(False).startswith('disarmed: the policy has not begun')
    arm.go(0.6, ask=0.3)
    assert arm.guard.state.mode == READY and not arm.velocity.any()


def test_before_the_joints_were_measured_nobody_knows_how_far_home_is():
    arm = Arm(home=AWAY, settings=ArmSettings(delay=DELAY))
    assert arm.guard.from_home == pytest.approx(0.4)
    arm.guard.__init__(FR3, 'normal', arm.guard.config, ArmSettings(delay=DELAY))
    assert math.isnan(arm.guard.from_home)
    arm.guard.activate(True)
    for sends in (True, False):
        arm.guard.sends = sends
        with pytest.raises(GuardRefusal, match='no joint state yet'):
            arm.guard.arm()
