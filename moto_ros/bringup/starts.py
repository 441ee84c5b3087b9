"""Which start a simulated session begins at: the first that its dataset has no episode of.

In: a bring-up's parameters. Out: the same, with the twin's first seed where nobody said one. A
second session on a dataset so goes on with other starts; `seed:=`, or the file's, is exact.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import SIM, TWIN
from moto_core.episodes.layout import EPISODES
from moto_core.episodes.reader import read_header
from moto_core.errors import EpisodeError
from moto_core.fields import rule_of
from moto_ros.config import RosConfig, settings_in

SEED = 'twin.seed'


def with_new_starts(found: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters with a first seed after those of the dataset's own sessions.

    Raises DatasetError for a dataset that cannot be listed.
    """
    if SEED in found or SEED in settings_in(found['config']):
        return found
    first, folder = RosConfig().twin.seed, Path(found['record.dataset'])
    return {**found, SEED: max([first, *(seed + 1 for seed in _driven(folder, first))])}


def _driven(folder: Path, first: int) -> list[int]:
    """Lists the seeds, `first` or more, of the twin's episodes: demonstrations have their own."""
    if not (folder / EPISODES).is_dir():
        return []
    most = rule_of(RosConfig(), SEED).high
    assert most is not None
    seeds = []
    for record in Dataset.open(folder).episodes():
        if record.source not in (SIM, TWIN) or record.controller == 'scripted':
            continue
        try:
            seed = read_header(record.path).seed
        except EpisodeError:
            continue  # damaged since it was listed: the recorder says so
        if seed is not None and first <= seed < most:
            seeds.append(seed)
    return seeds
