"""Success against online decisions: what each run measured, pooled over seeds.

In: Evaluations. Out: Points with their 95 % intervals, at decisions that all seeds have reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from moto_learning.run.heldout import Evaluation
from moto_learning.run.statistics import pooled_interval

Z = 1.96  # standard deviations of a 95 % interval
COLUMNS = 6  # points of a table at most


class Curve(NamedTuple):
    """One run's evaluations in one way of acting, in order of the online decisions before them."""

    decisions: np.ndarray  # (P,) ascending, each once
    share: np.ndarray  # (P,) of successes
    starts: np.ndarray  # (P,)

    def at(self, decisions: float) -> tuple[float, float] | None:
        """Returns (share, starts) there; None before the first evaluation or after the last.

        Between two evaluations it is on the line between them, with the fewer starts of the two.
        """
        if not self.decisions[0] <= decisions <= self.decisions[-1]:
            return None
        right = int(np.searchsorted(self.decisions, decisions))
        share = float(np.interp(decisions, self.decisions, self.share))
        if self.decisions[right] == decisions:
            return share, float(self.starts[right])
        return share, float(min(self.starts[right - 1], self.starts[right]))


class Point(NamedTuple):
    """The success of all seeds at one number of online decisions."""

    decisions: int
    mean: float  # over all starts of all seeds
    low: float  # of the 95 % interval
    high: float
    by_seed: list[float]
    starts: int  # in all
    measured: int  # seeds that were evaluated right here; the others between two evaluations


def make_curve(found: Iterable[Evaluation], explore: str) -> Curve | None:
    """Returns the curve of the evaluations that acted by `explore`, None without any.

    Of several at the same decisions the last one counts.
    """
    last = {one.decisions: one for one in found if one.explore == explore}
    if not last:
        return None
    kept = [last[key] for key in sorted(last)]
    return Curve(
        decisions=np.array([one.decisions for one in kept]),
        share=np.array([one.successes / one.starts for one in kept]),
        starts=np.array([one.starts for one in kept]),
    )


def pool(curves: Sequence[Curve], decisions: int) -> Point | None:
    """Returns the success of all curves at `decisions`; None where one of them does not reach."""
    found = [curve.at(decisions) for curve in curves]
    there = [one for one in found if one is not None]
    if not there or len(there) < len(found):
        return None
    shares, starts = [share for share, _ in there], [count for _, count in there]
    successes = [share * count for share, count in there]
    low, high = pooled_interval(successes, starts)
    return Point(
        decisions=decisions,
        mean=sum(successes) / sum(starts),
        low=low,
        high=high,
        by_seed=shares,
        starts=round(sum(starts)),
        measured=sum(decisions in curve.decisions for curve in curves),
    )


def pooled_curve(curves: Sequence[Curve]) -> list[Point]:
    """Returns a Point at all decisions at which one seed was evaluated and every one has been."""
    every = sorted({int(x) for curve in curves for x in curve.decisions})
    found = [pool(curves, decisions) for decisions in every]
    return [point for point in found if point is not None]


def table_points(decisions: Iterable[int], most: int = COLUMNS) -> list[int]:
    """Returns at most so many of the decisions: the first, the last, others evenly between."""
    every = sorted(set(decisions))
    if len(every) <= most:
        return every
    places = np.linspace(0, len(every) - 1, most).round().astype(int)
    return [every[place] for place in places]


def mean_over_tasks(points: Sequence[Point]) -> tuple[float, float, float]:
    """Returns the mean of several tasks' successes and its 95 % interval.

    The tasks are given and not drawn: the variance of the mean is the sum of theirs over the
    square of their number, each taken from the width of its interval.
    """
    mean = sum(point.mean for point in points) / len(points)
    deviations = [(point.high - point.low) / (2 * Z) for point in points]
    half = Z * float(np.sqrt(np.square(deviations).sum())) / len(points)
    return mean, max(0.0, mean - half), min(1.0, mean + half)
