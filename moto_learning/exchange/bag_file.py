"""The messages of a bag, from one file or several, MCAP or SQLite: bytes with a topic and a time.

In: a bag's path. Out: its topics with their types, Messages. What is damaged raises EpisodeError
that names the file. MCAP is read by the records that this project checks in its own episodes,
SQLite by rosbags; no more than LIMIT bytes are unpacked at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import mcap.records as records
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from rosbags.rosbag2 import Reader

from moto_core.episodes.bag import read_summary
from moto_core.episodes.chunks import CHUNK_LIMIT, Bounded, read_records, records_inside, unpack
from moto_core.errors import EpisodeError, one_line
from moto_core.row import STAMP_LIMIT
from moto_learning.exchange.bag_place import bag_files

PREFIX = 9  # [bytes] of a record before its content: opcode, length
MEND = {'.mcap': '`mcap recover` or `ros2 bag reindex`', '.db3': "sqlite3's `.recover`"}


class Message(NamedTuple):
    """One message as it was recorded."""

    topic: str
    received: int  # [ns]
    data: bytes  # CDR


class Span(NamedTuple):
    """When messages of interest were received [ns]: from `begin` on, before `end`."""

    begin: int = 0
    end: int = (1 << 63) - 1


WHOLE = Span()


class Storage(Protocol):
    """One file of a bag."""

    topics: dict[str, str]  # name: type

    def messages(self, topics: Collection[str], span: Span) -> Iterator[Message]:
        """Yields the messages of some topics, about as they were received."""


class Bag:
    """One bag, of a file or several."""

    def __init__(self, path: Path) -> None:
        """Opens it; raises EpisodeError for what is no bag or is damaged at its ends."""
        self.path = path
        self._files: list[Storage] = [_open(file) for file in bag_files(path)]
        self.topics: dict[str, str] = {}
        for file in self._files:
            for topic, kind in file.topics.items():
                if self.topics.setdefault(topic, kind) != kind:
                    raise EpisodeError(
                        f"'{path}': '{topic}' is {self.topics[topic]} and {kind}; expected one "
                        'type'
                    )

    def messages(self, topics: Collection[str], span: Span = WHOLE) -> Iterator[Message]:
        """Yields the messages of some topics, about in the order in which they were received."""
        for file in self._files:
            for message in file.messages(topics, span):
                time = message.received
                if not isinstance(time, int) or not 0 <= time < STAMP_LIMIT:
                    raise EpisodeError(
                        f"'{self.path}': a message of '{message.topic}' was received at {time} "
                        'ns; expected a time since 1970'
                    )
                yield message

    def check(self, topic: str, kinds: Collection[str]) -> None:
        """Raises EpisodeError unless there is such a topic of one of the types."""
        if topic not in self.topics:
            near = get_close_matches(topic, self.topics, n=1, cutoff=0.5)
            hint = f" Did you mean '{near[0]}'?" if near else ''
            there = ', '.join(f'{name} ({kind})' for name, kind in sorted(self.topics.items()))
            raise EpisodeError(f"'{self.path}' has no topic '{topic}'.{hint} There: {there}")
        if self.topics[topic] not in kinds:
            raise EpisodeError(
                f"'{self.path}': '{topic}' is {self.topics[topic]}; expected {' or '.join(kinds)}"
            )


class McapFile:
    """An MCAP file with an index; each chunk is checked and unpacked when it is its turn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path), path.open('rb') as stream:
            summary, self._statistics = read_summary(stream)
            self._chunks = sorted(summary.chunk_indexes, key=lambda one: one.message_start_time)
            self._names: dict[int, str] = {}
            self.topics: dict[str, str] = {}
            for channel in summary.channels.values():
                self._names[channel.id] = channel.topic
                kind = summary.schemas[channel.schema_id].name
                if channel.message_encoding != 'cdr':
                    kind += f' in {channel.message_encoding}'
                self.topics[channel.topic] = kind

    def messages(self, topics: Collection[str], span: Span) -> Iterator[Message]:
        """Yields the messages of some topics, chunk after chunk."""
        with reading(self.path), self.path.open('rb') as stream:
            for record in self._records(stream, span):
                if not isinstance(record, records.Message):
                    continue
                topic = self._names.get(record.channel_id, '')
                if topic in topics and span.begin <= record.log_time < span.end:
                    yield Message(topic, record.log_time, record.data)

    def _records(self, stream: BinaryIO, span: Span) -> Iterator[Any]:
        size = self.path.stat().st_size
        if len(self._chunks) != self._statistics.chunk_count or not self._chunks:
            yield from read_records(Bounded(stream, size))
            return
        for chunk in self._chunks:
            if chunk.message_start_time < span.end and chunk.message_end_time >= span.begin:
                yield from records_inside(unpack(_chunk(stream, chunk, size)))


class SqliteFile:
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        log = path.with_name(f'{path.name}-wal')
        if log.exists() and log.stat().st_size:
            raise EpisodeError(
                f"'{log}' holds messages that are not in '{path.name}' yet: its recorder did not "
                f'end. `sqlite3 {path} "PRAGMA wal_checkpoint"` puts them in'
            )
        if {*'?#%'} & {*str(path)}:
            raise EpisodeError(f"'{path}' has one of ?, # and % in its name; rename it")
        with reading(path), self._opened() as reader:
            self.topics = {
                one.topic: one.msgtype
                + ('' if (form := one.ext.serialization_format) == 'cdr' else f' in {form}')
                for one in reader.connections
            }

    def messages(self, topics: Collection[str], span: Span) -> Iterator[Message]:
        """Yields the messages of some topics by the time when they were received."""
        with reading(self.path), self._opened() as reader:
            wanted = [one for one in reader.connections if one.topic in topics]
            if not wanted:
                return
            for connection, received, data in reader.messages(wanted, span.begin, span.end):
                yield Message(connection.topic, received, data)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        import apsw  # comes with rosbags

        reader: Any = Reader(self.path)
        with reader:
            reader.storage.dbconn.limit(apsw.SQLITE_LIMIT_LENGTH, CHUNK_LIMIT)
            yield reader


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns whatever reading a damaged file raises into an EpisodeError that names it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  a damaged file raises whatever it likes
        mend = MEND[path.suffix]
        raise EpisodeError(
            f"cannot read '{path}': {one_line(error) or type(error).__name__}; if it was cut off, "
            f'{mend} may save what is whole'
        ) from error


def _open(path: Path) -> Storage:
    return McapFile(path) if path.suffix == '.mcap' else SqliteFile(path)


def _chunk(stream: BinaryIO, index: records.ChunkIndex, size: int) -> records.Chunk:
    """Reads the chunk that an entry of the index points to; raises EpisodeError if it is none."""
    stream.seek(index.chunk_start_offset)
    prefix = stream.read(PREFIX)
    length = int.from_bytes(prefix[1:], 'little')
    left = size - index.chunk_start_offset - PREFIX
    if len(prefix) < PREFIX or prefix[0] != Opcode.CHUNK or length > left:
        raise EpisodeError(f'there is no whole chunk at byte {index.chunk_start_offset}')
    return records.Chunk.read(ReadDataStream(BytesIO(stream.read(length))))
