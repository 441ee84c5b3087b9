"""The policy of a demonstration: what the person who drives asks for, in the policy's own units.

In: a person's requests [rad/s, m/s], each decision's observation. Out: actions (A,) in [-1, 1], so
that rows of a demonstration have their request as those of a policy do. It moves nothing: the
person's own requests do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from moto_core.policy.policy import PolicyState, PolicyStep
from moto_core.spec import Spec
from moto_ros.config import PERSON

STALE = 2.5  # periods after which the guard follows a request no longer


class PersonPolicy:
    """Chooses what a person asked for last; nothing once that is too old to be followed."""

    hash = PERSON

    def __init__(self, spec: Spec, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` [s] dates requests and decisions."""
        self.spec, self._clock = spec, clock
        self._action = np.zeros(spec.action_size, np.float32)
        self._heard = -np.inf  # [s]

    def hear(self, names: Sequence[str], velocity: Sequence[float]) -> None:
        """Takes a person's request by name; one that the guard would refuse is none."""
        asked = dict(zip(names, velocity))
        if set(asked) != {*self.spec.names} or not np.isfinite(velocity).all():
            return
        ordered = np.array([asked[name] for name in self.spec.names])
        self._action = np.clip(ordered / self.spec.scale, -1.0, 1.0).astype(np.float32)
        self._heard = self._clock()

    def initial(self) -> PolicyState:
        """Returns the empty state."""
        return {}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns what is asked for now (A,) float32; its disagreement is 0."""
        fresh = self._clock() - self._heard <= STALE * self.spec.period
        action = self._action if fresh else np.zeros_like(self._action)
        return PolicyStep(action.copy(), 0.0, state)
