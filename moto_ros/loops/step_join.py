"""Joins what several topics say of one decision into one Step, by the observation's stamp.

    step t            | image(s) of stamp t | task state t | executed over [request t, request t+1)
    -> Step t, given out when step t+1 is known (so that the last one can be marked)

In: decoded messages. Out: Steps in order. Row t = observation t, reward received with it, the
action chosen at it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from moto_core.row import Row
from moto_core.spec import Spec

KEEP = 256  # stamps of images and task states remembered
KEEP_EXECUTED = 4096  # ticks of the guard: 16 s at 250 Hz


class Executed(NamedTuple):
    """What the guard let out at one tick."""

    stamp: int  # [ns]
    velocity: np.ndarray  # (A,) [rad/s, m/s]
    reasons: tuple[str, ...]


class StepJoiner:
    """Holds the parts of an episode's steps until they are whole."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._images: dict[int, dict[str, np.ndarray]] = {}
        self._tasks: dict[int, tuple[float, bool]] = {}
        self._executed: deque[Executed] = deque(maxlen=KEEP_EXECUTED)
        self._pending: deque[dict[str, Any]] = deque()
        self._begun = False

    def start(self) -> None:
        """Begins an episode: the next step marked is_first is its first."""
        self._pending.clear()
        self._begun = False

    def image(self, camera: str, stamp: int, image: np.ndarray) -> None:
        """Takes an image (h, w, 3) that the policy saw."""
        self._images.setdefault(stamp, {})[camera] = image
        _forget(self._images)

    def task(self, stamp: int, reward: float, success: bool) -> None:
        """Takes the reward and success received with the observation at `stamp`."""
        self._tasks[stamp] = (reward, success)
        _forget(self._tasks)

    def executed(self, tick: Executed) -> None:
        """Takes what the guard sent at one tick."""
        self._executed.append(tick)

    def step(self, info: Mapping[str, Any], intervention: bool) -> None:
        """Takes a decision as the policy node published it; those before is_first are not ours."""
        self._begun |= bool(info['is_first'])
        if self._begun:
            self._pending.append({**info, 'intervention': intervention})

    def rows(self) -> list[Row]:
        """Returns the steps that are whole and have a successor."""
        found = []
        while len(self._pending) > 1 and self._whole(self._pending[0]):
            found.append(self._row(self._pending.popleft(), self._pending[0]))
        return found

    def last_rows(self) -> list[Row]:
        """Returns every whole step that is left, the last one marked is_last; ends the episode."""
        whole = [info for info in self._pending if self._whole(info)]
        found = [self._row(info, following) for info, following in zip(whole, [*whole[1:], None])]
        self.start()
        return [*found[:-1], *(replace(row, is_last=True) for row in found[-1:])]

    def complete(self) -> bool:
        """Says whether every step taken has its images."""
        return all(self._whole(info) for info in self._pending)

    def _whole(self, info: Mapping[str, Any]) -> bool:
        return len(self._images.get(info['stamp'], ())) == len(self.spec.cameras)

    def _row(self, info: Mapping[str, Any], following: Mapping[str, Any] | None) -> Row:
        begin = _request_time(info)
        end = _request_time(following) if following else begin + round(1e9 * self.spec.period)
        ticks = [tick for tick in self._executed if begin <= tick.stamp < end]
        velocity = [tick.velocity for tick in ticks] or [np.zeros(self.spec.action_size)]
        reward, success = self._task_at(info['stamp'])
        body = info.get('proprioception')
        return Row(
            stamp=info['stamp'],
            images=self._images[info['stamp']],
            proprioception=None if body is None else np.array(body, np.float32),
            requested=np.array(info['action'], np.float32),
            executed=(np.mean(velocity, axis=0) / self.spec.scale).astype(np.float32),
            reward=reward,
            success=success,
            is_first=info['is_first'],
            disagreement=info['disagreement'],
            intervention=info['intervention'],
            reasons=tuple(sorted({reason for tick in ticks for reason in tick.reasons})),
            latency=info['latency'],
        )

    def _task_at(self, stamp: int) -> tuple[float, bool]:
        earlier = [known for known in self._tasks if known <= stamp]
        return self._tasks[max(earlier)] if earlier else (0.0, False)


def _request_time(info: Mapping[str, Any]) -> int:
    return info['stamp'] + round(1e6 * info['latency']['request'])


def _forget(held: dict[int, Any]) -> None:
    while len(held) > KEEP:
        held.pop(next(iter(held)))
