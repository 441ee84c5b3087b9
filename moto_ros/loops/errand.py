"""One thing that a person asked for by a button, done step by step: services, one after another.

    [call, call, wait for rest, call] -> step(now), again and again -> over: what it came to

In: a way to call services, a condition to wait for, the steady clock [s]. Out: calls; at the end
the words of the last answer, or of what went wrong. A step that is refused ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

PATIENCE = 10.0  # [s] for a service to be there and to answer, and for the arm to rest


class Answer(Protocol):
    """What a service says."""

    success: bool
    message: str


class Pending(Protocol):
    """An answer that is waited for."""

    def done(self) -> bool:
        """Says whether it is there."""

    def result(self) -> Answer:
        """Returns it."""


class Call(NamedTuple):
    """One service of a node."""

    node: str
    service: str
    flag: bool | None = None  # of a SetBool; None: a Trigger
    tells: bool = True  # its answer is what the person reads, if none follows
    undo: tuple[str, str] | None = None  # node and service, called if this one is refused


Ask = Callable[[Call], 'Pending | None']  # None while the service is not there
Rests = Callable[[float], bool]  # whether the arm was seen at rest since a time [s]


class Rest(NamedTuple):
    """Waits until the arm rests."""


class Errand:
    """Steps that a button began."""

    def __init__(self, name: str, steps: Sequence[Call | Rest], ask: Ask, rests: Rests) -> None:
        self.name = name
        self.told = ''  # at the end: what it came to
        self.failed = False
        self._steps, self._ask, self._rests = list(steps), ask, rests
        self._pending: Pending | None = None
        self._since: float | None = None  # [s] when the present step began

    @property
    def over(self) -> bool:
        """Says whether nothing is left to do."""
        return not self._steps

    @property
    def rests(self) -> bool:
        """Says whether it waits until the arm rests."""
        return bool(self._steps) and isinstance(self._steps[0], Rest) and self._since is not None

    def step(self, now: float) -> None:
        """Goes on as far as the answers are there at a time [s]."""
        while self._steps and self._done(now):
            self._steps.pop(0)
            self._pending, self._since = None, None
        if self._steps and self._since is not None and now - self._since > PATIENCE:
            self._fail(f'{_words(self._steps[0])} did not come about within {PATIENCE:g} s')

    def _done(self, now: float) -> bool:
        """Does the first step; says whether it is done."""
        if self._since is None:
            self._since = now
        first = self._steps[0]
        if isinstance(first, Rest):
            return self._rests(self._since)
        if self._pending is None:
            self._pending = self._ask(first)
        if self._pending is None or not self._pending.done():
            return False
        answer = self._pending.result()
        if not answer.success:
            self._fail(f'{_words(first)} was refused: {answer.message}', first.undo)
            return False
        if first.tells and not self.failed:
            self.told = f'{self.name}: {answer.message}'
        return True

    def _fail(self, why: str, undo: tuple[str, str] | None = None) -> None:
        self._steps = [Call(undo[0], undo[1])] if undo else []
        self._pending, self._since = None, None
        if not self.failed:
            self.told, self.failed = f'{self.name}: {why}', True


def _words(step: Call | Rest) -> str:
    return 'rest of the arm' if isinstance(step, Rest) else f'{step.node}/{step.service}'
