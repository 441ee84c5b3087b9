"""Writes one episode as one MCAP file and loses at most one row, whatever dies.

In: Row after Row, raw ROS 2 messages. Out: `episode.mcap.active`, flushed to the operating
system after each row, renamed to `episode.mcap` on close. A row's messages carry its index as
their sequence number and share one chunk with a CRC.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from mcap.writer import CompressionType, Writer

from moto_core.durable import sync_folder
from moto_core.episodes import messages
from moto_core.episodes.bag import write_bag_metadata
from moto_core.episodes.chunks import CHUNK_LIMIT
from moto_core.episodes.codec import END_TOPIC, HEADER_TOPIC, encode_row
from moto_core.episodes.episode import FILE, OUTCOMES, ROW_LIMIT, EpisodeHeader, header_to_dict
from moto_core.episodes.totals import Totals
from moto_core.errors import EpisodeError, unknown_name
from moto_core.row import STAMP_LIMIT, Row, finite_or_none

FREE_FLOOR = 200_000_000  # [bytes] left free on the disk
COMPRESSIONS = {
    'zstd': CompressionType.ZSTD,
    'lz4': CompressionType.LZ4,
    'none': CompressionType.NONE,
}
CHUNK = 1 << 20  # [bytes] of raw messages between two rows


class EpisodeWriter:
    """Appends rows to `<folder>/episode.mcap.active`; `close` renames it to `episode.mcap`.

    `where` is a folder (made if missing) or a path that ends in '.mcap'. Not thread-safe. Used
    as a context manager it closes on leaving, with ended='exception' if one was raised.
    `compression` is one of COMPRESSIONS: zstd makes small files, lz4 takes a third of its time.
    """

    def __init__(
        self,
        where: Path | str,
        header: EpisodeHeader,
        *,
        floor: int = FREE_FLOOR,
        free: Callable[[Path], int] | None = None,
        compression: str = 'zstd',
        on_close: Callable[[EpisodeWriter], None] | None = None,
    ) -> None:
        self.header, self.floor = header, floor
        where = Path(where)
        self.path = where if where.suffix == '.mcap' else where / FILE
        self.active = self.path.with_name(self.path.name + '.active')
        self.totals = Totals()
        self.outcome, self.ended, self.closed = 'unlabelled', '', False
        self._free, self._on_close = free or free_bytes, on_close
        self._compression = COMPRESSIONS[compression]
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._log_time = 0
        self._unlooked = CHUNK  # [bytes] of raw messages since free space was looked at
        self._open()

    @property
    def rows(self) -> int:
        """Counts the rows on file."""
        return self.totals.rows

    def append(self, row: Row) -> None:
        """Writes one row and flushes it to the operating system (not to the disk's platters).

        Raises EpisodeError if the row does not fit the spec (nothing is written), if free
        space is below the floor (the file is closed, ended='disk_full') or if writing fails
        (the file stays `.active` and is recovered at the next start).
        """
        self._check_open()
        found = encode_row(self.header.spec, row, self.rows)
        self._check_size(sum(len(data) for _, _, data in found))
        if self.rows >= ROW_LIMIT:
            raise EpisodeError(f'an episode has at most {ROW_LIMIT} rows; close this one')
        self._check_space()
        with self._writing():
            for topic, kind, data in found:
                self._add(topic, kind, data, row.stamp)
            self._mcap.flush()
        self.totals = self.totals.plus(row)

    def raw(
        self, topic: str, message_type: str, cdr: bytes, stamp: int, definition: str = ''
    ) -> None:
        """Records one already serialised message [stamp in ns]; it is flushed with the next row.

        `message_type` is 'package/msg/Name'; `definition` is its schema text if the type is not
        a stock one. Raises EpisodeError like `append`.
        """
        self._check_open()
        if not 0 <= stamp < STAMP_LIMIT:
            raise EpisodeError(f'stamp is {stamp}; expected [ns] since 1970 or a clock at zero')
        if topic.startswith(('/moto/episode', '/moto/step')):
            raise EpisodeError(f"topic '{topic}' belongs to the episode itself; remap it")
        text = definition or messages.definition(message_type)
        self._check_size(len(cdr) + len(text))
        self._unlooked += len(cdr)
        if self._unlooked >= CHUNK:  # a kilohertz of small ones need no look each
            self._check_space()
        with self._writing():
            self._add(topic, message_type, bytes(cdr), stamp, text)

    def close(self, outcome: str = 'unlabelled', ended: str = 'done') -> Path:
        """Writes the end record and the index, syncs to disk, renames; returns the final path.

        `outcome` is what the episode achieved, `ended` how it stopped ('done', 'timeout',
        'policy_died', ...). Closing again does nothing.
        """
        if outcome not in OUTCOMES:
            raise EpisodeError(unknown_name('outcome', outcome, OUTCOMES))
        if self.closed:
            return self.path
        self.outcome, self.ended = outcome, ended
        end = {
            'outcome': outcome,
            'ended': ended,
            'rows': self.rows,
            'return': finite_or_none(self.totals.return_),
            'success': self.totals.success,
        }
        with self._writing():
            self._add(
                END_TOPIC,
                messages.STRING,
                messages.encode_string(json.dumps(end)),
                self._log_time or self.header.created,
            )
            self._mcap.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self.active.rename(self.path)
            sync_folder(self.path.parent)
        self.closed = True
        if self.path.name == FILE:
            with suppress(EpisodeError):  # derived from the file; 'moto-data recover' makes it too
                write_bag_metadata(self.path.parent)
        if self._on_close:
            self._on_close(self)
        return self.path

    def abandon(self) -> None:
        """Lets go of the file as it is, still `.active`; `recover` makes an episode of it."""
        self.closed = True
        with suppress(OSError):  # what cannot be written is one row at most
            self._file.close()

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.closed:
            self.close(ended='exception' if kind else 'done')

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                raise FileExistsError(f"'{self.path}' exists")
            self._file = self.active.open('xb')
        except OSError as error:
            raise EpisodeError(f"cannot start an episode at '{self.active}': {error}") from error
        self._mcap = Writer(
            self._file, chunk_size=CHUNK, compression=self._compression, enable_data_crcs=True
        )
        with self._writing():
            self._mcap.start(profile='ros2', library='moto')

    def _add(self, topic: str, kind: str, data: bytes, stamp: int, text: str = '') -> None:
        if not self._channels and topic != HEADER_TOPIC:  # its first record, on its clock
            first = json.dumps(header_to_dict(self.header))
            self._add(HEADER_TOPIC, messages.STRING, messages.encode_string(first), stamp)
        if topic not in self._channels:
            if kind not in self._schemas:
                text = text or messages.definition(kind)
                self._schemas[kind] = self._mcap.register_schema(kind, 'ros2msg', text.encode())
            self._channels[topic] = self._mcap.register_channel(topic, 'cdr', self._schemas[kind])
        self._log_time = max(self._log_time, stamp)  # monotonic, whatever the clock does
        self._mcap.add_message(self._channels[topic], self._log_time, data, stamp, self.rows)

    def _check_open(self) -> None:
        if self.closed:
            raise EpisodeError(f"episode '{self.path}' is closed (ended '{self.ended}')")

    def _check_size(self, size: int) -> None:
        if size > CHUNK_LIMIT // 2:  # with the 1 MiB before it, a chunk that is read again
            raise EpisodeError(f'{size} bytes at once; at most {CHUNK_LIMIT // 2} are written')

    def _check_space(self) -> None:
        self._unlooked = 0
        free = self._free(self.path.parent)
        if free < self.floor:
            self.close(ended='disk_full')
            raise EpisodeError(
                f'{free / 1e6:.0f} MB free at {self.path.parent}; expected at least '
                f'{self.floor / 1e6:.0f} MB. Recording stopped, {self.rows} rows are kept; '
                'free some space'
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.ended = 'write_error'
            self.abandon()
            raise EpisodeError(
                f"cannot write '{self.active}': {error}; its {self.rows} whole "
                'rows are kept and recovered at the next start'
            ) from error


def free_bytes(folder: Path) -> int:
    """Returns the bytes that an ordinary user can still write where `folder` lies."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
