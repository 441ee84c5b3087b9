"""Joins what several topics say of one decision into one row, by the observation's stamp.

    decision t | image(s) of stamp t | task state t | executed over [request t, request t+1)
    -> row t, given out when a later row is whole (so that the last one can be marked)

In: decoded messages. Out: rows in order. Row t = observation t, reward received with it, the
action chosen at it. Each topic keeps its order: once a later row is whole, the images that an
earlier one waits for are lost. That row is dropped and counted, and the next one says so (`gap`);
so does one before which no decision was made for so long that the guard braked. A row waits for
what was executed over its period, which a recorder that fell behind may hear much later.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np

from moto_core.row import Row
from moto_core.spec import Spec
from moto_ros.loops.guard_log import Executed, GuardLog
from moto_ros.messages import Decision, GuardReasons, TaskState

KEEP = 256  # stamps of images and task states, and decisions, remembered
SILENT = 3.0  # [s] of decisions without a tick of the guard: it lets nothing out
HOLE = 2.5  # periods between decisions, as old as a request may be: what lies between is a gap
NO_TASK = TaskState(stamp=0, reward=0.0, success=False, parts={}, seed=None)


class RowJoiner:
    """Holds the parts of an episode's rows until they are whole."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._images: dict[int, dict[str, np.ndarray]] = {}
        self._tasks: dict[int, TaskState] = {}
        self._guard = GuardLog(spec.action_size)
        self._pending: deque[Decision] = deque()  # whose rows are not given out yet
        self.start(None)

    def start(self, episode: str | None) -> None:
        """Begins an episode: decisions that carry another id are not its rows."""
        self._episode = episode
        self._pending.clear()
        self.dropped = 0  # rows of this episode that never became whole
        self._given = 0  # rows given out
        self._expected = 0  # number of the decision whose row comes next
        self._seen = 0  # decisions of the episode by their numbers
        self._stamps: list[int] = []  # [ns] of the first and the last row
        self.gaps = 0  # rows that say so
        self.waits = False  # a row lacks nothing but the end of what was executed over it

    def image(self, camera: str, stamp: int, image: np.ndarray) -> None:
        """Takes an image (h, w, 3) that the policy saw."""
        self._images.setdefault(stamp, {})[camera] = image
        _forget(self._images)

    def task(self, state: TaskState) -> None:
        """Takes reward, success and parts of the task at one stamp."""
        self._tasks[state.stamp] = state
        _forget(self._tasks)

    def executed(self, tick: Executed) -> None:
        """Takes the velocity that the guard commanded at one tick."""
        self._guard.executed(tick)

    def reasons(self, change: GuardReasons) -> None:
        """Takes who drives, and the guard's reasons, from one tick on."""
        self._guard.reasons(change)

    def decision(self, decision: Decision) -> None:
        """Takes a decision."""
        if decision.episode != self._episode:
            return
        self._pending.append(decision)
        self._seen = decision.number + 1

    def rows(self) -> list[Row]:
        """Returns the rows that have become whole and have a later whole row."""
        whole = [i for i, pending in enumerate(self._pending) if self._whole(pending)]
        count = wanted = whole[-1] if whole else 0
        while count and not self._acted(count - 1):
            count -= 1
        self.waits = count < wanted
        return self._take(max(count, len(self._pending) - KEEP))

    def rows_so_far(self) -> list[Row]:
        """Returns every row that is left, none marked, if all are `complete`; else none.

        The episode goes on: a decision that is late still has its row.
        """
        return self._take(len(self._pending)) if self.complete() else []

    def last_rows(self) -> list[Row]:
        """Returns every whole row that is left, the last one marked is_last; ends the episode."""
        found = self._take(len(self._pending))
        self.dropped += max(0, self._seen - self._expected)
        self._episode = None
        return [*found[:-1], *(replace(row, is_last=True) for row in found[-1:])]

    @property
    def held(self) -> int:
        """Counts the decisions whose rows are not given out yet."""
        return len(self._pending)

    @property
    def silent(self) -> bool:
        """Says whether no decision of the episode was heard: it has no row."""
        return self._seen == 0

    def complete(self) -> bool:
        """Says whether every decision taken has its images, and what was executed after it."""
        acted = all(self._acted(place) for place in range(len(self._pending) - 1))
        return acted and all(self._whole(pending) for pending in self._pending)

    def _take(self, count: int) -> list[Row]:
        """Removes that many decisions and returns the rows of those that are whole."""
        found = []
        for _ in range(count):
            decision = self._pending.popleft()
            if self._whole(decision):
                following = self._pending[0] if self._pending else None
                found.append(self._row(decision, following))
        return found

    def _acted(self, place: int) -> bool:
        """Says whether all that was executed over a decision's period has been heard."""
        end, newest = (request_time(self._pending[at]) for at in (place + 1, -1))
        heard = self._guard.newest
        return heard is None or heard >= end or newest - end > SILENT * 1e9

    def _whole(self, decision: Decision) -> bool:
        return len(self._images.get(decision.stamp, ())) == len(self.spec.cameras)

    def _row(self, decision: Decision, following: Decision | None) -> Row:
        begin = request_time(decision)
        end = request_time(following) if following else begin + round(1e9 * self.spec.period)
        newest = request_time(self._pending[-1]) if following else None
        done = self._guard.over(begin, end, newest)
        task, body = self._task_at(decision.stamp), decision.proprioception
        return Row(
            stamp=decision.stamp,
            images=self._images[decision.stamp],
            proprioception=None if body is None else np.array(body, np.float32),
            requested=np.array(decision.action, np.float32),
            executed=(done.velocity / self.spec.scale).astype(np.float32),
            reward=task.reward,
            success=task.success,
            done_parts=task.done_parts,
            disagreement=decision.disagreement,
            surprise=decision.surprise,
            speed_scale=decision.speed_scale,
            intervention=done.intervention,
            reasons=done.reasons,
            latency={
                'image': decision.image_latency,
                'inference': decision.inference_latency,
                'request': decision.request_latency,
            },
            **self._place(decision),
        )

    @property
    def rate(self) -> float:
        """The rows a second [Hz] from the first to the last; 0 of fewer than two."""
        if self._given < 2:
            return 0.0
        return (self._given - 1) * 1e9 / max(1, self._stamps[-1] - self._stamps[0])

    def _place(self, decision: Decision) -> dict[str, Any]:
        """Returns is_first and gap of the row of a decision, counting the rows before it."""
        number, missing = decision.number, decision.number - self._expected
        first = self._given == 0 or number == 0  # the episode's first row, if 0 was lost
        before = self._stamps[-1] if self._stamps else decision.stamp
        hole = decision.stamp - before > HOLE * 1e9 * self.spec.period
        self.dropped += max(0, missing)
        self._expected = number + 1
        self._given += 1
        self._stamps = [*self._stamps[:1], decision.stamp]
        self.gaps += hole or missing != 0
        return {'is_first': first, 'gap': hole or missing != 0}

    def _task_at(self, stamp: int) -> TaskState:
        earlier = [known for known in self._tasks if known <= stamp]
        return self._tasks[max(earlier)] if earlier else NO_TASK


def request_time(decision: Decision) -> int:
    """Returns when [ns] the decision's request was made; its stamp if it does not say when."""
    latency = decision.request_latency
    return decision.stamp + (round(1e6 * latency) if math.isfinite(latency) else 0)


def _forget(held: dict[int, Any]) -> None:
    while len(held) > KEEP:
        held.pop(next(iter(held)))
