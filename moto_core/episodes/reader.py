"""Reads an episode file back, whole or as far as it is undamaged, and recovers unfinished ones.

In: `episode.mcap`, or `episode.mcap.active` of a recorder that died. Out: Episode (arrays).
Every byte has a checksum: each chunk its own, the data section and the summary one each.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from mcap.records import Channel, Chunk, DataEnd, Footer, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap_ros2.decoder import DecoderFactory

from moto_core.episodes.episode import (
    END_TOPIC,
    EXECUTED_TOPIC,
    HEADER_TOPIC,
    IMAGE_TOPIC,
    INFO_TOPIC,
    PROPRIOCEPTION_TOPIC,
    REQUESTED_TOPIC,
    EpisodeHeader,
    EpisodeWriter,
    Step,
    header_from_dict,
)
from moto_core.errors import EpisodeError
from moto_core.spec import Spec

RECORD_LIMIT = 1 << 30  # [bytes] a larger record is damage
_MAGIC, _DATA_END, _DATA_END_OPCODE = 8, 9 + 4, 0x0F  # [bytes], [bytes], opcode


@dataclass(frozen=True)
class Episode:
    """A whole episode as stacked arrays; row t = observation t and the action chosen at it."""

    header: EpisodeHeader
    stamp: np.ndarray  # (T,) int64 [ns]
    images: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8
    proprioception: np.ndarray | None  # (T, P) float32
    requested: np.ndarray  # (T, A) float32
    executed: np.ndarray  # (T, A) float32
    reward: np.ndarray  # (T,) float32
    success: np.ndarray  # (T,) bool
    is_first: np.ndarray  # (T,) bool
    is_last: np.ndarray  # (T,) bool; the last row always is
    is_terminal: np.ndarray  # (T,) bool
    disagreement: np.ndarray  # (T,) float32
    intervention: np.ndarray  # (T,) bool
    reasons: list[tuple[str, ...]]
    latency: list[dict[str, float]]  # stage: [ms]
    outcome: str  # 'success', 'failure' or 'unlabelled'
    ended: str  # 'done', 'timeout', ...; '' where it never closed

    def __len__(self) -> int:
        return len(self.stamp)


class RawMessage(NamedTuple):
    """A message that is not part of a step, as it was recorded."""

    topic: str
    message_type: str
    cdr: bytes
    stamp: int  # [ns]
    definition: str


class Salvage(NamedTuple):
    """What could be read of a file, and what was wrong with it."""

    header: EpisodeHeader | None
    steps: list[Step]
    raw: list[RawMessage]
    outcome: str
    ended: str
    damage: str  # '' where every byte is as it was written


def read_episode(path: Path | str) -> Episode:
    """Returns the episode at `path` (a .mcap file or its folder), every checksum verified.

    Raises EpisodeError for a missing, damaged, unfinished or empty file.
    """
    path = Path(path)
    path = path / 'episode.mcap' if path.is_dir() else path
    found = salvage(path)
    if found.header is None or found.damage:
        raise EpisodeError(
            f"'{path}' is damaged: {found.damage}; {len(found.steps)} whole steps "
            "before it can be kept with 'moto-data recover'"
        )
    if not found.steps:
        raise EpisodeError(f"'{path}' holds no steps (ended '{found.ended}')")
    return stack(found.header, found.steps, found.outcome, found.ended)


def salvage(path: Path | str, raw: bool = False) -> Salvage:
    """Reads whole steps up to the first damage; `raw` also returns the messages between them.

    Raises EpisodeError only where the file cannot be opened.
    """
    reading, steps, others = _Reading(Path(path), raw), [], []
    for item in reading:
        if isinstance(item, Step):
            steps.append(item)
        else:
            others.append(item)
    return Salvage(reading.header, steps, others, reading.outcome, reading.ended, reading.damage)


def recover(active: Path | str) -> Path:
    """Makes `episode.mcap` of an unfinished or damaged file; returns its path.

    Keeps the raw messages and every whole step before the damage, streaming. The old file stays
    beside it as `*.damaged` where it holds a byte that was not understood. Raises EpisodeError
    (and changes nothing) where it holds no step, or where the new file cannot be written.
    """
    active = Path(active)
    final = active.with_name(active.name.removesuffix('.active'))
    rescue = active.with_name('rescue-' + final.name)
    for left in (rescue, rescue.with_name(rescue.name + '.active')):
        left.unlink(missing_ok=True)  # of a recovery that was itself interrupted
    reading, writer = _Reading(active, raw=True), None
    for item in reading:
        assert reading.header is not None
        writer = writer or EpisodeWriter(rescue, reading.header, floor=0)
        if isinstance(item, Step):
            writer.append(item)
        else:
            writer.raw(*item)
    if writer is None:
        raise EpisodeError(f"'{active}' cannot be recovered: {reading.damage or 'it is empty'}")
    writer.close(reading.outcome, reading.ended or 'recovered')
    if reading.damage and (reading.unread or active == final):
        keep_copy(active, active.with_name(final.name + '.damaged'))
    rescue.replace(final)
    if active != final:
        active.unlink(missing_ok=True)
    return final


def keep_copy(path: Path, copy: Path) -> None:
    """Gives a file a second name that outlives the first one, by a link where that works."""
    copy.unlink(missing_ok=True)
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)


def stack(header: EpisodeHeader, steps: list[Step], outcome: str, ended: str) -> Episode:
    """Stacks steps into arrays; the last row's is_last is set, the first row's is_first too."""

    def column(name: str, dtype: type) -> np.ndarray:
        return np.array([getattr(step, name) for step in steps], dtype)

    is_first, is_last = column('is_first', bool), column('is_last', bool)
    is_first[0] = is_last[-1] = True
    has_joints = header.spec.proprioception_size > 0
    return Episode(
        header,
        column('stamp', np.int64),
        {name: np.stack([step.images[name] for step in steps]) for name in header.spec.cameras},
        column('proprioception', np.float32) if has_joints else None,
        column('requested', np.float32),
        column('executed', np.float32),
        column('reward', np.float32),
        column('success', bool),
        is_first,
        is_last,
        column('is_terminal', bool),
        column('disagreement', np.float32),
        column('intervention', bool),
        [step.reasons for step in steps],
        [dict(step.latency) for step in steps],
        outcome,
        ended,
    )


class _Reading:
    """Iterates over a file's steps (and raw messages), then says how it ended or was damaged."""

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

    def __iter__(self) -> Iterator[Step | RawMessage]:
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

    def _take(self, record: McapRecord) -> Step | RawMessage | None:
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
    ) -> Step | RawMessage | None:
        topic = channel.topic
        if self.header is None and topic != HEADER_TOPIC:
            raise EpisodeError(f"'{topic}' comes before the first record")
        if not topic.startswith(('/moto/step/', '/moto/episode')):
            raw = RawMessage(
                topic, schema.name, record.data, record.publish_time, schema.data.decode()
            )
            return raw if self.keep_raw else None
        decode = self._decoders.decoder_for(channel.message_encoding, schema)
        if decode is None:
            raise EpisodeError(f"channel '{topic}' is not CDR with a ros2msg schema")
        message = decode(record.data)
        if topic == INFO_TOPIC:
            return self._finish_step(json.loads(message.data), record.publish_time)
        if topic == HEADER_TOPIC:
            self.header = header_from_dict(json.loads(message.data))
        elif topic == END_TOPIC:
            end = json.loads(message.data)
            self.outcome, self.ended = end['outcome'], end['ended']
        else:
            self._parts[topic] = message
        return None

    def _finish_step(self, info: dict[str, Any], stamp: int) -> Step:
        assert self.header is not None
        parts, self._parts = self._parts, {}
        if info.pop('step') != self._count:
            raise EpisodeError(f'step {self._count} is missing')
        self._count += 1
        return _step(self.header.spec, parts, info, stamp)


def _step(spec: Spec, parts: dict[str, Any], info: dict[str, Any], stamp: int) -> Step:
    images = {name: _image(parts[IMAGE_TOPIC + name]) for name in spec.cameras}
    joints = parts.get(PROPRIOCEPTION_TOPIC)
    vector = (
        None
        if joints is None
        else np.concatenate([getattr(joints, name) for name in spec.proprioception]).astype(
            np.float32
        )
    )
    requested, executed = (
        (np.asarray(parts[topic].velocity, np.float64) / spec.scale).astype(np.float32)
        for topic in (REQUESTED_TOPIC, EXECUTED_TOPIC)
    )
    latency = {name: _number(value) for name, value in info.pop('latency').items()}
    reward, disagreement = _number(info.pop('reward')), _number(info.pop('disagreement'))
    reasons = tuple(info.pop('reasons'))
    return Step(
        stamp,
        images,
        vector,
        requested,
        executed,
        reward=reward,
        latency=latency,
        disagreement=disagreement,
        reasons=reasons,
        **info,
    )


def _image(message: Any) -> np.ndarray:
    flat = np.frombuffer(message.data, np.uint8)
    return flat.reshape(message.height, message.width, 3)


def _number(value: float | None) -> float:
    return float('nan') if value is None else float(value)


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
