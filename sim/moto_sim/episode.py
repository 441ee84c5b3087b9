"""One episode of a policy in the simulator: demonstrations, online episodes, evaluations alike.

In: an environment, a Policy, a seed. Out: rows as they come, and what they came to.

    row t:  observation t, the reward and flags received with it, the action chosen at it; of the
            environment's info every field that a row has
    executed[t] is known after the environment has moved; the last row's action is not executed
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from moto_core.episodes.episode import EpisodeHeader
from moto_core.policy.policy import Policy
from moto_core.row import INFO, Row
from moto_sim.env import TaskEnv
from moto_sim.renderer import RENDERING

DEMONSTRATION, ONLINE = 1, 2  # of learning_seed's streams
OVER_PERIOD = ('executed', 'reasons')  # in info: of the action before, for the row it began at
LEARNED = 2**30  # seeds of episodes that are learned from begin here; evaluations' lie below


class EpisodeResult(NamedTuple):
    """What an episode came to."""

    decisions: int  # actions that were executed: one less than its rows
    return_: float  # sum of the rows' rewards
    success: bool  # at any row
    disagreement: float  # mean over its rows
    parts: int = 0  # of the task, the most that were done at one row

    @property
    def outcome(self) -> str:
        """Says 'success' or 'failure', as an episode's writer takes it."""
        return 'success' if self.success else 'failure'


def run_episode(
    env: TaskEnv,
    policy: Policy,
    seed: int,
    record: Callable[[Row], None] = lambda row: None,
    *,
    max_steps: int = 0,
    after_success: int | None = None,
    start: int | None = None,
    goal: Callable[[], bool] | None = None,
) -> EpisodeResult:
    """Runs one episode from reset(seed=seed); `record` is given each row as it is complete.

    It ends when the environment truncates it, after `max_steps` decisions (0: no limit of its
    own) or `after_success` decisions after the first success (None: it runs on). `goal` says
    whether that success is there; None: the task's own. Row t's stamp is `start` [ns] (None: now)
    and t periods of the spec.
    """
    goal = env.task.success if goal is None else goal
    rows, return_, success, disagreement, parts = 0, 0.0, False, 0.0, 0
    start = time.time_ns() if start is None else start
    for row in _rows(env, policy, seed, max_steps, after_success, start, goal):
        record(row)
        rows += 1
        return_ += row.reward
        success |= row.success
        disagreement += row.disagreement
        parts = max(parts, len(row.done_parts))
    return EpisodeResult(
        decisions=rows - 1,
        return_=return_,
        success=success,
        disagreement=disagreement / rows,
        parts=parts,
    )


def simulated_header(
    env: TaskEnv, seed: int, extra: Mapping[str, str] = MappingProxyType({}), **about: Any
) -> EpisodeHeader:
    """Returns the header of an episode of `env` from reset(seed=seed); `about`: further fields.

    Its `extra` says how images are drawn, too: what is learned from some may not hold for others.
    """
    return EpisodeHeader(
        task=env.task.name,
        source='sim',
        spec=env.spec,
        setup=env.setup,
        seed=seed,
        parts=tuple(env.task.parts()),
        extra={'rendering': RENDERING, **extra},
        **about,
    )


def learning_seed(stream: int, seed: int, index: int) -> int:
    """Returns the reset's seed of episode `index` of a stream that is learned from.

    It is 2**30 or more. Evaluations take seeds below, so that they never meet a start that was
    learned from.
    """
    return int(np.random.default_rng((stream, seed, index)).integers(LEARNED, 2 * LEARNED))


def _rows(
    env: TaskEnv,
    policy: Policy,
    seed: int,
    max_steps: int,
    after_success: int | None,
    start: int,
    goal: Callable[[], bool],
) -> Iterator[Row]:
    observation, info = env.reset(seed=seed)
    state, reward, done = policy.initial(), env.task.reward(), False
    succeeded: int | None = None  # the first row that did
    for t in count():
        images = {name: observation[name] for name in env.spec.cameras}
        vector = observation.get('proprioception')
        chosen = policy.step(images, vector, state)
        if succeeded is None and goal():
            succeeded = t
        if after_success is not None and succeeded is not None:
            done |= t - succeeded >= after_success
        told = {
            'stamp': start + round(t * env.spec.period * 1e9),
            'images': images,
            'proprioception': vector,
            'requested': chosen.action,
            'executed': np.zeros_like(chosen.action),
            'reward': reward,
            'is_first': t == 0,
            'is_last': done,
            'disagreement': chosen.disagreement,
            'surprise': chosen.surprise,
        }
        row = Row(**{**_received(info), **told})
        if done:
            yield row
            return
        state = chosen.state
        observation, reward, _, truncated, info = env.step(chosen.action)
        done = truncated or t + 1 == max_steps
        yield replace(row, **{name: info[name] for name in OVER_PERIOD})


def _received(info: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what an environment's info holds of the row whose observation came with it."""
    names = [column.name for column in INFO if column.name not in OVER_PERIOD]
    return {name: info[name] for name in names if name in info}
