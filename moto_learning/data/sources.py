"""Which episodes a run learns from, and as what: datasets, labels, the parts that mean success.

In: the folders of datasets, a run's folder. Out: CachedEpisodes for replay, oldest first in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_learning.data.batch import learned_columns
from moto_learning.data.cache import CachedEpisode, compile_dataset
from moto_learning.data.rewards import parts_done

EPISODES = 'dataset'  # a run's own episodes, under its folder


def dataset_roots(data: Sequence[Path], run: Path) -> list[Path]:
    """Lists the datasets of a run: those it was given, and its own once that has an episode."""
    own = run / EPISODES
    begun = (own / 'episodes').is_dir() and Dataset.open(own).episodes()
    return [*data, *([own] if begun else [])]


def read_episodes(roots: Sequence[Path], success_parts: Sequence[str] = ()) -> list[CachedEpisode]:
    """Compiles what is new in the datasets and returns all their episodes, as labelled now.

    Raises DatasetError for a dataset without a usable episode, ConfigError as `with_success` does.
    """
    return [
        with_success(episode, success_parts)
        for root in roots
        for episode in compile_dataset(Dataset.open(root)).episodes
    ]


def with_success(episode: CachedEpisode, success_parts: Sequence[str]) -> CachedEpisode:
    """Returns the episode, successful if all of `success_parts` are done at one row.

    Without any it keeps its own label. Raises ConfigError for a part that its task does not have.
    """
    if not success_parts:
        return episode
    successful = parts_done(episode.done_parts, episode.parts, success_parts)
    learned = learned_columns(episode.columns, episode.learned['reward'], successful)
    return replace(episode, successful=successful, learned=learned)


def has_reward(episodes: Sequence[CachedEpisode]) -> bool:
    """Returns whether any row of the episodes has a reward to learn from."""
    return any(bool(np.any(episode.learned['reward'])) for episode in episodes)
