"""The next policy: loaded beside the one in use, tried in its shadow, swapped in, and watched.

    name-file moves --> load, verify --> shadow: what it would  --> between     --> on probation
                        (a thread)       decide, beside the one     episodes it     for a while
                           |             in use: nothing moves      is swapped in       |
                        refused              refused                               kept, or back

In: where the name-file is, observations and decisions, what the guard says. Out: a policy to swap
in, or word to go back. A bundle that was refused or given up is not tried again: that is written
down beside it (moto_core/policy/given_up.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import Any

import numpy as np

from moto_core.errors import MotoError
from moto_core.observation import Observation
from moto_core.policy.policy import Policy
from moto_ros.loops.shadow import Behaviour, Shadow, objection

EVERY = 1.0  # [s] between two looks at the name-file
LATER = 5.0  # [s] until a bundle that could not be loaded is looked at again
MOST = 60.0  # [s] between two looks at one that is refused again and again
LEAST = 12  # decisions after a swap, before which only a fault speaks against a policy
Find = Callable[[frozenset[str]], Policy | None]
Write = Callable[[Policy, str], Callable[[], None]]
Keep = Callable[[Policy], Callable[[], None]]


def _aside(work: Callable[[], Any]) -> Future[Any]:
    """Begins work in a thread that the process's end does not wait for."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  whoever takes the result says so
            future.set_exception(error)

    Thread(target=run, name='moto-successor', daemon=True).start()
    return future


@dataclass
class Probation:
    """A policy that was swapped in, and how the one before it behaved."""

    policy: Policy
    used: Behaviour
    length: int  # decisions
    new: Behaviour = field(default_factory=Behaviour)
    fault: str = ''
    blamed: bool = True  # the fault may be the policy's: it is not tried again

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

    def __init__(
        self,
        find: Find,
        shadow: int,
        probation: int,
        named: Callable[[], str],
        write: Write,
        kept: Keep,
    ) -> None:
        """Tries `shadow` decisions beside the policy in use, and watches `probation` after a swap.

        `find` returns the policy that is named now; None if its hash is among those it is given.
        `named` returns the hash that is named now, `write` what writes down, in a thread, that a
        policy was given up and why, `kept` what writes down that one is begun with from now on.
        """
        self._named, self._later = named, LATER
        self._naming: Future[str] | None = None
        self._told = ''  # the last that was refused or given up, and why
        self._find, self._shadowed, self._watched = find, shadow, probation
        self._looking: Future[Policy | None] | None = None
        self._next = 0.0  # [s] steady time of the next look
        self._given_up: set[str] = set()  # hashes
        self._write, self._kept, self._writing = write, kept, list[Future[None]]()
        self._keeping: Future[None] | None = None
        self._news: list[str] = []
        self._problem = ''  # why the last bundle could not be loaded
        self.shadow: Shadow | None = None
        self.probation: Probation | None = None

    def close(self) -> None:
        """Waits for nothing: a share that does not answer holds up no cleanup and no exit."""
        self._looking = self._naming = None

    def news(self) -> list[str]:
        """Returns what happened since the last call, for people."""
        done = [one for one in self._writing if one.done()]
        self._writing = [one for one in self._writing if one not in done]
        told, self._news = self._news, []
        failed = (one.exception() for one in done)
        told += [f'{why}: it is tried again after a restart' for why in failed if why is not None]
        return told

    def look(self, steady: float, used: str) -> None:
        """Looks for another policy than that with the hash `used`; loads in a thread."""
        if self._looking is not None and self._looking.done():
            looked, self._looking = self._looking, None
            self._take(looked, steady, used)
        self._withdraw(steady)
        idle = self._looking is None and self.shadow is None and self.probation is None
        if idle and steady >= self._next:
            self._next = steady + EVERY
            self._looking = _aside(partial(self._find, frozenset({*self._given_up, used})))

    def see(
        self,
        seen: Observation,
        first: bool,
        chosen: Sequence[float],
        doubt: float,
        seconds: float = 0.0,
        driving: bool = True,
        done: np.ndarray | None = None,
    ) -> None:
        """Takes an observation of an episode, and the action (A,) of the policy in use.

        `first`: of the episode; `driving`: the arm does what is asked; `done` (A,) led to it, if
        that is not what was chosen before.
        """
        action = np.asarray(chosen)
        if self.probation is not None:
            if not driving and np.isfinite(action).all():
                return
            self.probation.new.take(action, doubt, seconds)
            if self.probation.over:
                self._news.append(f'policy {self.probation.policy.hash[:12]} is kept')
                self.keep(self.probation.policy)
                self.probation = None
        elif self.shadow is not None and len(self.shadow.new) < self._shadowed:
            self.shadow.see(seen, first, action, doubt, done)
            new, tried = self.shadow.new, len(self.shadow.new) >= self._shadowed
            if tried or self.shadow.failed or not new.finite:
                self._refuse_if(self.shadow.policy, self.shadow.objection)

    def fault(self, reason: str, blamed: bool) -> None:
        """Hears of a fault, or of a hold for doubt, while a policy drives.

        `blamed`: it may be the policy's, which is given up; else it may be tried again.
        """
        if self.probation is not None and not self.probation.fault:
            self.probation.fault, self.probation.blamed = reason, blamed

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
        else:
            self.keep(policy)

    def keep(self, policy: Policy) -> None:
        """Writes down, in a thread, that a policy is begun with after a restart."""
        earlier, write = self._keeping, self._kept(policy)

        def in_turn() -> None:
            if earlier is not None:
                earlier.exception()  # waits: what is kept last is written last
            write()

        self._keeping = _aside(in_turn)
        self._writing.append(self._keeping)

    def objection(self) -> str:
        """Says why the policy in use is to be swapped out again; '' if it is not."""
        return self.probation.objection if self.probation is not None else ''

    def went_back(self) -> None:
        """Gives up the policy on probation, or leaves it for another trial."""
        assert self.probation is not None
        left, self.probation = self.probation, None
        if left.blamed:
            self._give_up(left.policy, left.objection)
        kind = 'is given up' if left.blamed else 'was swapped out, and is tried again'
        self._tell(f'{left.policy.hash[:12]} {kind}: {left.objection}')

    def replaced(self, used: str, left: Policy | None = None) -> None:
        """Hears that a person swapped the policy: nothing is tried or watched any more.

        `used` is the hash of the one that is wanted, `left` the one that he went back from: it
        is not tried again.
        """
        if self.probation is not None:
            self._given_up.add(self.probation.policy.hash)
        self._given_up.discard(used)
        if left is not None:
            self._give_up(left, 'a person went back from it')
            self._told = f'{left.hash[:12]} is given up: a person went back from it'
        self.shadow = self.probation = None
        self._looking = None  # what is being loaded was compared with another policy

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

    @property
    def told(self) -> str:
        """What was refused or given up last, and why, while nothing else is tried; ''."""
        return self._told

    def _withdraw(self, steady: float) -> None:
        """Drops what is tried in the shadow once another is named."""
        if self.shadow is None:
            self._naming = None
            return
        if self._naming is not None and self._naming.done():
            asked, self._naming = self._naming, None
            if not asked.exception() and asked.result() != self.shadow.policy.hash:
                self._news.append(f'policy {self.shadow.policy.hash[:12]} is named no more')
                self.shadow = None
        elif self._naming is None and steady >= self._next:
            self._next = steady + EVERY
            self._naming = _aside(self._named)

    def _take(self, looked: Future[Policy | None], steady: float, used: str) -> None:
        """Takes what was loaded; what cannot be (half a copy) is tried again, later and later."""
        try:
            policy = looked.result()
        except Exception as error:  # noqa: BLE001  whatever it is, the one in use goes on
            kind = '' if isinstance(error, MotoError) else f'{type(error).__name__}: '
            self._not_loaded(f'the next policy is not used: {kind}{error}', steady)
            return
        if policy is not None and policy.hash not in {*self._given_up, used}:
            self._problem, self._told, self._later = '', '', LATER
            self.shadow = Shadow(policy)
            self._news.append(f'policy {policy.hash[:12]} is tried in the shadow')

    def _not_loaded(self, told: str, steady: float) -> None:
        problem = re.sub(r'[0-9.]+ ms', '', told)  # a measured time is another each time
        if problem != self._problem:
            self._news.append(told)
            self._later = LATER
        self._problem, self._told = problem, told
        self._next = steady + self._later
        self._later = min(2 * self._later, MOST)

    def _refuse_if(self, policy: Policy, why: str) -> None:
        if why:
            self.shadow = None
            self._give_up(policy, why)
            self._tell(f'{policy.hash[:12]} is refused: {why}')

    def _give_up(self, policy: Policy, why: str) -> None:
        self._given_up.add(policy.hash)
        self._writing.append(_aside(self._write(policy, why)))

    def _tell(self, what: str) -> None:
        self._told = what
        self._news.append(f'policy {what}')
