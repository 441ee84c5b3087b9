"""Who drives: one source at a time, changed by the switch, without a jump."""

import numpy as np
import pytest

from moto_core.guard.state import FAULT, HOLD, RUNNING
from tests.ros.loops.arm import DELAY, NAMES, TICK, Arm


def both(arm, seconds, policy=0.3, person=-0.2):
    for _ in range(round(seconds / TICK)):
        for ask, source in ((policy, 'policy'), (person, 'teleop')):
            if ask is not None:
                asked = np.full(7, ask)
                arm.guard.inbox.request(NAMES, asked, 0.0, arm.now + TICK, source)
        arm.tick()


@pytest.mark.parametrize('delay', [DELAY, 0.0])
def test_policy_and_person_ask_at_once_and_the_switch_says_who_drives(delay):
    arm = Arm(delay)
    both(arm, 1.0)
    assert arm.velocity[0] == pytest.approx(0.3, abs=1e-3)
    assert arm.guard.intervene(True) == 'teleop drives'
    both(arm, 1.0)
    assert arm.velocity[0] == pytest.approx(-0.2, abs=1e-3)
    assert arm.guard.intervene(False) == 'policy drives'
    both(arm, 1.0)
    assert arm.velocity[0] == pytest.approx(0.3, abs=1e-3)


def test_a_take_over_is_a_ramp_within_acceleration_and_jerk():
    arm = Arm()
    both(arm, 1.0)
    arm.guard.intervene(True)
    both(arm, 0.5)
    assert arm.guard.state.mode == RUNNING
    assert {output.state for output in arm.outputs[-100:]} == {RUNNING}
    speed = np.array([output.velocity[0] for output in arm.outputs[-130:]])
    change = np.diff(speed) / TICK
    assert np.abs(change).max() == pytest.approx(5.0, rel=0.02)
    assert np.abs(np.diff(change)).max() / TICK <= 500 * 1.001


def test_a_person_who_says_nothing_brings_the_arm_to_rest_whatever_the_policy_asks():
    arm = Arm()
    both(arm, 1.0, person=None)
    arm.guard.intervene(True)
    both(arm, 0.6, person=None)
    assert arm.guard.state.mode == HOLD and not arm.velocity.any()
    assert arm.outputs[-1].reasons[0] == 'request_missing'
    both(arm, 1.0, person=None)
    assert arm.guard.state.mode == FAULT


def test_a_request_of_a_person_from_before_the_policy_drove_does_not_count():
    arm = Arm()
    arm.guard.intervene(True)
    both(arm, 0.3, policy=None, person=0.2)
    arm.guard.intervene(False)
    both(arm, 0.5, policy=0.3, person=None)
    arm.guard.intervene(True)
    both(arm, 0.6, policy=0.3, person=None)
    assert arm.guard.state.mode == HOLD and not arm.velocity.any()
    assert arm.outputs[-1].reasons[0] == 'request_stale'


def test_what_the_guard_did_to_a_person_is_not_counted_twice_for_the_policys_requests():
    arm = Arm(delay=0.0)
    arm.guard.intervene(True)
    both(arm, 1.0, policy=None, person=5.0)
    first = arm.guard.interventions.counts['velocity']
    both(arm, 1.0, policy=0.3, person=5.0)
    assert first == pytest.approx(250, abs=5)
    assert arm.guard.interventions.counts['velocity'] == pytest.approx(2 * first, abs=5)
