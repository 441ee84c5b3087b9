"""A run's world model measured at every checkpoint it kept: Theorem B.1 and figure 4.

In: a run's folder, datasets of expert episodes. Out: Measured, ready for JSON: eps_u, the bound
2 alpha eps_u and the measured gap (the expert's return less the policy's), predicted rewards
beside the data's maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.identity import Identity, differences
from moto_core.errors import ConfigError
from moto_core.spec import is_known
from moto_learning.agents.latent import LatentLearner
from moto_learning.agents.moto import MotoLearner
from moto_learning.data.cache import CachedEpisode
from moto_learning.data.sources import open_datasets, own_dataset, read_episodes
from moto_learning.report.expert_actions import expert_disagreement
from moto_learning.report.imagined_reward import promised_reward
from moto_learning.report.runs import evaluations_of
from moto_learning.run.checkpoint import Checkpoint, learned_tasks, learner_of
from moto_learning.run.checkpoint_files import CheckpointError
from moto_learning.run.checkpoints import checkpoints_of, load_checkpoint
from moto_learning.run.heldout import Evaluation, read_evaluations

Listener = Callable[[int, int], None]  # checkpoints measured, all of them


@dataclass(frozen=True)
class Expert:
    """The expert episodes that the policy is held against."""

    episodes: int
    return_: float  # mean of their sums of rewards
    decisions: float  # mean


@dataclass(frozen=True)
class Gap:
    """What an evaluation says of a checkpoint's policy."""

    explore: str  # 'mode' or 'sample'
    return_: float  # mean of the policy's
    decisions: float  # mean of its episodes
    gap: float  # the expert's mean return less it
    bound: float | None  # 2 alpha eps_u over as many decisions, undiscounted as the gap is
    success: float  # share of its episodes
    starts: int


@dataclass(frozen=True)
class Point:
    """One checkpoint."""

    updates: int
    episodes: int  # online episodes before it
    eps_u: float | None  # mean disagreement along the expert's actions; None: episodes too short
    by_step: list[float]  # the same at each of the H replayed steps
    alpha: float  # what a unit of it costs in reward: 0 for a learner without a penalty
    bound: float | None  # 2 alpha eps_u, in reward a decision; None without eps_u or a penalty
    gaps: list[Gap]  # of the evaluations made at it
    reward: dict[str, dict[str, float]]  # by task: Promised


class TaskData(NamedTuple):
    """The data of one task."""

    episodes: list[CachedEpisode]  # that rollouts begin in
    data_max: float  # the largest reward of all its episodes, those that were not drawn too
    own: list[CachedEpisode]  # the policy's, whose rewards are true ones too

    def known_max(self, ids: Collection[str]) -> float:
        """Returns the largest reward of the data and of the own episodes with these ids."""
        known = [float(one.learned['reward'].max()) for one in self.own if one.id in ids]
        return max([self.data_max, *known])


@dataclass(frozen=True)
class Measured:
    """What was measured of a run."""

    run: str
    data: list[str]
    horizon: int  # H, steps of replays and rollouts
    expert: Expert
    points: list[Point]


def measure_run(
    run: Path,
    data: Sequence[Path] = (),
    most: int = 20,
    horizon: int = 0,
    seed: int = 0,
    listener: Listener = lambda done, goal: None,
) -> Measured:
    """Measures every checkpoint of a run on at most `most` expert episodes of the datasets.

    Of more, so many are drawn by `seed`; the data's maximum is of all. `data` are held-out
    demonstrations, by default the datasets that the run learned from; `horizon` 0 is the run's
    own. Raises CheckpointError if there is no checkpoint or one is damaged, ConfigError if its
    learner has no world model, no episode is successful, or the expert's are of another robot,
    setup or task than the run's.
    """
    places = checkpoints_of(run)
    if not places:
        raise CheckpointError(
            f"no checkpoint under '{run}'; expected a run's folder: 'moto-train --out' makes one"
        )
    newest = load_checkpoint(places[-1])
    _latent(newest)  # before the data is compiled, which takes long
    horizon = horizon or max(newest.config.actor_critic.horizon, 1)
    datasets = open_datasets(list(data) or [Path(path) for path in newest.meta['data']])
    found = read_episodes(datasets, newest.config.replay.success_parts)
    known = is_known(found.setup, newest.setup) and is_known(newest.setup, found.setup)
    ours, setup = Identity(newest.spec, newest.setup), found.setup if known else None
    wrong = differences(ours, found.spec, setup) if found.spec else []
    if wrong:
        raise ConfigError(
            f"the run and '{datasets[0].root}' are of two robots (the run's first): {wrong[0]}"
        )
    own = own_dataset(run)
    tasks = {record.id: record.task for one in [*datasets, *own] for record in one.episodes()}
    successful = [one for one in found.episodes if one.successful]
    if data:
        _check_tasks({tasks[one.id] for one in successful}, newest, own)
    expert = _drawn(successful, most, seed)
    if not expert:
        raise ConfigError(
            f"no episode of '{datasets[0].root}' is successful; --data names demonstrations"
        )
    later = read_episodes(own, newest.config.replay.success_parts).episodes if own else []
    by_task = _by_task(found.episodes, later, tasks, most, seed)
    evaluations = evaluations_of(read_evaluations(run), newest.meta, [])
    points = []
    for index, place in enumerate(places):
        listener(index, len(places))
        points.append(_measure(place, expert, by_task, horizon, seed, evaluations))
    listener(len(places), len(places))
    return Measured(
        run=str(run),
        data=[str(dataset.root) for dataset in datasets],
        horizon=horizon,
        expert=_expert(expert),
        points=points,
    )


def penalty_weight(learner: LatentLearner) -> float:
    """Returns what a unit of disagreement costs in imagined reward (equation 3); 0 if nothing."""
    if not isinstance(learner, MotoLearner):
        return 0.0
    c = learner.config.actor_critic.penalty
    usual = float(learner.usual.value)
    return c.alpha / usual if c.relative and usual else c.alpha


def _measure(
    place: Path,
    expert: Sequence[CachedEpisode],
    by_task: Mapping[str, TaskData],
    horizon: int,
    seed: int,
    evaluations: Sequence[Evaluation],
) -> Point:
    checkpoint = load_checkpoint(place)
    learner = _latent(checkpoint)
    replayed = expert_disagreement(learner, expert, horizon, seed)
    alpha = penalty_weight(learner)
    known = set(checkpoint.run.get('replay', {}).get('episodes', ()))
    counters: dict[str, Any] = checkpoint.meta.get('counters', {})
    bound = 2 * alpha * replayed.mean if replayed and alpha else None
    return Point(
        updates=learner.updates,
        episodes=int(counters.get('episodes', 0)),
        eps_u=replayed.mean if replayed else None,
        by_step=replayed.by_step if replayed else [],
        alpha=alpha,
        bound=bound,
        gaps=[_gap(one, expert, bound) for one in evaluations if one.updates == learner.updates],
        reward={
            task: promised_reward(
                learner, data.episodes, data.known_max(known), horizon, seed
            )._asdict()
            for task, data in by_task.items()
        },
    )


def _latent(checkpoint: Checkpoint) -> LatentLearner:
    """Returns a checkpoint's learner; raises ConfigError if it has no world model."""
    learner = learner_of(checkpoint)
    if not isinstance(learner, LatentLearner):
        raise ConfigError(
            f"'{checkpoint.path}' has agent '{checkpoint.config.agent}', which has no world "
            'model: there is no disagreement to measure'
        )
    return learner


def _check_tasks(shown: Collection[str], checkpoint: Checkpoint, own: Sequence[Dataset]) -> None:
    """Raises ConfigError if the expert does a task that the run, as far as is known, did not."""
    known = learned_tasks(checkpoint)
    known |= {record.task for dataset in own for record in dataset.episodes()}
    if known and not known >= set(shown):
        raise ConfigError(
            f"the expert's task is '{min(set(shown) - known)}', and the run learned "
            f'{", ".join(sorted(known))}; --data names demonstrations of it'
        )


def _gap(one: Evaluation, expert: Sequence[CachedEpisode], bound: float | None) -> Gap:
    """Returns the gap over as many decisions as the evaluation's episodes have.

    `bound` is that of one decision. A demonstration may end soon after its success: its last
    reward counts for what is missing.
    """
    returns = [_return_over(round(one.length), episode.learned['reward']) for episode in expert]
    return Gap(
        explore=one.explore,
        return_=one.return_,
        decisions=one.length,
        gap=float(np.mean(returns)) - one.return_,
        bound=None if bound is None else bound * one.length,
        success=one.successes / one.starts,
        starts=one.starts,
    )


def _return_over(decisions: int, reward: np.ndarray) -> float:
    """Returns the sum of rewards (T,) [one a row] after so many decisions from the first row."""
    missing = max(0, decisions + 1 - len(reward))
    return float(reward[: decisions + 1].sum() + missing * reward[-1])


def _expert(episodes: Sequence[CachedEpisode]) -> Expert:
    count = len(episodes)
    return Expert(
        episodes=count,
        return_=sum(float(episode.learned['reward'].sum()) for episode in episodes) / count,
        decisions=sum(len(episode) - 1 for episode in episodes) / count,
    )


def _by_task(
    episodes: Sequence[CachedEpisode],
    own: Sequence[CachedEpisode],
    tasks: Mapping[str, str],
    most: int,
    seed: int,
) -> dict[str, TaskData]:
    """Returns what is known of each task; `tasks` are those of all episodes by id."""
    found = {}
    for name in sorted({tasks[episode.id] for episode in episodes}):
        here = [one for one in episodes if tasks[one.id] == name]
        found[name] = TaskData(
            _drawn(here, most, seed),
            max(float(one.learned['reward'].max()) for one in here),
            [one for one in own if tasks[one.id] == name],
        )
    return found


def _drawn(episodes: Sequence[CachedEpisode], most: int, seed: int) -> list[CachedEpisode]:
    """Returns at most `most` of the episodes, drawn: evenly spaced ones of a recipe, which goes
    through its sets of objects in turn, could all be of one set."""
    count = min(most, len(episodes))
    places = np.random.default_rng(seed).choice(len(episodes), count, replace=False)
    return [episodes[place] for place in sorted(places)]
