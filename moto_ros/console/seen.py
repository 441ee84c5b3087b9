"""What the console knows of a graph at one moment: the newest messages of those that speak.

In: messages as they come, the steady clock [s]. Out: Seen, from which pages and permissions are
made. Nothing here imports rclpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from moto_ros.config import PERSON
from moto_ros.messages import (
    EpisodeEvent,
    GuardState,
    PolicyStatus,
    RecorderState,
    RobotState,
    TaskState,
)

SILENT = 1.0  # [s] without a message of which there are ten a second: nobody is there
NODES = {  # what is expected, and what says so
    'guard': 'the guard (moto/guard/state)',
    'policy': 'the policy (moto/policy/status)',
    'recorder': 'the recorder (moto/recorder/state)',
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The newest message of each node; None before the first, or once it is silent."""

    guard: GuardState | None = None
    policy: PolicyStatus | None = None
    recorder: RecorderState | None = None
    task: TaskState | None = None  # of the simulated robot alone
    episode: EpisodeEvent | None = None
    robot: RobotState | None = None
    ever: frozenset[str] = frozenset()  # names of those that spoke at some time

    @property
    def simulated(self) -> bool:
        """Whether a simulated robot is there, whose scene can be reset."""
        return 'task' in self.ever

    @property
    def demonstrates(self) -> bool:
        """Whether no policy takes part, and what the person asks for is recorded."""
        return self.policy is not None and self.policy.policy == PERSON

    @property
    def recording(self) -> bool:
        """Whether an episode is open."""
        return self.recorder is not None and self.recorder.state != 'idle'

    @property
    def silent(self) -> tuple[str, ...]:
        """The nodes that spoke and are silent now."""
        return tuple(name for name in NODES if name in self.ever and getattr(self, name) is None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The nodes that were never heard, by what is waited for."""
        return tuple(words for name, words in NODES.items() if name not in self.ever)


def seen(newest: Mapping[str, Any], heard: Mapping[str, float], now: float) -> Seen:
    """Returns what is known at `now` [s] of messages by name and the times [s] they came at.

    An episode's event is latched: it is not repeated, and never silent.
    """
    ages = {name: now - at for name, at in heard.items()}
    alive = {
        field.name: newest[field.name]
        for field in fields(Seen)
        if field.name in newest and (field.name == 'episode' or ages[field.name] <= SILENT)
    }
    return Seen(**alive, ever=frozenset(newest))
