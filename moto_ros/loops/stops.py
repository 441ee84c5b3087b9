"""Whether anybody stopped the arm since something began that moves it, whoever asked for that.

    GuardState, ten times a second -> Stops -> why what began has to end; '' if it may go on
    asked -> Stops -> ... -> look -> arm | home -> look -> what moves the arm

In: what the guard said last. Out: words, or a MotoError. A disarm is counted by the guard, though
it was disarmed, and so is the reset of a fault or an e-stop: none is missed by who does not hear
the guard for a while. Used by the buttons of a joystick, of a page, and by a session.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from moto_core.errors import MotoError
from moto_ros.loops.graph import Graph
from moto_ros.messages import LATCHED, GuardState

ON_ITS_WAY = 0.1  # [s] that a word of the guard from before an answer may come after it
SILENCE = 1.0  # [s] without a word of the guard, in which a stop would not be heard


class Stops:
    """The stops of one arm since this was made."""

    def __init__(self, told: Callable[[], GuardState | None]) -> None:
        """`told` returns what the guard said last; None is as good as what it said before."""
        self._told, self._newest = told, told()
        self._before, self._own = self._disarms, 0

    def own(self) -> None:
        """Hears that whoever began disarms the guard itself, once."""
        self._own += 1

    def why(self) -> str:
        """Says why nothing may go on that moves the arm; '' if it may."""
        others = self._disarms - self._before
        if not 0 <= others <= self._own:  # less: another guard
            return 'somebody disarmed the guard meanwhile'
        if self._newest is not None and self._newest.state in LATCHED:
            return f'the guard is in {self._newest.state} ({", ".join(self._newest.cause)})'
        return ''

    def check(self) -> None:
        """Raises MotoError that says why nothing may go on."""
        if why := self.why():
            raise MotoError(why)

    @property
    def _disarms(self) -> int:
        """How often anybody has disarmed the guard; 0 before its first word."""
        self._newest = self._told() or self._newest
        return 0 if self._newest is None else self._newest.disarms


def hear(graph: Graph) -> None:
    """Waits for a word that the guard said after this was called, 0.1 to 0.2 s.

    A process that stood still meanwhile (SIGSTOP, a laptop's lid) finds old words first, and
    waits for another. Raises MotoError if the guard is silent.
    """
    while True:
        began = time.monotonic()
        while time.monotonic() - began < ON_ITS_WAY:
            graph.spin(0.02)
        _wait_for_another(graph, graph.latest.guard)
        if time.monotonic() - began <= SILENCE:
            return


def look(graph: Graph, stops: Stops) -> None:
    """Waits for the guard's word of now; raises MotoError if somebody stopped the arm."""
    hear(graph)
    stops.check()


def _wait_for_another(graph: Graph, said: GuardState | None) -> None:
    """Waits for a word of the guard that is not the one it `said` before."""
    latest = graph.latest
    graph.wait(
        lambda: latest.guard is not None and latest.guard is not said, SILENCE, "the guard's word"
    )
