"""What the buttons do, by the services of a running graph.

    start: [twin: reset the scene] -> arm -> start_episode        stop: disarm -> stop_episode
    success, failure: disarm -> end_episode                       others: one service each

In: a Graph, what is known of it. Out: a sentence of what was done, or a MotoError. Each deed runs
in a thread of its own: nothing waits for another, and `stop` ends a `start` that is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from rich.console import Console

from moto_core.errors import MotoError, unknown_name
from moto_ros.console.permitted import ALWAYS
from moto_ros.console.seen import Seen
from moto_ros.loops.graph import Graph
from moto_ros.loops.preparing import Preparing
from moto_ros.services import GUARD, POLICY, RECORDER


class Deeds:
    """The deeds of one console, whichever of its pages asks."""

    def __init__(
        self, graph: Graph, seen: Callable[[], Seen], refusals: Callable[[], dict[str, str]]
    ) -> None:
        """`seen` and `refusals` tell what is known now, and what may not be done."""
        self.graph, self.seen, self.refusals = graph, seen, refusals
        self._starting = Lock()
        self._stops = 0  # presses of stop and e-stop; a start from before one of them ends
        self._table: dict[str, Callable[[], str]] = {
            'start': self.start,
            'stop': self.stop,
            'estop': self.estop,
            'arm': lambda: graph.call(GUARD, 'arm'),
            'home': lambda: graph.call(GUARD, 'home'),
            'reset_fault': lambda: graph.call(GUARD, 'reset_fault'),
            'take_over': lambda: graph.call(GUARD, 'set_intervention', True),
            'give_back': lambda: graph.call(GUARD, 'set_intervention', False),
            'success': lambda: self.judge(True),
            'failure': lambda: self.judge(False),
            'discard': self.discard,
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def do(self, name: str) -> str:
        """Does what a button says; returns what was done.

        Raises MotoError for an unknown name, what may not be done now, and what the graph refuses.
        """
        if name not in self._table:
            raise MotoError(unknown_name('deed', name, self._table))
        if name not in ALWAYS and (reason := self.refusals()[name]):
            raise MotoError(reason)
        return self._table[name]() or 'done'

    def start(self) -> str:
        """Brings a simulated scene to its start, arms the guard and begins an episode."""
        before = self._stops
        with self._alone():
            keeper = RECORDER if 'recorder' in self.seen().ever else POLICY
            graph = _Stoppable(self.graph, lambda: self._stops != before)
            prepare = Preparing(graph, Console(quiet=True), operator=False)
            if self.seen().simulated:
                prepare.scene()
            prepare.arm()
            try:
                told = graph.call(keeper, 'start_episode')
            except MotoError:
                self.graph.call(GUARD, 'disarm')
                raise
        return f'episode {told} began' if keeper == RECORDER else 'began; nothing is recorded'

    def stop(self) -> str:
        """Disarms the guard and ends the episode, which stays without a label."""
        self._stops += 1
        try:
            self.graph.call(GUARD, 'disarm')
        finally:
            self._end_start()
            self._stop_episode()
        return 'disarmed, and the episode has ended'

    def estop(self) -> str:
        """Latches the guard's e-stop: a software stop, which replaces no emergency stop."""
        self._stops += 1
        self.graph.call(GUARD, 'estop')
        self._end_start()
        return 'the e-stop is latched: make the arm safe, then reset'

    def judge(self, success: bool) -> str:
        """Disarms the guard, ends the episode and labels it; or labels the one that has ended."""
        disarming = self.graph.start_call(GUARD, 'disarm')
        told = self.graph.call(RECORDER, 'end_episode', success)
        self.graph.finish_call(disarming, 'disarm')
        return f'{"success" if success else "failure"}: {told}'

    def discard(self) -> str:
        """Disarms the guard and moves the open or the last episode to quarantine."""
        disarming = self.graph.start_call(GUARD, 'disarm')
        told = self.graph.call(RECORDER, 'discard_episode')
        self.graph.finish_call(disarming, 'disarm')
        return f'{told} is in quarantine'

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._starting.acquire(blocking=False):
            raise MotoError('an episode is being started: wait, or stop it')
        try:
            yield
        finally:
            self._starting.release()

    def _end_start(self) -> None:
        """Waits for a start that was under way to end, and disarms what it may have armed."""
        if self._starting.acquire(blocking=False):
            self._starting.release()
            return
        with self._starting:
            self.graph.call(GUARD, 'disarm')

    def _stop_episode(self) -> None:
        keeper = RECORDER if 'recorder' in self.seen().ever else POLICY
        if keeper == POLICY:
            self.graph.call(POLICY, 'stop_episode')
            return
        try:
            self.graph.call(RECORDER, 'stop_episode')
        except MotoError:
            if self.seen().recording:
                raise


class _Stoppable:
    """A graph on which nothing more is asked, nor waited for, once `stopped` says so."""

    def __init__(self, graph: Graph, stopped: Callable[[], bool]) -> None:
        self.graph, self.stopped, self.latest = graph, stopped, graph.latest

    def spin(self, seconds: float = 0.05) -> None:
        self._go_on()
        self.graph.spin(seconds)

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        self.graph.wait(lambda: self._go_on() and condition(), seconds, what)

    def call(self, node: str, name: str, flag: bool | None = None) -> str:
        self._go_on()
        return self.graph.call(node, name, flag)

    def start_call(self, node: str, name: str, flag: bool | None = None) -> Any:
        self._go_on()
        return self.graph.start_call(node, name, flag)

    def finish_call(self, future: Any, what: str) -> str:
        return self.graph.finish_call(future, what)

    def _go_on(self) -> bool:
        if self.stopped():
            raise MotoError('stopped before it began')
        return True
