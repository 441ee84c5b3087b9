"""Records demonstrations into a dataset, several simulators side by side.

In: Demonstrations. Out: episodes in the dataset. Episode i draws from its own random stream
(seed, i), so that the number of workers changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_header
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import DatasetError
from moto_learning.data.attempts import ATTEMPTS, INDEX, attempts, part_of, simulator
from moto_learning.data.wanted import Demonstrations
from moto_learning.data.workers import run_jobs, uninterrupted


class Job(NamedTuple):
    """One episode to record."""

    root: Path
    wanted: Demonstrations
    episode: int  # its number
    floor: int  # [bytes] that stay free on the disk


def record_demonstrations(
    root: Path | str, wanted: Demonstrations, recorded: Callable[[Record], None] | None = None
) -> list[Record]:
    """Records the demonstrations into the dataset at `root`, making it if needed.

    If they are numbered it goes on where it was stopped: what is there of the same settings is
    not recorded again. A person whom no attempt repeats is left out. Returns the new records;
    `recorded` is told of each as it comes. Raises ConfigError for an unknown task or object or a
    setting out of range, DatasetError for a locked dataset or one with another spec or setup;
    nothing is recorded then.
    """
    done = []
    env = simulator(wanted)  # unknown names fail here, before anything is made
    for index in range(max(1, len(wanted.groups))):
        part_of(wanted, index)
    with Dataset.create_or_open(root, env.spec, setup=env.setup) as dataset:
        there = recorded_indices(dataset, wanted)
        jobs = [
            Job(root=Path(root), wanted=wanted, episode=index, floor=dataset.floor)
            for index in range(wanted.episodes)
            if index not in there
        ]
        for path in run_jobs(_record_one, jobs, wanted.workers):
            if path is None:
                continue
            done.append(dataset.adopt(path))
            if recorded:
                recorded(done[-1])
    return done


def recorded_indices(dataset: Dataset, wanted: Demonstrations) -> set[int]:
    """Returns the numbers of the wanted episodes that the dataset holds, if they are numbered."""
    if not wanted.numbered:
        return set()
    ours = [record for record in dataset.episodes() if record.config_hash == wanted.hash]
    return {int(read_header(record.path).extra[INDEX]) for record in ours}


def _record_one(job: Job) -> Path | None:
    """Records one demonstration with this process's simulator; its file's path.

    None if it is a person's and no attempt did what the person did.
    """
    made = next((tried for tried in attempts(job.wanted, job.episode) if tried.kept), None)
    if made is None and job.wanted.human:
        return None
    if made is None:
        raise DatasetError(
            f'episode {job.episode} did not bring its objects into place in {ATTEMPTS} attempts; '
            'the episodes so far are kept. Try less noise, or another order of the objects'
        )
    place = job.root / 'episodes' / made.header.id
    with uninterrupted(), EpisodeWriter(place, made.header, floor=job.floor) as writer:
        for row in made.rows:
            writer.append(row)
        writer.close(made.outcome)
    return writer.path
