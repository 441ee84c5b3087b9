"""One thing that a person asked for by a button, done step by step: services, one after another.

    [call, call, wait for rest, call] -> step(now), again and again -> over: what it came to
         fails, or the arm is stopped -> [undo of the calls that came about, the last first]

In: a way to call services, a Watch, the steady clock [s]. Out: calls; at the end the words of the
last answer, or of what went wrong. A step that is refused ends it. As long as one that moves the
arm is ahead, so does whatever stops the arm: a Stop that anybody presses, a fault, an e-stop, a
joystick that falls silent. The guard's word may be a tenth of a second behind a Stop: hence a last
look once the arm may move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from moto_ros.loops.stops import ON_ITS_WAY, Stops
from moto_ros.loops.watch import Watch
from moto_ros.services import GUARD

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
    undo: tuple[str, str] | None = None  # node and service, called if the errand fails after it
    moves: bool = False  # the arm may move once it came about


class Rest(NamedTuple):
    """Waits until the arm rests."""


class LastLook(NamedTuple):
    """Waits for the guard's next word: whether anybody stopped the arm before it could move."""


Step = Call | Rest | LastLook
Ask = Callable[[Call], 'Pending | None']  # None while the service is not there


class Errand:
    """Steps that a button began."""

    def __init__(self, name: str, steps: Sequence[Step], ask: Ask, watch: Watch) -> None:
        self.name = name
        self.told = ''  # at the end: what it came to
        self.failed = False
        self._steps, self._ask, self._watch = list(steps), ask, watch
        self._stops = Stops(lambda: watch.guard)
        self._undo: list[Call] = []  # of what came about
        self._late: list[tuple[Pending, Call]] = []  # left without an answer, and their undo
        self._pending: Pending | None = None
        self._since: float | None = None  # [s] when the present step began

    @property
    def over(self) -> bool:
        """Says whether nothing is left to do."""
        return not self._steps

    @property
    def waits(self) -> bool:
        """Says whether an answer may come that has to be undone."""
        return bool(self._late)

    def step(self, now: float) -> None:
        """Goes on as far as the answers are there at a time [s]."""
        self._undo_late()
        if why := self._stopped(now):
            self._fail(why)
        while self._steps and self._done(now):
            self._next()
        if self._steps and self._since is not None and now - self._since > PATIENCE:
            self._fail(f'{_words(self._steps[0])} did not come about within {PATIENCE:g} s')

    def _done(self, now: float) -> bool:
        """Does the first step; says whether it is done."""
        if self._since is None:
            self._since = now
        first = self._steps[0]
        if isinstance(first, Rest):
            return self._watch.rested(self._since)
        if isinstance(first, LastLook):
            return self._watch.told(self._since + ON_ITS_WAY)
        if self._pending is None:
            self._pending = self._ask(first)
            if self._pending is not None and _disarms(first):
                self._stops.own()
        if self._pending is None or not self._pending.done():
            return False
        answer = self._pending.result()
        if not answer.success:
            self._pending = None  # nothing came about
            self._fail(f'{_words(first)} was refused: {answer.message}')
            return False
        if first.undo:
            self._undo.append(_undo(first.undo))
        if first.tells and not self.failed:
            self.told = f'{self.name}: {answer.message}'
        return True

    def _next(self) -> None:
        self._steps.pop(0)
        self._pending, self._since = None, None

    def _stopped(self, now: float) -> str:
        """Says why the arm may not be moved by what is ahead; '' if it may, or nothing does."""
        if self.failed or not any(_moves(step) for step in self._steps):
            return ''
        return self._stops.why() or self._watch.trouble(now)

    def _fail(self, why: str) -> None:
        """Leaves what is ahead and begins to undo; what cannot be undone is left, too."""
        if self.failed:
            self._next()
            return
        first, pending = self._steps[0], self._pending
        if isinstance(first, Call) and first.undo and pending is not None:
            undo = _undo(first.undo)
            self._late.append((pending, undo))
            if first.moves:  # at once, and again if it answers: which comes first is not known
                self._undo.append(undo)
        self._steps = [*reversed(self._undo)]
        self._pending, self._since = None, None
        self.told, self.failed = f'{self.name}: {why}', True

    def _undo_late(self) -> None:
        """Undoes what answers though it is not waited for any more."""
        for late in [late for late in self._late if late[0].done()]:
            self._late.remove(late)
            pending, undo = late
            if pending.result().success:
                self._steps.append(undo)
                self.told += f'; it answered late: {_words(undo)}'


def _undo(named: tuple[str, str]) -> Call:
    node, service = named
    return Call(node, service)


def _moves(step: Step) -> bool:
    return isinstance(step, LastLook) or (isinstance(step, Call) and step.moves)


def _disarms(call: Call) -> bool:
    return (call.node, call.service) == (GUARD, 'disarm')


def _words(step: Step) -> str:
    if isinstance(step, Call):
        return f'{step.node}/{step.service}'
    return 'rest of the arm' if isinstance(step, Rest) else "the guard's word"
