"""One episode as one MCAP file: what a step holds, and the writer that loses at most one step.

In: Step after Step, raw ROS 2 messages. Out: `episode.mcap.active`, flushed to the operating
system after each step, renamed to `episode.mcap` on close. Channels (stock messages, CDR):

    /moto/episode                 String  JSON, first record: hashes, spec, task
    /moto/step/image/<camera>     Image   the processed image that the policy saw
    /moto/step/proprioception     JointState
    /moto/step/requested          JointState  velocity [rad/s, m/s] = requested * spec.scale
    /moto/step/executed           JointState  velocity [rad/s, m/s] = executed * spec.scale
    /moto/step/info               String  JSON, last of a step: reward, flags, reasons, latency
    /moto/episode/end             String  JSON, last record: outcome, how it ended, totals

A step's messages carry its index as their sequence number and share one chunk with a CRC.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

import numpy as np
from mcap.writer import Writer
from ulid import ULID

from moto_core.config import to_dict
from moto_core.durable import sync_folder
from moto_core.episodes import messages
from moto_core.errors import EpisodeError, unknown_name
from moto_core.spec import Spec, spec_from_dict

FORMAT = 1
FILE = 'episode.mcap'
OUTCOMES = ('success', 'failure', 'unlabelled')
FREE_FLOOR = 200_000_000  # [bytes] left free on the disk
CHUNK = 1 << 20  # [bytes] of raw messages between two steps
HEADER_TOPIC, END_TOPIC, INFO_TOPIC = '/moto/episode', '/moto/episode/end', '/moto/step/info'
IMAGE_TOPIC, PROPRIOCEPTION_TOPIC = '/moto/step/image/', '/moto/step/proprioception'
REQUESTED_TOPIC, EXECUTED_TOPIC = '/moto/step/requested', '/moto/step/executed'


@dataclass(frozen=True, kw_only=True)
class EpisodeHeader:
    """What is known of an episode before its first step."""

    task: str
    source: str  # 'sim' or 'robot'
    spec: Spec
    controller: str = 'policy'  # 'scripted', 'policy' or 'teleop'
    policy_hash: str = ''  # of the policy bundle; '' where there is none
    config_hash: str = ''  # of the configuration it ran under
    id: str = field(default_factory=lambda: str(ULID()))
    created: int = field(default_factory=time.time_ns)  # [ns]
    extra: dict[str, str] = field(default_factory=dict)


class Step(NamedTuple):
    """Row t: observation t, reward and flags received with it, the action chosen at it."""

    stamp: int  # [ns]
    images: Mapping[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB
    proprioception: np.ndarray | None  # (P,) float32; None where the spec has none
    requested: np.ndarray  # (A,) float32 in [-1, 1], the policy's raw action
    executed: np.ndarray  # (A,) float32, mean velocity let out / spec.scale
    reward: float = 0.0
    success: bool = False
    is_first: bool = False
    is_last: bool = False
    is_terminal: bool = False
    disagreement: float = 0.0  # ensemble disagreement
    intervention: bool = False  # a person was in command
    reasons: tuple[str, ...] = ()  # the guard's reason codes over the period
    latency: Mapping[str, float] = MappingProxyType({})  # stage: [ms]


class EpisodeWriter:
    """Appends steps to `<folder>/episode.mcap.active`; `close` renames it to `episode.mcap`.

    `where` is a folder (made if missing) or a path that ends in '.mcap'. Not thread-safe. Used
    as a context manager it closes on leaving, with ended='exception' where one was raised.
    """

    def __init__(
        self,
        where: Path | str,
        header: EpisodeHeader,
        *,
        floor: int = FREE_FLOOR,
        free: Callable[[Path], int] | None = None,
        on_close: Callable[[EpisodeWriter], None] | None = None,
    ) -> None:
        self.header, self.floor = header, floor
        where = Path(where)
        self.path = where if where.suffix == '.mcap' else where / FILE
        self.active = self.path.with_name(self.path.name + '.active')
        self.steps, self.return_, self.success = 0, 0.0, False
        self.outcome, self.ended, self.closed = 'unlabelled', '', False
        self._free, self._on_close = free or free_bytes, on_close
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._log_time = 0
        self._open()

    def append(self, step: Step) -> None:
        """Writes one step and flushes it to the operating system (not to the disk's platters).

        Raises EpisodeError where the step does not fit the spec (nothing is written), where free
        space is below the floor (the file is closed, ended='disk_full') or where writing fails
        (the file stays `.active` and is recovered at the next start).
        """
        self._check_open()
        rows = _encode(self.header.spec, step, self.steps)
        self._check_space()
        with self._writing():
            for topic, kind, data in rows:
                self._add(topic, kind, data, step.stamp)
            self._mcap.flush()
        self.steps += 1
        self.return_ += float(step.reward)
        self.success |= bool(step.success)

    def raw(
        self, topic: str, message_type: str, cdr: bytes, stamp: int, definition: str = ''
    ) -> None:
        """Records one already serialised message [stamp in ns]; it is flushed with the next step.

        `message_type` is 'package/msg/Name'; `definition` is its schema text where the type is not
        a stock one. Raises EpisodeError like `append`.
        """
        self._check_open()
        if topic.startswith(('/moto/episode', '/moto/step')):
            raise EpisodeError(f"topic '{topic}' belongs to the episode itself; remap it")
        text = definition or messages.definition(message_type)
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
            'steps': self.steps,
            'return': finite_or_none(self.return_),
            'success': self.success,
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
        if self._on_close:
            self._on_close(self)
        return self.path

    def abandon(self) -> None:
        """Lets go of the file as it is, still `.active`; `recover` makes an episode of it."""
        self.closed = True
        with suppress(OSError):  # what cannot be written is one step at most
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
        self._mcap = Writer(self._file, chunk_size=CHUNK, enable_data_crcs=True)
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
        self._mcap.add_message(self._channels[topic], self._log_time, data, stamp, self.steps)

    def _check_open(self) -> None:
        if self.closed:
            raise EpisodeError(f"episode '{self.path}' is closed (ended '{self.ended}')")

    def _check_space(self) -> None:
        free = self._free(self.path.parent)
        if free < self.floor:
            self.close(ended='disk_full')
            raise EpisodeError(
                f'{free / 1e6:.0f} MB free at {self.path.parent}; expected at least '
                f'{self.floor / 1e6:.0f} MB. Recording stopped, {self.steps} steps are kept; '
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
                f"cannot write '{self.active}': {error}; its {self.steps} whole "
                'steps are kept and recovered at the next start'
            ) from error


def header_to_dict(header: EpisodeHeader) -> dict[str, Any]:
    """Returns the header as JSON holds it, with the format version and the spec's hash."""
    data = {name: getattr(header, name) for name in header.__dataclass_fields__}
    return {'format': FORMAT, **data, 'spec': to_dict(header.spec), 'spec_hash': header.spec.hash}


def header_from_dict(data: Mapping[str, Any]) -> EpisodeHeader:
    """Returns the header that `header_to_dict` wrote; raises EpisodeError for another format."""
    if data.get('format') != FORMAT:
        raise EpisodeError(f'episode format is {data.get("format")!r}; expected {FORMAT}')
    known = {k: v for k, v in data.items() if k in EpisodeHeader.__dataclass_fields__}
    return EpisodeHeader(**{**known, 'spec': spec_from_dict(data['spec'])})


def free_bytes(folder: Path) -> int:
    """Returns the bytes that an ordinary user can still write where `folder` lies."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def finite_or_none(value: float) -> float | None:
    """Returns the value, or None (JSON null) where it is not finite."""
    return float(value) if math.isfinite(value) else None


def _encode(spec: Spec, step: Step, index: int) -> list[tuple[str, str, bytes]]:
    """Returns a step's messages as (topic, type, CDR); raises EpisodeError where it misfits."""
    _check(spec, step)
    rows = [
        (
            IMAGE_TOPIC + name,
            messages.IMAGE,
            messages.encode_image(step.images[name], step.stamp, name),
        )
        for name in spec.cameras
    ]
    if step.proprioception is not None:
        parts = dict(
            zip(spec.proprioception, np.split(step.proprioception, len(spec.proprioception)))
        )
        rows.append(
            (
                PROPRIOCEPTION_TOPIC,
                messages.JOINT_STATE,
                messages.encode_joints(spec.names, step.stamp, **parts),
            )
        )
    for topic, action in ((REQUESTED_TOPIC, step.requested), (EXECUTED_TOPIC, step.executed)):
        velocity = np.asarray(action, np.float64) * spec.scale
        rows.append(
            (
                topic,
                messages.JOINT_STATE,
                messages.encode_joints(spec.names, step.stamp, velocity=velocity),
            )
        )
    info = {
        'step': index,
        'reward': finite_or_none(step.reward),
        'success': bool(step.success),
        'is_first': bool(step.is_first),
        'is_last': bool(step.is_last),
        'is_terminal': bool(step.is_terminal),
        'disagreement': finite_or_none(step.disagreement),
        'intervention': bool(step.intervention),
        'reasons': list(step.reasons),
        'latency': {k: finite_or_none(v) for k, v in step.latency.items()},
    }
    rows.append((INFO_TOPIC, messages.STRING, messages.encode_string(json.dumps(info))))
    return rows


def _check(spec: Spec, step: Step) -> None:
    found = {name: (np.shape(v), np.asarray(v).dtype) for name, v in step.images.items()}
    wanted = {
        name: ((camera.height, camera.width, 3), np.dtype(np.uint8))
        for name, camera in spec.cameras.items()
    }
    if found != wanted:
        raise EpisodeError(f'images are {found}; expected {wanted}')
    size = 0 if step.proprioception is None else np.size(step.proprioception)
    for name, got, expected in (
        ('requested', np.shape(step.requested), (spec.action_size,)),
        ('executed', np.shape(step.executed), (spec.action_size,)),
        ('proprioception', (size,), (spec.proprioception_size,)),
    ):
        if got != expected:
            raise EpisodeError(f'{name} is {got}; expected {expected} for {spec.names}')
    if not 0 <= step.stamp < 1 << 61:
        raise EpisodeError(f'stamp is {step.stamp}; expected [ns] since 1970 or a clock at zero')
