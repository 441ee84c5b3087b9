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
from typing import Any, NamedTuple

import numpy as np
from mcap.exceptions import McapError
from mcap.records import Channel, Chunk, DataEnd, Footer, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap_ros2.decoder import DecoderFactory

from moto_core.episode import (
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
from moto_core.errors import ConfigError, EpisodeError
from moto_core.spec import Spec

RECORD_LIMIT = 1 << 30                         # [bytes] a larger record is damage
_MAGIC, _FOOTER, _DATA_END = 8, 9 + 20, 9 + 4  # [bytes]
_PROBLEMS = (McapError, ValueError, KeyError, TypeError, EOFError, struct.error, RuntimeError,
             MemoryError, ConfigError, EpisodeError, IndexError, AttributeError)


@dataclass(frozen=True)
class Episode:
    """A whole episode as stacked arrays; row t = observation t and the action chosen at it."""

    header: EpisodeHeader
    stamp: np.ndarray                          # (T,) int64 [ns]
    images: dict[str, np.ndarray]              # camera: (T, h, w, 3) uint8
    proprioception: np.ndarray | None          # (T, P) float32
    requested: np.ndarray                      # (T, A) float32
    executed: np.ndarray                       # (T, A) float32
    reward: np.ndarray                         # (T,) float32
    success: np.ndarray                        # (T,) bool
    is_first: np.ndarray                       # (T,) bool
    is_last: np.ndarray                        # (T,) bool; the last row always is
    is_terminal: np.ndarray                    # (T,) bool
    uncertainty: np.ndarray                    # (T,) float32
    intervention: np.ndarray                   # (T,) bool
    reasons: list[tuple[str, ...]]
    latency: list[dict[str, float]]            # stage: [ms]
    outcome: str                               # 'success', 'failure' or 'unlabelled'
    ended: str                                 # 'done', 'timeout', ...; '' where it never closed

    def __len__(self) -> int:
        return len(self.stamp)


class RawMessage(NamedTuple):
    """A message that is not part of a step, as it was recorded."""

    topic: str
    message_type: str
    cdr: bytes
    stamp: int                                 # [ns]
    definition: str


class Salvage(NamedTuple):
    """What could be read of a file, and what was wrong with it."""

    header: EpisodeHeader | None
    steps: list[Step]
    raw: list[RawMessage]
    outcome: str
    ended: str
    damage: str                                # '' where every byte is as it was written


def read_episode(path: Path | str) -> Episode:
    """Returns the episode at `path` (a .mcap file or its folder), every checksum verified.

    Raises EpisodeError for a missing, damaged, unfinished or empty file.
    """
    path = Path(path)
    path = path / 'episode.mcap' if path.is_dir() else path
    found = salvage(path)
    if found.header is None or found.damage:
        raise EpisodeError(f"'{path}' is damaged: {found.damage}; {len(found.steps)} whole steps "
                           "before it can be kept with 'moto-data recover'")
    if not found.steps:
        raise EpisodeError(f"'{path}' holds no steps (ended '{found.ended}')")
    return stack(found.header, found.steps, found.outcome, found.ended)


def salvage(path: Path | str, raw: bool = False) -> Salvage:
    """Reads whole steps up to the first damage; `raw` also returns the messages between them.

    Raises EpisodeError only where the file cannot be opened.
    """
    path = Path(path)
    if not path.is_file():
        raise EpisodeError(f"no episode file '{path}'; expected an .mcap file")
    content = _Content(raw)
    damage = ''
    try:
        with path.open('rb') as stream:
            for record in _records(stream):
                content.take(record)
        if not path.name.endswith('.active'):
            _check_summary(path)
        if content.header is None:
            raise EpisodeError('it has no first record')
    except OSError as error:
        raise EpisodeError(f"cannot read '{path}': {error}") from error
    except _PROBLEMS as error:
        damage = f'{type(error).__name__} {error}'.strip()
    return Salvage(content.header, content.steps, content.raw, content.outcome, content.ended,
                   damage)


def recover(active: Path | str) -> Path:
    """Makes `episode.mcap` of an unfinished or damaged file; returns its path.

    Keeps the raw messages and every whole step before the damage. The old file stays beside it
    as `*.damaged` unless all that it lacks is its end. Raises EpisodeError (and changes nothing)
    where not even the first record can be read.
    """
    active = Path(active)
    found = salvage(active, raw=True)
    if found.header is None:
        raise EpisodeError(f"'{active}' cannot be recovered: {found.damage}; it holds no header")
    final = active.with_name(active.name.removesuffix('.active'))
    rescue = active.with_name('rescue-' + final.name)
    rescue.with_name(rescue.name + '.active').unlink(missing_ok=True)
    rescue.unlink(missing_ok=True)
    writer = EpisodeWriter(rescue, found.header, floor=0)
    _copy(found, writer)
    writer.close(found.outcome, found.ended or 'recovered')
    if not found.damage.startswith('EndOfFile'):
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
        header, column('stamp', np.int64),
        {name: np.stack([step.images[name] for step in steps]) for name in header.spec.cameras},
        column('proprioception', np.float32) if has_joints else None,
        column('requested', np.float32), column('executed', np.float32),
        column('reward', np.float32), column('success', bool), is_first, is_last,
        column('is_terminal', bool), column('uncertainty', np.float32),
        column('intervention', bool), [step.reasons for step in steps],
        [dict(step.latency) for step in steps], outcome, ended)


class _Content:
    """Collects a file's records into header, steps, raw messages and end."""

    def __init__(self, keep_raw: bool) -> None:
        self.keep_raw = keep_raw
        self.header: EpisodeHeader | None = None
        self.steps: list[Step] = []
        self.raw: list[RawMessage] = []
        self.outcome, self.ended = 'unlabelled', ''
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._decoders = DecoderFactory()
        self._parts: dict[str, Any] = {}

    def take(self, record: McapRecord) -> None:
        if isinstance(record, Schema):
            self._schemas.setdefault(record.id, record)
        elif isinstance(record, Channel):
            self._channels.setdefault(record.id, record)
        elif isinstance(record, Message):
            self._message(record)

    def _message(self, record: Message) -> None:
        channel = self._channels[record.channel_id]
        topic, schema = channel.topic, self._schemas[channel.schema_id]
        if not topic.startswith(('/moto/step/', '/moto/episode')):
            if self.keep_raw:
                self.raw.append(RawMessage(topic, schema.name, record.data, record.publish_time,
                                           schema.data.decode()))
            return
        decode = self._decoders.decoder_for(channel.message_encoding, schema)
        if decode is None:
            raise EpisodeError(f"channel '{topic}' is not CDR with a ros2msg schema")
        message = decode(record.data)
        if topic == HEADER_TOPIC:
            self.header = header_from_dict(json.loads(message.data))
        elif topic == END_TOPIC:
            end = json.loads(message.data)
            self.outcome, self.ended = end['outcome'], end['ended']
        elif topic == INFO_TOPIC:
            self._finish_step(json.loads(message.data), record.publish_time)
        else:
            self._parts[topic] = message

    def _finish_step(self, info: dict[str, Any], stamp: int) -> None:
        if self.header is None:
            raise EpisodeError('a step comes before the first record')
        parts, self._parts = self._parts, {}
        if info.pop('step') != len(self.steps):
            raise EpisodeError(f'step {len(self.steps)} is missing')
        self.steps.append(_step(self.header.spec, parts, info, stamp))


def _step(spec: Spec, parts: dict[str, Any], info: dict[str, Any], stamp: int) -> Step:
    images = {name: _image(parts[IMAGE_TOPIC + name]) for name in spec.cameras}
    joints = parts.get(PROPRIOCEPTION_TOPIC)
    vector = None if joints is None else np.concatenate(
        [getattr(joints, name) for name in spec.proprioception]).astype(np.float32)
    requested, executed = (
        (np.asarray(parts[topic].velocity, np.float64) / spec.scale).astype(np.float32)
        for topic in (REQUESTED_TOPIC, EXECUTED_TOPIC))
    latency = {name: _number(value) for name, value in info.pop('latency').items()}
    reward, uncertainty = _number(info.pop('reward')), _number(info.pop('uncertainty'))
    reasons = tuple(info.pop('reasons'))
    return Step(stamp, images, vector, requested, executed, reward=reward, latency=latency,
                uncertainty=uncertainty, reasons=reasons, **info)


def _image(message: Any) -> np.ndarray:
    flat = np.frombuffer(message.data, np.uint8)
    return flat.reshape(message.height, message.width, 3)


def _number(value: float | None) -> float:
    return float('nan') if value is None else float(value)


def _records(stream: Any) -> Iterator[McapRecord]:
    """Yields the records of checked chunks up to the footer; raises at the first damage."""
    reader = StreamReader(stream, emit_chunks=True, validate_crcs=True,
                          record_size_limit=RECORD_LIMIT)
    seen_end = False
    for record in reader.records:
        if isinstance(record, Chunk):
            yield from breakup_chunk(record, validate_crc=True)
        seen_end |= isinstance(record, DataEnd)
        if isinstance(record, Footer) and not seen_end:
            raise EpisodeError('its data section has no end')


def _check_summary(path: Path) -> None:
    """Raises EpisodeError unless the summary follows the data and fits its checksum."""
    data = path.read_bytes()
    start, offsets, crc = struct.unpack_from('<QQI', data, len(data) - _MAGIC - 20)
    if zlib.crc32(data[start:len(data) - _MAGIC - 4]) != crc:
        raise EpisodeError('the checksum of its summary does not fit')
    if data[start - _DATA_END] != 0x0F or len(data[start:]) < _FOOTER + _MAGIC:
        raise EpisodeError('its summary does not follow its data')


def _copy(found: Salvage, writer: EpisodeWriter) -> None:
    """Writes steps and raw messages in the order of their stamps, raw ones first."""
    raw = sorted(found.raw, key=lambda message: message.stamp)
    position = 0
    for step in found.steps:
        while position < len(raw) and raw[position].stamp <= step.stamp:
            message = raw[position]
            writer.raw(*message)
            position += 1
        writer.append(step)
    for message in raw[position:]:
        writer.raw(*message)
