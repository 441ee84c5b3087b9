import pytest

from moto_learning.run.statistics import pooled_interval, wilson_interval


def test_eight_of_ten_has_the_interval_worked_by_hand():
    # centre (0.8 + 3.8416/20) / (1 + 0.38416) = 0.7167; half 1.96/1.38416 * sqrt(0.016 + 0.009604)
    low, high = wilson_interval(8, 10)
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


def test_nothing_seen_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize('k, n', [(0, 10), (10, 10)])
def test_the_interval_stays_between_zero_and_one_and_holds_the_share(k, n):
    low, high = wilson_interval(k, n)
    assert 0.0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1.0
    assert high - low > 0.2


def test_seeds_that_agree_count_every_start():
    assert pooled_interval([10, 10], [20, 20]) == wilson_interval(20, 40)
    assert pooled_interval([8], [10]) == wilson_interval(8, 10)
    assert pooled_interval([20, 20], [20, 20]) == wilson_interval(40, 40)


def test_seeds_that_differ_count_as_fewer_starts():
    # shares .2 and .8: variance .3^2 + .3^2 = .18; by chance .25 / 20 = .0125; effect 14.4
    found = pooled_interval([4, 16], [20, 20])
    assert found == pytest.approx(wilson_interval(20 / 14.4, 40 / 14.4))
    assert found[0] < 0.13 and found[1] > 0.87


def test_no_start_says_nothing():
    assert pooled_interval([], []) == (0.0, 1.0)
