"""Held-out episodes of a run's policy: rows to look at, films of successes and of failures.

In: a checkpoint and its learner. Out: one Filmed and one Episode each; the simulator is the run's
own, the starts are those of its evaluations, which are never learned from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from moto_core.episodes.episode import Episode, stack
from moto_core.errors import ConfigError
from moto_core.row import Row
from moto_learning.agents.learner import Learner
from moto_learning.report.video import VideoWriter
from moto_learning.run.checkpoint import Checkpoint
from moto_learning.run.evaluate import Score, check_fits, evaluate, evaluation_setup


class Filmed(NamedTuple):
    """One held-out episode."""

    score: Score
    video: bytes  # an MP4; b'' if it was not kept


def film_starts(
    checkpoint: Checkpoint,
    learner: Learner,
    task: str,
    starts: int,
    videos: int,
    listener: Callable[[Score], None] = lambda score: None,
) -> tuple[list[Filmed], list[Episode]]:
    """Runs the policy's mode on the first `starts` of the run's evaluations.

    Keeps films of the first `videos` successes and of as many failures; `listener` hears of each
    episode. Raises ConfigError if the simulator does not have the task or another robot.
    """
    config = checkpoint.config
    policy, wanted = learner.policy(), {True: videos, False: videos}
    env = _environment(checkpoint, task)
    try:
        check_fits(policy, env.spec)
        found, episodes = [], []
        for seed in range(config.evaluate.seed, config.evaluate.seed + starts):
            frames: list[np.ndarray] = []
            rows: list[Row] = []
            [score] = evaluate(
                env,
                policy,
                episodes=1,
                seed=seed,
                max_steps=config.collect.max_steps,
                film=frames.append if any(wanted.values()) else None,
                listener=listener,
                record=rows.append,
            )
            kept = wanted[score.success] > 0
            wanted[score.success] -= kept
            found.append(Filmed(score, film(frames, env.spec.rate) if kept else b''))
            episodes.append(_episode(env, seed, rows, score))
        return found, episodes
    finally:
        env.close()


def film(frames: list[np.ndarray], rate: float) -> bytes:
    """Returns RGB frames (h, w, 3) uint8 at `rate` [Hz] as the bytes of an MP4."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'film.mp4'
        with VideoWriter(path, rate) as writer:
            for frame in frames:
                writer.add(frame)
        return path.read_bytes()


def _environment(checkpoint: Checkpoint, task: str) -> Any:
    """Returns the simulator of the task with the robot that the run learned on."""
    try:
        from moto_sim import tasks
    except ImportError as error:
        raise ConfigError(
            f"the videos need the simulator ({error}); pip install '.[sim]'"
        ) from error
    c, spec = checkpoint.config.collect, checkpoint.spec
    setup, _ = evaluation_setup(
        task,
        checkpoint.setup,
        robot=c.robot,
        profile=c.profile,
        actuation=c.actuation,
        view=c.view,
    )
    return tasks.make(
        task,
        setup,
        size=next((camera.height for camera in spec.cameras.values()), None),
        seed=checkpoint.config.seed,
        proprioception=spec.proprioception,
    )


def _episode(env: Any, seed: int, rows: list[Row], score: Score) -> Episode:
    from moto_sim.episode import simulated_header

    outcome = 'success' if score.success else 'failure'
    return stack(simulated_header(env, seed), rows, outcome, 'done')
