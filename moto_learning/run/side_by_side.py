"""Starts of an evaluation side by side: each in a process of its own, in step with the others.

In: an environment to copy, a Policy that draws nothing, seeds. Out: the scores that `evaluate`
gives for them one by one. gymnasium's AsyncVectorEnv moves and draws the simulators at once; the
policy takes one start after the other, since a product of a batch rounds otherwise than those of
its rows, and an episode in which one number differs soon is another one.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

from moto_core.command import end_with_parent
from moto_core.policy.policy import Policy
from moto_core.spec import Spec
from moto_learning.run.evaluate import Score


class SideBySide:
    """Environments (TaskEnv) alike, each in a process of its own."""

    def __init__(self, make: Callable[[], Any], spec: Spec, count: int) -> None:
        """Starts `count` processes, which takes some seconds; `make` must be picklable."""
        self.spec, self.count = spec, count
        self._envs = AsyncVectorEnv(
            [partial(_made, make)] * count, context='spawn', autoreset_mode=AutoresetMode.DISABLED
        )

    def evaluate(self, policy: Policy, seeds: Sequence[int], max_steps: int = 0) -> list[Score]:
        """Returns the score of each start, of which there are at most as many as processes.

        `max_steps` decisions an episode at most (0: the task's own).
        """
        lanes = [_Lane(policy, seed) for seed in seeds]
        idle = self.count - len(lanes)
        seen, info = self._envs.reset(seed=[*seeds, *[seeds[0]] * idle])
        rewards, ended, taken = info['reward'], False, 0
        while True:
            for index, lane in enumerate(lanes):
                lane.take(_one(seen, index), float(rewards[index]), _one(info, index))
            if ended:
                return [lane.score(taken) for lane in lanes]
            actions = [lane.action for lane in lanes] + [lanes[0].action] * idle
            seen, rewards, _, truncated, info = self._envs.step(np.stack(actions))
            taken += 1
            ended = bool(truncated[0]) or taken == max_steps

    def close(self) -> None:
        """Ends the processes."""
        self._envs.close(terminate=True)


class _Lane:
    """One start: the policy's state there, and what its rows came to."""

    def __init__(self, policy: Policy, seed: int) -> None:
        self.policy, self.seed, self.state = policy, seed, policy.initial()
        self.action = np.zeros(0, np.float32)
        self._return, self._disagreement, self._success, self._parts = 0.0, 0.0, False, 0
        self._seconds: list[float] = []

    def take(self, seen: dict[str, Any], reward: float, info: dict[str, Any]) -> None:
        """Takes a row in and chooses its action."""
        images = {name: seen[name] for name in self.policy.spec.cameras}
        began = time.perf_counter()
        chosen = self.policy.step(images, seen.get('proprioception'), self.state)
        self._seconds.append(time.perf_counter() - began)
        self.action, self.state = chosen.action, chosen.state
        self._return += reward
        self._disagreement += chosen.disagreement
        self._success |= bool(info['success'])
        self._parts = max(self._parts, len(info['done_parts']))

    def score(self, decisions: int) -> Score:
        """Returns what it came to after so many decisions."""
        return Score(
            seed=self.seed,
            decisions=decisions,
            return_=self._return,
            success=self._success,
            disagreement=self._disagreement / len(self._seconds),
            step_ms=1e3 * float(np.median(self._seconds)),
            parts=self._parts,
        )


class _RewardAtStart(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Tells the first row's reward too, which gymnasium's reset has no place for."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        seen, info = self.env.reset(**given)
        return seen, {**info, 'reward': self.env.get_wrapper_attr('task').reward()}


def _made(make: Callable[[], Any]) -> gymnasium.Env:
    """Returns an environment in a process that ends with its parent, and not by Ctrl-C."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _RewardAtStart(make())


def _one(batch: dict[str, Any], index: int) -> dict[str, Any]:
    """Returns what a batch of observations or infos holds of one environment."""
    return {name: values[index] for name, values in batch.items()}
