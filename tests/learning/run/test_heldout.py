"""Evaluations during training: what a line holds, and which lines are believed."""

import json

import pytest

from moto_core.policy.policy import ZeroPolicy
from moto_learning.run.counters import Counters
from moto_learning.run.heldout import (
    ASIDE,
    HeldOut,
    is_finished,
    read_evaluations,
    sound_evaluation,
)
from tests.learning import tiny_learner as tiny
from tests.learning.report.written_run import evaluation
from tests.sim.counting_task import SPEC, counting_env


class Counted:
    """A simulator whose episodes bring both parts into place, or 'early' alone."""

    def __init__(self, at):
        self.made = counting_env(at=at)

    def env(self):
        return self.made


class Still:
    updates = 5

    def policy(self, exploration):
        return ZeroPolicy(SPEC)


@pytest.mark.parametrize('at, parts, successes', [(3, [0, 0, 4], 4), (5, [0, 4, 0], 0)])
def test_an_evaluation_counts_its_episodes_by_the_parts_that_were_done(
    tmp_path, at, parts, successes
):
    config = tiny.config('evaluate.episodes=4', 'evaluate.explore=[mode]')
    HeldOut(config, Still(), Counted(at), tmp_path).measure(2, 8)
    [found] = read_evaluations(tmp_path)
    assert (found.parts, found.successes, found.starts) == (parts, successes, 4)
    assert (found.updates, found.episodes, found.decisions) == (5, 2, 8)


def test_a_line_of_counts_that_do_not_fit_is_left_out(tmp_path):
    lines = [
        evaluation(0, 4),
        evaluation(0, 4, parts=[16, 4]),
        evaluation(0, 5, parts=[16, 5]),
        evaluation(0, 5, parts=[25, -5]),
        evaluation(0, 5, parts='aa'),
        evaluation(0, 5, parts=20),
        evaluation(10**400, 5),
        evaluation(0, 5, policy={}),
    ]
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (tmp_path / 'evaluations.jsonl').write_text(text + '{"updates": 1e999}\n')
    assert [one.successes for one in read_evaluations(tmp_path)] == [4, 4]


def test_what_was_found_after_a_point_is_set_aside_and_not_lost(tmp_path):
    lines = [evaluation(0, 4), evaluation(100, 5), evaluation(200, 6), {'updates': 'many'}]
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (tmp_path / 'evaluations.jsonl').write_text(text)
    held_out = HeldOut(tiny.config(), Still(), Counted(3), tmp_path)
    held_out.set_aside(1300)
    assert (tmp_path / 'evaluations.jsonl').read_text() == text
    held_out.set_aside(1100)
    assert [one.successes for one in read_evaluations(tmp_path)] == [4, 5]
    held_out.set_aside(1000)
    assert [one.successes for one in read_evaluations(tmp_path)] == [4]
    aside = [json.loads(line) for line in (tmp_path / ASIDE).read_text().splitlines()]
    assert [line['successes'] for line in aside] == [6, 5]


@pytest.mark.parametrize(
    'done, last, finished',
    [
        ({'episodes': 2, 'online': 4, 'online_goal': 4}, [(9, 'mode'), (9, 'sample')], True),
        ({'episodes': 2, 'online': 4, 'online_goal': 4}, [(9, 'mode')], False),  # stopped there
        ({'episodes': 2, 'online': 4, 'online_goal': 4}, [(8, 'mode'), (8, 'sample')], False),
        ({'episodes': 2, 'online': 3, 'online_goal': 4}, [(8, 'mode'), (8, 'sample')], False),
        ({'episodes': 1, 'online': 2, 'online_goal': 2}, [(7, 'mode'), (7, 'sample')], False),
        ({'episodes': 3, 'online': 6, 'online_goal': 6}, [], True),  # longer: not due after 3
    ],
)
def test_a_run_is_finished_with_its_last_evaluation(done, last, finished):
    goal = tiny.config(
        'train.offline_updates=5',
        'train.online_episodes=2',
        'evaluate.every=2',
        'evaluate.explore=[mode, sample]',
    )
    there = [
        sound_evaluation(evaluation(0, 1, explore=explore, updates=updates))
        for updates, explore in last
    ]
    assert is_finished(Counters(offline=5, **done), goal, there) is finished
    never = tiny.config('train.offline_updates=5', 'train.online_episodes=1')
    trained = done['online'] == done['online_goal']
    assert is_finished(Counters(offline=5, **done), never, []) is trained
