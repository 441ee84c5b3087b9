"""Which episodes teach a success classifier, and which wait for a label that it may give.

In: episodes with their records. Out: those of one task that somebody labelled (an operator, a
simulator; what a classifier labelled teaches none), and those that nobody did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.endings import BLAMELESS
from moto_core.episodes.labels import is_by_classifier, read_labels
from moto_core.episodes.manifest import Record
from moto_core.errors import ConfigError, DatasetError, unknown_name
from moto_learning.classifier.split import KINDS
from moto_learning.data.cache import CachedEpisode
from moto_learning.data.rewards import by_label


class Labelled(NamedTuple):
    """The episodes of a task that a classifier may learn from."""

    task: str
    episodes: list[CachedEpisode]
    by_classifier: int  # labelled by one, and left out


class Waiting(NamedTuple):
    """The episodes without a label."""

    episodes: list[CachedEpisode]  # that a classifier may judge
    left: Counter[str]  # why: how many others it may not


def labelled_episodes(
    datasets: Sequence[Dataset], episodes: Sequence[CachedEpisode], task: str = ''
) -> Labelled:
    """Returns the labelled ones in the datasets of `task`, or of the one task that they have.

    Raises DatasetError for episodes of several tasks, ConfigError for a task that none has.
    """
    records = _records(datasets)
    found = [one for one in episodes if one.id in records and one.outcome in KINDS]
    taught = [one for one in found if not is_by_classifier(_by(records[one.id]))]
    tasks = sorted({records[one.id].task for one in taught})
    if task and task not in tasks:
        raise ConfigError(unknown_name('task of a labelled episode', task, tasks))
    if not task and len(tasks) > 1:
        raise DatasetError(
            f'the labelled episodes are of {len(tasks)} tasks: {", ".join(tasks)}; a classifier '
            'judges one: --task NAME says which'
        )
    task = task or (tasks[0] if tasks else '')
    return Labelled(
        task=task,
        episodes=[one for one in taught if records[one.id].task == task],
        by_classifier=len(found) - len(taught),
    )


def waiting_episodes(dataset: Dataset, episodes: Sequence[CachedEpisode], task: str) -> Waiting:
    """Returns the dataset's episodes of a task that nobody labelled and a label gives reward.

    One that ended by nobody's fault (BLAMELESS) is none of them: what its end shows is not what
    the driver achieved, and a session gives it no label either.
    """
    records = _records([dataset])
    waiting = Waiting([], Counter())
    for one in episodes:
        record = records.get(one.id)
        if record is None or one.outcome in KINDS:
            continue
        if record.task != task:
            waiting.left[f'of another task than {task}'] += 1
        elif not by_label(one.source, one.reward):
            waiting.left['whose reward is logged'] += 1
        elif not waits(record):
            waiting.left['whose label somebody took back'] += 1
        elif record.ended in BLAMELESS:
            waiting.left[f"that ended by nobody's fault ({record.ended})"] += 1
        else:
            waiting.episodes.append(one)
    return waiting


def waits(record: Record) -> bool:
    """Says whether no label lies beside the episode now, not even one that takes one back."""
    return not read_labels(record.path.parent).outcome


def _records(datasets: Iterable[Dataset]) -> Mapping[str, Record]:
    return {record.id: record for dataset in datasets for record in dataset.episodes()}


def _by(record: Record) -> str:
    return read_labels(record.path.parent).by
