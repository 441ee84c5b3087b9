"""What the arm did in place of what the policy asked: a person drove, or the guard held it.

    request t ... guard/executed, guard/reasons ... decision t + 1 -> the action that led to it

In: what the guard says. Out: an action (A,) in the policy's units, or None where its own was done
as far as limits let it: by the rule by which training takes the action that led to a row.
"""

from __future__ import annotations

import numpy as np

from moto_core.guard.reasons import stops
from moto_core.spec import Spec
from moto_ros.loops.guard_log import GuardLog
from moto_ros.messages import GuardReasons


class DoneInstead:
    """The guard's words since the policy's last request."""

    def __init__(self, spec: Spec) -> None:
        self._scale, self._log = spec.scale, GuardLog(spec.action_size)
        self._since: int | None = None  # [ns] when the policy last asked
        self._speed_scale = 1.0
        self._heard = False  # a guard, ever: without one nothing is known
        self.executed = self._log.executed

    def reasons(self, told: GuardReasons) -> None:
        """Takes who drives, and the guard's reasons, from one tick on."""
        self._heard = True
        self._log.reasons(told)

    def asked(self, now: int, speed_scale: float) -> None:
        """Hears that the policy asked at a time [ns], with a scale in [0, 1] of its speed."""
        self._since, self._speed_scale = now, speed_scale

    def action(self, now: int) -> np.ndarray | None:
        """Returns what was done (A,) from the last request to `now` [ns]; None: what was asked."""
        if self._since is None or not self._heard:
            return None
        done = self._log.over(self._since, now, None)
        if not done.intervention and not stops(done.reasons, self._speed_scale):
            return None
        return (done.velocity / self._scale).astype(np.float32)
