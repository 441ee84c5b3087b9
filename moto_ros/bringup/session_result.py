"""What a session does and what it found.

In: nothing. Out: SessionConfig; SessionResult, whose `to_json` is the file that reports read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SessionConfig:
    """What a session does."""

    episodes: int = 10
    max_steps: int = 100  # decisions an episode at most
    cover_camera: bool = False  # the twin publishes a covered camera
    record: bool = True  # a recorder runs
    operator: bool = False  # a person resets and judges


@dataclass
class SessionResult:
    """What a session found; `to_json` is its file."""

    policy: str = ''
    cover_camera: bool = False
    episodes: list[dict[str, Any]] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)  # image stamp to request
    inference_ms: list[float] = field(default_factory=list)
    missed_periods: int = 0
    guard_interventions: Counter[str] = field(default_factory=Counter)  # reason: decisions

    def to_json(self) -> dict[str, Any]:
        """Returns plain data, with percentiles of the latencies."""
        marks = {
            f'p{q}': float(np.percentile(self.latency_ms, q)) if self.latency_ms else None
            for q in (50, 95, 99)
        }
        return {**vars(self), 'latency': marks, 'successes': self.successes}

    @property
    def successes(self) -> int:
        """The number of episodes that succeeded."""
        return sum(episode['success'] for episode in self.episodes)
