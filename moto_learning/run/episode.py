"""One episode of a policy in the simulator, written as it goes.

In: an environment, a Policy, an EpisodeWriter. Out: the closed episode.

    row t:  observation t, the reward and success received with it, the action chosen at it
    executed[t] is known after the environment has moved; the last row's action is not executed
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from moto_core.episodes.writer import EpisodeWriter
from moto_core.policy.policy import Policy
from moto_core.row import Row


class EpisodeResult(NamedTuple):
    """What an episode came to."""

    steps: int
    return_: float  # sum of rewards
    success: bool  # at any step
    disagreement: float  # mean over steps


def run_episode(
    env: Any, policy: Policy, writer: EpisodeWriter | None, max_steps: int, seed: int
) -> EpisodeResult:
    """Runs one episode from reset(seed=seed) to truncation or `max_steps` decisions (0: no limit).

    Writes each row where there is a writer, and closes it with its outcome. Stamps count periods
    of the spec from 0 [ns].
    """
    observation, info = env.reset(seed=seed)
    state, reward, done, t = policy.initial(), float(env.task.reward()), False, 0
    total, success, spread = 0.0, False, 0.0
    while True:
        images = {name: observation[name] for name in env.spec.cameras}
        vector = observation.get('proprioception')
        chosen = policy.step(images, vector, state)
        state, row_success = chosen.state, bool(info.get('success', False))
        total, success, spread = (
            total + reward,
            success or row_success,
            spread + chosen.disagreement,
        )
        row = Row(
            stamp=round(t * env.spec.period * 1e9),
            images=images,
            proprioception=vector,
            requested=chosen.action,
            executed=np.zeros_like(chosen.action),
            reward=reward,
            success=row_success,
            is_first=t == 0,
            is_last=done,
            disagreement=chosen.disagreement,
        )
        if not done:
            observation, reward, _, truncated, info = env.step(chosen.action)
            reward, done = float(reward), truncated or t + 1 == max_steps
            row = replace(
                row,
                executed=np.asarray(info['executed'], np.float32),
                reasons=tuple(info.get('reasons', ())),
            )
        if writer is not None:
            writer.append(row)
        t += 1
        if row.is_last:
            break
    if writer is not None:
        writer.close('success' if success else 'failure', 'done')
    return EpisodeResult(t, total, success, spread / t)
