"""A policy that sees what the one in use sees and moves nothing; how it behaves beside that one.

In: observations, what was decided about them. Out: why it should not act, or ''.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from moto_core.errors import one_line
from moto_core.observation import Observation
from moto_core.policy.policy import Policy, after

AT_BOUND = 0.99  # of 1: an action's entry that is saturated
MORE = 0.25  # share of entries, by which a new policy may saturate more
SLOW = 0.5  # of a period: the 90th percentile of a step at most
LATE = 3  # steps longer than a period, after which a shadow is dropped: each delays a request


@dataclass
class Behaviour:
    """What a policy decided, as far as it tells whether it may be trusted."""

    saturated: list[float] = field(default_factory=list)  # share of an action's entries
    disagreement: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # of a step
    finite: bool = True

    def take(self, action: np.ndarray, disagreement: float, seconds: float) -> None:
        """Takes a decision: action (A,) in [-1, 1] or beyond."""
        self.finite &= bool(np.isfinite(action).all() and np.isfinite(disagreement))
        self.saturated.append(float(np.mean(np.abs(action) >= AT_BOUND)))
        self.disagreement.append(float(disagreement))
        self.seconds.append(seconds)

    def __len__(self) -> int:
        """Counts the decisions."""
        return len(self.seconds)


def objection(policy: Policy, new: Behaviour, used: Behaviour) -> str:
    """Says why a policy should not act, by what it decided and what the one before did; ''."""
    if not new.finite:
        return 'it gives numbers that are not finite'
    if not len(new):
        return ''
    slow = float(np.quantile(new.seconds, 0.9))
    most = SLOW * policy.spec.period
    if slow > most:
        return f'a step takes {slow * 1e3:.1f} ms (p90); expected at most {most * 1e3:.1f}'
    share, allowed = np.mean(new.saturated), np.mean(used.saturated or [0.0]) + MORE
    if share > allowed:
        return f'{share:.0%} of its actions are at their bounds; expected at most {allowed:.0%}'
    doubt = math.fsum(new.disagreement) / len(new)
    limit = getattr(policy, 'disagreement_threshold', None)
    if limit is not None and doubt > limit:
        return (
            f'its disagreement is {doubt:.3g} in the mean; expected at most {limit:.3g}, the '
            'largest along the episodes that it learned from'
        )
    return ''


class Shadow:
    """A policy that sees what the one in use sees, and moves nothing."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.new, self.used = Behaviour(), Behaviour()
        self._state = policy.initial()
        self.failed = ''  # what its step raised, or that it delays the one in use

    def see(
        self,
        seen: Observation,
        first: bool,
        action: np.ndarray,
        doubt: float,
        done: np.ndarray | None = None,
    ) -> None:
        """Takes an observation of an episode, and what the one in use decided about it.

        `done` (A,) led to it, if that is another action than was decided before.
        """
        if first:
            self._state = self.policy.initial()
        elif done is not None:
            self._state = after(self._state, done)
        begin = time.perf_counter()
        try:
            step = self.policy.step(seen.images, seen.proprioception, self._state)
        except Exception as error:  # noqa: BLE001  whatever it is, the one in use goes on
            self.failed = f'its step fails: {type(error).__name__}: {one_line(error)}'
            return
        self.new.take(step.action, step.disagreement, time.perf_counter() - begin)
        if sum(one > self.policy.spec.period for one in self.new.seconds) >= LATE:
            self.failed = f'{LATE} of its steps took longer than a period'
        self.used.take(action, doubt, 0.0)
        self._state = after(step.state, action)  # and not what it would have done

    @property
    def objection(self) -> str:
        """Why it should not act; '' so far."""
        return self.failed or objection(self.policy, self.new, self.used)
