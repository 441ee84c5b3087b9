"""Where the files of a LeRobotDataset v3 lie, and what its info.json says.

    meta/info.json                              rate, features (name: dtype, shape), counts
    meta/tasks.parquet                          task: index
    meta/stats.json                             least, largest, mean, deviation of each feature
    meta/episodes/chunk-000/file-000.parquet    an episode a row: its rows' place in data/, videos/
    data/chunk-000/file-000.parquet             a row each, of many episodes
    videos/<feature>/chunk-000/file-000.mp4     frames of many episodes, one after the other

Source: huggingface/lerobot, documentation of the format v3.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from moto_core.episodes.layout import inside
from moto_core.errors import DatasetError, MotoError
from moto_core.plain_file import read_plain
from moto_core.strict_json import parse_json

VERSION = 'v3.0'
CHUNK = 1000  # files a folder
DATA_LIMIT, VIDEO_LIMIT = 100, 200  # [MB] at which a new file is begun
INFO_LIMIT = 1 << 24  # [bytes] of info.json
OWN = 'moto'  # begins the name of what only this project reads
INFO, STATS, TASKS = 'meta/info.json', 'meta/stats.json', 'meta/tasks.parquet'
CHUNKED = 'chunk-{chunk_index:03d}/file-{file_index:03d}'
DATA = f'data/{CHUNKED}.parquet'
EPISODES = f'meta/episodes/{CHUNKED}.parquet'
VIDEOS = f'videos/{{video_key}}/{CHUNKED}.mp4'
IMAGES = 'observation.images.'  # begins the name of a camera's feature
PICTURES = ('image', 'video')  # dtypes
INDICES: dict[str, dict[str, Any]] = {
    'timestamp': {'dtype': 'float32', 'shape': [1], 'names': None},
    'frame_index': {'dtype': 'int64', 'shape': [1], 'names': None},
    'episode_index': {'dtype': 'int64', 'shape': [1], 'names': None},
    'index': {'dtype': 'int64', 'shape': [1], 'names': None},
    'task_index': {'dtype': 'int64', 'shape': [1], 'names': None},
}


class Feature(NamedTuple):
    """One column of the rows, or one video."""

    dtype: str  # 'float32', 'int64', 'string', ..., 'image', 'video'
    shape: tuple[int, ...]


class Info(NamedTuple):
    """What a reader needs of info.json."""

    rate: float  # [Hz]
    features: dict[str, Feature]
    robot: str
    own: bool  # it was written by this project: rows hold all that ours do
    videos: dict[str, str]  # hash of each video file of ours, by its path


def place(root: Path, pattern: str, chunk: int, file: int, video: str = '') -> Path:
    """Returns the path of one file; raises DatasetError if a link is on the way."""
    name = pattern.format(chunk_index=chunk, file_index=file, video_key=video)
    return inside(root, *name.split('/'))


def next_file(chunk: int, file: int) -> tuple[int, int]:
    """Returns the numbers of the file after one."""
    return (chunk, file + 1) if file + 1 < CHUNK else (chunk + 1, 0)


def read_info(root: Path) -> Info:
    """Returns what info.json says; raises DatasetError that names what cannot be read."""
    path = inside(root, *INFO.split('/'))
    if root.is_file():
        raise DatasetError(
            f"'{root}' is a file; expected the folder of a LeRobotDataset, which holds meta/ and "
            'data/. An HDF5 file is of --format robomimic, d4rl or minari'
        )
    try:
        data = parse_json(read_plain(path, INFO_LIMIT))
        return _info(data)
    except FileNotFoundError as error:
        raise DatasetError(
            f"no LeRobotDataset at '{root}': it has no {INFO}. Expected the folder that holds "
            'meta/ and data/'
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MotoError) as error:
        raise DatasetError(f"cannot read '{path}': {error}") from error


def _info(data: Any) -> Info:
    version = data['codebase_version']
    if version != VERSION:
        raise ValueError(
            f'codebase_version is {version!r}; expected {VERSION!r}. '
            "LeRobot's own converter makes it of an older one"
        )
    for name, expected in (('data_path', DATA), ('video_path', VIDEOS)):
        if data.get(name) not in (expected, None):
            raise ValueError(f'{name} is {data[name]!r}; expected {expected!r}')
    rate = float(data['fps'])
    if not 0 < rate <= 1000:
        raise ValueError(f'fps is {data["fps"]!r}; expected a number of [Hz]')
    features = {str(name): _feature(name, one) for name, one in data['features'].items()}
    robot, own = str(data.get('robot_type') or ''), data.get(OWN)
    return Info(
        rate=rate,
        features=features,
        robot=robot,
        own=bool(own),
        videos=dict(own.get('videos', {})) if own else {},
    )


def _feature(name: str, data: Any) -> Feature:
    shape = tuple(data['shape'])
    if not all(isinstance(n, int) and 0 < n < 1 << 20 for n in shape):
        raise ValueError(f"the shape of '{name}' is {data['shape']!r}; expected whole numbers")
    if not isinstance(data['dtype'], str):
        raise ValueError(f"the dtype of '{name}' is {data['dtype']!r}; expected its name")
    return Feature(data['dtype'], shape)
