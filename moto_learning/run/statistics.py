"""Intervals for counts of successes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

T = (  # 97.5 % quantiles of Student's t with 1, 2, ... 30 degrees of freedom
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)


def wilson_interval(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Returns the Wilson score interval of k successes of n at z standard deviations (95 %).

    With n = 0 nothing is known: (0, 1). Source: Wilson 1927.
    """
    if n == 0:
        return 0.0, 1.0
    share = k / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def paired_interval(gained: int, lost: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Returns the score interval (95 %) of the difference between two shares of the same n pairs.

    `gained` pairs succeeded the second time alone and `lost` the first time alone: the difference
    is (gained - lost) / n. Without a pair nothing is known: (-1, 1). Source: Tango 1998.
    """
    assert min(gained, lost) >= 0 and gained + lost <= n, (gained, lost, n)
    if n == 0:
        return -1.0, 1.0
    return _paired_bound(gained, lost, n, z), -_paired_bound(lost, gained, n, z)


def pooled_interval(successes: Sequence[int], starts: Sequence[int]) -> tuple[float, float]:
    """Returns a 95 % interval of the share of successes of several seeds, each with its starts.

    It is the wider, at each end, of Wilson's of all starts together and of Student's t over the
    seeds' shares. One seed has Wilson's alone, which says nothing about other seeds.
    """
    low, high = wilson_interval(sum(successes), sum(starts))
    if len(starts) < 2:
        return low, high
    shares = [k / n for k, n in zip(successes, starts)]
    middle = statistics.mean(shares)
    half = t_quantile(len(shares) - 1) * statistics.stdev(shares) / math.sqrt(len(shares))
    return max(0.0, min(low, middle - half)), min(1.0, max(high, middle + half))


def mean_interval(tasks: Sequence[tuple[Sequence[int], Sequence[int]]]) -> tuple[float, float]:
    """Returns a 95 % interval of the mean over tasks of (successes, starts) of each task's seeds.

    The tasks are given and not drawn. It is the wider, at each end, of Wilson's intervals put
    together (the square of a distance from the mean is the sum of theirs: Zou and Donner 2008) and
    of Student's t over the seeds' shares, its degrees of freedom by Welch and Satterthwaite.
    """
    count = len(tasks)
    mean = below = above = variance = spread = 0.0
    for successes, starts in tasks:
        share = sum(successes) / sum(starts)
        low, high = wilson_interval(sum(successes), sum(starts))
        mean += share / count
        below += (share - low) ** 2
        above += (high - share) ** 2
        if len(starts) > 1:
            shares = [k / n for k, n in zip(successes, starts)]
            own = statistics.variance(shares) / len(shares)
            variance += own
            spread += own**2 / (len(shares) - 1)
    seeds = t_quantile(variance**2 / spread) * math.sqrt(variance) if spread else 0.0
    low = mean - max(math.sqrt(below), seeds) / count
    high = mean + max(math.sqrt(above), seeds) / count
    return max(0.0, low), min(1.0, high)


def t_quantile(freedom: float) -> float:
    """Returns the 97.5 % quantile of Student's t, of the next lower degrees of freedom listed."""
    return T[min(max(int(freedom), 1), len(T)) - 1]


def _paired_bound(gained: int, lost: int, n: int, z: float) -> float:
    """Returns the lower end: where the difference found is z standard errors above."""
    low, high = -1.0, (gained - lost) / n
    for _ in range(60):  # halvings: as fine as a float
        middle = (low + high) / 2
        b = (2 * n - gained + lost) * middle - gained - lost
        root = math.sqrt(max(0.0, b * b + 8 * n * lost * middle * (1 - middle)))
        share = (root - b) / (4 * n)  # of pairs lost, the most likely with this difference
        error = math.sqrt(n * max(0.0, 2 * share + middle * (1 - middle)))
        if gained - lost - n * middle > z * error:
            low = middle
        else:
            high = middle
    return (low + high) / 2
