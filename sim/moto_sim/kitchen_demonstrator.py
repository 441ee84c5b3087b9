"""The scripted demonstrator of the Kitchen: way-points, inverse kinematics, velocities.

In: the simulator's state. Out: actions (A,) in [-1, 1]. Every decision solves anew from the
measured joints, so that noise and varied starts are corrected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from moto_core.errors import ConfigError, unknown_name
from moto_core.policy.policy import PolicyState, PolicyStep
from moto_sim.ik import InverseKinematics
from moto_sim.kitchen_model import ARM, HOME
from moto_sim.kitchen_objects import in_place
from moto_sim.kitchen_task import KitchenTask
from moto_sim.skills import SKILLS, feasible_order
from moto_sim.waypoints import OPEN, Waypoint, hand, home

GAIN = 5.0  # [1/s] of the velocity toward the solution
MARGIN = 0.12  # [rad] kept from the joints' limits, above the guard's
TRIES = 3  # of a skill whose object is not in place after it


class KitchenDemonstrator:
    """Brings objects into place one after another: a Policy that sees the state.

    `objects` are any of the Kitchen's, taken up in this order, but for what skills.feasible_order
    changes; none: the task's. Raises ConfigError for an object that it has no skill for.
    """

    hash = 'scripted'

    def __init__(self, task: KitchenTask, objects: Sequence[str] = ()) -> None:
        self.task, self.sim, self.spec = task, task.sim, task.spec
        self.objects = feasible_order(objects or self.sim.objects)
        for name in self.objects:
            if name not in SKILLS:
                raise ConfigError(unknown_name('demonstrated object', name, SKILLS))
        low, high = self.sim.model.jnt_range[:ARM].T
        limits = task.robot.limits
        self._ik = InverseKinematics(
            self.sim.model,
            np.maximum(low, limits.q_min) + MARGIN,
            np.minimum(high, limits.q_max) - MARGIN,
        )
        self.initial()

    def initial(self) -> PolicyState:
        """Starts anew and returns the empty state; called after the environment's reset."""
        self._todo = [name for name in self.objects for _ in range(TRIES)]
        self._way: list[Waypoint] = []
        self._object = ''
        self._next_skill()
        return {}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the next action (A,) float32, at rest with open fingers once all is in place.

        Its disagreement is 0.
        """
        self._follow()
        fingers, velocity = OPEN, np.zeros(self.sim.size)
        if self._way:
            point = self._way[0]
            fingers, velocity[:ARM] = point.fingers, self._velocity(point)
            self._spent += 1
        command = self.sim.actuation.command_for(self.sim.data, velocity)
        action = np.full(self.spec.action_size, fingers)
        action[:ARM] = command[:ARM] / self.spec.scale[:ARM]
        return PolicyStep(np.clip(action, -1.0, 1.0).astype(np.float32), 0.0, state)

    def _next_skill(self) -> None:
        """Takes up the next object that is not in place."""
        while self._todo and not self._way:
            name = self._todo.pop(0)
            if not in_place(self.sim.data.qpos, (name,))[name]:
                self._object, self._way, self._spent = name, [home(), *SKILLS[name]()], 0

    def _follow(self) -> None:
        """Drops the way-points that are reached or took too long; starts again what is lost."""
        while self._way:
            point = self._way[0]
            if point.lost is not None and point.lost(self.sim):
                self._way, self._spent = SKILLS[self._object](), 0
                return
            if not self._reached(point):
                return
            self._way.pop(0)
            self._spent = 0
            if not self._way:
                self._next_skill()

    def _reached(self, point: Waypoint) -> bool:
        if self._spent >= point.patience:
            return True
        if point.until is not None:
            return point.until(self.sim)
        assert point.pose is not None, point  # home has an `until`
        way = point.pose(self.sim).position - hand(self.sim).position
        return bool(np.linalg.norm(way) < point.near)

    def _velocity(self, point: Waypoint) -> np.ndarray:
        q = self.sim.data.qpos[:ARM].copy()
        goal = HOME[:ARM]
        if point.pose is not None:
            goal = self._ik.solve(point.pose(self.sim), q, HOME[:ARM])
        velocity = GAIN * (goal - q)
        return velocity * min(1.0, point.speed / max(np.abs(velocity).max(), 1e-9))
