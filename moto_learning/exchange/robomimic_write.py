"""A dataset of ours as a robomimic HDF5 file: what others read, and beside it all that ours hold.

    data/demo_N    actions, rewards, dones, obs/<camera>_image, obs/proprioception
                   moto/: stamp, executed, row; attributes: header, outcome, ended, seal
    mask/          train, valid: names of demonstrations

In: a dataset, an empty place. Out: a file that is there once it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from moto_core.durable import sync_folder
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode, header_to_dict
from moto_core.episodes.manifest import Record
from moto_core.errors import DatasetError
from moto_core.version import version
from moto_learning.exchange.own_rows import hash_images, kept_of, next_of, seal

IMAGE, STATE = '_image', 'proprioception'
OWN = 'moto'
ABOUT = tuple(f'{OWN}_{name}' for name in ('header', 'outcome', 'ended', 'seal'))
EVERY = 10  # of so many demonstrations one is for validation


def export_robomimic(dataset: Dataset, place: Path | str, *, told: Callable[[int], None]) -> int:
    """Writes every episode of `dataset` to a new file at `place`; returns their number.

    `told` hears how many are written. Raises DatasetError for a place that is taken, a dataset
    without an episode and a disk that refuses; nothing is left there then.
    """
    place, records = Path(place), dataset.episodes()
    if os.path.lexists(place):
        raise DatasetError(f"'{place}' is there already; name a file that is not")
    if not records:
        raise DatasetError(f"'{dataset.root}' has no episode to write")
    part = place.with_name(f'.{place.name}.{os.getpid()}.part')
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with h5py.File(part, 'x') as file:
            data = file.create_group('data')
            rows = 0
            for count, record in enumerate(records):
                rows += _write(data.create_group(f'demo_{count}'), dataset.read(record.id), record)
                told(count + 1)
            _about(file, data, dataset, len(records), rows)
        with part.open('rb') as stream:
            os.fsync(stream.fileno())
        part.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise DatasetError(f"cannot write '{place}': {error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return len(records)


def _write(group: Any, episode: Episode, record: Record) -> int:
    count = len(episode)
    group.attrs['num_samples'] = count
    kept = kept_of(episode)
    about = [json.dumps(header_to_dict(episode.header)), record.outcome, record.ended]
    for name, text in zip(ABOUT, [*about, seal(kept, about, hash_images(episode.images))]):
        group.attrs[name] = text
    _numbers(group, 'actions', episode.requested.astype(np.float64))
    _numbers(group, 'rewards', next_of(episode.reward).astype(np.float64))
    _numbers(group, 'dones', (np.arange(count) == count - 1).astype(np.int64))
    seen = group.create_group('obs')
    for name, images in episode.images.items():
        chunk = (min(count, 16), *images.shape[1:])
        _numbers(seen, f'{name}{IMAGE}', images, chunks=chunk, compression='gzip')
    if episode.proprioception is not None:
        _numbers(seen, STATE, episode.proprioception)
    own = group.create_group(OWN)
    _numbers(own, 'stamp', episode.stamp)
    _numbers(own, 'executed', episode.executed)
    own.create_dataset('row', data=kept.texts, dtype=h5py.string_dtype())
    return count


def _numbers(group: Any, name: str, values: np.ndarray, **options: Any) -> None:
    """Writes an array with a checksum, so that HDF5 itself refuses to read a damaged one."""
    group.create_dataset(name, data=values, fletcher32=True, **options)


def _about(file: Any, data: Any, dataset: Dataset, episodes: int, rows: int) -> None:
    """Writes what is known of them all; the environment is none that robomimic could make."""
    task = dataset.episodes()[0].task
    data.attrs['total'] = rows
    data.attrs['env_args'] = json.dumps({'env_name': task, 'type': 2, 'env_kwargs': {}})
    data.attrs[OWN] = version()
    names = np.array([f'demo_{n}' for n in range(episodes)], 'S')
    valid = np.arange(episodes) % EVERY == EVERY - 1
    mask = file.create_group('mask')
    mask['train'], mask['valid'] = names[~valid], names[valid]
