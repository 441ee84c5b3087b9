"""Opens and closes a gripper that is told a place, from a policy that asks for velocities.

    gripper velocity let out [m/s] -> open, closed or as before -> a goal, after the last one

In: what the guard lets out each tick. Out: goals, sent while nothing waits for them: whatever the
gripper does, or does not, the arm is led on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

ASKS = 0.25  # of the action scale: below it nothing is asked for
PATIENCE = 5.0  # [s] for a goal to end
AGAIN = 1.0  # [s] after which one that failed is sent again


class GripperClient(Protocol):
    """The way to a gripper's own driver."""

    def is_ready(self) -> bool:
        """Says whether the driver takes goals."""

    def send(self, opened: bool, over: Callable[[str], None]) -> None:
        """Sends a goal; `over` is called once it has ended, with the problem or ''."""


class GripperLoop:
    """One gripper's wanted state, and the goal under way."""

    def __init__(self, client: GripperClient, scale: np.ndarray) -> None:
        """Takes the action scale (g,) [m/s] of the gripper's joints."""
        self.client, self.scale = client, np.array(scale, np.float64)
        self.wanted: bool | None = None  # open, closed; None: nobody has asked
        self.problem = ''
        self._sent: bool | None = None  # the last goal
        self._since: float | None = None  # [s] of the goal under way
        self._again = -np.inf  # [s] from which the next goal may be sent
        self._failed = False  # the last goal
        self._number = 0  # of the goal under way: an earlier one's end says nothing

    def take(self, velocity: np.ndarray) -> None:
        """Takes the velocity (g,) [m/s] that was let out: open above 0, close below."""
        asked = float(np.mean(velocity / self.scale))
        if abs(asked) >= ASKS:
            self.wanted = asked > 0

    def poll(self, now: float, driven: bool) -> None:
        """Sends the goal that is wanted, if none is under way; never raises.

        What was wanted, and what was sent last, is forgotten once the arm is not `driven`: a
        person may move the hand then. A goal under way is not called back: what the hand holds
        would fall. One that failed is sent again, a moment later, while it is wanted.
        """
        if not driven:
            self.wanted = self._sent = None
        if self._since is not None:
            if now - self._since <= PATIENCE:
                return
            self.problem = f'the gripper did not answer within {PATIENCE:g} s'
            self._since, self._sent = None, None
        if self._failed:
            self._failed, self._again = False, now + AGAIN
        if self.wanted is None or self.wanted == self._sent or now < self._again:
            return
        if not self.client.is_ready():
            self.problem = 'the gripper takes no goals; is its driver running?'
            return
        self._number += 1
        number, self._sent, self._since = self._number, self.wanted, now
        try:
            self.client.send(self.wanted, lambda problem: self._over(number, problem))
        except Exception as error:  # noqa: BLE001  the arm is led on, whatever the gripper does
            self._over(number, f'{type(error).__name__}: {error}')

    def _over(self, number: int, problem: str) -> None:
        if number == self._number:
            self.problem, self._since = problem, None
            if problem:
                self._sent, self._failed = None, True
