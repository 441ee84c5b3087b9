"""What comes before an episode: the scene at a start, the arm at rest at home, the guard armed.

In: a Graph. On the twin the simulator resets the scene; else a person does, and the guard leads
the arm home. Whatever stops the arm from `begin` on, or since this was made, ends it: a disarm by
anybody, a fault, an e-stop.
"""

from __future__ import annotations

import time

from rich.console import Console

from moto_core.errors import MotoError
from moto_ros.loops.graph import Graph, guard_of
from moto_ros.loops.stops import Stops, hear, look
from moto_ros.messages import LATCHED, SceneReset, from_json
from moto_ros.services import GUARD, TWIN

FRESH = 10.0  # [s] for new observations after a reset
HOMING = 60.0  # [s] for the arm to go home
PATIENCE = 3.0  # [s] for a fault to become resettable, and the guard fit to be armed


class Preparing:
    """Brings one graph to the begin of an episode."""

    def __init__(self, graph: Graph, console: Console, operator: bool) -> None:
        """`operator`: a person resets the scene."""
        self.graph, self.console, self.operator = graph, console, operator
        self.stops = Stops(lambda: graph.latest.guard)

    def begin(self) -> None:
        """Begins anew, 0.1 to 0.2 s after this is called: who stops the arm after that ends it."""
        hear(self.graph)
        self.stops = Stops(lambda: self.graph.latest.guard)

    def scene(self) -> int | None:
        """Brings the scene to a start and waits until the policy sees it; returns the seed."""
        graph = self.graph
        if guard_of(self.graph).state == 'ESTOP':
            raise MotoError(
                'the e-stop was pressed: the session ends, nothing is reset. Make the arm safe, '
                f'release the e-stop, call /{GUARD}/reset_fault, then start a session again'
            )
        if guard_of(self.graph).state in LATCHED:
            if self.operator:
                cause = ', '.join(guard_of(self.graph).cause)
                self.console.input(f'The guard is in FAULT ({cause}). Press Enter to reset it: ')
            self._reset_fault()
        if self.operator:
            self.console.input('Put the scene to its start, then press Enter; the arm goes home: ')
            self.begin()  # a stop before Enter is the operator's to judge
            self._go_home()
            return None
        graph.wait(lambda: guard_of(self.graph).at_rest, FRESH, 'the arm at rest')
        told = from_json(SceneReset, graph.call(TWIN, 'reset'))
        graph.call(GUARD, 'begin_anew')  # so does the twin's controller
        graph.wait(
            lambda: graph.latest.task is not None and graph.latest.task.stamp > told.stamp,
            FRESH,
            'a camera image after the reset',
        )
        return told.seed

    def arm(self) -> None:
        """Arms the guard as soon as it may be; raises MotoError that says why it may not.

        It raises, too, if somebody has stopped the arm; the guard may be armed then, and whoever
        calls this disarms it. The guard's word is up to 0.2 s old as `arm` is called: a disarm
        that was answered in that time is seen by the look after it, 0.1 to 0.2 s later. Nothing
        moves in between, unless an episode is open already or a person drives: who calls this
        begins the episode after it.
        """
        latest, end = self.graph.latest, time.monotonic() + PATIENCE
        while guard_of(self.graph).refusal and time.monotonic() < end:
            self.stops.check()
            latest.guard = None
            self.graph.wait(lambda: latest.guard is not None, FRESH, 'the state of the guard')
        self.stops.check()
        self.graph.call(GUARD, 'arm')
        look(self.graph, self.stops)

    def _go_home(self) -> None:
        """Leads the arm home; a dry run leaves it where it is.

        A refusal is the operator's to mend.
        """
        if guard_of(self.graph).dry_run:
            return
        latest = self.graph.latest
        while True:
            try:
                self.graph.call(GUARD, 'home')
                break
            except MotoError as refusal:
                self.console.input(f'{refusal}. Then press Enter (Ctrl-C ends the session): ')
                self.begin()
        latest.guard = None
        self.graph.wait(
            lambda: latest.guard is not None and latest.guard.source != 'home', HOMING, 'home'
        )

    def _reset_fault(self) -> None:
        """Resets a fault as soon as the guard allows; raises MotoError if it does not."""
        guard, end = guard_of(self.graph), time.monotonic() + PATIENCE
        self.console.print(f'guard {guard.state}: {", ".join(guard.cause)}; resetting it')
        while True:
            try:
                self.graph.call(GUARD, 'reset_fault')
                self.stops.own()
                break
            except MotoError:
                if time.monotonic() > end:
                    raise
                self.graph.spin(0.2)
        self.graph.wait(
            lambda: guard_of(self.graph).state not in LATCHED, FRESH, 'the reset of the fault'
        )
