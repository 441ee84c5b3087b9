"""The next policy: loaded beside the one in use, tried in its shadow, swapped in, and watched.

    name-file moves --> load, verify --> shadow: what it would  --> between     --> on probation
                        (a thread)       decide, beside the one     episodes it     for a while
                           |             in use: nothing moves      is swapped in       |
                        refused              refused                               kept, or back

In: where the name-file is, observations and decisions, what the guard says. Out: a policy to swap
in, or word to go back. A bundle that was refused or given up is not tried again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from moto_core.errors import MotoError
from moto_core.observation import Observation
from moto_core.policy.policy import Policy

EVERY = 1.0  # [s] between two looks at the name-file
AT_BOUND = 0.99  # of 1: an action's entry that is saturated
MORE = 0.25  # share of entries, by which a new policy may saturate more
SLOW = 0.5  # of a period: the 90th percentile of a step at most
LATER = 5.0  # [s] until a bundle that could not be loaded is looked at again
LEAST = 12  # decisions after a swap, before which only a fault speaks against a policy
Find = Callable[[frozenset[str]], Policy | None]


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
        self._state, self._episode = policy.initial(), ''

    def see(self, seen: Observation, episode: str, action: np.ndarray, doubt: float) -> None:
        """Takes an observation of an episode, and what the one in use decided about it."""
        if episode != self._episode:
            self._state, self._episode = self.policy.initial(), episode
        begin = time.perf_counter()
        step = self.policy.step(seen.images, seen.proprioception, self._state)
        self.new.take(step.action, step.disagreement, time.perf_counter() - begin)
        self.used.take(action, doubt, 0.0)
        self._state = step.state

    @property
    def objection(self) -> str:
        """Why it should not act; '' so far."""
        return objection(self.policy, self.new, self.used)


@dataclass
class Probation:
    """A policy that was swapped in, and how the one before it behaved."""

    policy: Policy
    used: Behaviour
    length: int  # decisions
    new: Behaviour = field(default_factory=Behaviour)
    fault: str = ''

    @property
    def objection(self) -> str:
        """Why it should be swapped out again; '' if it should not, or it is too early to say."""
        early = len(self.new) < min(LEAST, self.length)
        return self.fault or ('' if early else objection(self.policy, self.new, self.used))

    @property
    def over(self) -> bool:
        """Whether it is kept."""
        return len(self.new) >= self.length and not self.objection


class Successor:
    """Finds the next policy, tries it in the shadow of the one in use, and watches it then."""

    def __init__(self, find: Find, shadow: int, probation: int) -> None:
        """Tries `shadow` decisions beside the policy in use, and watches `probation` after a swap.

        `find` returns the policy that is named now; None if its hash is among those it is given.
        """
        self._find, self._shadowed, self._watched = find, shadow, probation
        self._pool = ThreadPoolExecutor(1, 'moto-successor')
        self._looking: Future[Policy | None] | None = None
        self._next = 0.0  # [s] steady time of the next look
        self._given_up: set[str] = set()  # hashes
        self._news: list[str] = []
        self._problem = ''  # why the last bundle could not be loaded
        self.shadow: Shadow | None = None
        self.probation: Probation | None = None

    def close(self) -> None:
        """Ends the thread, once what it loads is loaded."""
        self._pool.shutdown(cancel_futures=True)

    def news(self) -> list[str]:
        """Returns what happened since the last call, for people."""
        told, self._news = self._news, []
        return told

    def look(self, steady: float, used: str) -> None:
        """Looks for another policy than that with the hash `used`; loads in a thread."""
        if self._looking is not None and self._looking.done():
            looked, self._looking = self._looking, None
            self._take(looked, steady)
        idle = self._looking is None and self.shadow is None and self.probation is None
        if idle and steady >= self._next:
            self._next = steady + EVERY
            self._looking = self._pool.submit(self._find, frozenset({*self._given_up, used}))

    def see(self, seen: Observation, episode: str, chosen: Sequence[float], doubt: float) -> None:
        """Takes an observation of an episode, and the action (A,) of the policy in use."""
        action = np.asarray(chosen)
        if self.probation is not None:
            self.probation.new.take(action, doubt, 0.0)
            if self.probation.over:
                self._news.append(f'policy {self.probation.policy.hash[:12]} is kept')
                self.probation = None
        elif self.shadow is not None:
            self.shadow.see(seen, episode, action, doubt)
            if not self.shadow.new.finite or len(self.shadow.new) >= self._shadowed:
                self._refuse_if(self.shadow.policy, self.shadow.objection)

    def fault(self, reason: str) -> None:
        """Hears of a fault, or of a hold for doubt, while a policy drives."""
        if self.probation is not None and not self.probation.fault:
            self.probation.fault = reason

    def next_policy(self) -> Policy | None:
        """Returns the policy to swap in, between two episodes; None if there is none."""
        tried = self.shadow is not None and len(self.shadow.new) >= self._shadowed
        return self.shadow.policy if self.shadow is not None and tried else None

    def swapped(self) -> None:
        """Begins the probation of the policy that was swapped in."""
        assert self.shadow is not None
        policy, used, self.shadow = self.shadow.policy, self.shadow.used, None
        self._news.append(f'policy {policy.hash[:12]} is in use')
        if self._watched:
            self.probation = Probation(policy, used, self._watched)

    def objection(self) -> str:
        """Says why the policy in use is to be swapped out again; '' if it is not."""
        return self.probation.objection if self.probation is not None else ''

    def went_back(self) -> None:
        """Gives up the policy on probation: it is not tried again."""
        assert self.probation is not None
        given_up, self.probation = self.probation, None
        self._given_up.add(given_up.policy.hash)
        self._news.append(f'policy {given_up.policy.hash[:12]} is given up: {given_up.objection}')

    def replaced(self) -> None:
        """Hears that a person swapped the policy: nothing is tried or watched any more."""
        if self.probation is not None:
            self._given_up.add(self.probation.policy.hash)
        self.shadow = self.probation = None

    @property
    def standing(self) -> str:
        """What is being tried or watched, for the status; '' if nothing is."""
        if self.shadow is not None:
            done = min(len(self.shadow.new), self._shadowed)
            return f'{self.shadow.policy.hash[:12]} in the shadow, {done} of {self._shadowed}'
        if self.probation is not None:
            done = len(self.probation.new)
            return f'{self.probation.policy.hash[:12]} on probation, {done} of {self._watched}'
        return ''

    def _take(self, looked: Future[Policy | None], steady: float) -> None:
        """Takes what was loaded; what cannot be (half a copy) is tried again later."""
        try:
            policy = looked.result()
        except MotoError as error:
            self._next = steady + LATER
            told = f'the next policy is not used: {error}'
            if told != self._problem:
                self._news.append(told)
            self._problem = told
            return
        if policy is not None:
            self._problem = ''
            self.shadow = Shadow(policy)
            self._news.append(f'policy {policy.hash[:12]} is tried in the shadow')

    def _refuse_if(self, policy: Policy, why: str) -> None:
        if why:
            self.shadow = None
            self._given_up.add(policy.hash)
            self._news.append(f'policy {policy.hash[:12]} is refused: {why}')
