"""The limits of the surprise come of held-out episodes by rank, worked by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from moto_learning.export import thresholds
from moto_learning.export.thresholds import LEAST, Doubts, Ordinary, surprise_limits, why_none

KNOWS = SimpleNamespace(expects=True)


class Cached:
    """Surprise along T rows."""

    def __init__(self, surprise):
        self.surprise = np.asarray(surprise, np.float32)

    def __len__(self):
        return len(self.surprise)


@pytest.fixture(autouse=True)
def told(monkeypatch):
    monkeypatch.setattr(
        thresholds, 'doubts', lambda graphs, one: Doubts(one.surprise, one.surprise)
    )


def ordinary(surprise, stood=()):
    followed = np.ones(len(surprise), bool)
    followed[list(stood)] = False
    return Ordinary(Cached(surprise), followed)


def steady(level, rows=12):
    return ordinary([100.0, *[level] * (rows - 1)])  # the first row's counts for nothing


@pytest.mark.parametrize('count, rank', [(19, 18), (20, 19), (39, 36), (59, 54)])
def test_slow_is_the_score_that_a_further_episode_passes_once_in_ten_at_most(count, rank):
    levels = np.random.default_rng(0).permutation(np.arange(1, count + 1))
    limits = surprise_limits(KNOWS, [steady(float(level)) for level in levels])
    assert limits.slow == rank
    assert limits.hold == 2 * rank
    assert (limits.episodes, limits.decisions) == (count, 12 * count)
    assert (count + 1 - rank) / (count + 1) <= 1 - limits.quantile + 1e-9


def test_an_episodes_score_is_its_largest_mean_over_eight_decisions_in_a_row():
    spike = ordinary([0.0] * 10 + [80.0] + [0.0] * 10)  # 80 / 8
    lasting = ordinary([0.0] * 5 + [12.0] * 8 + [0.0] * 8)
    limits = surprise_limits(KNOWS, [spike] * (LEAST - 2) + [lasting] * 2)
    assert limits.slow == 12.0
    assert surprise_limits(KNOWS, [spike] * LEAST).slow == 10.0


def test_one_episode_that_strayed_moves_no_limit():
    calm = [steady(float(level)) for level in range(1, LEAST)]
    limits = surprise_limits(KNOWS, [*calm, steady(100.0)])
    assert limits == surprise_limits(KNOWS, [*calm, steady(float(LEAST))])


def test_episodes_of_no_more_than_a_window_do_not_count():
    short = [steady(1.0, rows=8)] * 5
    assert surprise_limits(KNOWS, [steady(2.0)] * (LEAST - 1) + short) is None
    assert surprise_limits(KNOWS, [steady(2.0, rows=9)] * LEAST + short).episodes == LEAST


def test_too_few_episodes_or_a_policy_that_expects_nothing_give_no_limits_and_say_why():
    few = [steady(1.0)] * (LEAST - 1)
    assert surprise_limits(KNOWS, few) is None
    assert '18 successful episodes' in why_none(KNOWS, few) and '--held-out' in why_none(
        KNOWS, few
    )
    blind = SimpleNamespace(expects=False)
    assert surprise_limits(blind, [steady(1.0)] * 40) is None
    assert 'no model' in why_none(blind, [])


def test_what_an_arm_that_is_held_shows_does_not_count():
    held = ordinary([0.0, *[1.0] * 9, *[90.0] * 9, 90.0, *[2.0] * 9], stood=range(10, 19))
    assert surprise_limits(KNOWS, [held] * LEAST).slow == 2.0
    never = ordinary([0.0, *[1.0] * 20], stood=range(0, 21, 7))
    assert surprise_limits(KNOWS, [held] * (LEAST - 1) + [never]) is None
