"""The line that a person reads about a running graph."""

from moto_ros.bringup.graph import status_line
from moto_ros.messages import GuardState, Latest, PolicyStatus, RecorderState, TaskState

GUARD = GuardState(
    state='HOLD',
    reasons=('request_stale', 'deadman'),
    cause=(),
    scale=1.0,
    at_rest=True,
    interventions={},
    ticks=1,
    late=0,
    dry_run=False,
)
POLICY = PolicyStatus(
    policy='p',
    decisions=7,
    missed=2,
    refused=0,
    waiting=False,
    reasons=(),
    differences=(),
    problem='',
)


def test_what_was_not_heard_is_silent_and_what_may_be_absent_is_left_out():
    assert status_line(Latest(), 0.0) == 'guard silent | policy silent'


def test_every_state_is_one_part_of_the_line():
    latest = Latest(
        guard=GUARD,
        policy=POLICY,
        recorder=RecorderState(
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
    recorder = RecorderState(state='idle', episode='', rows=0, dropped=0, problem='')
    assert status_line(Latest(recorder=recorder), 0.0).endswith('| recorder idle 0 rows')
