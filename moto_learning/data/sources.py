"""Which episodes a run learns from, and as what: datasets, labels, the parts that mean success.

In: the folders of datasets, a run's folder. Out: CachedEpisodes for replay, oldest first in each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.identity import Identity, differences
from moto_core.episodes.merge import equal_files
from moto_core.errors import DatasetError
from moto_core.spec import Setup, Spec, is_known, setup_mismatches
from moto_learning.data.batch import learned_columns
from moto_learning.data.cache import CachedEpisode, compile_dataset
from moto_learning.data.rewards import parts_done

EPISODES = 'dataset'  # a run's own episodes, under its folder
Reading = Callable[[Path, int, int], None]  # a dataset, its episodes read, all of them


class Found(NamedTuple):
    """What a run learns from."""

    episodes: list[CachedEpisode]
    skipped: dict[str, str]  # id: why an episode cannot be used
    spec: Spec | None  # that all have; None without a dataset
    setup: Setup  # that all have whose setup is known; Setup() if none is


def dataset_roots(data: Sequence[Path], run: Path) -> list[Path]:
    """Lists the datasets of a run: those it was given, and its own once that has an episode."""
    return [*data, *(dataset.root for dataset in own_dataset(run))]


def own_dataset(run: Path) -> list[Dataset]:
    """Opens a run's own dataset; returns none until it has an episode."""
    own = run / EPISODES
    opened = [Dataset.open(own)] if (own / 'episodes').is_dir() else []
    return [dataset for dataset in opened if dataset.episodes()]


def own_episodes(run: Path) -> set[str]:
    """Returns the ids of the episodes in a run's own dataset."""
    return {record.id for dataset in own_dataset(run) for record in dataset.episodes()}


def open_datasets(data: Sequence[Path | Dataset]) -> list[Dataset]:
    """Opens the folders among `data`; what is open already stays as it is."""
    return [one if isinstance(one, Dataset) else Dataset.open(one) for one in data]


def read_episodes(
    data: Sequence[Path | Dataset],
    success_parts: Sequence[str] = (),
    reading: Reading | None = None,
) -> Found:
    """Compiles what is new in the datasets and returns all their episodes, as labelled now.

    `data` are folders, or datasets that are open already. An episode of which two datasets hold
    the same copy comes once, where it came first. Raises DatasetError for a dataset without a
    usable episode, for datasets of two robots and for copies that differ in label or contents,
    ConfigError as `with_success` does.
    """
    datasets = open_datasets(data)
    spec, setup = common_robot(datasets)
    episodes: list[CachedEpisode] = []
    skipped: dict[str, str] = {}
    first: dict[str, tuple[CachedEpisode, Dataset]] = {}
    for dataset in datasets:
        done = compile_dataset(dataset, partial(reading, dataset.root) if reading else None)
        for episode in done.episodes:
            if episode.id in first:
                _check_copy(*first[episode.id], episode, dataset)
                continue
            first[episode.id] = episode, dataset
            episodes.append(with_success(episode, success_parts))
        skipped |= done.skipped
    return Found(episodes=episodes, skipped=skipped, spec=spec, setup=setup)


def _check_copy(episode: CachedEpisode, one: Dataset, copy: CachedEpisode, other: Dataset) -> None:
    """Raises DatasetError unless both hold the episode with one label and the same bytes."""
    if episode.outcome != copy.outcome:
        raise DatasetError(
            f"episode {copy.id} is '{episode.outcome}' in '{one.root}' and '{copy.outcome}' in "
            f"'{other.root}'; merge the two with 'moto-data merge' and learn from the result "
            "(the later label holds), or set one copy aside with 'moto-data remove'"
        )
    if not equal_files(one.index.records[copy.id].path, other.index.records[copy.id].path):
        raise DatasetError(
            f"'{one.root}' and '{other.root}' hold two recordings under the id {copy.id}; "
            "'moto-data remove' sets one aside"
        )


def common_spec(datasets: Sequence[Dataset]) -> Spec:
    """Returns the spec of the datasets; raises DatasetError for one without episodes, or two."""
    for dataset in datasets:
        if not dataset.index.records:
            raise DatasetError(
                f"the dataset '{dataset.root}' has no episodes; record some with "
                "'moto-data collect'"
            )
    spec, _ = common_robot(datasets)
    assert spec is not None, datasets  # each has an episode
    return spec


def common_robot(datasets: Sequence[Dataset]) -> tuple[Spec | None, Setup]:
    """Returns the spec of the datasets, and the setup of those where it is known.

    None and Setup() if no dataset has one. Raises DatasetError that names two and how they differ.
    """
    specs = [(dataset, dataset.spec) for dataset in datasets if dataset.spec is not None]
    for dataset, spec in specs[1:]:
        _refuse(specs[0][0], dataset, differences(Identity(specs[0][1], Setup()), spec))
    setups = [(dataset, dataset.setup) for dataset in datasets if dataset.setup is not None]
    named = next((setup for _, setup in setups if setup.robot), Setup())
    known = [(dataset, setup) for dataset, setup in setups if is_known(setup, named)]
    for dataset, setup in known[1:]:
        _refuse(known[0][0], dataset, setup_mismatches(known[0][1], setup))
    return specs[0][1] if specs else None, known[0][1] if known else Setup()


def _refuse(one: Dataset, other: Dataset, wrong: Sequence[str]) -> None:
    if wrong:
        raise DatasetError(
            f"'{one.root}' and '{other.root}' are of two robots: {'; '.join(wrong)}. "
            'A run learns from one: give it datasets of one spec and setup'
        )


def with_success(episode: CachedEpisode, success_parts: Sequence[str]) -> CachedEpisode:
    """Returns the episode, successful if all of `success_parts` are done at one row.

    Without any it keeps its own label; with them, they alone decide, whatever its label says: the
    run asks for another task than the one that was labelled. Raises ConfigError for a part that
    its task does not have.
    """
    if not success_parts:
        return episode
    successful = parts_done(episode.done_parts, episode.parts, success_parts)
    learned = learned_columns(episode.columns, episode.learned['reward'], successful)
    return replace(episode, successful=successful, learned=learned)


def has_reward(episodes: Sequence[CachedEpisode]) -> bool:
    """Returns whether any row of the episodes has a reward to learn from."""
    return any(bool(np.any(episode.learned['reward'])) for episode in episodes)
