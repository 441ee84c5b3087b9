"""In how many decisions of a policy or a person each reason of the guard had a part.

A request is followed until it has a successor; only what moved the arm, or would have, counts.
"""

from __future__ import annotations

from collections import Counter

from moto_core.guard.state import HOLD, RUNNING, GuardMemory


class Interventions:
    """The reasons of one guard, counted by decisions."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # reason: decisions that it had a part in
        self._reasons: set[str] = set()  # since the newest request

    def see(
        self, reasons: tuple[str, ...], before: GuardMemory, after: GuardMemory, asked: bool
    ) -> None:
        """Takes a tick's reasons; `asked`: its request was one of a policy or a person."""
        if asked and after.requests.key != before.requests.key:
            if before.mode in (RUNNING, HOLD):
                self.counts.update(self._reasons)
            self._reasons.clear()
        self._reasons.update(reasons)
