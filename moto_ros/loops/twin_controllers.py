"""The controllers of the simulated arm and fingers: what messages become in every millisecond.

    joint velocities -> held until `watchdog` of silence    |
    a trajectory     -> what a JointTrajectoryController    |-> Command, or None: nobody commands
                        makes of it, from when it was sent  |

In: messages with the steady clock's time [s]. Out: a Command a millisecond.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from moto_sim.franka import Command
from moto_sim.reflexes import PERIOD
from moto_sim.trajectory_controller import Points, TrajectoryController, refusal


class Controllers:
    """One arm's and its fingers'."""

    def __init__(self, joints: int, fingers: int, watchdog: float) -> None:
        """Takes the number of each; `watchdog` in [s]."""
        self.watchdog = watchdog
        self.jumped = False  # the next command continues none: time was lost in between
        self._rest, self._open = np.zeros(joints), np.zeros(fingers)
        self.stop()

    def stop(self) -> None:
        """Forgets all commands."""
        self._velocity, self._velocity_at = self._rest, -np.inf
        self._fingers, self._fingers_at = self._open, -np.inf
        self._trajectory: TrajectoryController | None = None
        self._sent: deque[tuple[float, Points]] = deque()  # [s] when, and not yet followed
        self._lost = False

    def take_velocities(self, velocity: np.ndarray, now: float) -> None:
        """Takes joint velocities (n,) [rad/s]; they end a trajectory."""
        self._velocity, self._velocity_at = velocity, now
        self._trajectory = None
        self._sent.clear()

    def take_fingers(self, velocity: np.ndarray, now: float) -> None:
        """Takes finger velocities (g,) [m/s]."""
        self._fingers, self._fingers_at = velocity, now

    def take_trajectory(self, points: Points, sent: float) -> str:
        """Takes a trajectory in place of any other command; returns why not, '' if it does."""
        refused = refusal(points, sent)
        if not refused:
            self._sent.append((sent, points))
        return refused

    def lose_time(self) -> None:
        """Hears that time was left out."""
        self._lost = True

    def command(self, time: float, position: np.ndarray) -> Command | None:
        """Returns the arm's command of the millisecond at a time [s], its joints (n,) [rad]."""
        while self._sent and self._sent[0][0] <= time:
            _, points = self._sent.popleft()
            if self._trajectory is None:
                self._trajectory = TrajectoryController(position, PERIOD)
            self._trajectory.receive(points, time)
            self.jumped, self._lost = self.jumped or self._lost, False
        if self._trajectory is not None:
            led, velocity = self._trajectory.update(time)
            return Command(velocity, led)
        if time - self._velocity_at > self.watchdog:
            return None
        return Command(self._velocity)

    def fingers(self, time: float) -> np.ndarray:
        """Returns the fingers' velocities (g,) [m/s] at a time [s]."""
        return self._fingers if time - self._fingers_at <= self.watchdog else self._open
