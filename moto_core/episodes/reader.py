"""Reads an episode file back, whole or as far as it is undamaged.

In: `episode.mcap`, or `episode.mcap.active` of a recorder that died. Out: Episode (arrays).
Every byte has a checksum: each chunk its own, the data section and the summary one each.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mcap.records import Channel, Chunk, DataEnd, Footer, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap_ros2.decoder import DecoderFactory

from moto_core.episodes.codec import END_TOPIC, HEADER_TOPIC, INFO_TOPIC, ROW_TOPIC, decode_row
from moto_core.episodes.episode import FILE, Episode, EpisodeHeader, header_from_dict, stack
from moto_core.errors import EpisodeError
from moto_core.row import Row

RECORD_LIMIT = 1 << 30  # [bytes] a larger record is damage
_MAGIC, _DATA_END, _DATA_END_OPCODE = 8, 9 + 4, 0x0F  # [bytes], [bytes], opcode


class RawMessage(NamedTuple):
    """A message that is not part of a row, as it was recorded."""

    topic: str
    message_type: str
    cdr: bytes
    stamp: int  # [ns]
    definition: str


class Salvage(NamedTuple):
    """What could be read of a file, and what was wrong with it."""

    header: EpisodeHeader | None
    rows: list[Row]
    raw: list[RawMessage]
    outcome: str
    ended: str
    damage: str  # '' where every byte is as it was written


def read_episode(path: Path | str) -> Episode:
    """Returns the episode at `path` (a .mcap file or its folder), every checksum verified.

    Raises EpisodeError for a missing, damaged, unfinished or empty file.
    """
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    found = salvage(path)
    if found.header is None or found.damage:
        raise EpisodeError(
            f"'{path}' is damaged: {found.damage}; {len(found.rows)} whole rows "
            "before it can be kept with 'moto-data recover'"
        )
    if not found.rows:
        raise EpisodeError(f"'{path}' holds no rows (ended '{found.ended}')")
    return stack(found.header, found.rows, found.outcome, found.ended)


def salvage(path: Path | str, raw: bool = False) -> Salvage:
    """Reads whole rows up to the first damage; `raw` also returns the messages between them.

    Raises EpisodeError only where the file cannot be opened.
    """
    reading, rows, others = Reading(Path(path), raw), [], []
    for item in reading:
        if isinstance(item, Row):
            rows.append(item)
        else:
            others.append(item)
    return Salvage(reading.header, rows, others, reading.outcome, reading.ended, reading.damage)


class Reading:
    """Iterates over a file's rows (and raw messages), then says how it ended or was damaged."""

    def __init__(self, path: Path, raw: bool = False) -> None:
        self.path, self.keep_raw = path, raw
        self.header: EpisodeHeader | None = None
        self.outcome, self.ended, self.damage = 'unlabelled', '', ''
        self.unread = 0  # [bytes] after the last record that was whole
        self._count = 0
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._decoders = DecoderFactory()
        self._parts: dict[str, Any] = {}

    def __iter__(self) -> Iterator[Row | RawMessage]:
        if not self.path.is_file():
            raise EpisodeError(f"no episode file '{self.path}'; expected an .mcap file")
        try:
            with self.path.open('rb') as stream:
                self.unread = self.path.stat().st_size
                for record in self._records(stream):
                    item = self._take(record)
                    if item is not None:
                        yield item
                if not self.path.name.endswith('.active'):
                    _check_summary(stream)
            if self.header is None:
                raise EpisodeError('it has no first record')
        except OSError as error:
            raise EpisodeError(f"cannot read '{self.path}': {error}") from error
        except Exception as error:  # noqa: BLE001  on damage the libraries raise anything at all
            self.damage = f'{type(error).__name__} {error}'.strip()

    def _records(self, stream: BinaryIO) -> Iterator[McapRecord]:
        """Yields the records of checked chunks up to the footer; raises at the first damage."""
        reader = StreamReader(
            stream, emit_chunks=True, validate_crcs=True, record_size_limit=RECORD_LIMIT
        )
        seen_end, size = False, self.unread
        for record in reader.records:
            if isinstance(record, Chunk):
                yield from breakup_chunk(record, validate_crc=True)
            seen_end |= isinstance(record, DataEnd)
            if isinstance(record, Footer) and not seen_end:
                raise EpisodeError('its data section has no end')
            self.unread = size - stream.tell()

    def _take(self, record: McapRecord) -> Row | RawMessage | None:
        if isinstance(record, Schema):
            self._schemas.setdefault(record.id, record)
        elif isinstance(record, Channel):
            self._channels.setdefault(record.id, record)
        elif isinstance(record, Message):
            channel = self._channels[record.channel_id]
            return self._message(record, channel, self._schemas[channel.schema_id])
        return None

    def _message(
        self, record: Message, channel: Channel, schema: Schema
    ) -> Row | RawMessage | None:
        topic = channel.topic
        if self.header is None and topic != HEADER_TOPIC:
            raise EpisodeError(f"'{topic}' comes before the first record")
        if not topic.startswith((ROW_TOPIC, HEADER_TOPIC)):
            raw = RawMessage(
                topic, schema.name, record.data, record.publish_time, schema.data.decode()
            )
            return raw if self.keep_raw else None
        decode = self._decoders.decoder_for(channel.message_encoding, schema)
        if decode is None:
            raise EpisodeError(f"channel '{topic}' is not CDR with a ros2msg schema")
        message = decode(record.data)
        if topic == INFO_TOPIC:
            return self._finish_row(json.loads(message.data), record.publish_time)
        if topic == HEADER_TOPIC:
            self.header = header_from_dict(json.loads(message.data))
        elif topic == END_TOPIC:
            end = json.loads(message.data)
            self.outcome, self.ended = end['outcome'], end['ended']
        else:
            self._parts[topic] = message
        return None

    def _finish_row(self, info: dict[str, Any], stamp: int) -> Row:
        assert self.header is not None
        parts, self._parts = self._parts, {}
        if info.pop('step') != self._count:
            raise EpisodeError(f'row {self._count} is missing')
        self._count += 1
        return decode_row(self.header.spec, parts, info, stamp)


def _check_summary(stream: BinaryIO) -> None:
    """Raises EpisodeError unless the summary follows the data and fits its checksum."""
    end = stream.seek(-_MAGIC, os.SEEK_END)
    stream.seek(end - 20)
    start, _, crc = struct.unpack('<QQI', stream.read(20))
    if not _DATA_END <= start < end:  # a damaged offset may be no place at all
        raise EpisodeError('its footer points outside the file')
    stream.seek(start - _DATA_END)
    data = stream.read(end - start + _DATA_END)
    if zlib.crc32(data[_DATA_END:-4]) != crc:
        raise EpisodeError('the checksum of its summary does not fit')
    if data[0] != _DATA_END_OPCODE:
        raise EpisodeError('its summary does not follow its data')
