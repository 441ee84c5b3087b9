"""Episodes of a policy in the simulator: successes, returns, videos.

In: an environment of moto_sim, a Policy, seeds. Out: one Score an episode, and their summary.
Episode i starts from reset(seed=seed + i), so that two policies meet the same starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from moto_core.errors import ConfigError, unknown_name
from moto_core.policy.name_file import named_folder
from moto_core.policy.policy import (
    OnnxPolicy,
    Policy,
    PolicyState,
    PolicyStep,
    RandomPolicy,
    ZeroPolicy,
)
from moto_core.row import Row
from moto_core.spec import Setup, Spec, is_known, setup_mismatches, spec_mismatches
from moto_learning.run.checkpoint import learned_tasks, learner_of
from moto_learning.run.checkpoints import FOLDER, load_checkpoint
from moto_learning.run.statistics import wilson_interval

BUILT_IN = ('zero', 'random', 'scripted')


class Score(NamedTuple):
    """One evaluated episode."""

    seed: int  # of its reset
    decisions: int  # actions executed
    return_: float  # sum of rewards
    success: bool  # at any row
    disagreement: float  # mean over its rows
    step_ms: float  # [ms] median time of a policy's step
    parts: int = 0  # of the task, the most that were done at one row


def evaluate(
    env: Any,
    policy: Policy,
    episodes: int,
    seed: int,
    max_steps: int = 0,
    cover_camera: bool = False,
    film: Callable[[np.ndarray], None] | None = None,
    listener: Callable[[Score], None] = lambda score: None,
    record: Callable[[Row], None] = lambda row: None,
) -> list[Score]:
    """Runs episodes from reset(seed + i) and scores them; `listener` hears of each.

    `max_steps` decisions an episode at most (0: the task's own). `cover_camera` shows the policy
    black images; `film` is given the environment's `render()` (H, W, 3) all the same, `record`
    each row.
    """
    from moto_sim.episode import run_episode

    scores = []
    for index in range(episodes):
        shoot = None if film is None else partial(_shoot, env, film)
        watched = Watched(policy, cover_camera, shoot)
        result = run_episode(env, watched, seed + index, record, max_steps=max_steps)
        scores.append(
            Score(
                seed=seed + index,
                decisions=result.decisions,
                return_=result.return_,
                success=result.success,
                disagreement=result.disagreement,
                step_ms=1e3 * float(np.median(watched.seconds)),
                parts=result.parts,
            )
        )
        listener(scores[-1])
    return scores


def summarize(scores: Sequence[Score]) -> dict[str, Any]:
    """Returns counts, a 95 % Wilson interval and means of scores, ready for JSON."""
    k, n = sum(score.success for score in scores), len(scores)
    low, high = wilson_interval(k, n)
    return {
        'success': {'k': k, 'n': n, 'low': low, 'high': high},
        'return': float(np.mean([score.return_ for score in scores])),
        'decisions': float(np.mean([score.decisions for score in scores])),
        'disagreement': float(np.mean([score.disagreement for score in scores])),
        'step_ms': float(np.median([score.step_ms for score in scores])),
        'episodes': [score._asdict() for score in scores],
    }


class Loaded(NamedTuple):
    """A policy and the setup of the robot whose episodes it learned from."""

    policy: Policy
    setup: Setup  # Setup() if it is not known
    tasks: frozenset[str] = frozenset()  # of those episodes; none if they are not known


def load_policy(name: str) -> Loaded | None:
    """Returns the policy of a bundle, of a run, or of a file that names one (`--name-file`).

    Returns None for the built-in names, which need an environment (`built_in`).
    Raises ConfigError if the name is none of these, BundleError or CheckpointError if it is bad.
    """
    if name in BUILT_IN:
        return None
    path = named_folder(name)
    if (path / FOLDER).is_dir() or (path / 'state.pt').exists():
        checkpoint = load_checkpoint(path)
        tasks = frozenset(learned_tasks(checkpoint))
        return Loaded(learner_of(checkpoint).policy(), checkpoint.setup, tasks)
    if path.is_dir():
        policy = OnnxPolicy(path)
        return Loaded(policy, policy.setup)
    raise ConfigError(
        unknown_name('policy', name, BUILT_IN) + ', or the folder of a bundle or of a run'
    )


def evaluation_setup(task: str, recorded: Setup, **choices: str) -> tuple[Setup, list[str]]:
    """Returns the setup to evaluate under, and each of its differences from the policy's.

    `choices` (robot, profile, actuation, view) go over the recorded setup; if that is not known,
    over the task's own, and nothing differs.
    """
    from moto_sim.setups import choose_setup

    chosen = choose_setup(task, recorded, **choices)
    return chosen, setup_mismatches(recorded, chosen) if is_known(recorded, chosen) else []


def built_in(name: str, env: Any, seed: int) -> Policy:
    """Returns the 'zero', 'random' or 'scripted' policy for an environment."""
    if name == 'scripted':
        from moto_sim import tasks

        return tasks.demonstrator(env)
    return ZeroPolicy(env.spec) if name == 'zero' else RandomPolicy(env.spec, seed)


def check_fits(policy: Policy, spec: Spec) -> None:
    """Raises ConfigError that lists every difference between the policy's spec and the robot's."""
    wrong = spec_mismatches(policy.spec, spec)
    if wrong:
        raise ConfigError(f'the policy does not fit the task: {"; ".join(wrong)}')


class Watched:
    """A policy that is timed, filmed and, if wanted, shown black images."""

    def __init__(self, policy: Policy, cover: bool, film: Callable[[], None] | None) -> None:
        self.policy, self.cover, self.film = policy, cover, film
        self.seconds: list[float] = []
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
        """Returns the policy's step."""
        if self.film is not None:
            self.film()
        if self.cover:
            images = {name: np.zeros_like(image) for name, image in images.items()}
        begin = time.perf_counter()
        step = self.policy.step(images, proprioception, state)
        self.seconds.append(time.perf_counter() - begin)
        return step


def _shoot(env: Any, film: Callable[[np.ndarray], None]) -> None:
    film(env.render())
