"""Which labelled episodes a success classifier learns from, and which it is measured on.

In: labelled episodes. Out: two lists, of whole episodes: frames of one are much alike, so that a
split by frame would measure what was learned by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from moto_core.errors import DatasetError
from moto_learning.data.cache import CachedEpisode

KINDS = ('success', 'failure')
LEAST = 4  # episodes of each kind


class Split(NamedTuple):
    """Labelled episodes, each in one of the two."""

    learned: list[CachedEpisode]
    held_out: list[CachedEpisode]


def split_by_episode(episodes: Sequence[CachedEpisode], share: float, seed: int) -> Split:
    """Draws a `share` of the successes and of the failures, at least one of each, to hold out.

    It depends on the episodes' ids and the seed alone, not on their order. Raises DatasetError
    if there are fewer than LEAST of a kind.
    """
    counts = {kind: sum(one.outcome == kind for one in episodes) for kind in KINDS}
    if min(counts.values()) < LEAST:
        raise DatasetError(
            f'{counts["success"]} episodes are labelled success and {counts["failure"]} failure; '
            f'a success classifier needs at least {LEAST} of each: '
            "'moto-data label DATASET ID success' labels one"
        )
    random = np.random.default_rng(seed)
    split = Split([], [])
    for kind in KINDS:
        found = sorted((one for one in episodes if one.outcome == kind), key=lambda one: one.id)
        order = [found[place] for place in random.permutation(len(found))]
        count = max(1, round(share * len(found)))
        split.held_out.extend(order[:count])
        split.learned.extend(order[count:])
    return split
