"""Intervals for counts of successes."""

from __future__ import annotations

import math
from collections.abc import Sequence


def wilson_interval(k: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Returns the Wilson score interval of k successes of n at z standard deviations (95 %).

    With n = 0 nothing is known: (0, 1). Source: Wilson 1927.
    """
    if n == 0:
        return 0.0, 1.0
    share = k / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def pooled_interval(successes: Sequence[float], starts: Sequence[float]) -> tuple[float, float]:
    """Returns a 95 % interval of the share of successes of several seeds, each with its starts.

    It is Wilson's of all starts together, which count as fewer if the seeds differ by more than
    starts drawn independently would: their number is divided by the variance of the seeds' shares
    over p (1 - p) / n, n the starts of a seed on average, where that is above 1 (the design effect
    of clusters, Kish 1965).
    """
    k, n, seeds = sum(successes), sum(starts), len(starts)
    if n == 0 or seeds < 2:
        return wilson_interval(k, n)
    share = k / n
    by_chance = share * (1 - share) / (n / seeds)
    found = sum((one / of - share) ** 2 for one, of in zip(successes, starts)) / (seeds - 1)
    effect = max(1.0, found / by_chance) if by_chance else 1.0
    return wilson_interval(k / effect, n / effect)
