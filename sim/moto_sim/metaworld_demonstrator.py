"""MetaWorld's scripted experts as a Policy.

In: MetaWorld's own state vector. Out: actions (4,) in [-1, 1].
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

from moto_core.policy.policy import PolicyState, PolicyStep
from moto_sim.metaworld_task import MetaWorldTask, catalogue


class MetaWorldDemonstrator:
    """MetaWorld's scripted expert for a task; it reads the simulator's state, not the images."""

    hash = 'scripted'

    def __init__(self, task: MetaWorldTask) -> None:
        self.task, self.spec = task, task.spec
        self.initial()

    def initial(self) -> PolicyState:
        """Starts anew and returns the empty state; called after the environment's reset."""
        self._expert = catalogue().experts[self.task.task]()
        return {}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the next action (4,) float32 in [-1, 1]; its disagreement is 0."""
        with warnings.catch_warnings():  # experts ask for more than 1 and are clipped
            warnings.simplefilter('ignore')
            action = self._expert.get_action(self.task.observed.copy())  # some write into it
        return PolicyStep(np.clip(action, -1.0, 1.0).astype(np.float32), 0.0, state)
