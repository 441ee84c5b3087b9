"""Batches of frames that a success classifier is fitted to: as many positives as negatives.

In: labelled episodes. Out: images {camera: (N, h, w, 3) uint8} and labels (N,) float32. Half a
batch are positives, a quarter earlier frames of successes (the scene before it is done), a quarter
frames of failures; without earlier frames failures have both quarters. Within each the episode is
drawn first, so that a long one counts no more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from moto_core.errors import DatasetError
from moto_learning.classifier.frames import negative_rows, positive_rows
from moto_learning.classifier.settings import ClassifierSettings
from moto_learning.data.cache import CachedEpisode


class Frames(NamedTuple):
    """The rows of one episode that a group draws from."""

    episode: CachedEpisode
    rows: np.ndarray  # (n,), n > 0


class Batch(NamedTuple):
    """Frames and what they show."""

    images: dict[str, np.ndarray]  # camera: (N, h, w, 3) uint8
    labels: np.ndarray  # (N,) float32; 1: the end of a success


class Draws:
    """Draws batches without end, the same ones for the same episodes, settings and seed."""

    def __init__(self, episodes: Sequence[CachedEpisode], settings: ClassifierSettings) -> None:
        """Raises DatasetError if no row of the episodes is a negative."""
        s = settings
        self.batch, self.random = s.batch, np.random.default_rng(s.seed)
        successes = [one for one in episodes if one.outcome == 'success']
        failures = [one for one in episodes if one.outcome == 'failure']
        self.positives = _frames(
            [(one, positive_rows(len(one), one.outcome, s.last)) for one in successes]
        )
        self.earlier, self.failures = (
            _frames(
                [(one, negative_rows(one.success, one.outcome, s.last, s.margin)) for one in kind]
            )
            for kind in (successes, failures)
        )
        if not self.earlier and not self.failures:
            raise DatasetError(
                'every row of the failures is marked as a success, and the successes are too '
                'short for earlier frames: nothing shows what is none. Look at the labels'
            )

    def draw(self) -> Batch:
        """Returns the next batch, the positives first."""
        quarter = self.batch // 4
        groups = [self.positives, self.positives, self.earlier, self.failures]
        groups = [group or self.failures or self.earlier for group in groups]
        chosen = [self._choose(group) for group in groups for _ in range(quarter)]
        images = {
            name: np.stack([episode.images[name][row] for episode, row in chosen])
            for name in chosen[0][0].images
        }
        labels = np.repeat(np.array([1, 1, 0, 0], np.float32), quarter)
        return Batch(images, labels)

    def _choose(self, group: Sequence[Frames]) -> tuple[CachedEpisode, int]:
        frames = group[int(self.random.integers(len(group)))]
        return frames.episode, int(frames.rows[self.random.integers(len(frames.rows))])


def _frames(found: Sequence[tuple[CachedEpisode, np.ndarray]]) -> list[Frames]:
    return [Frames(episode, rows) for episode, rows in found if len(rows)]
