"""Whether the arm goes where it is told to go, by what its joints say.

    what was let out, measured joints -> '' or the reason of a fault

A driver that died may repeat its last joint state with fresh stamps; an arm may be held.
"""

from __future__ import annotations

import numpy as np

from moto_core.guard.reference import Reference
from moto_core.guard.state import GuardMemory, GuardOutput

FOLLOWING = 'following_error'
FAR = 0.1  # [rad] from where it is led that a joint may be, or the margin if that is less
FROZEN_WAY, FROZEN_TIME = 0.02, 0.2  # [rad], [s] told to move without any joint's number changing


class Following:
    """What one arm was told, against its joints."""

    def __init__(self, margin: float, tick: float) -> None:
        """Takes the profile's margin [rad] and the time of a tick [s]."""
        self._far, self._tick = min(FAR, margin), tick
        self._key: tuple[float, float] | None = None  # of the newest joint state
        self._seen: tuple[float, ...] | None = None  # (n,) [rad] the measured joints
        self._seen_at = self._unseen = 0.0  # [s] since when, [rad] told to go since

    def trouble(
        self, state: GuardMemory, output: GuardOutput, reference: Reference | None, now: float
    ) -> str:
        """Returns the reason of a fault that a new joint state shows; '' for none."""
        joints = state.joints
        new, self._key = joints.key != self._key, joints.key
        self._unseen += float(np.abs(output.velocity).max()) * self._tick
        if joints.position != self._seen or state.at_rest:
            self._seen, self._seen_at, self._unseen = joints.position, now, 0.0
        if not new or joints.position is None:
            return ''
        if self._unseen > FROZEN_WAY and now - self._seen_at > FROZEN_TIME:
            return 'joints_frozen'
        if reference is not None:
            led = reference.at(joints.stamp - reference.delay).position
            if np.abs(led - joints.position).max() > self._far:
                return FOLLOWING
        return ''
