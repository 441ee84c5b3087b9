"""Success against online episodes: what each run measured, pooled over seeds.

In: Evaluations. Out: Points with their 95 % intervals, where every seed was evaluated; nothing is
read between two evaluations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from moto_learning.run.heldout import Evaluation
from moto_learning.run.statistics import mean_interval, pooled_interval

COLUMNS = 6  # points of a table at most

Curve = dict[int, Evaluation]  # a run's, in one way of acting, by the online episodes before them


class Point(NamedTuple):
    """The success of all seeds after one number of online episodes."""

    episodes: int
    decisions: int  # in them, the mean over the seeds
    mean: float  # over all starts of all seeds
    low: float  # of the 95 % interval
    high: float
    successes: list[int]  # by seed
    starts: list[int]  # by seed
    parts: list[int]  # entry n: evaluated episodes of which n parts were done; [] if not counted


def make_curve(found: Iterable[Evaluation], explore: str) -> Curve:
    """Returns the evaluations that acted by `explore`; of several at one place the last counts."""
    last = {one.episodes: one for one in found if one.explore == explore}
    return {episodes: last[episodes] for episodes in sorted(last)}


def pooled_curve(curves: Sequence[Curve]) -> list[Point]:
    """Returns a Point wherever every seed was evaluated."""
    shared = set.intersection(*(set(curve) for curve in curves))
    return [_pool([curve[episodes] for curve in curves]) for episodes in sorted(shared)]


def table_points(episodes: Iterable[int], most: int = COLUMNS) -> list[int]:
    """Returns at most so many of the numbers: the first, the last, others evenly between."""
    every = sorted(set(episodes))
    if len(every) <= most:
        return every
    places = np.linspace(0, len(every) - 1, most).round().astype(int)
    return [every[place] for place in places]


def mean_over_tasks(points: Sequence[Point]) -> tuple[float, float, float]:
    """Returns the mean of several tasks' successes and its 95 % interval."""
    mean = sum(point.mean for point in points) / len(points)
    return mean, *mean_interval([(point.successes, point.starts) for point in points])


def _pool(here: Sequence[Evaluation]) -> Point:
    successes, starts = [one.successes for one in here], [one.starts for one in here]
    low, high = pooled_interval(successes, starts)
    return Point(
        episodes=here[0].episodes,
        decisions=round(sum(one.decisions for one in here) / len(here)),
        mean=sum(successes) / sum(starts),
        low=low,
        high=high,
        successes=successes,
        starts=starts,
        parts=[sum(counts) for counts in zip(*(one.parts for one in here))],
    )
