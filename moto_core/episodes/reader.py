"""Reads an episode file back, whole or as far as it is undamaged.

In: `episode.mcap`, or `episode.mcap.active` of a recorder that died. Out: Episode (arrays).
Every byte has a checksum: each chunk its own, the data section and the summary one each.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mcap.records import Channel, McapRecord, Message, Schema

from moto_core.episodes import messages
from moto_core.episodes.bag import read_summary
from moto_core.episodes.chunks import Bounded, read_records
from moto_core.episodes.codec import (
    END_TOPIC,
    HEADER_TOPIC,
    INFO_TOPIC,
    ROW_TOPIC,
    decode_row,
    type_of,
)
from moto_core.episodes.episode import (
    FILE,
    OUTCOMES,
    ROW_LIMIT,
    Episode,
    EpisodeHeader,
    header_from_dict,
    stack,
)
from moto_core.errors import EpisodeError, MotoError, one_line
from moto_core.row import Row
from moto_core.strict_json import parse_json

_BLOCK = 1 << 20  # [bytes] of the summary at a time
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
    damage: str  # what and at which byte; '' if every byte is as it was written


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


def read_header(path: Path | str) -> EpisodeHeader:
    """Returns what is known of the episode before its first row, without reading the rest.

    Raises EpisodeError for a missing file and one that does not start with a header.
    """
    reading = Reading(Path(path))
    next(iter(reading), None)
    if reading.header is None:
        raise EpisodeError(f"'{path}' is damaged: {reading.damage}")
    return reading.header


def salvage(path: Path | str, raw: bool = False) -> Salvage:
    """Reads whole rows up to the first damage; `raw` also returns the messages between them.

    Raises EpisodeError only if the file cannot be opened.
    """
    reading, rows, others = Reading(Path(path), raw), [], []
    for item in reading:
        if isinstance(item, Row):
            rows.append(item)
        else:
            others.append(item)
    return Salvage(
        header=reading.header,
        rows=rows,
        raw=others,
        outcome=reading.outcome,
        ended=reading.ended,
        damage=reading.damage,
    )


class Reading:
    """Iterates over a file's rows (and raw messages), then says how it ended or was damaged."""

    def __init__(self, path: Path, raw: bool = False) -> None:
        self.path, self.keep_raw = path, raw
        self.header: EpisodeHeader | None = None
        self.outcome, self.ended, self.damage = 'unlabelled', '', ''
        self.unread = 0  # [bytes] after the last record that was whole
        self._count, self._ended = 0, False
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._parts: dict[str, Any] = {}

    def __iter__(self) -> Iterator[Row | RawMessage]:
        if not self.path.is_file():
            raise EpisodeError(f"no episode file '{self.path}'; expected an .mcap file")
        size = 0
        try:
            with self.path.open('rb') as stream:
                size = os.fstat(stream.fileno()).st_size
                bounded = Bounded(stream, size)
                self.unread = size
                for record in read_records(bounded):
                    item = self._take(record)
                    if item is not None:
                        yield item
                    self.unread = bounded.left
                if not self.path.name.endswith('.active'):
                    _check_summary(stream)
            if self.header is None:
                raise EpisodeError('it has no first record')
        except OSError as error:
            raise EpisodeError(f"cannot read '{self.path}': {error}") from error
        except Exception as error:  # noqa: BLE001  on damage the libraries raise anything at all
            what = str(error) if isinstance(error, MotoError) else _foreign(error)
            self.damage = f'{what}, at byte {size - self.unread} of {size}'

    def _take(self, record: McapRecord) -> Row | RawMessage | None:
        if isinstance(record, Schema):
            self._schemas.setdefault(record.id, record)
        elif isinstance(record, Channel):
            self._channels.setdefault(record.id, record)
        elif isinstance(record, Message):
            channel = self._channels.get(record.channel_id)
            schema = self._schemas.get(channel.schema_id) if channel else None
            if channel is None or schema is None:
                raise EpisodeError(f'a message has no channel {record.channel_id}, or no schema')
            return self._message(record, channel, schema)
        return None

    def _message(
        self, record: Message, channel: Channel, schema: Schema
    ) -> Row | RawMessage | None:
        topic = channel.topic
        if (self.header is None) != (topic == HEADER_TOPIC):
            raise EpisodeError(f"'{topic}' is no first record, or a second one")
        if not topic.startswith((ROW_TOPIC, HEADER_TOPIC)):
            raw = RawMessage(
                topic=topic,
                message_type=schema.name,
                cdr=record.data,
                stamp=record.publish_time,
                definition=schema.data.decode(),
            )
            return raw if self.keep_raw else None
        kind = type_of(topic)
        if kind is None:
            return None  # of a later version
        if (channel.message_encoding, schema.name) != ('cdr', kind):
            raise EpisodeError(f"'{topic}' holds '{schema.name}'; expected '{kind}' as CDR")
        if self._ended:
            raise EpisodeError(f"'{topic}' comes after the last record")
        return self._own(topic, messages.decode(kind, record.data), record)

    def _own(self, topic: str, message: Any, record: Message) -> Row | None:
        """Takes a message of the episode itself; returns a Row if it completes one."""
        if topic == HEADER_TOPIC:
            self.header = header_from_dict(_parse_map(message.data, 'first record'))
        elif topic == END_TOPIC:
            self._end(_parse_map(message.data, 'last record'))
        elif topic == INFO_TOPIC:
            info = _parse_map(message.data, f"row {self._count}'s JSON")
            return self._finish_row(info, record.publish_time)
        elif record.sequence != self._count or topic in self._parts:
            raise EpisodeError(f"a part of row {record.sequence} stands in row {self._count}'s")
        else:
            self._parts[topic] = message
        return None

    def _end(self, end: dict[str, Any]) -> None:
        rows = end.get('rows', end.get('steps'))  # 'steps' in format 1
        outcome, ended = end.get('outcome'), end.get('ended')
        if rows != self._count or type(rows) is not int:
            raise EpisodeError(f'its last record counts {rows!r} rows; {self._count} are there')
        if outcome not in OUTCOMES or not isinstance(ended, str) or not ended.isprintable():
            raise EpisodeError(f'its last record says {outcome!r}, ended {ended!r}')
        self.outcome, self.ended, self._ended = outcome, ended, True

    def _finish_row(self, info: dict[str, Any], stamp: int) -> Row:
        assert self.header is not None
        parts, self._parts = self._parts, {}
        if info.pop('step', None) != self._count:
            raise EpisodeError(f'row {self._count} is missing')
        if self._count >= ROW_LIMIT:
            raise EpisodeError(f'it has over {ROW_LIMIT} rows')
        self._count += 1
        return decode_row(self.header.spec, parts, info, stamp)


def _foreign(error: Exception) -> str:
    return f'{type(error).__name__} {one_line(error)}'.strip()


def _parse_map(text: str, what: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except ValueError as error:
        raise EpisodeError(f'its {what} is no JSON: {error}') from error
    if not isinstance(value, dict):
        raise EpisodeError(f'its {what} is no map')
    return value


def _check_summary(stream: BinaryIO) -> None:
    """Raises EpisodeError unless a summary follows the data, fits its checksum and is a bag's."""
    end = stream.seek(-_MAGIC, os.SEEK_END)
    stream.seek(end - 20)
    start, _, crc = struct.unpack('<QQI', stream.read(20))
    if not _DATA_END <= start < end:  # a damaged offset may be no place at all
        raise EpisodeError('its footer points outside the file')
    stream.seek(start - _DATA_END)
    if stream.read(_DATA_END)[0] != _DATA_END_OPCODE:
        raise EpisodeError('its summary does not follow its data')
    found, left = 0, end - 4 - start
    while left > 0:
        data = stream.read(min(left, _BLOCK))
        found, left = zlib.crc32(data, found), left - len(data)
        if not data:
            raise EpisodeError('it was cut while it was read')
    if found != crc:
        raise EpisodeError('the checksum of its summary does not fit')
    read_summary(stream)
