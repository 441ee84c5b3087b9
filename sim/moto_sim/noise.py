"""A policy whose actions are disturbed, so that demonstrations hold corrections too.

In: a Policy, a standard deviation. Out: the same Policy, its actions with Gaussian noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moto_core.policy.policy import Policy, PolicyState, PolicyStep


class NoisyPolicy:
    """Adds Gaussian noise [action units] to a policy's actions and clips them to [-1, 1]."""

    def __init__(self, policy: Policy, deviation: float, rng: np.random.Generator) -> None:
        self.policy, self.deviation, self.rng = policy, deviation, rng
        self.spec, self.hash = policy.spec, policy.hash

    def initial(self) -> PolicyState:
        """Returns the policy's."""
        return self.policy.initial()

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the policy's step with another action (A,) float32."""
        step = self.policy.step(images, proprioception, state)
        action = step.action + self.deviation * self.rng.standard_normal(len(step.action))
        return step._replace(action=np.clip(action, -1.0, 1.0).astype(np.float32))
