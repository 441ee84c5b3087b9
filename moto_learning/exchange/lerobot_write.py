"""A dataset of ours as a LeRobotDataset v3: what others read, and beside it all that ours hold.

In: a dataset, an empty place. Out: a folder that is there once it is whole. Images lie in the
rows as PNG, byte for byte, or in videos, which are smaller and not.

    ours, row t:      observation t, the reward received with it, the action chosen at it
    LeRobot, row t:   observation t, action t, next.reward: the one received with row t + 1
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from moto_core.durable import sync_folder
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode, header_to_dict
from moto_core.episodes.manifest import Record
from moto_core.errors import DatasetError
from moto_core.spec import Spec
from moto_core.version import version
from moto_learning.exchange import lerobot_layout as layout
from moto_learning.exchange.lerobot_stats import RunningStats, colours
from moto_learning.exchange.lerobot_video import VideoFiles, check_sizes, file_hash
from moto_learning.exchange.own_rows import Kept, hash_images, kept_of, next_of, seal

ROW = 'moto.row'  # a row's flags and numbers as JSON: reward, success, gap, ...
STAMP, EXECUTED = 'moto.stamp', 'moto.executed'
ABOUT = ('moto/header', 'moto/outcome', 'moto/ended', 'moto/seal')  # of an episode
STATE, ACTION = 'observation.state', 'action'
NEXT = ('next.reward', 'next.done', 'next.success')


def export_lerobot(
    dataset: Dataset, place: Path | str, *, videos: bool = False, told: Callable[[int], None]
) -> int:
    """Writes every episode of `dataset` to a new folder at `place`; returns their number.

    `told` hears how many are written. Raises DatasetError for a place that is taken, a dataset
    without an episode or a camera, and a disk that refuses; nothing is left there then.
    """
    place, records = Path(place), dataset.episodes()
    if os.path.lexists(place):
        raise DatasetError(f"'{place}' is there already; name a folder that is not")
    if not records or dataset.spec is None:
        raise DatasetError(f"'{dataset.root}' has no episode to write")
    if videos:
        check_sizes(dataset.spec)
    part = place.with_name(f'.{place.name}.{os.getpid()}.part')
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        writer = _Writer(part, dataset.spec, dataset.setup.robot if dataset.setup else '', videos)
        for count, record in enumerate(records):
            writer.add(dataset.read(record.id), record)
            told(count + 1)
        writer.close()
        part.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise DatasetError(f"cannot write '{place}': {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(records)


class _Writer:
    """The files of one LeRobotDataset while they grow."""

    def __init__(self, root: Path, spec: Spec, robot: str, videos: bool) -> None:
        self.root, self.spec, self.robot = root, spec, robot
        self.features = _features(spec, videos)
        self.videos = {
            name: VideoFiles(root, name, spec.rate)
            for name, one in self.features.items()
            if one['dtype'] == 'video'
        }
        self.stats = {
            name: RunningStats() for name, f in self.features.items() if f['dtype'] != 'string'
        }
        self.tasks: dict[str, int] = {}
        self.episodes: list[dict[str, Any]] = []
        self.rows = 0
        self.schema = pa.schema([(n, _type(f)) for n, f in self.features.items() if _type(f)])
        self._place, self._file = (0, 0), None
        self._path = self.root

    def add(self, episode: Episode, record: Record) -> None:
        """Writes one episode: a group of rows, its frames, its line in the list of episodes."""
        task = self.tasks.setdefault(record.task, len(self.tasks))
        kept = kept_of(episode)
        count, columns = len(episode), self._columns(episode, kept, task)
        if self._file is not None and self._path.stat().st_size > layout.DATA_LIMIT * 10**6:
            self._finish_file()
        if self._file is None:
            self._begin_file()
        assert self._file is not None
        self._file.write_table(pa.table(columns, self.schema), row_group_size=count)
        line: dict[str, Any] = {
            'episode_index': len(self.episodes),
            'tasks': [record.task],
            'length': count,
            'data/chunk_index': self._place[0],
            'data/file_index': self._place[1],
            'dataset_from_index': self.rows,
            'dataset_to_index': self.rows + count,
            'meta/episodes/chunk_index': 0,
            'meta/episodes/file_index': 0,
        }
        for name, video in self.videos.items():
            line |= video.add(episode.images[name.removeprefix(layout.IMAGES)])
        about = [json.dumps(header_to_dict(episode.header)), record.outcome, record.ended]
        seen = [] if self.videos else hash_images(episode.images)
        line |= zip(ABOUT, [*about, seal(kept, about + video_places(line, self.videos), seen)])
        self.episodes.append(line | self._add_stats(episode, columns))
        self.rows += count

    def close(self) -> None:
        """Finishes the files and writes what is known of them all."""
        self._finish_file()
        for video in self.videos.values():
            video.close()
        meta = self.root / 'meta'
        path = layout.place(self.root, layout.EPISODES, 0, 0)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(self.episodes), path)
        _write_tasks(self.root / layout.TASKS, self.tasks)
        stats = {name: one.result(self.rows) for name, one in self.stats.items()}
        (self.root / layout.STATS).write_text(json.dumps(stats, indent=4))
        (self.root / layout.INFO).write_text(json.dumps(self._info(), indent=4))
        for file in [*meta.iterdir(), path]:
            if file.is_file():
                with file.open('rb') as stream:
                    os.fsync(stream.fileno())

    def _begin_file(self) -> None:
        self._path = layout.place(self.root, layout.DATA, *self._place)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = pq.ParquetWriter(
            self._path, self.schema, compression='snappy', write_page_checksum=True
        )

    def _finish_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file, self._place = None, layout.next_file(*self._place)

    def _columns(self, episode: Episode, kept: Kept, task: int) -> dict[str, Any]:
        """Returns the rows of an episode, a list or an array (T, ...) each."""
        count, index = len(episode), len(self.episodes)
        found: dict[str, Any] = {
            ACTION: list(kept.requested),
            EXECUTED: list(kept.executed),
            'next.reward': next_of(episode.reward),
            'next.done': np.arange(count) == count - 1,
            'next.success': next_of(episode.success),
            STAMP: kept.stamp,
            ROW: kept.texts,
            'timestamp': (np.arange(count) / self.spec.rate).astype(np.float32),
            'frame_index': np.arange(count),
            'episode_index': np.full(count, index),
            'index': self.rows + np.arange(count),
            'task_index': np.full(count, task),
        }
        if episode.proprioception is not None:
            found[STATE] = list(episode.proprioception)
        for name, images in episode.images.items():
            if self.features[layout.IMAGES + name]['dtype'] == 'image':
                found[layout.IMAGES + name] = [
                    {'bytes': _png(image), 'path': f'frame-{t:06d}.png'}
                    for t, image in enumerate(images)
                ]
        return {name: found[name] for name in self.schema.names}

    def _add_stats(self, episode: Episode, columns: dict[str, Any]) -> dict[str, Any]:
        """Adds an episode to the statistics of all; returns its own as its line holds them."""
        line: dict[str, Any] = {}
        for name, whole in self.stats.items():
            own = RunningStats()
            for one in (own, whole):
                if name.startswith(layout.IMAGES):
                    for image in episode.images[name.removeprefix(layout.IMAGES)]:
                        one.add(colours(image))
                else:
                    values = np.asarray(columns[name], np.float64)
                    one.add(values.reshape(len(values), -1))
            line |= {f'stats/{name}/{key}': v for key, v in own.result(len(episode)).items()}
        return line

    def _info(self) -> dict[str, Any]:
        count = len(self.episodes)
        return {
            'codebase_version': layout.VERSION,
            'robot_type': self.robot or None,
            'total_episodes': count,
            'total_frames': self.rows,
            'total_tasks': len(self.tasks),
            'chunks_size': layout.CHUNK,
            'data_files_size_in_mb': layout.DATA_LIMIT,
            'video_files_size_in_mb': layout.VIDEO_LIMIT,
            'fps': int(self.spec.rate) if self.spec.rate.is_integer() else self.spec.rate,
            'splits': {'train': f'0:{count}'},
            'data_path': layout.DATA,
            'video_path': layout.VIDEOS if self.videos else None,
            'features': self.features,
            layout.OWN: {
                'version': version(),
                'videos': {
                    path.relative_to(self.root).as_posix(): file_hash(path)
                    for path in sorted(self.root.glob('videos/*/*/*.mp4'))
                },
            },
        }


def video_places(line: Mapping[str, Any], features: Iterable[str]) -> list[str]:
    """Returns where an episode's frames lie, as its line says."""
    names = ('chunk_index', 'file_index', 'from_timestamp')
    return [str(line[f'videos/{feature}/{name}']) for feature in features for name in names]


def _features(spec: Spec, videos: bool) -> dict[str, dict[str, Any]]:
    """Returns the features of a spec's rows as info.json holds them."""
    found: dict[str, dict[str, Any]] = {}
    for name, camera in spec.cameras.items():
        found[layout.IMAGES + name] = {
            'dtype': 'video' if videos else 'image',
            'shape': [camera.height, camera.width, 3],
            'names': ['height', 'width', 'channels'],
        }
        if videos:
            found[layout.IMAGES + name]['info'] = VideoFiles.about(spec.rate, camera)
    if spec.proprioception_size:
        names = [f'{name}.{part}' for part in spec.proprioception for name in spec.names]
        found[STATE] = _vector(names)
    found[ACTION] = _vector(spec.names)
    for name, dtype in zip(NEXT, ('float32', 'bool', 'bool')):
        found[name] = {'dtype': dtype, 'shape': [1], 'names': None}
    found[EXECUTED] = _vector(spec.names)
    found[STAMP] = {'dtype': 'int64', 'shape': [1], 'names': None}
    found[ROW] = {'dtype': 'string', 'shape': [1], 'names': None}
    return found | layout.INDICES


def _vector(names: list[str]) -> dict[str, Any]:
    return {'dtype': 'float32', 'shape': [len(names)], 'names': list(names)}


def _type(feature: dict[str, Any]) -> pa.DataType | None:
    """Returns the type of a feature's column; None of a video's, which has none."""
    dtype, shape = feature['dtype'], feature['shape']
    if dtype == 'video':
        return None
    if dtype == 'image':
        return pa.struct([('bytes', pa.binary()), ('path', pa.string())])
    kind = {
        'float32': pa.float32(),
        'int64': pa.int64(),
        'bool': pa.bool_(),
        'string': pa.string(),
    }[dtype]
    return kind if feature['names'] is None else pa.list_(kind, shape[0])


def _png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode('.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1])


def _write_tasks(path: Path, tasks: dict[str, int]) -> None:
    """Writes the tasks as pandas would a frame whose index they are: so they are read."""
    index = '__index_level_0__'
    table = pa.table({'task_index': list(tasks.values()), index: list(tasks)})

    def column(name: str | None, field: str, kind: str, numpy: str) -> dict[str, Any]:
        return {
            'name': name,
            'field_name': field,
            'pandas_type': kind,
            'numpy_type': numpy,
            'metadata': None,
        }

    about = {
        'index_columns': [index],
        'column_indexes': [],
        'columns': [
            column('task_index', 'task_index', 'int64', 'int64'),
            column(None, index, 'unicode', 'object'),
        ],
        'creator': {'library': 'pyarrow', 'version': pa.__version__},
        'pandas_version': '2.0.0',
    }
    pq.write_table(table.replace_schema_metadata({'pandas': json.dumps(about)}), path)
