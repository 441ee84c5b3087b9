"""What became of what a policy asked for: how many decisions the guard changed, and by how much.

    row        t            t + 1        last
    requested  chosen at t  ...          not judged: the arm is held already
    executed   mean velocity let out over the period from t to t + 1

In: a drive and its dataset. Out: Rows, Changes. A change is |executed - requested| of the joint
that is changed most, in parts of its scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.spec import Spec
from moto_learning.report.demo_drives import Drive, Driven

MARKS = (0.05, 0.2)  # of a joint's scale


@dataclass(frozen=True, kw_only=True)
class Rows:
    """An episode's decisions (T) without its images."""

    about: Driven
    spec: Spec
    requested: np.ndarray  # (T, A) in [-1, 1]
    executed: np.ndarray  # (T, A)
    reasons: list[tuple[str, ...]]  # the guard's, of each
    disagreement: np.ndarray  # (T,)


class Changes(NamedTuple):
    """Of how many decisions, and of how many of them the change is beyond each of MARKS."""

    decisions: int
    beyond: tuple[int, ...]


def read_rows(drive: Drive) -> list[Rows]:
    """Returns the decisions of a drive's episodes that were recorded, in order.

    Raises DatasetError or EpisodeError for a damaged episode.
    """
    kept = [one for one in drive.episodes if one.recorded]
    if not kept:
        return []
    with Dataset.open(drive.data) as dataset:
        return [_rows(one, dataset.read(one.id)) for one in kept]


def change(rows: Rows) -> np.ndarray:
    """Returns the change of each decision (T,); infinite where what was asked is no number."""
    each = np.abs(rows.executed - rows.requested).max(axis=1, initial=0)
    return np.where(np.isfinite(each), each, np.inf)


def count_changes(episodes: Sequence[Rows]) -> dict[str, Changes]:
    """Returns the Changes of all decisions, of those with a reason, and by reason, most first."""
    changed = [float(value) for one in episodes for value in change(one)]
    reasons = [each for one in episodes for each in one.reasons]
    by_reason = Counter(reason for each in reasons for reason in set(each))
    groups = {
        'all decisions': [True] * len(reasons),
        'with any reason': [bool(each) for each in reasons],
        **{name: [name in each for each in reasons] for name, _ in by_reason.most_common()},
    }
    return {
        name: Changes(
            decisions=sum(inside),
            beyond=tuple(
                sum(value > mark for value, here in zip(changed, inside) if here) for mark in MARKS
            ),
        )
        for name, inside in groups.items()
    }


def joint_changes(episodes: Sequence[Rows]) -> dict[str, tuple[list[float], float]]:
    """Returns by joint the shares of decisions beyond each of MARKS and the largest [scale]."""
    if not episodes:
        return {}
    spec = episodes[0].spec
    each = np.concatenate([np.abs(one.executed - one.requested) for one in episodes])  # (N, A)
    each = np.where(np.isfinite(each), each, np.inf)
    return {
        name: ([float((column > mark).mean()) for mark in MARKS], float(column.max(initial=0)))
        for name, column in zip((*spec.joints, *spec.gripper), each.T)
    }


def _rows(about: Driven, episode: Episode) -> Rows:
    decisions = slice(0, max(1, len(episode) - 1))
    return Rows(
        about=about,
        spec=episode.header.spec,
        requested=episode.requested[decisions],
        executed=episode.executed[decisions],
        reasons=list(episode.reasons[decisions]),
        disagreement=episode.disagreement[decisions],
    )
