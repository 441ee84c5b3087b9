"""What the buttons do, by the services of a running graph.

    start: [twin: reset the scene] -> arm -> start_episode        stop: disarm -> stop_episode
    success, failure: disarm -> end_episode                       others: one service each

Where no policy takes part, whoever starts or arms drives: start and arm begin with a take-over.

In: a Graph, what is known of it. Out: a sentence of what was done, or a MotoError. Each deed runs
in a thread of its own: nothing waits for another, and `stop` ends whatever can move the arm and is
under way (moves.py). So does whoever else stops the arm since the press (loops/stops.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from rich.console import Console

from moto_core.errors import DatasetError, MotoError, unknown_name
from moto_ros.console.moves import Moves
from moto_ros.console.permitted import ALWAYS, NAMED
from moto_ros.console.seen import Seen
from moto_ros.loops import sources
from moto_ros.loops.graph import Graph
from moto_ros.loops.preparing import Preparing
from moto_ros.loops.stops import Stops, look
from moto_ros.services import GUARD, POLICY, RECORDER

CLOSED = 1.0  # [s] within which the recorder says that it takes no more rows


class Deeds:
    """The deeds of one console, whichever of its pages asks."""

    def __init__(
        self,
        graph: Graph,
        seen: Callable[[], Seen],
        refusals: Callable[[], dict[str, str]],
        label: Callable[[str, str], str],
    ) -> None:
        """`seen` and `refusals` tell what is known now, and what may not be done.

        `label` labels an episode that has ended, by its id.
        """
        self.graph, self.seen, self.refusals, self.label = graph, seen, refusals, label
        self.moves = Moves(graph)
        self._table: dict[str, Callable[[str], str]] = {
            'start': lambda _: self.start(),
            'stop': lambda _: self.stop(),
            'estop': lambda _: self.estop(),
            'arm': lambda _: self._lead('arm'),
            'home': lambda _: self._lead('home'),
            'reset_fault': lambda _: graph.call(GUARD, 'reset_fault'),
            'begin_anew': lambda _: graph.call(GUARD, 'begin_anew'),
            'take_over': lambda _: self._move('take_over', 'set_intervention', True),
            'give_back': lambda _: self._move('give_back', 'set_intervention', False),
            'success': lambda episode: self.judge(episode, True),
            'failure': lambda episode: self.judge(episode, False),
            'discard': self.discard,
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def do(self, name: str, episode: str = '') -> str:
        """Does what a button says; returns what was done.

        `episode` is the id of the one that the page showed, for what is done to one. Raises
        MotoError for an unknown name, what may not be done now, and what the graph refuses.
        """
        if name not in self._table:
            raise MotoError(unknown_name('deed', name, self._table))
        if name not in ALWAYS and (reason := self.refusals()[name]):
            raise MotoError(reason)
        if name in NAMED:
            self._check(episode)
        return self._table[name](episode) or 'done'

    def start(self) -> str:
        """Brings a simulated scene to its start, arms the guard and begins an episode."""
        keeper = self._keeper()
        with self.moves.begin('start') as graph:
            prepare = Preparing(graph, Console(quiet=True), operator=False)
            if self.seen().simulated:
                prepare.scene()
            try:
                self._person_drives(graph)
                prepare.arm()
                told = graph.call(keeper, 'start_episode')
            except MotoError as error:  # it may be armed: an answer can get lost
                raise MotoError('; '.join([str(error), *self._tell_guard('disarm')])) from error
        return f'episode {told} began' if keeper == RECORDER else 'began; nothing is recorded'

    def stop(self) -> str:
        """Disarms the guard and ends the episode, which stays without a label.

        All of it is tried before what failed is raised.
        """
        told: list[str] = []
        with self.moves.ending():
            failed = self._tell_guard('disarm')
            if self.moves.wait():
                failed += self._tell_guard('disarm')
            open_still = _tried(lambda: told.append(self._stop_episode()))
        if failed or open_still:
            done = [] if failed else ['disarmed']
            still = [f'the episode may be open still: {one}' for one in open_still]
            raise MotoError('; '.join([*done, *failed, *still, *told]))
        return f'disarmed; {told[0]}'

    def estop(self) -> str:
        """Latches the guard's e-stop: a software stop, which replaces no emergency stop."""
        with self.moves.ending():
            failed = self._tell_guard('estop')
            if self.moves.wait():
                failed += self._tell_guard('disarm')
        if failed:
            raise MotoError('; '.join(failed))
        return 'the e-stop is latched: make the arm safe, then reset'

    def judge(self, episode: str, success: bool) -> str:
        """Disarms the guard, ends the episode and labels it; or labels the one that has ended."""
        outcome = 'success' if success else 'failure'
        if not self.seen().recording:
            with suppress(DatasetError):  # the recorder's dataset is another than ours
                return self.label(episode, outcome)
        return f'{outcome}: {self._disarmed("end_episode", episode, success)}'

    def discard(self, episode: str) -> str:
        """Disarms the guard and moves the open or the last episode to quarantine."""
        return f'{self._disarmed("discard_episode", episode)} is in quarantine'

    def _lead(self, service: str) -> str:
        """Calls `arm` or `home`, upon which the arm may move; ends it if somebody stopped the arm.

        A disarm that is answered within 0.2 s before the guard takes the call is seen by the look
        after it: the arm may have moved for 0.2 s by then, and is disarmed.
        """
        with self.moves.begin(service) as graph:
            stops = Stops(lambda: graph.latest.guard)
            if service == 'arm':
                self._person_drives(graph)
            look(graph, stops)
            told = graph.call(GUARD, service)
            try:
                look(graph, stops)
            except MotoError as error:
                failed = [str(error), *self._tell_guard('disarm')]
                raise MotoError('; '.join(failed)) from error
            return told

    def _person_drives(self, graph: Graph) -> None:
        """Gives the arm to the person if no policy takes part, as a joystick's start does."""
        seen = self.seen()
        if seen.demonstrates and seen.guard is not None and seen.guard.source == sources.POLICY:
            graph.call(GUARD, 'set_intervention', True)

    def _move(self, deed: str, service: str, flag: bool | None = None) -> str:
        with self.moves.begin(deed) as graph:
            return graph.call(GUARD, service, flag)

    def _check(self, episode: str) -> None:
        """Raises MotoError if the open or the last episode is not the one that a page showed."""
        recorder, event = self.seen().recorder, self.graph.latest.episode
        newest = recorder.episode if recorder else ''
        if event is not None and event.state == 'started':
            newest = event.episode  # said at once; the recorder's state ten times a second
        if newest != episode:
            raise MotoError(
                f"the page showed episode '{episode}', and the newest is '{newest}' now: "
                'look at it, then press again'
            )

    def _disarmed(self, service: str, episode: str, flag: bool | None = None) -> str:
        """Disarms the guard, and asks the recorder whatever comes of that; returns its answer.

        Raises MotoError with what was done if the guard did not disarm, or it was another episode.
        """
        disarming: list[Any] = []
        told: list[str] = []

        def ask() -> None:
            self._check(episode)  # again: a guard that is not there is waited for
            told.append(self.graph.call(RECORDER, service, flag))

        failed = _tried(lambda: disarming.append(self.graph.start_call(GUARD, 'disarm')))
        failed += _tried(ask)
        if disarming:
            failed += _tried(lambda: self.graph.finish_call(disarming[0], 'disarm'))
        if told and not told[0].startswith(episode):
            failed.append(f"the page showed '{episode}': correct both")
        if failed:
            done = [f'done to {one}' for one in told]
            raise MotoError('; '.join([*done, *failed]))
        return told[0]

    def _tell_guard(self, service: str) -> list[str]:
        """Calls a service of the guard; returns why it was in vain, nothing if it was not."""
        return _tried(lambda: self.graph.call(GUARD, service))

    def _keeper(self) -> str:
        return RECORDER if 'recorder' in self.seen().ever else POLICY

    def _stop_episode(self) -> str:
        """Ends the episode; returns what came of it; raises MotoError if it may be open still."""
        try:
            self.graph.call(self._keeper(), 'stop_episode')
            return 'the episode has ended'
        except MotoError:
            if self._keeper() == POLICY:
                raise
            with suppress(MotoError):  # another stop may just have ended it
                self.graph.wait(self._takes_no_rows, CLOSED, 'the end of the episode')
            if not self._takes_no_rows():
                raise
            return 'no episode was open'

    def _takes_no_rows(self) -> bool:
        recorder = self.seen().recorder
        return recorder is not None and recorder.state != 'recording'


def _tried(act: Callable[[], Any]) -> list[str]:
    """Acts; returns the words of a MotoError, nothing if there was none."""
    try:
        act()
    except MotoError as error:
        return [str(error)]
    return []
