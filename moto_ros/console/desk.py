"""One console without its web: what is known, what may be done, who does it.

    Listening -> Desk.told() -> pages          pages -> Desk.press(deed) -> Deeds -> Listening

In: a listening graph, a dataset. Out: what a page is told; what a press came to.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import Any

from moto_core.errors import MotoError
from moto_ros.console.deeds import Deeds
from moto_ros.console.driving import Driving
from moto_ros.console.ledger import Ledger
from moto_ros.console.listening import Listening
from moto_ros.console.permitted import ALWAYS, refusals
from moto_ros.console.telling import telling

LATE = 1.0  # [s] after which a press that moves the arm comes too late
DEAF = 1.0  # [s] without a look at the graph: what is shown is old


class Desk:
    """What every page of one console shares."""

    def __init__(self, listening: Listening, ledger: Ledger) -> None:
        self.listening, self.ledger = listening, ledger
        self.driving = Driving(listening.node, listening.deadman)
        self.deeds = Deeds(
            listening, seen=lambda: listening.known, refusals=self.refusals, label=ledger.label
        )
        self._doing: Counter[str] = Counter()  # presses of each deed under way
        self._doing_lock = Lock()
        self._event: Any = None  # the newest end of an episode that was read into the ledger
        self._read_at = -math.inf  # [s]

    def refusals(self) -> dict[str, str]:
        """Returns {deed: why not}."""
        return refusals(self.listening.known, self._unlabelled())

    def doing(self) -> set[str]:
        """Returns the deeds that are under way."""
        with self._doing_lock:
            return {*+self._doing}

    def told(self, now: float) -> dict[str, Any]:
        """Returns what a page shows at `now` [s], on the clock of time.monotonic."""
        listening = self.listening
        found = telling(
            listening.known, listening.streams, self.ledger, self.refusals(), self.doing(), now
        )
        deaf = now - listening.looked
        found['deaf'] = round(deaf, 1) if deaf > DEAF else 0
        return found

    def press(self, deed: str, at: float, episode: str = '') -> str:
        """Does a deed, to the `episode` [id] that the page showed if it is about one.

        `at` [s] is when it was pressed, on the clock of `told`. Raises MotoError if it may not be
        done, is being done, or was pressed long ago: what a bad network delivers late must not
        move an arm. `stop` and `estop` are never late, and are done once more if they are under
        way.
        """
        late = time.monotonic() - at
        if deed not in ALWAYS and not -LATE < late < LATE:
            raise MotoError(f"'{deed}' was pressed {late:.1f} s ago, and is not done: press again")
        with self._doing_lock:
            if self._doing[deed] and deed not in ALWAYS:
                raise MotoError(f"'{deed}' is being done")
            self._doing[deed] += 1
        try:
            return self.deeds.do(deed, episode)
        finally:
            with self._doing_lock:
                self._doing[deed] -= 1
            self._read_at = -math.inf  # it may have given a label

    def look(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads the dataset again if an episode ended, or it was read `every` [s] ago."""
        event, now = self.listening.known.episode, clock()
        if event != self._event or now - self._read_at >= every:
            self.ledger.read()
            self._event, self._read_at = event, now

    def _unlabelled(self) -> bool:
        """Says whether the last episode that ended has no label."""
        recorder = self.listening.known.recorder
        if recorder is None or not recorder.episode:
            return False
        return self.ledger.outcome(recorder.episode) in ('', 'unlabelled')
