"""The line that a person reads about a running graph."""

from dataclasses import replace

import pytest

from moto_ros.bringup.graph import DecisionRate, status_line, without_silent
from moto_ros.messages import GuardState, Latest, TaskState
from tests.ros.told import policy_status, recorder_state

GUARD = GuardState(
    state='HOLD',
    source='policy',
    reasons=('request_stale', 'deadman'),
    cause=(),
    refusal='',
    scale=1.0,
    at_rest=True,
    from_home=0.02,
    profile='normal',
    limits='0123456789ab',
    interventions={},
    ticks=1,
    late=0,
    dry_run=False,
)
POLICY = policy_status(decisions=7, missed=2, surprise=2.5)


def test_what_was_not_heard_is_silent_and_what_may_be_absent_is_left_out():
    assert status_line(Latest(), 0.0) == 'guard silent | policy silent'


def test_every_state_is_one_part_of_the_line():
    latest = Latest(
        guard=GUARD,
        policy=POLICY,
        recorder=recorder_state(
            state='recording', episode='E', rows=5, dropped=1, problem='the disk is slow'
        ),
        task=TaskState(stamp=1, reward=2.0, success=True, parts={}, seed=None),
    )
    assert status_line(latest, 12.46).split(' | ') == [
        'guard HOLD request_stale,deadman',
        'policy 7 decisions 12.5 Hz, missed 2',
        'recorder recording 5 rows, 1 dropped the disk is slow',
        'task reward 2 success',
    ]


def test_without_a_loss_nothing_is_said_of_it():
    recorder = recorder_state()
    assert status_line(Latest(recorder=recorder), 0.0).endswith('| recorder idle 0 rows')


def test_the_rate_begins_anew_with_the_policy_and_is_never_negative():
    rate = DecisionRate()
    assert rate.update(733, 10.0) is None  # a graph that ran before
    assert rate.update(746, 11.0) == pytest.approx(13.0)
    assert rate.update(6, 12.0) == pytest.approx(6.0)  # configured again
    assert rate.update(None, 13.0) is None
    assert rate.update(12, 14.0) is None
    assert rate.update(24, 15.0) == pytest.approx(12.0)


def test_a_node_that_died_is_silent_and_its_counts_are_gone():
    recorder = recorder_state(rows=5)
    latest = Latest(guard=GUARD, policy=POLICY, recorder=recorder)
    heard = {'guard': 9.5, 'policy': 7.5, 'recorder': 7.5}
    found = without_silent(latest, heard, now=10.0)
    assert (found.guard, found.policy, found.recorder) == (GUARD, None, None)
    line = status_line(found, None, heard)
    assert line == 'guard HOLD request_stale,deadman | policy silent | recorder silent'
    assert without_silent(latest, heard, now=9.0) == latest


def test_what_keeps_a_policy_is_in_its_part():
    policy = replace(POLICY, differences=("profile 'a' and 'b'",), problem='no camera')
    line = status_line(Latest(policy=policy), None)
    assert line.endswith("7 decisions, missed 2 profile 'a' and 'b',no camera")
