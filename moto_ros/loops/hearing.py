"""Who speaks to a recorder: the policy and the guard, and how long each has been silent.

In: their messages, the steady clock [s]. Out: why no episode may begin, why one ends by itself. A
recorder that stood still, for its disk did, has heard nobody: that is nobody's silence.
"""

from __future__ import annotations

from moto_core.errors import EpisodeError
from moto_ros.loops.caution import holds
from moto_ros.messages import LATCHED, GuardReasons

SILENT = 0.5  # [s] without a word of the guard, which speaks ten times a second in every mode
STALL = 0.3  # [s] between two looks that is none of the graph's doing


class Hearing:
    """What one recorder has heard of policy and guard."""

    def __init__(
        self, policy_topic: str, guard_topic: str, policy_timeout: float, now: float
    ) -> None:
        """Takes the time [s] after which a policy is silent."""
        self.policy_topic, self.guard_topic = policy_topic, guard_topic
        self.policy_timeout = policy_timeout
        self.guard: GuardReasons | None = None  # its last word
        self.policy_heard: float | None = None  # [s] steady time
        self.guard_heard: float | None = None  # [s] steady time
        self.looked = now  # [s]

    def policy(self, now: float) -> None:
        """Hears that a policy speaks."""
        self.policy_heard = now

    def reasons(self, reasons: GuardReasons, now: float) -> None:
        """Hears the guard."""
        self.guard, self.guard_heard = reasons, now

    def look(self, now: float) -> str:
        """Returns why an episode that is being recorded ends now; '' if it does not."""
        stalled, self.looked = now - self.looked, now
        if stalled > STALL:
            if self.policy_heard is not None:
                self.policy_heard += stalled
            if self.guard_heard is not None:
                self.guard_heard += stalled
        if self.policy_heard is not None and now - self.policy_heard > self.policy_timeout:
            return 'policy_died'
        return 'guard_silent' if self._guard_is_silent(now) else ''

    def check(self, now: float) -> None:
        """Raises EpisodeError if nobody would act: no policy, no guard, or one that is latched."""
        if self.policy_heard is None or now - self.policy_heard > self.policy_timeout:
            raise EpisodeError(
                f"no policy speaks on '{self.policy_topic}' for {self.policy_timeout:g} s "
                '(record.policy_timeout); start or activate it, then start_episode'
            )
        if self.guard is None or self._guard_is_silent(now):
            raise EpisodeError(
                f"no guard speaks on '{self.guard_topic}' for {SILENT:g} s; start or "
                'activate it, then start_episode'
            )
        if self.guard.state in LATCHED:
            raise EpisodeError(
                f'the guard is in {self.guard.state} ({", ".join(self.guard.reasons)}): nothing '
                'moves; remove the cause, reset_fault and arm, then start_episode'
            )

    @property
    def ended(self) -> str:
        """How an episode ends that a person ends now."""
        return 'held' if self.guard is not None and holds(self.guard) else 'done'

    def _guard_is_silent(self, now: float) -> bool:
        return self.guard_heard is None or now - self.guard_heard > SILENT
