"""What the guard did over a time: the velocity that it let out, its reasons, its silence.

    guard/executed, guard/reasons -> GuardLog -> what happened over [begin, end)

In: ticks and reasons as they are heard, in the order of their stamps. Out: what a row says of
them. Its reasons are the guard's, and two of the recorder's own: the guard led the arm home, or
nothing was heard of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from moto_core.guard.state import HOLD, RUNNING
from moto_ros.loops.sources import HOME, TELEOP
from moto_ros.messages import DRY_RUN, GuardReasons

KEEP = 16_000_000_000  # [ns] of ticks and reasons before the newest, at least
MOST = 8192  # of each; of more the newest half is left: 8 s at 500 Hz
REASONS_HOLD = 250_000_000  # [ns] that reasons are in force; the guard repeats them every 0.1 s
TICK_GAP = 100_000_000  # [ns] without a tick of a guard that leads the arm: it was silent
GUARD_SILENT = 'guard_silent'  # a row's reason: nothing was heard of the guard
HOMING = 'homing'  # a row's reason: the guard led the arm home, whatever the policy asked


class Executed(NamedTuple):
    """The velocity that the guard commanded at one tick."""

    stamp: int  # [ns]
    velocity: np.ndarray  # (A,) [rad/s, m/s]


class Done(NamedTuple):
    """What the guard did over a time."""

    velocity: np.ndarray  # (A,) [rad/s, m/s] mean of what it let out; zeros: nothing moved the arm
    reasons: tuple[str, ...]  # sorted
    intervention: bool  # a person drove


Stamped = TypeVar('Stamped', Executed, GuardReasons)


class GuardLog:
    """The newest ticks and reasons of one guard."""

    def __init__(self, action_size: int) -> None:
        self._nothing = np.zeros(action_size)
        self._executed: list[Executed] = []
        self._reasons: list[GuardReasons] = []

    def executed(self, tick: Executed) -> None:
        """Takes the velocity that the guard commanded at one tick."""
        _add(self._executed, tick)

    def reasons(self, change: GuardReasons) -> None:
        """Takes who drives, and the guard's reasons, from one tick on."""
        _add(self._reasons, change)

    @property
    def newest(self) -> int | None:
        """The stamp [ns] of the newest tick; None before the first."""
        return self._executed[-1].stamp if self._executed else None

    def over(self, begin: int, end: int, newest: int | None) -> Done:
        """Returns what was done over [begin, end) [ns].

        `newest` is the time [ns] until which ticks may be expected; None if what follows `begin`
        may not have come yet.
        """
        told = self._told(begin, end)
        reasons = {reason for one in told for reason in one.reasons}
        if any(one.source == HOME for one in told):
            reasons.add(HOMING)
        if self._silent(begin, end, told, newest):
            reasons.add(GUARD_SILENT)
        ticks = [tick.velocity for tick in self._executed[self._place(begin) : self._place(end)]]
        if not ticks or DRY_RUN in reasons:  # nothing moved the arm
            ticks = [self._nothing]
        return Done(
            velocity=np.mean(ticks, axis=0),
            reasons=tuple(sorted(reasons)),
            intervention=any(one.source == TELEOP for one in told),
        )

    def _place(self, stamp: int) -> int:
        """Returns how many ticks are older than a stamp [ns]."""
        return bisect_left(self._executed, stamp, key=_stamp)

    def _told(self, begin: int, end: int) -> list[GuardReasons]:
        """Returns what the guard's reasons were at some time in [begin, end) [ns]."""
        first = bisect_right(self._reasons, begin, key=_stamp)
        last = bisect_left(self._reasons, end, key=_stamp)
        in_force = self._reasons[max(0, first - 1) : first]  # the newest at the begin
        held = [one for one in in_force if begin - one.stamp <= REASONS_HOLD]
        return [*held, *self._reasons[first:last]]

    def _silent(self, begin: int, end: int, told: list[GuardReasons], newest: int | None) -> bool:
        """Says whether the guard was silent at some time in [begin, end) [ns].

        One that leads the arm ticks all the time; one that lets it stand says why, now and then.
        """
        if any(one.state not in (RUNNING, HOLD) for one in told):
            return False
        if newest is None:
            return not told and (self.newest is None or self.newest < begin - REASONS_HOLD)
        ticks, first, last = self._executed, self._place(begin), self._place(end)
        before = ticks[first - 1].stamp if first else begin
        after = ticks[last].stamp if last < len(ticks) else max(end, newest)
        stamps = [before, *(tick.stamp for tick in ticks[first:last]), after]
        longest = max(late - early for early, late in pairwise(stamps))
        return first == last or longest > TICK_GAP


def _stamp(one: Stamped) -> int:
    return one.stamp


def _add(held: list[Stamped], one: Stamped) -> None:
    """Adds what is newest; what is stamped later is of a clock that was set back since."""
    while held and held[-1].stamp > one.stamp:
        held.pop()
    held.append(one)
    if len(held) > MOST or held[0].stamp < one.stamp - 2 * KEEP:
        del held[: max(len(held) - MOST // 2, bisect_left(held, one.stamp - KEEP, key=_stamp))]
