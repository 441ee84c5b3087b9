import numpy as np
import pytest
from scipy import stats

from moto_learning.run.statistics import (
    mean_interval,
    paired_interval,
    pooled_interval,
    t_quantile,
    wilson_interval,
)


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


def test_one_seed_and_seeds_that_agree_have_wilsons_interval_of_all_starts():
    assert pooled_interval([8], [10]) == wilson_interval(8, 10)
    assert pooled_interval([10, 10], [20, 20]) == wilson_interval(20, 40)
    assert pooled_interval([20, 20], [20, 20]) == wilson_interval(40, 40)
    assert pooled_interval([], []) == (0.0, 1.0)


def test_seeds_that_differ_have_students_interval():
    # shares .3 .5 .7: deviation .2, half a width 4.3027 * .2 / sqrt(3) = .4968
    assert pooled_interval([6, 10, 14], [20] * 3) == pytest.approx((0.0032, 0.9968), abs=1e-4)
    # shares .2 and .8: half a width 12.7062 * .4243 / sqrt(2) = 3.8
    assert pooled_interval([4, 16], [20, 20]) == (0.0, 1.0)


def test_the_quantiles_are_students_and_those_between_and_beyond_are_wider():
    for freedom in range(1, 31):
        assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=5e-5)
    assert t_quantile(2.9) == t_quantile(2) and t_quantile(0.5) == t_quantile(1)
    assert t_quantile(1e9) == t_quantile(30) > stats.norm.ppf(0.975)


@pytest.mark.parametrize('seeds', [2, 3, 5])
@pytest.mark.parametrize('mean, spread', [(0.5, 0.0), (0.5, 0.2), (0.9, 0.05), (0.2, 0.1)])
def test_the_interval_over_seeds_covers_the_true_mean(seeds, mean, spread):
    random = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        successes = random.binomial(20, drawn(random, mean, spread, seeds))
        low, high = pooled_interval(successes.tolist(), [20] * seeds)
        held += low <= mean <= high
    assert held >= 930  # 950 of 1000, less three deviations of what is drawn


def drawn(random, mean, spread, seeds):
    """The true success of so many seeds: a beta distribution."""
    if not spread:
        return np.full(seeds, mean)
    size = mean * (1 - mean) / spread**2 - 1
    return random.beta(mean * size, (1 - mean) * size, seeds)


def test_the_mean_of_tasks_with_one_seed_is_wilsons_put_together():
    # .5 of 20 is .2993 to .7007, 20 of 20 is .8389 to 1:
    # below sqrt(.2007^2 + .1611^2) / 2 = .1287, above sqrt(.2007^2 + 0) / 2 = .1004
    found = mean_interval([([10], [20]), ([20], [20])])
    assert found == pytest.approx((0.75 - 0.1287, 0.75 + 0.1004), abs=2e-4)


def test_the_mean_of_tasks_whose_seeds_differ_is_students():
    # each task's shares .3 and .7: variance .08 / 2 = .04; freedom .12^2 / (3 * .04^2) = 3
    # half a width 3.1824 * sqrt(.12) / 3 = .3675
    found = mean_interval([([6, 14], [20, 20])] * 3)
    assert found == pytest.approx((0.5 - 0.3675, 0.5 + 0.3675), abs=1e-4)


def test_the_interval_of_a_mean_over_tasks_covers_it():
    random = np.random.default_rng(1)
    held = 0
    for _ in range(500):
        tasks = [
            (random.binomial(20, drawn(random, mean, 0.15, 2)).tolist(), [20, 20])
            for mean in (0.2, 0.5, 0.5, 0.8)
        ]
        low, high = mean_interval(tasks)
        held += low <= 0.5 <= high
    assert held >= 460


def test_pairs_that_all_did_as_before_have_the_interval_worked_by_hand():
    # of d > 0 the score is n d / sqrt(n d (1 - d)): 1.96 at d = 3.8416 / (20 + 3.8416)
    assert paired_interval(0, 0, 20) == pytest.approx((-0.16113, 0.16113), abs=1e-5)


def test_pairs_that_all_got_better_have_the_interval_worked_by_hand():
    # n (1 - d) / sqrt(n (1 - d)(1 + d)) = 1.96 at d = (20 - 3.8416) / (20 + 3.8416)
    assert paired_interval(20, 0, 20) == pytest.approx((0.67774, 1.0), abs=1e-5)
    assert paired_interval(0, 20, 20) == pytest.approx((-1.0, -0.67774), abs=1e-5)


@pytest.mark.parametrize(
    'gained, lost, n, published', [(6, 16, 161, (-0.1240, -0.0054)), (0, 0, 0, (-1.0, 1.0))]
)
def test_the_interval_of_pairs_is_the_published_one(gained, lost, n, published):
    """Responses before and after therapy of Cavo 2012, as Fagerland 2014 has them."""
    assert paired_interval(gained, lost, n) == pytest.approx(published, abs=6e-5)


def test_the_interval_of_pairs_covers_the_difference_that_they_were_drawn_with():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        _, gained, lost, _ = random.multinomial(20, [0.35, 0.5, 0.05, 0.1])
        low, high = paired_interval(gained, lost, 20)
        held += low <= 0.45 <= high
    assert 279 <= held < 300  # 95 % and at least two standard deviations less; not everything
