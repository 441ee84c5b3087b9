"""What is compared of two bundles, with numbers by hand."""

import math

import numpy as np
import pytest

from moto_core.policy.policy import PolicyStep
from moto_learning.data.sources import read_episodes
from moto_learning.rounds.settings import RoundSettings
from moto_learning.rounds.trial import FEW, Trial, action_errors, start_successes, why_worse
from tests.learning import tiny_learner as tiny
from tests.learning.labelled import ROWS, record

SETTINGS = RoundSettings(starts=4, error=0.1, lost=0, seed=50)


class Echo:
    """Asks for what it is told was done before, and keeps what it was told."""

    spec, hash = tiny.spec(), 'echo'

    def __init__(self):
        self.told = []

    def initial(self):
        return {'previous_action': np.full((1, 2), 9, np.float32), 'is_first': np.ones(1)}

    def step(self, images, proprioception, state):
        self.told.append((state['previous_action'][0].copy(), float(state['is_first'][0])))
        following = {'previous_action': np.full((1, 2), 7, np.float32), 'is_first': np.zeros(1)}
        return PolicyStep(state['previous_action'][0], 0.0, following)


def test_the_error_is_the_mean_difference_to_what_was_done_told_what_was_done_before(tmp_path):
    good = record(tmp_path, 'success', action=0.6)
    record(tmp_path, 'failure', action=0.1)
    episodes, policy = read_episodes([tmp_path]).episodes, Echo()
    found = action_errors(policy, episodes)
    # told 0 at the first row and .6 at the others: .6 away from what was done once in ROWS
    assert found == {good: pytest.approx(0.6 / ROWS)}
    assert [first for _, first in policy.told] == [1.0] + [0.0] * (ROWS - 1)
    assert policy.told[1][0] == pytest.approx([0.6, 0.6])


def test_an_episode_without_a_label_judges_nobody(tmp_path):
    record(tmp_path, 'unlabelled')
    assert action_errors(Echo(), read_episodes([tmp_path]).episodes) == {}


@pytest.mark.parametrize(
    ('new', 'used', 'lost', 'refused'),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 0, False),
        ([1, 0, 0, 0], [1, 1, 0, 0], 0, True),
        ([1, 0, 0, 0], [1, 1, 0, 0], 1, False),
        ([0, 0, 1, 1], [1, 1, 0, 0], 0, False),
        ([], [], 0, False),
    ],
)
def test_a_policy_that_succeeds_at_fewer_starts_is_refused(new, used, lost, refused):
    settings = RoundSettings(lost=lost)
    one, other = (Trial(starts=[bool(x) for x in starts]) for starts in (new, used))
    assert bool(why_worse(one, other, settings)) == refused


@pytest.mark.parametrize(
    ('new', 'used', 'refused'),
    [(0.11, 0.1, False), (0.1101, 0.1, True), (0.05, 0.1, False), (math.nan, 0.1, True)],
)
def test_a_policy_that_is_further_off_is_refused(new, used, refused):
    one, other = (Trial(errors=dict.fromkeys('abcde', error)) for error in (new, used))
    assert bool(why_worse(one, other, SETTINGS)) == refused


@pytest.mark.parametrize(('used', 'count'), [(0.1, FEW - 1), (math.nan, FEW)])
def test_of_too_few_episodes_or_beside_no_number_nobody_is_refused(used, count):
    one, other = (Trial(errors=dict.fromkeys('abcde'[:count], e)) for e in (0.5, used))
    assert why_worse(one, other, SETTINGS) == ''


def test_starts_are_those_of_the_seeds_and_end_when_told(monkeypatch):
    from moto_learning.rounds import trial

    seeds = []

    class Score:
        def __init__(self, success):
            self.success = success

    def evaluate(env, policy, episodes, seed, max_steps):
        seeds.append((episodes, seed, max_steps))
        return [Score(seed % 2 == 0)]

    monkeypatch.setattr(trial, 'evaluate', evaluate)
    told = []
    wanted = range(50, 54)
    found = start_successes(None, Echo(), wanted, 30, lambda done: told.append(done) or True)
    assert found == [True, False, True, False]
    assert seeds == [(1, 50, 30), (1, 51, 30), (1, 52, 30), (1, 53, 30)]
    assert told == [1, 2, 3, 4]
    assert start_successes(None, Echo(), wanted, 30, lambda done: done < 2) is None
    assert len(seeds) == 6
