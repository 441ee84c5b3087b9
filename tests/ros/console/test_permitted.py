"""What may be asked for now, and why not."""

import pytest

from moto_ros.console.permitted import refusals
from moto_ros.console.seen import Seen, seen
from tests.ros.console.played import guard, known, recorder
from tests.ros.told import policy_status


def why(deed, *missing, unlabelled=False, **changes):
    return refusals(known(*missing, **changes), unlabelled)[deed]


def test_stop_and_estop_are_never_refused():
    for one in (Seen(), known(guard=guard('FAULT')), known('guard', 'policy', 'recorder')):
        told = refusals(one, False)
        assert told['stop'] == told['estop'] == ''


def test_a_graph_that_was_never_heard_refuses_all_else():
    told = refusals(Seen(), False)
    assert [deed for deed, reason in told.items() if not reason] == ['stop', 'estop']


@pytest.mark.parametrize(
    'changes, words',
    [
        ({}, ''),
        ({'guard': guard('FAULT')}, 'FAULT: reset'),
        ({'guard': guard('RUNNING')}, 'stop it first'),
        ({'guard': guard(source='home')}, 'way home'),
        ({'recorder': recorder('recording', 'X')}, 'being recorded'),
        ({'guard': guard(refusal='joint 2 is away')}, ''),  # the twin's scene is reset first
        ({'guard': guard(unfit='the joint state is too old')}, 'too old'),
    ],
)
def test_an_episode_begins_from_rest_alone(changes, words):
    told = why('start', **changes)
    assert words in told and bool(told) == bool(words)


def test_a_real_arm_is_not_reset_so_that_what_the_guard_refuses_is_in_the_way():
    newest = {'guard': guard(refusal='away'), 'policy': known().policy}
    told = seen(newest, dict.fromkeys(newest, 0.0), 0.0)
    assert refusals(told, False)['start'] == 'away'
    assert not told.simulated


def test_a_recorder_that_has_died_is_no_reason_to_run_without_one():
    assert 'recorder has gone silent' in why('start', 'recorder')
    assert why('start', 'policy') == 'the policy is silent'


def test_a_fault_is_reset_before_anything_is_armed():
    for state in ('FAULT', 'ESTOP'):
        assert state in why('arm', guard=guard(state)) and state in why('home', guard=guard(state))
        assert why('reset_fault', guard=guard(state)) == ''
    assert why('reset_fault') == 'there is no fault'


@pytest.mark.parametrize('state, words', [('READY', ''), ('FAULT', ''), ('HOLD', 'stop it first')])
def test_the_guard_hears_of_a_controller_that_begins_anew_only_disarmed(state, words):
    told = why('begin_anew', guard=guard(state))
    assert words in told and bool(told) == bool(words)
    assert 'coming to rest' in why('begin_anew', guard=guard(at_rest=False))


def test_a_hold_may_be_armed_anew_and_a_moving_arm_not():
    assert why('arm', guard=guard('HOLD')) == ''
    assert why('arm', guard=guard('RUNNING')) == 'it is armed already'
    assert why('arm', guard=guard(refusal='no joints')) == 'no joints'


def test_a_label_needs_an_episode_that_waits_for_one():
    assert 'no episode waits' in why('success')
    assert why('failure', unlabelled=True) == ''
    assert why('success', recorder=recorder('recording', 'X')) == ''
    assert why('success', 'recorder', unlabelled=True) == 'no recorder is heard'


def test_what_was_recorded_may_be_discarded_and_nothing_else():
    assert 'no episode was recorded' in why('discard')
    assert why('discard', recorder=recorder('idle', 'X')) == ''


def test_one_of_person_and_policy_drives():
    assert why('take_over') == '' and why('give_back')
    assert why('give_back', guard=guard(source='teleop')) == ''
    assert why('take_over', guard=guard(source='teleop'))
    person = policy_status(policy='teleop')
    assert 'no policy' in why('give_back', guard=guard(source='teleop'), policy=person)


def test_the_way_home_is_not_part_of_an_episode_nor_of_a_dry_run():
    assert why('home') == ''
    assert 'being recorded' in why('home', recorder=recorder('draining', 'X'))
    assert 'dry run' in why('home', guard=guard(dry_run=True))


def test_a_way_home_that_the_guard_would_refuse_is_refused_with_its_words():
    assert why('home', guard=guard(refusal='joint 2 is away')) == ''
    assert why('home', guard=guard(home_refusal='no joints')) == 'no joints'


def test_who_is_silent_for_a_second_is_not_there_but_an_episodes_end_is_remembered():
    newest = {'guard': guard(), 'episode': 'the end', 'teleop': 'of no field here'}
    told = seen(newest, {'guard': 5.0, 'episode': 0.0}, 6.5)
    assert told.guard is None and told.silent == ('guard',) and told.episode == 'the end'
    assert told.missing == (
        'the policy (moto/policy/status)',
        'the recorder (moto/recorder/state)',
    )
    assert seen(newest, {'guard': 6.0, 'episode': 0.0}, 6.5).guard is not None
