"""The guard's state as a person reads it."""

import pytest

from moto_core.guard.reasons import REASONS
from moto_ros.console.words import NOBODY, WAITS, meaning, plain
from tests.ros.console.played import guard
from tests.ros.told import policy_status


@pytest.mark.parametrize(
    'state, source, words',
    [
        ('READY', 'policy', 'Disarmed'),
        ('ARMED', 'teleop', 'by a person'),
        ('RUNNING', 'policy', 'the policy moves the arm'),
        ('RUNNING', 'home', 'the way home moves the arm'),
        ('HOLD', 'policy', 'Held'),
        ('FAULT', 'policy', 'Fault'),
        ('ESTOP', 'policy', 'E-stop'),
    ],
)
def test_a_state_says_what_the_arm_does_and_by_whom(state, source, words):
    assert words in plain(guard(state, source=source)).headline


@pytest.mark.parametrize('state, mode', [('ARMED', 'Armed'), ('RUNNING', 'Running')])
def test_a_policy_that_asks_for_nothing_moves_nothing(state, mode):
    waits, person = policy_status(waiting=True), policy_status(policy='teleop', waiting=False)
    assert plain(guard(state), waits).headline == f'{mode}: {WAITS}'
    assert plain(guard(state), person).headline == f'{mode}: {NOBODY}'
    for told in (waits, person):
        assert 'a person' in plain(guard(state, source='teleop'), told).headline


def test_a_fault_says_every_cause_in_words_and_what_to_do():
    words = plain(guard('FAULT', cause=('two_masters',), reasons=('two_masters', 'not_armed')))
    assert words.why == ('somebody else publishes commands too (fault) (two_masters)',)
    assert words.remedy == 'Mend what is named here, then reset the fault.'


@pytest.mark.parametrize(
    'source, words',
    [('teleop', 'joystick fell silent: plug'), ('policy', 'policy asked'), ('home', 'named here')],
)
def test_a_fault_of_silence_says_who_fell_silent_and_no_setting(source, words):
    cause = ('request_timeout', 'request_stale')
    told = plain(guard('FAULT', source=source, cause=cause, reasons=cause))
    assert words in told.remedy and told.remedy.endswith('reset the fault.')
    assert not any('stale_fault' in one for one in told.why)
    silent = plain(guard('FAULT', source=source, cause=('joints_timeout', 'joints_stale')))
    assert 'joint states fell silent' in silent.remedy and 'named here' not in silent.remedy


def test_what_only_limits_the_arm_is_no_cause_of_a_stop():
    words = plain(guard('RUNNING', reasons=('velocity', 'jerk'), cause=('joints_stale',)))
    assert words.why == ()
    assert len(words.limits) == 2 and 'slowed' in words.limits[0]


def test_a_hold_for_doubt_asks_for_a_look_and_to_arm_anew():
    words = plain(guard('HOLD', reasons=('uncertain',), cause=('uncertain',)))
    assert 'arm anew' in words.remedy and 'uncertain' in words.why[0]


def test_what_keeps_it_from_being_armed_is_said():
    assert 'call home' in plain(guard(refusal='joint is away: call home')).remedy


def test_a_dry_run_says_that_nothing_is_sent():
    words = plain(guard('RUNNING', dry_run=True, reasons=('dry_run',)))
    assert 'nothing is sent' in words.headline and 'not sent' in words.why[0]


def test_every_code_has_a_meaning_and_an_unknown_one_stands_for_itself():
    assert all(meaning(code) == f'{words} ({code})' for code, words in REASONS.items())
    assert meaning('gripper_lost') == 'gripper_lost'
