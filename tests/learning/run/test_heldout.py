"""Evaluations during training: what a line holds, and which lines are believed."""

import json

import pytest

from moto_core.policy.policy import ZeroPolicy
from moto_learning.run.heldout import HeldOut, read_evaluations
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
    ]
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (tmp_path / 'evaluations.jsonl').write_text(text + '{"updates": 1e999}\n')
    assert [one.successes for one in read_evaluations(tmp_path)] == [4, 4]
