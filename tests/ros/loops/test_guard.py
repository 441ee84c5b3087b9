"""The guard between its ticks: what a controller at 1 kHz makes of it, halts, stalls, switches."""

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_core.guard.reference import Reference
from moto_core.guard.state import ESTOP, FAULT, HOLD, READY, RUNNING, GuardConfig, GuardRefusal
from moto_ros.loops import guard as module
from moto_ros.loops.beginning import APART, BLEND
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.loops.halt import REST, ZEROS, halt
from moto_ros.loops.sources import POLICY, TELEOP
from tests.ros.loops.arm import DELAY, FR3, HOME, LED, NAMES, TICK, Arm

BENCHMARK = runpy.run_path(str(Path(__file__).parents[3] / 'benchmarks' / 'trajectory.py'))
Link, drive, measure = (BENCHMARK[name] for name in ('Link', 'drive', 'measure'))


@pytest.fixture
def moving():
    arm = Arm()
    arm.go(1.0, ask=0.4)
    assert arm.guard.state.mode == RUNNING and arm.velocity[0] == pytest.approx(0.4, abs=1e-3)
    return arm


@pytest.mark.parametrize(
    'robot, profile',
    [*itertools.product(['fr3', 'panda'], ['commissioning', 'normal', 'ceiling'])],
)
def test_a_controller_at_1_khz_keeps_the_profile_under_jitter_and_loss(robot, profile):
    arm = load_robot(robot)
    found = measure(arm, profile, drive(arm, profile, 5.0, 1, Link()))
    assert found['travel_rad'] > 0.2 and found['refused'] == 0
    for name in ('speed_of_cap', 'acceleration_of_profile', 'jerk_of_profile'):
        assert found[name] <= 1.002, name
    assert found['steps_inside_profile'] > 0.999


def test_delay_or_not_the_arm_keeps_its_margin_and_fr3s_curve():
    found = measure(FR3, 'ceiling', drive(FR3, 'ceiling', 13.0, 0, Link(jitter=0.0, lost=0.0)))
    assert found['travel_rad'] > 3.0, 'it goes to where it matters'
    assert found['room_to_limits_rad'] > found['margin_rad'] - 0.003
    assert 0.8 < found['speed_of_curve'] <= 1.0


@pytest.mark.parametrize('stall', [0.01, 0.03, 0.06, 0.5, 3.0])
def test_a_guard_that_stood_still_goes_on_without_a_jump(stall):
    link = Link(stalls=((2.0, stall),))
    motion = drive(FR3, 'normal', 4.5 + stall, 3, link)
    found = measure(FR3, 'normal', motion)
    assert found['jerk_of_profile'] <= 1.002 and found['acceleration_of_profile'] <= 1.002
    assert (HOLD in motion.modes) == (stall > 0.022)
    assert motion.modes[-1] == RUNNING
    assert np.ptp(motion.position[-300:], axis=0).max() > 0.01, 'it moves again'


@pytest.mark.parametrize('profile', ['commissioning', 'normal', 'ceiling'])
@pytest.mark.parametrize('robot', ['fr3', 'panda'])
def test_a_controller_that_holds_the_arm_beside_its_joints_leads_it_there_within_the_profile(
    robot, profile
):
    arm = load_robot(robot)
    motion = drive(arm, profile, 1.3, 0, Link(offset=APART))
    assert motion.position[0] == pytest.approx(np.array(arm.home) + APART)
    blended = {'commissioning': 1.05, 'normal': 0.77, 'ceiling': 0.3}[profile]  # [s]
    led = motion.position[round(1000 * blended)]
    assert led == pytest.approx(np.array(arm.home), abs=1e-3), 'where the joints were'
    found = measure(arm, profile, motion)
    for name in ('speed_of_cap', 'acceleration_of_profile', 'jerk_of_profile'):
        assert found[name] <= 1.002, name
    assert motion.reflexes == []


def test_a_policy_that_ends_leaves_the_arm_at_rest():
    motion = drive(FR3, 'normal', 3.0, 2, Link(silent=1.5))
    assert measure(FR3, 'normal', motion)['jerk_of_profile'] <= 1.002
    speed = np.abs(np.diff(motion.position, axis=0)).max(axis=1) / 0.001
    assert speed[1400:1500].max() > 0.1
    cap = ArmGuard(FR3, 'normal', GuardConfig()).limits.dq.max()
    stopped = 1.5 + 0.2 + DELAY + cap / 5.0 + 0.06  # 2.5 periods, then the brake
    assert speed[round(stopped * 1000) :].max() < 1e-9


def test_nothing_is_sent_before_it_runs_nor_while_it_stands_disarmed():
    arm = Arm()
    arm.go(0.5)
    assert arm.sent == [] and arm.guard.resting
    arm.go(0.5, ask=0.2)
    assert arm.sent and all(not knots[-1].velocity.any() for knots in arm.sent)
    arm.guard.disarm()
    while not arm.guard.state.at_rest:
        arm.go(TICK)
        assert not arm.guard.resting
    ends = arm.guard.reference.ends + DELAY
    while not arm.guard.resting:
        arm.go(TICK)
        assert arm.now < ends + 0.5
    assert arm.now > ends and arm.guard.state.mode == READY
    arm.sent.clear()
    arm.go(0.5)
    assert arm.sent == []


def test_the_arm_stands_until_its_controller_has_caught_up():
    arm = Arm()
    arm.go(BLEND, ask=0.4)
    assert arm.guard.state.mode == RUNNING and arm.sent
    assert not any(output.velocity.any() for output in arm.outputs)
    (first, rest) = arm.sent[0]
    assert first.time - arm.now > -TICK and rest.position == pytest.approx(HOME)
    arm.go(0.1, ask=0.4)
    assert arm.outputs[-1].velocity[0] > 0.1


def test_a_request_that_is_no_number_is_refused_while_the_arm_waits():
    arm = Arm()
    arm.go(0.05, ask=0.2)
    assert arm.guard.state.mode == RUNNING and 'beginning' in arm.outputs[-1].reasons
    for _ in range(3):
        arm.tick(ask=np.nan)
    assert arm.guard.state.mode == FAULT and 'request_nonfinite' in arm.guard.state.cause


def test_a_request_from_before_a_stall_moves_nothing_until_the_arm_is_led_anew():
    arm = Arm()
    arm.go(0.6, ask=0.4)
    arm.now += 0.03
    arm.outputs.clear()
    for _ in range(40):
        arm.go(TICK)  # no new request
        assert arm.guard.reference is None or arm.now < arm.guard.reference.newest
    assert not any(output.velocity.any() for output in arm.outputs)


def test_an_arm_that_rests_in_a_hold_is_led_anew_from_where_it_was_led(moving):
    moving.go(0.55)  # the policy is silent
    assert moving.guard.state.mode == HOLD and moving.guard.resting
    end = moving.sent[-1][-1].position
    moving.position = moving.position + 0.015  # it gives way
    moving.go(0.1)
    moving.sent.clear()
    moving.go(0.1, ask=0.2)
    assert moving.guard.state.mode == RUNNING
    (first,) = moving.sent
    assert first[0].position == pytest.approx(end)


def test_a_gripper_stands_too_while_a_beginning_is_under_way():
    robot = load_robot('kitchen_sim')
    settings = ArmSettings(delay=DELAY)
    guard = ArmGuard(robot, 'normal', GuardConfig(), settings)
    guard.activate(True)
    names, home = robot.spec.names, np.array(robot.home)
    asked = [0.1] * len(robot.spec.joints) + [0.02] * len(robot.spec.gripper)
    seen = set()
    for tick in range(300):
        now = 10.0 + tick * guard.config.tick
        guard.inbox.measured(robot.spec.joints, home, np.zeros(len(home)), 0.0, now)
        if tick == 30:
            guard.arm()
        if tick > 30:
            guard.inbox.request(names, asked, 0.0, now)
        output = guard.tick(now)
        if output.state == RUNNING:
            seen.add(('beginning' in output.reasons, bool(output.gripper.any())))
    assert seen == {(True, False), (False, True)}


def test_an_arm_that_was_moved_in_a_hold_is_a_fault_in_place_of_a_beginning(moving):
    moving.go(0.55)
    for _ in range(90):  # by hand; nobody knows where the controller holds it now
        moving.position = moving.position + 0.001
        moving.go(TICK)
    moving.go(0.1)
    moving.sent.clear()
    moving.go(0.1, ask=0.2)
    assert moving.guard.state.cause == ('led_elsewhere',) and moving.sent == []


def test_silent_joints_are_not_frozen_ones():
    arm = Arm()
    arm.go(1.2, ask=2.0)
    arm.joints = False
    arm.go(0.3, ask=2.0)
    assert arm.guard.state.mode == HOLD and arm.guard.state.cause == ('joints_stale',)


def test_after_a_gap_the_ticks_lie_between_the_calls_again():
    arm = Arm()
    arm.now += 0.5
    arm.tick()
    ticks = arm.guard.pace.ticks
    for early in (0.9, 1.2, 0.8):  # of a tick: calls that jitter
        arm.now += (early - 1.0) * TICK
        arm.tick()
        ticks += 1
        assert arm.guard.pace.ticks == ticks


def test_joints_that_are_not_the_arms_may_move_when_it_begins():
    arm = Arm()
    for _ in range(5):
        arm.now += TICK
        names, speeds = [*NAMES, 'finger'], [0.0] * 7 + [0.2]
        arm.guard.inbox.measured(names, [*arm.position, 0.01], speeds, 0.0, arm.now)
        arm.guard.inbox.request(NAMES, np.zeros(7), 0.0, arm.now)
        arm.guard.tick(arm.now)
    assert arm.guard.reference is not None


def test_a_halt_from_full_speed_latches_nothing():
    arm = Arm()
    arm.go(1.2, ask=2.0)
    assert arm.velocity[1] == pytest.approx(0.5, abs=1e-3), 'its cap'
    halt(arm.guard, arm.clock, arm.take)
    assert arm.guard.state.mode == READY and arm.guard.resting


def test_frozen_joints_that_stand_no_longer_can_be_reset():
    arm = Arm()
    arm.go(0.4, ask=0.2)
    stuck = arm.position.copy()
    for _ in range(200):
        arm.position = stuck
        arm.tick(ask=0.2)
    assert arm.guard.state.cause == ('joints_frozen',)
    for _ in range(50):
        arm.position = stuck
        arm.tick()
    assert arm.guard.reset_fault() == 'disarmed'
    for _ in range(50):
        arm.position = stuck
        arm.tick()
    assert arm.guard.state.mode == READY


@pytest.mark.parametrize('delay, rate', [(0.022, 250.0), (0.034, 50.0)])
def test_a_delay_that_no_tick_fits_into_is_refused_by_its_key(delay, rate):
    with pytest.raises(ConfigError, match='command.delay is .* expected at least'):
        ArmGuard(FR3, 'normal', GuardConfig(rate=rate), ArmSettings(delay=delay))


def test_a_deadman_that_is_held_needs_no_new_press_after_a_late_call():
    arm = Arm(0.09, deadman_required=True)
    arm.guard.inbox.deadman(False, arm.now)
    arm.tick()
    for late in (0.0, 0.06):
        arm.now += late
        for _ in range(150):
            arm.guard.inbox.deadman(True, arm.now)
            arm.tick(ask=0.2)
        assert arm.guard.state.mode == RUNNING


def test_a_late_call_makes_the_ticks_that_are_due_each_of_one_ticks_change():
    arm = Arm()
    arm.go(0.3, ask=0.4)
    before, ticks = arm.guard.state.velocity[0], arm.guard.pace.ticks
    assert 0 < before < 0.39
    arm.now += 3 * TICK
    arm.tick()
    assert arm.guard.pace.ticks == ticks + 4 and arm.guard.pace.late == 1
    change = arm.guard.state.velocity[0] - before
    assert 0 < change <= 4 * 5.0 * TICK + 1e-9
    assert arm.guard.tick(arm.now + 1e-4) is None


def test_an_arm_that_follows_velocities_has_one_tick_a_call():
    arm = Arm(delay=0.0)
    arm.go(0.05, ask=0.4)
    for late in (0, 1, 10):
        before, ticks = arm.velocity[0], arm.guard.pace.ticks
        arm.now += late * TICK
        arm.tick()
        assert arm.guard.pace.ticks == ticks + 1
        assert abs(arm.velocity[0] - before) <= 1.5 * 5.0 * TICK + 1e-9
    assert arm.guard.pace.late == 2


def test_halted_it_goes_to_rest_where_its_trajectories_led_and_never_back(moving):
    place, last = moving.position.copy(), moving.sent[-1]
    halt(moving.guard, moving.clock, moving.take)
    assert moving.guard.resting and not moving.velocity.any()
    ways = [knots[-1].position[0] for knots in moving.sent]
    assert moving.position[0] > place[0]
    assert (np.diff([knots[-1].position[0] for knots in moving.sent[-20:]]) > -1e-9).all()
    assert moving.position[0] == pytest.approx(ways[-1])
    assert moving.position[0] == pytest.approx(last[-1].position[0], abs=0.4 * 0.03)
    assert all(not knots[-1].velocity.any() for knots in moving.sent)


@pytest.mark.parametrize('fails', ['publish', 'tick'])
def test_a_halt_in_which_something_fails_waits_while_the_last_trajectory_runs_out(
    moving, fails, monkeypatch
):
    said = []

    def broken(*_):
        said.append(moving.now)
        raise RuntimeError('no')

    if fails == 'tick':
        monkeypatch.setattr(module, 'guard_step', broken)
    ends = moving.guard.reference.ends + DELAY
    monkeypatch.setattr(Reference, 'ends', property(broken))  # what was sent is known already
    count = len(moving.sent)
    halt(moving.guard, moving.clock, broken if fails == 'publish' else moving.take)
    assert len(said) == 1 and len(moving.sent) == count, 'nothing replaces it'
    assert ends <= moving.now < ends + 0.1


def test_a_halt_that_fails_after_the_reference_was_left_waits_for_what_was_sent(moving):
    ends = moving.sent[-1][-1].time + DELAY
    assert moving.guard.sent_until == ends > moving.now + 0.05
    moving.guard._leave()

    def broken(*_):
        raise RuntimeError('no')

    halt(moving.guard, moving.clock, broken)
    assert ends <= moving.now < ends + 0.1


def test_a_halt_of_velocities_that_fails_once_brakes_all_the_same(monkeypatch):
    arm = Arm(delay=0.0)
    arm.go(0.5, ask=0.4)
    sent = []

    def broken(*_):
        raise RuntimeError('no')

    monkeypatch.setattr(module, 'guard_step', broken)
    halt(arm.guard, arm.clock, lambda output: sent.append(output.velocity[0]))
    assert sent[0] == pytest.approx(0.4 - 5.0 * TICK, abs=1e-3)
    assert (np.diff(sent) <= 0).all() and sent[-5:] == [0.0] * 5


def test_a_halt_whose_arm_never_stands_gives_up_after_two_seconds(moving, monkeypatch):
    monkeypatch.setattr(ArmGuard, 'resting', property(lambda guard: False))
    begun = moving.now
    halt(moving.guard, moving.clock, moving.take)
    assert REST <= moving.now - begun < REST + 0.1


def test_a_halt_of_velocities_ends_in_zeros():
    arm = Arm(delay=0.0)
    arm.go(0.5, ask=0.4)
    sent = []
    halt(arm.guard, arm.clock, lambda output: sent.append(output.velocity[0]))
    assert sent[0] > 0.3 and sent[-ZEROS:] == [0.0] * ZEROS


def test_a_guard_that_begins_while_the_arm_still_moves_waits_for_it_to_stand(moving):
    other = ArmGuard(FR3, 'normal', GuardConfig(), ArmSettings(delay=DELAY, home_tolerance=1.0))
    other.activate(True)
    other.inbox.measured(NAMES, moving.position, moving.velocity, 0.0, 10.0)
    other.tick(10.0)
    other.arm()
    for k in range(1, 100):
        speed = moving.velocity if k < 50 else np.zeros(7)
        other.inbox.measured(NAMES, moving.position + 1e-9 * k, speed, 0.0, 10.0 + k * TICK)
        other.inbox.request(NAMES, np.zeros(7), 0.0, 10.0 + k * TICK)
        other.tick(10.0 + k * TICK)
        assert other.state.mode == RUNNING and (other.reference is not None) == (k >= 50)


@pytest.mark.parametrize('delay', [DELAY, 0.0])
def test_joints_that_repeat_one_value_while_the_arm_is_told_to_move_are_a_fault(delay):
    arm = Arm(delay)
    arm.go(0.4, ask=0.2)
    stuck, begin = arm.position.copy(), arm.now
    while arm.guard.state.mode == RUNNING and arm.now < begin + 1:
        arm.position = stuck
        arm.tick(ask=0.2)
    assert arm.guard.state.mode == FAULT and arm.guard.state.cause == ('joints_frozen',)
    assert arm.now - begin < 0.3


def test_a_dry_run_compares_nothing():
    arm = Arm()
    arm.guard.sends = False
    for _ in range(250):
        arm.position = HOME.copy()
        arm.tick(ask=0.2)
    assert arm.guard.state.mode == RUNNING


@pytest.mark.parametrize('profile, far', [('normal', 0.1), ('ceiling', 0.05)])
def test_a_joint_far_from_where_it_is_led_is_a_fault(profile, far):
    arm, drift = Arm(profile=profile), 0.0
    arm.go(1.0, ask=0.2)
    while arm.guard.state.mode == RUNNING and drift < 0.2:
        arm.tick(ask=0.2)
        drift += 0.002  # each tick, as if it were pushed back
        arm.position = arm.position - drift
    assert arm.guard.state.cause == ('following_error',)
    assert drift == pytest.approx(far, abs=0.01)


@pytest.mark.parametrize('latched', [FAULT, ESTOP])
def test_what_is_latched_stays_so_in_the_guard_that_takes_its_place(latched):
    arm = Arm()
    if latched == FAULT:
        arm.guard.fault('two_masters')
    else:
        arm.guard.inbox.stop()
    arm.tick()
    after = ArmGuard(FR3, 'normal', GuardConfig(), LED, before=arm.guard)
    assert after.state.mode == latched and after.state.cause == arm.guard.state.cause
    after.activate(True)
    with pytest.raises(GuardRefusal, match='call reset_fault first'):
        after.arm()
    arm.guard.reset_fault()
    assert ArmGuard(FR3, 'normal', GuardConfig(), LED, before=arm.guard).state.mode == READY


def test_it_cannot_be_armed_before_it_is_active():
    with pytest.raises(GuardRefusal, match='not active'):
        ArmGuard(FR3, 'normal', GuardConfig()).arm()


def test_a_deactivation_disarms(moving):
    moving.guard.activate(False)
    moving.guard.activate(True)
    moving.go(0.6, ask=0.4)
    assert moving.guard.state.mode == READY and moving.guard.resting


def test_an_estop_by_service_latches_though_it_is_asked_for_once(moving):
    moving.guard.inbox.stop()
    moving.go(0.6, ask=0.4)
    assert moving.guard.state.mode == ESTOP and moving.guard.resting


def test_an_estop_that_is_pressed_cannot_be_reset(moving):
    moving.guard.inbox.estop(True, 0.0)
    moving.go(0.6)
    with pytest.raises(GuardRefusal, match='still pressed'):
        moving.guard.reset_fault()
    moving.guard.inbox.estop(False, 0.0)
    assert moving.guard.reset_fault() == 'disarmed'


def test_the_deadman_moves_and_stops_the_arm():
    arm = Arm(deadman_required=True)

    def hold(pressed, seconds):
        for _ in range(round(seconds / TICK)):
            arm.guard.inbox.deadman(pressed, arm.now)
            arm.tick(ask=0.4)

    hold(True, 0.3)
    assert arm.guard.state.mode != RUNNING, 'held since before the guard listened'
    hold(False, 0.3)
    assert arm.guard.state.mode != RUNNING
    hold(True, 0.5)
    assert arm.guard.state.mode == RUNNING
    hold(False, 2 * TICK)
    assert arm.guard.state.mode == HOLD, 'at once'
    hold(False, 0.4)
    assert arm.guard.state.mode == HOLD and arm.guard.state.at_rest


def test_who_takes_over_an_arm_that_is_held_for_doubt_drives_with_a_new_press_and_not_before():
    """The doubt is the policy's, and its hold a person's to end: a take-over alone is no look."""
    arm = Arm(deadman_required=True)

    def hold(pressed, seconds, doubt=False):
        for _ in range(round(seconds / TICK)):
            arm.guard.inbox.deadman(pressed, arm.now)
            scale = 0.0 if doubt else 1.0
            arm.guard.inbox.request(NAMES, np.full(7, 0.4), 0.0, arm.now, POLICY, scale)
            arm.tick(ask=0.1, source=TELEOP)

    hold(False, 0.1)
    hold(True, 0.5)
    assert arm.guard.state.mode == RUNNING
    hold(True, 0.5, doubt=True)
    arm.guard.intervene(True)
    hold(True, 0.5, doubt=True)
    assert (arm.guard.source, arm.guard.state.mode) == (TELEOP, HOLD)
    assert 'uncertain' in arm.outputs[-1].reasons and arm.guard.state.at_rest
    hold(False, 0.1, doubt=True)
    hold(True, 0.5, doubt=True)
    assert arm.guard.state.mode == RUNNING, 'whatever the policy goes on to doubt'


def test_reasons_are_counted_once_a_decision_while_it_may_move():
    arm = Arm()
    arm.go(0.5)
    for _ in range(7):
        arm.tick(ask=3.0)
        arm.go(0.076)
    assert (
        arm.guard.interventions.counts['velocity'] == 3
    )  # it stood for the first three, and the last goes on
    assert arm.guard.interventions.counts['not_armed'] == 0


def test_a_disarmed_arm_may_be_moved_by_hand():
    arm = Arm(settings=ArmSettings(delay=DELAY, home_tolerance=2.0))
    arm.guard.disarm()
    for _ in range(5):
        arm.position = arm.position + 0.2  # a jump at every message
        arm.tick()
    assert arm.guard.state.mode == READY
    arm.go(0.1)
    arm.guard.begin_anew()
    arm.guard.arm()
    arm.go(0.3, ask=0.0)
    assert arm.guard.state.mode == RUNNING
    assert arm.sent[0][0].position == pytest.approx(arm.position)


def test_requests_and_joints_of_an_unknown_age():
    arm = Arm()
    arm.now += TICK
    arm.guard.inbox.measured(NAMES, arm.position, arm.velocity, None, arm.now)
    arm.guard.inbox.request(NAMES, np.zeros(7), None, arm.now)
    output = arm.guard.tick(arm.now)
    assert output.state == RUNNING and 'request_unstamped' in output.reasons


def test_old_requests_and_joints_are_stale_by_their_age():
    arm = Arm()
    arm.now += TICK
    arm.guard.inbox.request(NAMES, np.zeros(7), 0.3, arm.now)
    arm.guard.tick(arm.now)
    assert arm.guard.state.mode != RUNNING
    arm.tick(ask=0.0)
    assert arm.guard.state.mode == RUNNING
    arm.guard.inbox.measured(NAMES, arm.position, arm.velocity, 0.3, arm.now + TICK)
    arm.joints = False
    arm.go(0.2, ask=0.0)
    assert arm.guard.state.cause == ('joints_stale',)


@pytest.mark.parametrize('delay', [0.0, DELAY])
def test_who_disarms_and_arms_before_the_next_tick_lets_no_old_request_on(delay):
    gone = []
    for anew in (False, True):
        arm = Arm(delay=delay, settings=ArmSettings(delay=delay))
        arm.go(1.0, ask=0.1)
        assert arm.velocity.max() > 0.09
        before = arm.position.copy()
        arm.guard.disarm()
        if anew:
            assert arm.guard.arm() == 'armed'
        arm.go(0.5)
        gone.append(np.abs(arm.position - before).max())
    assert 0 < gone[1] < gone[0] + 1e-3
