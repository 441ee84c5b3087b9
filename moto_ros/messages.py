"""What the nodes tell each other as JSON: one frozen dataclass a topic, used at both ends.

In: a message. Out: its text, and back with every key and type checked. ROS's stock messages have
no place for these values, and messages of our own would need a compiler at the user's.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from moto_core.errors import MotoError
from moto_core.guard.state import ESTOP, FAULT

SCHEMA = 10  # of all of them together
DRY_RUN = 'dry_run'  # the guard's reason while what it lets out is shown and not sent
LATCHED = {FAULT: 'fault', ESTOP: 'estop'}  # the guard's mode: how an episode ends in it
WHOLE = 1 << 63  # no whole number reaches it: what every language and every log holds
M = TypeVar('M')


class MessageError(MotoError):
    """A JSON message that does not fit its topic."""


@dataclass(frozen=True, kw_only=True)
class Presence:
    """A node that is there, from its start on: whose it is, and under which limits."""

    node: str
    bringup: str  # '<process id>@<host>' of what started it; '' for a person
    robot: str
    profile: str
    limits_file: str
    limits_sha256: str
    dry_run: bool  # nothing is sent to the arm


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the policy chose at one observation; its images follow on topics of their own."""

    stamp: int  # [ns] of the observation
    episode: str  # id that the recorder gave; '' without one
    number: int  # since the episode's start
    action: tuple[float, ...]  # (A,) raw, in [-1, 1] or beyond
    disagreement: float
    surprise: float  # [nats] of the model, about what it saw
    speed_scale: float  # in [0, 1]: what the surprise left of the allowed speed
    proprioception: tuple[float, ...] | None  # (P,)
    image_latency: float  # [ms] from the image's stamp to its arrival
    inference_latency: float  # [ms]
    request_latency: float  # [ms] from the image's stamp to the request
    missed: int  # periods without a decision since the node's start


@dataclass(frozen=True, kw_only=True)
class PolicyStatus:
    """The state of the policy node, ten times a second."""

    policy: str  # the bundle's hash
    decisions: int  # since the node's start, as the next two
    missed: int  # periods without a decision
    refused: int  # observations that were not fit to act on
    waiting: bool  # between episodes: it asks for rest
    reasons: tuple[str, ...]  # why the last chance to decide was not taken
    differences: tuple[str, ...]  # of the setup it learned under and this one: both values
    surprise: float  # [nats] smoothed
    slow: float | None  # [nats] above which the arm is slowed; None: the bundle has no limits
    hold: float | None  # [nats] from which on it is held until a person confirms
    speed_scale: float  # of the last request
    successor: str  # the next policy, as far as it is tried or watched; '' if there is none
    problem: str


@dataclass(frozen=True, kw_only=True)
class PolicyManifest:
    """Which policy acts, and what it sees and commands."""

    hash: str
    spec: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class GuardState:
    """The state of the guard, ten times a second."""

    state: str  # its mode
    dry_run: bool
    source: str  # who drives: 'policy', 'teleop' or 'home'
    cause: tuple[str, ...]  # of a hold or a fault
    refusal: str  # why it would not be armed now; '' if it would
    reasons: tuple[str, ...]  # of the newest tick
    at_rest: bool
    scale: float  # of speed, in [0, 1]
    from_home: float  # [rad] of the joint that is furthest from home
    profile: str  # of the robot's limits
    limits: str  # the hash of the file they come from
    ticks: int
    late: int  # ticks that came late
    interventions: dict[str, int]  # reason: decisions that it had a part in
    disarms: int = 0  # asked for since the node's start: a person's Stop, a reset of a fault
    real: bool = False  # it leads a real arm, which begins by a person's word
    home_refusal: str = ''  # why it would not be led home now; '' if it would
    unfit: str = ''  # why nothing could lead it now, wherever it stands; '' if something could


@dataclass(frozen=True, kw_only=True)
class GuardReasons:
    """Who drives, and why the guard changes or refuses requests, until the next message.

    As it changes, and ten times a second in every mode: silence is a guard that is not there.
    """

    stamp: int  # [ns] of a tick, the same as in guard/executed where that is published
    state: str  # its mode
    source: str  # who drives
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecorderState:
    """The state of the recorder, ten times a second."""

    state: str  # 'idle', 'recording' or 'draining'
    episode: str  # id of the open or the last episode
    rows: int  # on disk of the open episode
    dropped: int  # rows of that episode whose images or decisions did not arrive
    lost: dict[str, int]  # topic: its messages that did not arrive while that was recorded
    left_out: dict[str, int]  # topic: its messages beyond what is to be recorded of it
    problem: str
    dataset: str = ''  # its folder, whole, on the recorder's computer


@dataclass(frozen=True, kw_only=True)
class EpisodeEvent:
    """An episode begins, stops taking rows, or has ended."""

    state: str  # 'started', 'stopping' or 'ended'
    episode: str  # id
    policy: str = ''  # hash in its header, of one that has started
    rows: int = 0  # this and what follows: of an episode that has ended
    dropped: int = 0
    gaps: int = 0  # rows before which others are missing, or nothing was decided for long
    rate: float = 0.0  # [Hz] of its rows
    lost: dict[str, int] = field(default_factory=dict)  # topic: messages that did not arrive
    outcome: str = ''
    ended: str = ''
    problem: str = ''

    def sentence(self) -> str:
        """Returns what happened as a person reads it."""
        parts = [f'episode {self.episode} {self.state}']
        if self.state == 'ended':
            rate = f' at {self.rate:.3g} Hz' if self.rate else ''
            counts = f'{self.rows} rows{rate}, {self.dropped} dropped'
            counts += f', {self.gaps} gaps' if self.gaps else ''
            counts += ''.join(f', {count} of {name} lost' for name, count in self.lost.items())
            parts[0] += f': {self.outcome}, {self.ended or "not closed"}, {counts}'
        return '; '.join([*parts, self.problem] if self.problem else parts)


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """Reward, success and parts of the simulated task at one frame."""

    stamp: int  # [ns]
    reward: float
    success: bool
    parts: dict[str, bool]  # of the task: whether each is in place
    seed: int | None  # of the scene's start

    @property
    def done_parts(self) -> tuple[str, ...]:
        """The parts that are in place, in the task's order."""
        return tuple(name for name, done in self.parts.items() if done)


@dataclass(frozen=True, kw_only=True)
class RobotState:
    """The mode of the simulated arm, ten times a second and as it changes."""

    stamp: int  # [ns]
    mode: str  # as franka_msgs/FrankaRobotState: 'idle', 'move', 'reflex' or 'user_stopped'
    errors: tuple[str, ...]  # libfranka's names of what made it stop


@dataclass(frozen=True, kw_only=True)
class TeleopState:
    """The state of the node by which a person drives, ten times a second."""

    heard: bool  # the joystick speaks
    held: bool  # its deadman is held, and was seen let go before
    sticks: str  # what they move: 'hand', 'pairs' or 'joints'
    joints: tuple[str, ...]  # those that the sticks move, by name; none: the hand
    moves: bool  # the sticks were seen at rest since: what they say is asked for
    said: str  # what the last button came to
    problem: str


@dataclass(frozen=True, kw_only=True)
class SceneReset:
    """The answer of the twin's reset."""

    seed: int
    stamp: int  # [ns] after which frames show the new scene


@dataclass
class Latest:
    """The newest message of each node, None before the first; the decisions one by one."""

    guard: GuardState | None = None
    policy: PolicyStatus | None = None
    recorder: RecorderState | None = None
    task: TaskState | None = None
    episode: EpisodeEvent | None = None  # of the recorder's episode
    teleop: TeleopState | None = None
    decisions: list[Decision] = field(default_factory=list)  # since they were last cleared


def to_json(message: Any) -> str:
    """Returns a message as JSON text, its schema's number first; NaN and infinity become null."""
    return json.dumps({'schema': SCHEMA, **_plain(asdict(message))}, allow_nan=False)


def from_json(kind: type[M], text: str) -> M:
    """Returns the message of a kind that `to_json` wrote; a null number comes back as NaN.

    Raises MessageError that names the kind, the key, what it holds and what was expected.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageError(f'{kind.__name__} is no JSON: {error}') from error
    if not isinstance(data, dict) or data.pop('schema', None) != SCHEMA:
        raise MessageError(
            f'{kind.__name__} is not of schema {SCHEMA}; run every node from one version of moto'
        )
    types = _types(cast(Any, kind))
    if data.keys() != types.keys():
        raise MessageError(f'{kind.__name__} has keys {sorted(data)}; expected {sorted(types)}')
    return kind(
        **{key: _checked(types[key], data[key], f'{kind.__name__}.{key}') for key in types}
    )


@cache
def _types(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _checked(kind: Any, value: Any, where: str) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is UnionType:
        return None if value is None else _checked(parts[0], value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_checked(parts[0], item, where) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: _checked(parts[1], item, where) for key, item in value.items()}
    if type(value) is int and not -WHOLE <= value < WHOLE:
        digits = len(str(abs(value)))
        raise MessageError(f'{where} is a number of {digits} digits; expected one of 64 bits')
    if kind is float and (type(value) in (int, float) or value is None):
        return math.nan if value is None else float(value)
    if kind in (bool, int, str, NoneType) and type(value) is kind:
        return value
    raise MessageError(f'{where} is {value!r}; expected {kind}')
