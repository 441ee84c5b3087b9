"""The guard's states: who may move the arm, what stops it, and what it takes to go on."""

import re
from pathlib import Path

import numpy as np
import pytest

import moto_core.guard.guard as guard
from moto_core.errors import ConfigError
from moto_core.guard.guard import arm, guard_step, latch_fault, reset_fault
from moto_core.guard.reasons import REASONS
from moto_core.guard.state import (
    ARMED,
    ESTOP,
    FAULT,
    HOLD,
    READY,
    RUNNING,
    GuardConfig,
    GuardMemory,
    GuardRefusal,
    Switches,
)
from tests.core.guard.guard_rig import LET_GO, ON, Rig

REST = 0.25  # [s] from 1 rad/s: 0.2 at the brake, and its jerk


def moving(**options):
    rig = Rig(**options)
    assert rig.run(0.4, 0.4).state == RUNNING
    assert rig.velocity == pytest.approx(np.full(7, 0.4), rel=1e-5)
    return rig


def test_guard_does_nothing_until_armed():
    rig = Rig()
    rig.state = GuardMemory()
    output = rig.run(0.4, 0.1)
    assert (output.state, output.reasons) == (READY, ('not_armed',))
    assert not output.velocity.any()
    rig.state = arm(rig.state)
    assert rig.run(0.4, 0.1).state == RUNNING


def test_guard_waits_armed_for_activation_and_a_request():
    rig = Rig()
    assert rig.coast(2.0).reasons == ('request_missing',)
    assert rig.state.mode == ARMED  # waiting is no staleness: no fault
    assert rig.run(0.4, 0.1, switches=ON._replace(active=False)).reasons == ('inactive',)
    assert rig.run(0.4, 0.1).state == RUNNING


def test_a_request_from_before_arming_moves_nothing():
    rig = Rig()
    rig.state = GuardMemory()
    rig.run(0.4, 0.02)
    rig.state = arm(rig.state)
    output = rig.tick()
    assert (output.state, output.reasons) == (ARMED, ('request_missing',))


def test_arming_again_while_running_changes_nothing():
    rig = moving()
    rig.state = arm(rig.state)
    assert rig.run(0.4, 0.02).state == RUNNING
    assert rig.velocity == pytest.approx(np.full(7, 0.4), rel=1e-5)


def test_disarming_or_deactivating_brakes_and_needs_no_reset():
    for switches, state in ((ON._replace(armed=False), READY), (ON._replace(active=False), ARMED)):
        rig = moving()
        assert rig.run(0.4, REST, switches=switches).state == state
        assert not rig.velocity.any()


def test_policy_silence_holds_after_two_and_a_half_periods_and_faults_a_second_later():
    rig = moving()
    last = rig.request.stamp  # 2.5 / 12.5 Hz = 0.2 s
    while rig.tick().state == RUNNING:
        pass
    assert rig.now - rig.config.tick - last == pytest.approx(0.204, abs=1e-6)
    assert rig.outputs[-1].reasons == ('request_stale',)
    assert not rig.coast(0.2).velocity.any()  # at rest within 0.4 s of the last request
    rig.coast(0.79)
    assert rig.state.mode == HOLD
    assert rig.coast(0.02).state == FAULT
    assert rig.outputs[-1].reasons[:2] == ('request_timeout', 'request_stale')
    assert rig.run(0.4, 0.1).state == FAULT  # latched


def test_short_silence_ends_by_itself_from_rest():
    rig = moving()
    rig.coast(0.24)  # 0.04 s past the age limit: braking
    assert rig.state.mode == HOLD
    assert rig.velocity.any()
    speeds = []
    while rig.state.mode == HOLD:
        rig.ask(0.4)
        rig.tick()
        speeds.append(abs(rig.velocity).max())
    assert 'coming_to_rest' in rig.outputs[-2].reasons
    assert speeds[-2] == 0.0  # it stood before it went on
    assert rig.run(0.4, 0.4).velocity == pytest.approx(np.full(7, 0.4), rel=1e-5)


def test_an_old_stamp_is_as_stale_as_an_old_receipt():
    rig = moving()
    rig.ask(0.4, stamp=rig.now + 0.0)
    old = rig.request._replace(stamp=rig.now, received=rig.now)
    rig.now += 0.21
    rig.request = old._replace(received=rig.now)  # arrives now, was seen 0.21 s ago
    assert 'request_stale' in rig.tick().reasons


def test_joint_silence_holds_after_a_tenth_of_a_second_and_faults():
    rig = moving()
    rig.run(0.4, 0.096, sense=False)
    assert rig.state.mode == RUNNING
    output = rig.run(0.4, 0.012, sense=False)
    assert (output.state, output.reasons) == (HOLD, ('joints_stale',))
    assert rig.run(0.4, 1.0, sense=False).reasons == ('joints_timeout', 'joints_stale')


def test_joint_states_at_30_hz_are_accepted_with_a_warning():
    rig = moving()
    for k in range(400):
        rig.ask(0.1 if k % 50 < 25 else -0.1)
        output = rig.tick(sense=k % 8 == 0)
    assert output.state == RUNNING
    assert 'joints_slow' in output.reasons
    assert all(o.state == RUNNING for o in rig.outputs)


def test_deadman_released_brings_rest_and_needs_a_press():
    rig = Rig(config=GuardConfig(deadman_required=True))
    assert rig.run(0.4, 0.1, switches=ON._replace(deadman=rig.now)).reasons == ('deadman',)
    rig.ask(0.4)
    assert rig.tick().reasons == ('deadman',)
    assert rig.state.mode == ARMED
    for _ in range(100):
        rig.run(0.4, 0.004, switches=ON._replace(deadman=rig.now))
    assert rig.state.mode == ARMED, 'held since before the guard listened'
    rig.run(0.4, 0.004)  # not heard of, and not let go
    assert rig.run(0.4, 0.1, switches=ON._replace(deadman=rig.now)).state == ARMED
    rig.run(0.4, 0.004, switches=LET_GO)
    for _ in range(100):
        rig.run(0.4, 0.004, switches=ON._replace(deadman=rig.now))
    assert rig.state.mode == RUNNING
    unplugged = ON._replace(deadman=rig.now)  # the last press ages from here
    rig.run(0.4, 0.248, switches=unplugged)
    assert rig.state.mode == RUNNING
    output = rig.run(0.4, 0.12, switches=unplugged)  # 0.08 s from 0.4 rad/s, and the jerk
    assert (output.state, output.reasons) == (HOLD, ('deadman',))
    assert not output.velocity.any()
    assert rig.run(0.4, 3.0, switches=unplugged).state == HOLD  # a person's doing: no fault
    output = rig.run(0.4, 0.1, switches=ON._replace(deadman=rig.now))  # heard again, still held
    assert (output.state, output.reasons) == (HOLD, ('deadman',))
    rig.run(0.4, 0.004, switches=LET_GO)
    assert rig.run(0.4, 0.1, switches=ON._replace(deadman=rig.now)).state == RUNNING


def test_a_silent_deadman_is_no_new_press_after_a_fault():
    rig = Rig(config=GuardConfig(deadman_required=True))
    rig.tick(switches=LET_GO)
    assert rig.run(0.4, 0.1, switches=ON._replace(deadman=rig.now)).state == RUNNING
    rig.state = latch_fault(rig.state, 'two_masters')
    silent = ON._replace(deadman=rig.now)
    rig.run(0.4, 1.0, switches=silent)
    rig.state = arm(reset_fault(rig.state, silent))
    rig.run(0.4, 0.5, switches=silent)
    output = rig.run(0.4, 0.1, switches=ON._replace(deadman=rig.now))
    assert (output.state, output.reasons) == (ARMED, ('deadman',))


def test_estop_is_latched_idempotent_and_refuses_reset_while_pressed():
    rig = moving()
    pressed = ON._replace(estop=True)
    for _ in range(3):
        assert rig.run(0.4, 0.02, switches=pressed).reasons == ('estop',)
    assert rig.run(0.4, REST).state == ESTOP
    with pytest.raises(GuardRefusal, match='still pressed'):
        reset_fault(rig.state, pressed)
    with pytest.raises(GuardRefusal, match='reset_fault first'):
        arm(rig.state)
    rig.state = reset_fault(rig.state, ON)
    assert rig.run(0.4, 0.1).state == READY  # not armed by the reset
    rig.state = arm(rig.state)
    assert rig.run(0.4, 0.1).state == RUNNING


def test_reset_is_refused_while_the_arm_moves_and_ignored_without_a_fault():
    rig = moving()
    assert reset_fault(rig.state, ON) is rig.state
    rig.tick(switches=ON._replace(estop=True))
    with pytest.raises(GuardRefusal, match='coming to rest'):
        reset_fault(rig.state, ON)


def test_a_held_deadman_does_not_survive_a_fault():
    rig = Rig(config=GuardConfig(deadman_required=True))

    def held():
        return ON._replace(deadman=rig.now)

    rig.ask(0.4)
    rig.tick(switches=LET_GO)
    for _ in range(10):
        rig.run(0.4, 0.004, switches=held())
    assert rig.state.mode == RUNNING
    rig.state = latch_fault(rig.state, 'two_masters')
    for _ in range(50):
        rig.run(0.4, 0.004, switches=held())
    assert rig.state.cause == ('two_masters',)
    rig.state = arm(reset_fault(rig.state, held()))
    for _ in range(10):
        output = rig.run(0.4, 0.004, switches=held())
    assert (output.state, output.reasons) == (ARMED, ('deadman',))
    rig.run(0.4, 0.004, switches=LET_GO)
    for _ in range(10):
        rig.run(0.4, 0.004, switches=held())
    assert rig.state.mode == RUNNING


def test_a_fault_keeps_its_cause_and_an_estop_goes_over_it():
    rig = moving()
    rig.state = latch_fault(latch_fault(rig.state, 'two_masters'), 'two_masters')
    assert rig.run(0.4, REST).reasons == ('two_masters',)
    assert rig.run(0.4, 0.01, switches=ON._replace(estop=True)).state == ESTOP
    assert latch_fault(rig.state, 'two_masters') is rig.state


def test_uncertainty_slows_and_below_its_floor_holds_until_armed_anew():
    rig = Rig(config=GuardConfig(speed_floor=0.2))
    for _ in range(100):
        rig.ask(2.0, speed_scale=0.5)
        output = rig.tick()
    assert 'uncertain' in output.reasons  # J2's cap 0.5, halved, sets the vector
    assert output.velocity == pytest.approx(np.full(7, 0.25), rel=1e-5)
    rig.ask(2.0, speed_scale=0.2)
    assert rig.tick().reasons == ('uncertain',)
    assert rig.run(2.0, 1.5).state == HOLD  # the policy is sure again: still held
    assert rig.outputs[-1].reasons == ('uncertain',)
    rig.state = arm(rig.state)
    assert rig.run(2.0, 0.1).state == RUNNING


@pytest.mark.parametrize('required', [False, True])
def test_a_press_ends_a_hold_for_doubt_where_the_button_is_the_deadman_alone(required):
    rig = Rig(config=GuardConfig(deadman_required=required))

    def press(seconds):
        for _ in range(round(seconds / rig.config.tick)):
            rig.ask(2.0)
            output = rig.tick(ON._replace(deadman=rig.now))
        return output

    rig.run(2.0, 0.02, switches=ON._replace(let_go=True))
    assert press(0.3).state == RUNNING
    rig.ask(2.0, speed_scale=0.0)
    rig.tick(ON._replace(deadman=rig.now))
    assert press(0.5).state == HOLD
    rig.run(2.0, 0.02, switches=LET_GO)
    assert press(0.5).state == (RUNNING if required else HOLD)


def test_a_scale_above_one_is_one():
    rig = Rig()
    for scale in (1.0, 3.0):
        rig.ask(2.0, speed_scale=scale)
        assert rig.tick().scale == pytest.approx(0.25)  # J2: 0.5 of 2.0


def test_a_clock_that_stands_or_goes_back_only_brakes():
    rig = moving()
    before = rig.velocity
    rig.now -= 3600.0
    output = rig.tick()
    assert 'clock' in output.reasons
    assert (abs(output.velocity) < abs(before)).all()
    for _ in range(60):
        output = rig.tick(dt=0.0)  # now stands still
    assert (output.state, output.velocity.any()) == (HOLD, False)
    assert rig.run(0.4, 0.4).state == RUNNING  # a new time base with new stamps: goes on
    for now in (float('nan'), float('inf'), -float('inf')):
        output, state = guard_step(
            rig.config, rig.limits, rig.spec, rig.state, rig.request, rig.measured, ON, now
        )
        assert output.state == HOLD
        assert np.isfinite(output.velocity).all()
        assert state.now == rig.state.now


def test_a_late_tick_changes_no_more_than_one_and_a_half_ticks_would():
    rig = moving()
    rig.now += 0.05
    rig.ask(-0.4)
    output = rig.tick()
    assert output.state == RUNNING
    assert abs(output.velocity - 0.4).max() <= 5.0 * 0.006 + 1e-9
    rig.now += 0.15
    assert 'tick_gap' in rig.run(0.4, 0.004).reasons


def test_halted_guard_streams_zeros_for_two_seconds_and_then_is_silent():
    rig = moving()
    rig.run(0.4, 0.3, switches=ON._replace(estop=True))
    assert rig.outputs[-1].publish
    rig.run(0.4, 2.3)
    assert not rig.outputs[-1].publish
    assert all(o.publish for o in rig.outputs if o.velocity.any())


def test_output_carries_request_scale_and_gripper():
    rig = Rig('kitchen_sim', position=[0, 0, 0, -1.5, 0, -0.8, 0])
    rig.ask(np.array([2.0, 0, 0, 0, 0, 0, 0, 0.5, -3.0]))
    output = rig.tick()
    assert output.requested.tolist() == [2.0, 0, 0, 0, 0, 0, 0, 0.5, -3.0]
    assert output.scale == pytest.approx(0.5)  # cap 1.0 of 2.0 asked
    assert output.gripper.tolist() == [0.5, -2.0]
    assert {'velocity', 'gripper'} <= set(output.reasons)
    output = rig.tick(switches=ON._replace(active=False))
    assert output.gripper.tolist() == [0.0, 0.0]
    assert output.scale == 0.0


def test_guard_step_is_pure():
    rig = moving()
    arguments = (
        rig.config,
        rig.limits,
        rig.spec,
        rig.state,
        rig.request,
        rig.measured,
        ON,
        rig.now,
    )
    kept = rig.request.velocity.copy(), rig.measured.position.copy()
    first, second = guard_step(*arguments), guard_step(*arguments)
    assert first[0].velocity.tolist() == second[0].velocity.tolist()
    assert first[0].reasons == second[0].reasons
    assert first[1] == second[1]
    assert (rig.request.velocity == kept[0]).all()
    assert (rig.measured.position == kept[1]).all()


def test_every_reason_in_the_source_is_explained():
    folder = Path(guard.__file__).parent
    source = ''.join((folder / f'{part}.py').read_text() for part in ('intake', 'mode'))
    codes = set(re.findall(r"'((?:joints|request)_[a-z]+)'", source))
    assert len(codes) > 15
    assert codes <= set(REASONS)


@pytest.mark.parametrize(
    ('field', 'value', 'expected'),
    [
        ('rate', 10, '50 to 1000'),
        ('deadman_age', 250, '0.05 to 1'),
        ('joint_age', 0.0, '0.005'),
        ('speed_floor', 2.0, '0 to 1'),
        ('latency', float('nan'), '0 to 0.1'),
    ],
)
def test_a_setting_outside_its_range_is_refused_with_the_range(field, value, expected):
    with pytest.raises(ConfigError, match=f'{field} is {value}.*{expected}'):
        GuardConfig(**{field: value})


def test_switches_default_to_no_deadman_and_no_estop():
    assert Switches(True, True) == Switches(True, True, None, False)
