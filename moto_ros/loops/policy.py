"""When a decision is made, and what it is: the policy node without ROS.

    frames of all cameras new, and the period due -> gate -> policy.step -> Decision

In: processed images, joints, stamps, clocks. Out: Decision. Frames trigger steps, so that an
action is as young as its image; a step is due a period after the last one was, less a tenth, so
that cameras of any rate give the policy's rate on average. A period without a step is missed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from moto_core.observation import GateLimits, gate, proprioception
from moto_core.policy.policy import Policy, PolicyState

SOONEST = 0.9  # periods after the last due time at least
LATEST = 1.5  # periods without a step: one was missed
FROZEN_FRAMES = 3  # equal frames in a row while joints moved
FROZEN_MOTION = 0.05  # [rad] that counts as motion


class Decision(NamedTuple):
    """One step of the policy and everything the recorder needs of it."""

    stamp: int  # [ns] of the observation, its oldest image
    number: int  # since the episode's start
    is_first: bool
    action: np.ndarray  # (A,) float32, raw; maybe not finite
    disagreement: float
    images: dict[str, np.ndarray]  # camera: (h, w, 3) uint8
    proprioception: np.ndarray | None  # (P,) float32
    inference: float  # [ms]
    frame: float  # [ms] from the image's stamp to its arrival


@dataclass
class _Camera:
    """The newest frame of one camera."""

    image: np.ndarray | None = None
    stamp: int | None = None  # [ns]
    fresh: bool = False  # not yet acted on
    delay: float = 0.0  # [ms] from stamp to arrival
    equal: int = 0  # frames in a row with the same pixels
    position: np.ndarray = field(default_factory=lambda: np.zeros(0))  # [rad] at the first of them


class PolicyLoop:
    """Holds the newest observation and the policy's state; makes decisions from them."""

    def __init__(self, policy: Policy, limits: GateLimits) -> None:
        self.policy, self.spec, self.limits = policy, policy.spec, limits
        self.steps, self.missed, self.refused = 0, 0, 0
        self.reasons: tuple[str, ...] = ()  # why the last chance was not taken
        self._cameras = {name: _Camera() for name in self.spec.cameras}
        self._joints: tuple[np.ndarray, np.ndarray] | None = None
        self._joint_stamp: int | None = None
        self._last: float | None = None  # [s] steady time of the last step
        self._due: int | None = None  # [ns] stamp from which a frame triggers a step
        self.start_episode()

    def start_episode(self) -> None:
        """Forgets the policy's state: the next step is an episode's first."""
        self._state: PolicyState = self.policy.initial()
        self._index = 0

    def forget(self) -> None:
        """Forgets every observation too, as after a deactivation."""
        self._cameras = {name: _Camera() for name in self.spec.cameras}
        self._joints, self._joint_stamp, self._last = None, None, None
        self.start_episode()

    def joints(self, position: np.ndarray, velocity: np.ndarray, stamp: int) -> None:
        """Takes (A,) positions [rad, m] and velocities, measured at `stamp` [ns]."""
        self._joints, self._joint_stamp = (position, velocity), stamp

    def frame(self, camera: str, image: np.ndarray, stamp: int, now: int) -> None:
        """Takes a camera's processed image (h, w, 3) taken at `stamp`, arrived at `now` [ns]."""
        held = self._cameras[camera]
        arm = np.zeros(0) if self._joints is None else self._joints[0][: len(self.spec.joints)]
        if held.image is not None and np.array_equal(held.image, image):
            held.equal += 1
        else:
            held.equal, held.position = 1, arm
        held.image, held.stamp, held.fresh = image, stamp, stamp != held.stamp
        held.delay = (now - stamp) * 1e-6

    def step(self, now: int, steady: float) -> Decision | None:
        """Returns a decision where one is due and may be made; `reasons` says why not.

        `now` [ns] is the clock of the stamps, `steady` [s] the clock of periods.
        """
        if not all(camera.fresh for camera in self._cameras.values()):
            return None
        stamps = {name: camera.stamp for name, camera in self._cameras.items()}
        stamp = min(stamp for stamp in stamps.values() if stamp is not None)
        early = 0 if self._due is None else self._due - stamp
        if 0 < early < 2e9 * self.spec.period:  # further off, the clock has jumped
            return None
        checked = gate(stamps, self._joint_stamp, now, self.limits)
        self.reasons = (*checked.reasons, *self._frozen())
        if self.reasons:
            self.refused += 1
            return None
        self.count_missed(steady)
        self._last = steady
        self._advance(stamp)
        return self._decide(stamp)

    def count_missed(self, steady: float) -> None:
        """Counts the periods gone by without a step, at any time; call it now and then."""
        while self._last is not None and steady - self._last > LATEST * self.spec.period:
            self.missed += 1
            self._last += self.spec.period

    def _advance(self, stamp: int) -> None:
        period = round(1e9 * self.spec.period)
        early = round((1 - SOONEST) * period)
        due = stamp if self._due is None else self._due + early  # without the tolerance
        self._due = (due if abs(stamp - due) < period else stamp) + period - early

    def _frozen(self) -> list[str]:
        if self._joints is None:
            return []
        arm = self._joints[0][: len(self.spec.joints)]
        return [
            f'{name}:frozen'
            for name, camera in self._cameras.items()
            if camera.equal >= FROZEN_FRAMES
            and camera.position.size
            and np.abs(arm - camera.position).max() > FROZEN_MOTION
        ]

    def _decide(self, stamp: int) -> Decision:
        images = {
            name: camera.image
            for name, camera in self._cameras.items()
            if camera.image is not None
        }
        for camera in self._cameras.values():
            camera.fresh = False
        body = proprioception(self.spec, *self._joints) if self._joints else None
        begin = time.perf_counter()
        chosen = self.policy.step(images, body, self._state)
        inference = (time.perf_counter() - begin) * 1e3
        index, self._state = self._index, chosen.state
        self._index += 1
        self.steps += 1
        return Decision(
            stamp,
            index,
            index == 0,
            chosen.action,
            chosen.disagreement,
            images,
            body,
            inference,
            max(camera.delay for camera in self._cameras.values()),
        )


def latencies(decision: Decision, now: int) -> Mapping[str, float]:
    """Returns [ms]: 'image' stamp to arrival, 'inference', 'request' image stamp to request."""
    return {
        'image': decision.frame,
        'inference': decision.inference,
        'request': (now - decision.stamp) * 1e-6,
    }
