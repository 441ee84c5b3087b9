"""What the policy is told that the arm did, where that is not what it asked for."""

import numpy as np
import pytest

from moto_core.guard.limits import load_robot
from moto_core.guard.reasons import stops
from moto_core.policy.policy import after
from moto_ros.loops.done import DoneInstead
from moto_ros.loops.guard_log import Executed
from tests.ros.told import guarded

SPEC = load_robot('fr3').spec
MS = 1_000_000  # [ns]


def done(*told, velocity=0.5, scale=1.0):
    """What was done from 100 to 180 ms, the guard's words being (time [ms], what it says)."""
    found = DoneInstead(SPEC)
    for at, said in told:
        found.reasons(guarded(stamp=at * MS, **said))
    for at in range(0, 180, 4):
        found.executed(Executed(at * MS, np.full(7, velocity if at >= 100 else 9.0)))
    found.asked(100 * MS, scale)
    return found.action(180 * MS)


def test_what_limits_left_of_its_own_action_is_its_own():
    assert done((90, {})) is None
    assert done((90, {'reasons': ['velocity', 'jerk']})) is None
    assert done((90, {'reasons': ['uncertain']}), scale=0.5) is None


@pytest.mark.parametrize(
    'said',
    [
        {'source': 'teleop'},
        {'state': 'HOLD', 'reasons': ['deadman']},
        {'reasons': ['uncertain'], 'state': 'HOLD'},
        {'source': 'home'},
        {'state': 'READY', 'reasons': ['not_armed']},
    ],
)
def test_what_a_person_or_a_hold_did_is_the_mean_that_was_let_out_in_units_of_the_action(said):
    assert done((90, said)) == pytest.approx(0.5 / SPEC.scale)
    assert done((90, {}), (120, said), (140, {})) == pytest.approx(0.5 / SPEC.scale)
    assert done((90, said)).dtype == np.float32


def test_a_dry_run_did_nothing_and_without_a_guard_nothing_is_known():
    assert not done((90, {'reasons': ['dry_run']})).any()
    assert done() is None


def test_a_state_without_the_action_before_stays_as_it_is():
    assert after({}, np.ones(7)) == {}
    state = {'previous_action': np.zeros((1, 7), np.float32), 'deter': np.ones((1, 3))}
    told = after(state, np.full(7, 0.5))
    assert told['previous_action'].tolist() == [[0.5] * 7] and told['deter'] is state['deter']
    assert not state['previous_action'].any(), 'what was passed in is not written to'


def test_doubt_that_slows_is_followed_and_doubt_that_holds_is_not():
    assert stops(('uncertain', 'velocity'), 0.5) == set()
    assert stops(('uncertain',), 1.0) == stops(('uncertain',), 0.0) == {'uncertain'}
