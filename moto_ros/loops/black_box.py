"""The last half minute of everything that the recorder hears, and the stops that make it be kept.

In: messages as they came, the guard's word, who fell silent. Out: black boxes beside a dataset,
each with what was heard before a stop and for a second after. They are written by a thread of
their own: a slow or full disk is said, and holds up nobody. What a box holds is taken when it is
due, so that one which waits for the disk loses nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from moto_core.episodes.black_box import Stop, keep_black_box
from moto_core.episodes.episode import EpisodeHeader
from moto_core.episodes.reader import RawMessage
from moto_core.errors import MotoError
from moto_core.guard.state import HOLD, RUNNING
from moto_ros.loops.caution import holds
from moto_ros.loops.throttle import Throttle
from moto_ros.messages import LATCHED, GuardReasons

SECONDS = 30.0  # [s] before a stop that are kept
AFTER = 1.0  # [s] after it: how the arm came to rest
AGAIN = 30.0  # [s] in which another stop of the same cause and reasons is not kept
IMAGES = 0.75  # of the size, that images may take
QUEUED = 3  # black boxes, the one being written among them: each may be as large as the ring

Kind = tuple[str, frozenset[str]]  # of a stop: its cause, the reasons if the guard made it


class BlackBoxRing:
    """What was heard in the last SECONDS, at most so many bytes."""

    def __init__(self, size: int, cameras: int = 1) -> None:
        """`size` in bytes; each of so many streams of images is thinned to its part of it."""
        self.size, self.bytes = size, 0
        self._rate = IMAGES * size / SECONDS / max(1, cameras)  # [bytes/s]
        self._images: dict[str, Throttle] = {}
        self._held: deque[tuple[float, RawMessage]] = deque()

    def add(self, message: RawMessage, now: float, image: bool = False) -> None:
        """Takes a message heard at `now` [s]; of images as many as fit."""
        if image:
            bound = self._images.setdefault(message.topic, Throttle(self._rate))
            if bound.credit(now) <= 0.0:
                return
            bound.take(now, float(len(message.cdr)))
        self._held.append((now, message))
        self.bytes += len(message.cdr)
        while self._held and (self._held[0][0] < now - SECONDS - AFTER or self.bytes > self.size):
            self.bytes -= len(self._held.popleft()[1].cdr)

    def messages(self) -> list[RawMessage]:
        """Returns what is held, in the order in which it came."""
        return [message for _, message in self._held]


class StopWatch:
    """Notices what stops the arm, and says a second later that it is time to keep what is held."""

    def __init__(self) -> None:
        self._guard: GuardReasons | None = None
        self._driven = False  # the guard's last word was that the arm is driven
        self._due: float | None = None  # [s] when the stop is to be given out
        self._at = 0  # [ns]
        self._causes: list[str] = []
        self._reasons: tuple[str, ...] = ()  # of the guard, those of a latched stop before others
        self._last: dict[Kind, float] = {}  # [s] when a stop of this kind was last given out
        self._kinds: list[Kind] = []  # of the stop that is to be given out
        self._silent = ''

    def guard(self, told: GuardReasons, at: int, now: float) -> None:
        """Hears the guard at `at` [ns] of the clock of stamps, `now` [s] of the steady one."""
        before, self._guard = self._guard, told
        if told.state in LATCHED and (before is None or before.state != told.state):
            self._stopped(LATCHED[told.state], at, now, told.reasons)
        if holds(told) and not (before and holds(before)):
            self._stopped('held', at, now, told.reasons)
        if self._driven and 'inactive' in told.reasons:
            self._stopped('halted', at, now, told.reasons)
        self._driven = told.state in (RUNNING, HOLD)

    def silent(self, who: str, at: int, now: float) -> None:
        """Hears who fell silent, 'policy_died' or 'guard_silent'; '' if nobody did."""
        before, self._silent = self._silent, who
        if who and who != before and self._driven:
            self._stopped(who, at, now)

    def due(self, now: float, last: bool = False) -> Stop | None:
        """Returns the stop once it is time to keep it; `last`: it is."""
        if self._due is None or (now < self._due and not last):
            return None
        self._due, causes = None, tuple(self._causes)
        self._last |= dict.fromkeys(self._kinds, now)
        self._causes, self._kinds = [], []
        return Stop(self._at, causes, self._reasons)

    def _stopped(self, cause: str, at: int, now: float, reasons: tuple[str, ...] = ()) -> None:
        kind = cause, frozenset(reasons)
        if cause in self._causes or now - self._last.get(kind, -AGAIN) < AGAIN:
            return
        self._causes.append(cause)
        self._kinds.append(kind)
        if self._guard is not None and (self._due is None or cause in LATCHED.values()):
            self._reasons = self._guard.reasons
        if self._due is None:
            self._due, self._at = now + AFTER, at


class BlackBoxKeeper:
    """Holds what is heard, and keeps it beside a dataset when the arm is stopped."""

    def __init__(
        self,
        root: Path,
        keep: int,
        ring: BlackBoxRing,
        header: Callable[[dict[str, str]], EpisodeHeader],
        told: Callable[[str, bool], object],
    ) -> None:
        """Keeps the newest `keep` of what the ring holds.

        `header` makes one with such an extra; `told` gets a sentence, and whether it is an error.
        """
        self.root, self.keep = root, keep
        self.ring, self.watch = ring, StopWatch()
        self._header, self._told = header, told
        self._writing: deque[Future[Path]] = deque()  # the oldest first
        self._pool = ThreadPoolExecutor(1, 'black_box')

    def look(self, now: float, last: bool = False) -> None:
        """Gives a stop that is due to the thread; says what became of those before."""
        while self._writing and self._writing[0].done():
            self._say(self._writing.popleft())
        stop = self.watch.due(now, last)
        if stop is not None:
            self._keep(stop)

    def close(self, now: float) -> None:
        """Keeps a stop that is not a second old, and waits for the disk."""
        self.look(now, last=True)
        while self._writing:
            self._say(self._writing.popleft())
        self._pool.shutdown()

    def _keep(self, stop: Stop) -> None:
        """Takes what is held now, and has it written after those that wait."""
        if len(self._writing) >= QUEUED:
            kind = ', '.join((*stop.causes, *stop.reasons))
            told = f'{QUEUED} black boxes wait for the disk, and of this stop none is kept: {kind}'
            self._told(told, True)
            return
        header, held = self._header(stop.as_extra()), self.ring.messages()
        self._writing.append(self._pool.submit(keep_black_box, self.root, header, held, self.keep))

    def _say(self, writing: Future[Path]) -> None:
        try:
            self._told(
                f"the arm was stopped; what was before it is in '{writing.result()}'", False
            )
        except (MotoError, OSError) as error:
            self._told(f'the arm was stopped, and its black box is not whole: {error}', True)
