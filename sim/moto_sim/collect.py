"""Demonstrations: a scripted controller, a little noise, episodes as rows.

In: an environment, its demonstrator. Out: (header, steps, outcome) an episode.

    row t:  observation t, the reward and success received with it, the action chosen at it
    executed[t] is known after the environment has moved; the last row's action is not executed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_sim.env import TaskEnv

LINGER = 15  # decisions that an episode runs on after its success


def collect(
    env: TaskEnv,
    demonstrator: Callable[[], np.ndarray],
    episodes: int,
    noise: float,
    rng: np.random.Generator,
    linger: int = LINGER,
) -> Iterator[tuple[EpisodeHeader, list[Row], str]]:
    """Yields `episodes` demonstrations as (header, steps, 'success' or 'failure').

    Every action gets Gaussian noise of standard deviation `noise` (in action units) and is
    recorded as it was requested, noise included. `rng` draws the starts and the noise. An episode
    ends `linger` decisions after its first success, or when the environment truncates it.
    """
    for _ in range(episodes):
        seed = int(rng.integers(2**31))
        header = EpisodeHeader(
            task=env.task.name,
            source='sim',
            spec=env.spec,
            controller='scripted',
            extra={'seed': str(seed), 'noise': f'{noise:g}'},
        )
        steps = _episode(env, demonstrator, noise, rng, seed, linger)
        yield header, steps, 'success' if any(step.success for step in steps) else 'failure'


def _episode(
    env: TaskEnv,
    demonstrator: Callable[[], np.ndarray],
    noise: float,
    rng: np.random.Generator,
    seed: int,
    linger: int,
) -> list[Row]:
    steps: list[Row] = []
    observation, info = env.reset(seed=seed)
    reward, done, since = env.task.reward(), False, 0
    while True:
        action = demonstrator() + noise * rng.standard_normal(env.spec.action_size)
        action = np.clip(action, -1.0, 1.0).astype(np.float32)
        since += bool(info['success'] or since)  # decisions since the first success
        done |= since > linger
        row = Row(
            stamp=round(len(steps) * env.spec.period * 1e9),
            images={name: observation[name] for name in env.spec.cameras},
            proprioception=observation.get('proprioception'),
            requested=action,
            executed=np.zeros_like(action),
            reward=reward,
            success=info['success'],
            is_first=not steps,
            is_last=done,
        )
        if done:
            return [*steps, row]
        observation, reward, _, done, info = env.step(action)
        steps.append(replace(row, executed=info['executed'], reasons=info['reasons']))
