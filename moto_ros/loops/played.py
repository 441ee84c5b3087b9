"""What a session of episodes found, and its file.

In: episodes as they end. Out: SessionResult, whose `to_json` is the file that reports read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Played:
    """One episode of a session."""

    id: str  # of the recorded episode; '' without a recorder
    seed: int | None  # of the twin's reset
    success: bool
    outcome: str  # 'success', 'failure' or 'unlabelled'
    ended: str  # 'done', 'timeout', 'held', or by no fault of the policy: see session.py
    steps: int  # decisions but the last, whose outcome is not seen
    seconds: float  # [s]
    start_seconds: float  # [s] from the end of the one before to the first decision

    def sentence(self) -> str:
        """Returns what happened as a person reads it."""
        name = f'{self.id} ' if self.id else ''
        seed = '' if self.seed is None else f' from seed {self.seed}'
        return (
            f'{name}ended: {self.outcome}, {self.ended}, {self.steps} decisions '
            f'in {self.seconds:.1f} s{seed}'
        )


@dataclass
class SessionResult:
    """What a session found; `to_json` is its file."""

    policy: str = ''
    cover_camera: bool = False
    episodes: list[Played] = field(default_factory=list)
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
        return {
            **vars(self),
            'episodes': [asdict(episode) for episode in self.episodes],
            'latency': marks,
            'successes': self.successes,
            'unlabelled': self.unlabelled,
        }

    @property
    def successes(self) -> int:
        """The number of episodes that succeeded."""
        return sum(episode.success for episode in self.episodes)

    @property
    def unlabelled(self) -> int:
        """The number of episodes that say nothing of the policy."""
        return sum(episode.outcome == 'unlabelled' for episode in self.episodes)

    @property
    def tells_nothing(self) -> bool:
        """Says whether episodes ran and none of them was judged."""
        return bool(self.episodes) and self.unlabelled == len(self.episodes)

    def sentence(self) -> str:
        """Returns the counts as a person reads them."""
        if self.tells_nothing:
            ends = Counter(episode.ended for episode in self.episodes)
            told = ', '.join(f'{ended} {times}' for ended, times in ends.items())
            return (
                f'no episode was judged: {self.unlabelled} ended by no fault of the policy '
                f'({told}), unlabelled'
            )
        said = f'{self.successes} of {len(self.episodes) - self.unlabelled} episodes succeeded'
        if self.unlabelled:
            said += f'; {self.unlabelled} more ended by no fault of the policy, unlabelled'
        return said
