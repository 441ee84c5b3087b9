"""What goes into the guard, what comes out of it, and what it carries from tick to tick.

In: nothing. Out: the types that guard_step takes and returns. Every time is in seconds on the
one steady clock that guard_step is called with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from moto_core.errors import ConfigError, MotoError

READY, ARMED, RUNNING, HOLD, FAULT, ESTOP = 'READY', 'ARMED', 'RUNNING', 'HOLD', 'FAULT', 'ESTOP'


class GuardRefusal(MotoError):  # noqa: N818
    """The guard refuses to arm or to reset; the message says why and what to do."""


class Request(NamedTuple):
    """What somebody wants the arm to do.

    `stamp` is the observation's time on the guard's clock: on arrival a node takes its age by the
    stamps' own clock and subtracts it from `received`, so that a jump of the system's clock does
    not reach the guard. Exactly 0 means 'not stamped': `received` is used, with a warning.
    """

    names: tuple[str, ...]  # joints and gripper, in any order
    velocity: np.ndarray  # (A,) [rad/s, m/s] in the order of names
    stamp: float  # [s] of the observation
    received: float  # [s] of arrival here
    speed_scale: float = 1.0  # in [0, 1]: what the policy's uncertainty leaves


class Measured(NamedTuple):
    """Joint states, mapped by name; names that the arm does not have are ignored."""

    names: tuple[str, ...]
    position: np.ndarray  # (n,) [rad]
    velocity: np.ndarray  # (n,) [rad/s], or (0,) if there is none
    stamp: float  # [s] of the measurement
    received: float  # [s] of arrival here


class Switches(NamedTuple):
    """What people and the life cycle say."""

    active: bool  # the guard may follow requests
    armed: bool  # the operator's level; arm(state) is the deed
    deadman: float | None = None  # [s] last time the button was seen pressed; None: it is not
    let_go: bool = False  # its last word was that it is not pressed
    estop: bool = False
    hold: str = ''  # reason code of what else keeps the arm from moving


class GuardOutput(NamedTuple):
    """What one tick lets out."""

    velocity: np.ndarray  # (n,) arm [rad/s], always finite
    gripper: np.ndarray  # (g,) [m/s], always finite
    state: str  # READY, ARMED, RUNNING, HOLD, FAULT or ESTOP
    reasons: tuple[str, ...]  # codes of guard_reasons, most important first
    scale: float  # the vector's common factor; 0 while braking
    requested: np.ndarray | None  # (A,) [rad/s, m/s] of the last good request
    publish: bool = True  # False: halted for long enough, be silent


RANGES: dict[str, tuple[float, float]] = {  # of a GuardConfig's fields, in their units
    'rate': (50, 1000),
    'request_periods': (1, 10),
    'joint_age': (0.005, 0.5),
    'stale_fault': (0.1, 5),
    'future': (0, 0.1),
    'deadman_age': (0.05, 1),
    'rejects_in_row': (1, 100),
    'rejects_in_window': (1, 1000),
    'reject_window': (1, 100),
    'speed_floor': (0, 1),
    'jump': (0, 0.2),
    'outside': (0, 1),
    'latency': (0, 0.1),
    'gap': (0.01, 1),
    'halt_stream': (0, 60),
}


@dataclass(frozen=True)
class GuardConfig:
    """The guard's own settings; the robot's limits come from its profile."""

    rate: float = 250.0  # [Hz] of ticks
    request_periods: float = 2.5  # policy periods after which a request is stale
    joint_age: float = 0.100  # [s] after which joint states are stale
    stale_fault: float = 1.0  # [s] of staleness that latch a fault
    future: float = 0.020  # [s] that a stamp may lie ahead of now
    deadman_required: bool = False  # a held button is a condition of motion
    deadman_age: float = 0.250  # [s] since the last press
    rejects_in_row: int = 3  # bad messages in a row that latch a fault
    rejects_in_window: int = 10  # bad messages within the window that latch one
    reject_window: float = 10.0  # [s]
    speed_floor: float = 0.0  # speed scale at or below which the guard holds
    jump: float = 0.02  # [rad] beyond dq_max dt that a joint may jump
    outside: float = 0.5  # [rad] beyond a limit that is still believed
    latency: float = 0.0  # [s] of the plant; the look-ahead adds two ticks
    gap: float = 0.100  # [s] between ticks that makes the guard hold
    halt_stream: float = 2.0  # [s] of zeros after a halt, then silence

    def __post_init__(self) -> None:
        """Raises ConfigError with the valid range for a value outside it."""
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f'guard {name} is {value}; expected {low:g} to {high:g}')

    @property
    def tick(self) -> float:
        """The time between two ticks [s]."""
        return 1.0 / self.rate


class Rejects(NamedTuple):
    """How many messages of one stream were refused."""

    reason: str = ''  # of the newest message; '' if it was good
    in_row: int = 0
    times: tuple[float, ...] = ()  # [s] of those within the window


class RequestIntake(NamedTuple):
    """The last request that was taken, in the arm's own order."""

    key: tuple[float, float] | None = None  # (received, stamp) of the newest message
    arm: tuple[float, ...] | None = None  # (n,) [rad/s]; None: nothing good
    gripper: tuple[float, ...] = ()  # (g,) [m/s]
    stamp: float = -math.inf  # [s]
    received: float = -math.inf  # [s]
    speed: float = 1.0
    warning: str = ''
    rejects: Rejects = Rejects()
    names: tuple[str, ...] = ()  # of the newest message, with their places
    places: tuple[int, ...] = ()


class JointIntake(NamedTuple):
    """The last joint state that was taken, in the arm's own order."""

    key: tuple[float, float] | None = None
    position: tuple[float, ...] | None = None  # (n,) [rad]; None: none yet
    stamp: float = -math.inf  # [s]
    received: float = -math.inf  # [s]
    interval: float = 0.0  # [s] between messages, smoothed
    rejects: Rejects = Rejects()
    names: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


@dataclass(frozen=True)
class GuardMemory:
    """Everything that a tick hands to the next, at first READY; opaque but for `mode`."""

    mode: str = READY
    cause: tuple[str, ...] = ()  # why HOLD, FAULT or ESTOP began
    now: float | None = None  # [s] of the last tick
    velocity: tuple[float, ...] = ()  # (n,) last sent [rad/s]
    acceleration: tuple[float, ...] = ()  # (n,) of the last tick [rad/s^2]
    requests: RequestIntake = RequestIntake()
    joints: JointIntake = JointIntake()
    armed: bool = False
    stale_since: float | None = None  # [s]
    rest_since: float | None = None  # [s]
    press_needed: bool = True  # the deadman must be let go and pressed anew
    released: bool = False  # the deadman has been seen released
    confirm: bool = False  # a HOLD that only a person ends

    @property
    def at_rest(self) -> bool:
        """Says whether the last command sent was zero for every joint."""
        return not any(self.velocity)
