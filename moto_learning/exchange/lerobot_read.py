"""A LeRobotDataset v3 as episodes of ours: one that we wrote needs no mapping, others do.

In: a folder with meta/ and data/, a Mapping. Out: a Source.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from moto_core.episodes.episode import EpisodeHeader
from moto_core.episodes.layout import inside
from moto_core.errors import ConfigError, DatasetError, EpisodeError, unknown_name
from moto_core.row import Row
from moto_core.spec import Setup, Spec
from moto_learning.exchange import lerobot_layout as layout
from moto_learning.exchange import lerobot_write as written
from moto_learning.exchange.foreign import Arrays, Incoming, Source, incoming
from moto_learning.exchange.lerobot_video import file_hash, read_frames
from moto_learning.exchange.mapping import Mapping, setup_of, spec_of
from moto_learning.exchange.own_rows import LOST, Kept, Sealed, first_header, own_header, own_rows

KIND = 'lerobot'
INDICES = ('episode_index', 'length', 'data/chunk_index', 'data/file_index')
TAKEN = ('timestamp', 'next.success')  # where they are, whatever a mapping says
LARGEST = 1 << 31  # no index reaches it
_LISTS = (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)
_READ = (OSError, pa.ArrowException, KeyError, TypeError, ValueError)


class _Line(NamedTuple):
    """Where one episode lies."""

    number: int
    rows: int
    data: tuple[int, int]  # chunk, file
    videos: dict[str, tuple[int, int, float]]  # feature: chunk, file, begin [s]
    task: str
    own: list[str]  # header, outcome, ended, seal of one that we wrote
    videos_at: list[str]  # where its frames are, as the seal has it


def open_lerobot(root: Path | str, mapping: Mapping | None = None) -> Source:
    """Opens the dataset at `root`; without a mapping it is one that this project wrote.

    Raises DatasetError for what is no LeRobotDataset v3, ConfigError for a mapping that is
    missing or says too little.
    """
    root = Path(root)
    info = layout.read_info(root)
    lines = _lines(root, info)
    if mapping is not None:
        return _Others(root, info, lines, mapping)
    if not info.own:
        raise ConfigError(
            f"'{root}' was not written by this project: a mapping says which of its features "
            f'({", ".join(sorted(set(info.features) - set(layout.INDICES)))}) are the images, '
            'the action, the joints. Name one with --mapping FILE'
        )
    return _Ours(root, info, lines)


class _Others:
    """Somebody else's dataset, through a mapping."""

    def __init__(
        self, root: Path, info: layout.Info, lines: list[_Line], mapping: Mapping
    ) -> None:
        self.root, self.info, self.lines, self.mapping = root, info, lines, mapping
        self.spec, self.setup = spec_of(mapping, info.rate), setup_of(mapping)
        used = {mapping.action.key, mapping.position.key, mapping.velocity.key, mapping.reward}
        used = {*used, *(one.key for one in mapping.cameras.values())} - {''}
        self.used = used
        unused = set(info.features) - used - set(layout.INDICES) - {'next.done', 'next.success'}
        self.notes = [f'not taken: {", ".join(sorted(unused))}'] if unused else []
        self.places = [f'episode {line.number}' for line in lines]

    def episode(self, index: int) -> Incoming:
        """Returns one episode."""
        arrays = self._arrays(self.lines[index])
        return incoming(arrays, self.mapping, self.spec, self.setup, KIND)

    def _arrays(self, line: _Line) -> Arrays:
        where = f'episode {line.number}'
        features = self.info.features
        pictures = {n for n, f in features.items() if f.dtype in layout.PICTURES}
        for key in sorted(self.used - set(features)):
            raise EpisodeError(f'{where}: {unknown_name("feature", key, features)}')
        names = [n for n in features if n in {*self.used, *TAKEN} - pictures]
        table = _table(self.root, line, names)
        numbers = {name: _numbers(table, name, features[name], where) for name in names}
        success = numbers.get('next.success')
        done = None
        if success is not None:
            after = success.reshape(-1) != 0
            done = np.append(after[:1] & False, after[:-1])
            done[-1] |= after[-1]
        return Arrays(
            where=where,
            numbers=numbers,
            images={name: _images(self.root, line, name, self.info) for name in pictures},
            stamps=numbers['timestamp'].reshape(-1) if 'timestamp' in numbers else None,
            task=line.task,
            success=done,
        )


class _Ours:
    """A dataset of ours that was exported: its rows are those that were recorded."""

    def __init__(self, root: Path, info: layout.Info, lines: list[_Line]) -> None:
        self.root, self.info, self.lines, self.notes = root, info, lines, [LOST]
        if not lines:
            raise DatasetError(f"'{root}' has no episode")
        first = first_header(self._header, lines)
        self.spec: Spec = first.spec
        self.setup: Setup = first.setup
        self.places = [f'episode {line.number}' for line in lines]
        self._hashes: dict[Path, str] = {}  # of the video files that were read

    def episode(self, index: int) -> Incoming:
        """Returns one episode, with the id that it had."""
        line = self.lines[index]
        _, outcome, ended, _ = line.own
        return Incoming(
            where=self.places[index],
            header=self._header(line),
            rows=self._rows(line),
            outcome=outcome,
            ended=ended,
        )

    def _header(self, line: _Line) -> EpisodeHeader:
        return own_header(line.own[0], f"episode {line.number} of '{self.root}'")

    def _rows(self, line: _Line) -> Iterator[Row]:
        where, features = f'episode {line.number}', self.info.features
        names = [written.ACTION, written.EXECUTED, written.STAMP, written.ROW]
        names += [written.STATE] if self.spec.proprioception_size else []
        for name in set(names) - set(features):
            raise EpisodeError(f"{where}: {layout.INFO} has no feature '{name}'; export it again")
        table = _table(self.root, line, names)
        numbers = {n: _numbers(table, n, features[n], where) for n in names if n != written.ROW}
        kept = Kept(
            stamp=numbers[written.STAMP],
            requested=numbers[written.ACTION],
            executed=numbers[written.EXECUTED],
            proprioception=numbers.get(written.STATE),
            texts=table.column(written.ROW).to_pylist(),
        )
        streams = {
            name: _images(self.root, line, layout.IMAGES + name, self.info)
            for name in self.spec.cameras
        }
        for name in line.videos:
            self._check_video(line, name)
        *about, sealed = line.own
        about += line.videos_at
        yield from own_rows(kept, streams, Sealed(about, sealed, not line.videos), where)

    def _check_video(self, line: _Line, name: str) -> None:
        chunk, file, _ = line.videos[name]
        path = layout.place(self.root, layout.VIDEOS, chunk, file, name)
        expected = self.info.videos.get(path.relative_to(self.root).as_posix())
        if expected and path not in self._hashes:
            self._hashes[path] = file_hash(path)
        if expected and self._hashes[path] != expected:
            raise EpisodeError(
                f"'{path}' is damaged or was changed: its hash is {self._hashes[path]}, and "
                f'{expected} was exported. Export it again'
            )


def _lines(root: Path, info: layout.Info) -> list[_Line]:
    """Reads the list of episodes; raises DatasetError that names the file."""
    found = []
    videos = [name for name, one in info.features.items() if one.dtype == 'video']
    paths = sorted(inside(root, 'meta', 'episodes').glob('chunk-*/file-*.parquet'))
    for path in paths:
        path = inside(root, *path.relative_to(root).parts)
        try:
            keep = [n for n in pq.read_schema(path).names if not n.startswith('stats/')]
            table = pq.read_table(path, columns=keep)
            found += [_line(one, videos) for one in table.to_pylist()]
        except _READ as error:
            raise DatasetError(f"cannot read '{path}': {error}") from error
    if not found:
        raise DatasetError(f"'{root}' has no episode in meta/episodes/")
    return found


def _line(data: dict[str, Any], videos: list[str]) -> _Line:
    for name in INDICES:
        if not isinstance(data[name], int) or not 0 <= data[name] < LARGEST:
            raise ValueError(f'{name} is {data[name]!r}; expected a whole number')
    tasks = data.get('tasks') or ['']
    return _Line(
        number=data['episode_index'],
        rows=data['length'],
        data=(data['data/chunk_index'], data['data/file_index']),
        videos={
            name: (
                int(data[f'videos/{name}/chunk_index']),
                int(data[f'videos/{name}/file_index']),
                float(data[f'videos/{name}/from_timestamp']),
            )
            for name in videos
        },
        task=str(tasks[0]),
        own=[str(data.get(name, '')) for name in written.ABOUT],
        videos_at=written.video_places(data, videos),
    )


def _table(root: Path, line: _Line, names: list[str]) -> pa.Table:
    """Reads some columns of an episode's rows; raises EpisodeError that names the file."""
    path = layout.place(root, layout.DATA, *line.data)
    try:
        table = pq.read_table(
            path,
            columns=names,
            filters=[('episode_index', '=', line.number)],
            partitioning=None,
            page_checksum_verification=True,
        )
        missing = set(names) - set(table.column_names)
        if missing:
            raise ValueError(f'it has no column {sorted(missing)[0]!r}')
    except _READ as error:
        raise EpisodeError(f"cannot read '{path}': {error}") from error
    if len(table) != line.rows:
        raise EpisodeError(
            f"'{path}' has {len(table)} rows of episode {line.number}; expected {line.rows}"
        )
    return table


def _numbers(table: pa.Table, name: str, feature: layout.Feature, where: str) -> np.ndarray:
    """Returns a column's numbers (T, ...) in its feature's shape."""
    column = table.column(name).combine_chunks()
    if column.null_count:
        raise EpisodeError(f"{where}: '{name}' has {column.null_count} rows without a value")
    size = int(np.prod(feature.shape))
    try:
        for wide in feature.shape:
            if not isinstance(column, _LISTS):
                break
            _check_lengths(column, wide, len(table), f"{where}: '{name}'")
            column = column.flatten()
        values = column.to_numpy(zero_copy_only=False)
        if values.dtype.kind not in 'biuf':
            raise ValueError(f'it holds {column.type}')
        return values.reshape(len(table), *(() if size == 1 else feature.shape))
    except (ValueError, pa.ArrowException) as error:
        raise EpisodeError(
            f"{where}: '{name}' is not {size} numbers a row, as {layout.INFO} says: {error}"
        ) from error


def _check_lengths(column: Any, wide: int, rows: int, what: str) -> None:
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != wide)
    if len(wrong):
        row = int(wrong[0]) * rows // len(lengths)
        raise EpisodeError(
            f'{what} has {lengths[wrong[0]]} numbers at row {row}; expected {wide}, as '
            f'{layout.INFO} says'
        )


def _images(root: Path, line: _Line, name: str, info: layout.Info) -> Iterator[np.ndarray]:
    """Yields an episode's images of one feature (h, w, 3) uint8 RGB."""
    if name in line.videos:
        chunk, file, begin = line.videos[name]
        path = layout.place(root, layout.VIDEOS, chunk, file, name)
        yield from read_frames(path, begin, line.rows, info.rate)
        return
    for t, cell in enumerate(_table(root, line, [name]).column(name)):
        image = _decoded(cell.as_py())
        if image is None:
            raise EpisodeError(f"episode {line.number}, row {t}: '{name}' is no image")
        yield image


def _decoded(cell: Any) -> np.ndarray | None:
    """Returns the image (h, w, 3) uint8 RGB of a cell; None if it is none."""
    data = cell.get('bytes') if isinstance(cell, dict) else cell
    if not isinstance(data, bytes) or not data:
        return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
