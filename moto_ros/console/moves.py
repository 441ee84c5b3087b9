"""The deeds that can move the arm, while they are under way, so that a stop ends every one.

    Moves.begin('home') -> a graph on which nothing more is asked once somebody stops
    Moves.ending()      -> none goes on or begins; wait() until those under way have ended

In: a Graph. Out: the same, stoppable. Each deed and each stop is in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any

from moto_core.errors import MotoError
from moto_ros.loops.graph import Graph


class Moves:
    """What is under way on one graph that can move the arm."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._under_way: set[str] = set()
        self._stopping = 0  # stops under way
        self._changed = Condition()  # guards both

    @contextmanager
    def begin(self, deed: str) -> Iterator[Graph]:
        """Gives a graph for a deed, until somebody stops it.

        Raises MotoError if it is under way already, or a stop is.
        """
        with self._changed:
            if self._stopping:
                raise MotoError('the arm is being stopped: wait')
            if deed in self._under_way:
                raise MotoError(f"'{deed}' is under way: wait, or stop it")
            self._under_way.add(deed)
        try:
            yield _Stoppable(self.graph, lambda: self._stopping > 0)
        finally:
            with self._changed:
                self._under_way.discard(deed)
                self._changed.notify_all()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Ends what is under way, and lets nothing begin meanwhile."""
        with self._changed:
            self._stopping += 1
        try:
            yield
        finally:
            with self._changed:
                self._stopping -= 1

    def wait(self) -> bool:
        """Waits within `ending` until nothing is under way; says whether anything was."""
        with self._changed:
            moved = bool(self._under_way)
            self._changed.wait_for(lambda: not self._under_way)
        return moved


class _Stoppable:
    """A graph on which nothing more is asked, nor waited for, once `stopped` says so.

    The answer to what was asked is waited for: what it did is known only then.
    """

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
            raise MotoError('it was stopped')
        return True
