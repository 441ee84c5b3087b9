"""What a success classifier says of a whole episode, and how often it was right.

In: a network, an episode's last frames. Out: a probability, a decision; counts of held-out ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from moto_learning.classifier.network import SuccessClassifier
from moto_learning.data.cache import CachedEpisode

DOUBTFUL = 'doubtful'
DECISIONS = ('success', DOUBTFUL, 'failure')


class Judged(NamedTuple):
    """One episode and what was said of it."""

    id: str
    outcome: str  # of its label; 'unlabelled' if it has none
    probability: float  # of a success


class Count(NamedTuple):
    """How many of how many."""

    k: int
    n: int


@torch.no_grad()
def success_probability(
    network: SuccessClassifier, images: Mapping[str, np.ndarray], last: int
) -> float:
    """Returns the mean probability of the `last` rows of images {camera: (T, h, w, 3) uint8}."""
    frames = {name: torch.from_numpy(np.array(image[-last:])) for name, image in images.items()}
    return float(network(frames).double().sigmoid().mean())


def judge(
    network: SuccessClassifier, episodes: Sequence[CachedEpisode], last: int
) -> list[Judged]:
    """Returns what is said of each episode, in order."""
    return [
        Judged(one.id, one.outcome, success_probability(network, one.images, last))
        for one in episodes
    ]


def decide(probability: float, threshold: float) -> str:
    """Returns 'success' from the threshold on, 'failure' up to 1 - threshold, else 'doubtful'."""
    if probability >= threshold:
        return 'success'
    return 'failure' if 1 - probability >= threshold else DOUBTFUL


def confusion(judged: Sequence[Judged], threshold: float) -> Counter[tuple[str, str]]:
    """Counts the episodes by (outcome, decision)."""
    return Counter((one.outcome, decide(one.probability, threshold)) for one in judged)


def accuracy(judged: Sequence[Judged], outcome: str = '') -> Count:
    """Counts the right ones where each is decided at 0.5, of one outcome or of all."""
    asked = [one for one in judged if outcome in ('', one.outcome)]
    return Count(sum(decide(one.probability, 0.5) == one.outcome for one in asked), len(asked))


def decided(judged: Sequence[Judged], threshold: float) -> Count:
    """Counts the right ones of those that are beyond the threshold on either side."""
    sure = [one for one in judged if decide(one.probability, threshold) != DOUBTFUL]
    return Count(sum(decide(one.probability, threshold) == one.outcome for one in sure), len(sure))
