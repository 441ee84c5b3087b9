"""What a policy's surprise leaves of the allowed speed, by numbers worked by hand."""

import math

import numpy as np
import pytest

from moto_core.policy.surprise import SLOWEST, Caution, SurpriseLimits, speed_scale, window_means

LIMITS = SurpriseLimits(slow=4.0, hold=8.0, window=4, quantile=0.95, episodes=20, decisions=900)


def scales(values, limits=LIMITS):
    caution = Caution(limits)
    return [caution.take(value) for value in values]


@pytest.mark.parametrize(
    'mean, scale',
    [
        (0.0, 1.0),
        (4.0, 1.0),
        (6.0, 0.625),  # half way from 1 to 0.25
        (7.999999, SLOWEST),
        (8.0, 0.0),
        (math.inf, 0.0),
        (math.nan, 0.0),
    ],
)
def test_the_speed_falls_on_a_line_from_slow_to_hold_and_then_to_nothing(mean, scale):
    assert speed_scale(LIMITS, mean) == pytest.approx(scale, abs=1e-6)


def test_limits_that_are_equal_hold_at_once_above_them():
    same = SurpriseLimits(slow=4.0, hold=4.0, window=1, quantile=1, episodes=1, decisions=1)
    assert [speed_scale(same, mean) for mean in (4.0, 4.001)] == [1.0, 0.0]


def test_one_spike_of_any_ordinary_size_is_averaged_away():
    assert scales([0, 1, 1, 1, 12, 1, 1, 1, 1]) == [1.0] * 9  # (12 + 3) / 4 < 4


def test_surprise_that_lasts_slows_and_then_holds():
    found = scales([0, 2, 2, 8, 8, 8, 8, 8])  # means 5, 6.5, 8 once the window is full
    assert found[:4] == [1.0] * 4
    assert found[4:] == pytest.approx([0.8125, 0.53125, 0.0, 0.0])


def test_the_first_decision_counts_for_nothing_and_no_window_is_judged_before_it_is_full():
    assert scales([1000, 9, 9, 9]) == [1.0] * 4
    assert scales([1000, 9, 9, 9, 9])[-1] == 0.0


def test_it_recovers_once_the_surprise_has_left_the_window():
    found = scales([0, 9, 9, 9, 9, 0, 0, 0, 0])
    assert (found[4], found[-1]) == (0.0, 1.0)


def test_forgotten_it_begins_as_before_the_first_decision():
    caution = Caution(LIMITS)
    for value in (0, 9, 9, 9, 9):
        caution.take(value)
    assert (caution.mean, caution.scale) == (9.0, 0.0)
    caution.forget()
    assert (caution.mean, caution.scale) == (0.0, 1.0)
    assert [caution.take(9) for _ in range(5)] == [1.0] * 4 + [0.0]


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf, -50.0, -0.1])
def test_what_no_surprise_can_be_holds_at_once_and_as_long_as_it_is_in_the_window(value):
    assert scales([0, 1, 1, value, 1, 1, 1, 1])[2:] == [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    assert scales([value])[0] == 0.0, 'even in the first decision'
    assert scales([value, 1, 1, 1, 1])[-1] == 1.0, 'which is the first, whatever it said'


def test_what_rounding_leaves_below_nothing_is_nothing():
    assert scales([0, -1e-6, -1e-6, -1e-6, -1e-6]) == [1.0] * 5


def test_after_a_pause_the_scale_stays_until_a_window_is_full():
    caution = Caution(LIMITS)
    for value in (0, 5, 5, 5, 5):
        caution.take(value)
    slowed = caution.scale
    assert 0.0 < slowed < 1.0
    caution.interrupt()
    assert [caution.take(1) for _ in range(5)] == [slowed] * 4 + [1.0]


def test_without_limits_nothing_is_slowed():
    assert scales([0, 1e9, 1e9, math.nan], None) == [1.0] * 4


def test_the_means_of_a_whole_episode_are_those_that_are_taken_one_by_one():
    surprise = np.float32([7, 1, 2, 3, 4, 5, 0])
    every = [True] * 7
    assert window_means(surprise, every, 4) == [2.5, 3.5, 3.0]
    caution, means = Caution(LIMITS), []
    for value in surprise:
        caution.take(float(value))
        means.append(caution.mean)
    assert means[4:] == pytest.approx([2.5, 3.5, 3.0])
    assert window_means(surprise[:4], every, 4) == []


def test_rows_that_were_not_followed_break_the_windows_and_the_next_row_counts_for_nothing():
    followed = [True, True, True, False, True, True, True]
    assert window_means([9, 1, 3, 50, 70, 5, 9], followed, 2) == [2.0, 7.0]
    assert window_means([9, 9, 9], [False] * 3, 1) == []
