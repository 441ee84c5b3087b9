"""Tries a new bundle beside the one in use: the same kept episodes, the same starts.

In: a run (Training), a bundle, the policy in use. Out: a Verdict; nothing is published here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from moto_core.policy.policy import OnnxPolicy
from moto_learning.config import Config
from moto_learning.data.cache import CachedEpisode
from moto_learning.data.sources import read_episodes
from moto_learning.rounds.settings import RoundSettings
from moto_learning.rounds.trial import Trial, action_errors, start_successes, why_worse
from moto_learning.run.simulator import Simulator
from moto_learning.run.tasks import of_other_tasks
from moto_learning.run.train import Training


class Verdict(NamedTuple):
    """What was found of two bundles; `why` is '' if the new one may be used."""

    new: Trial
    used: Trial
    why: str


class Judge:
    """Holds the simulator that bundles are tried in, if there is one."""

    def __init__(self, training: Training, settings: RoundSettings) -> None:
        self.training, self.settings = training, settings
        self._simulator = Simulator(_practising(training), training.spec, training.datasets)

    @property
    def tries_starts(self) -> bool:
        """Whether there is a simulator, and starts of it are asked for."""
        return bool(self.settings.starts) and not self.training.unsimulated

    def prepare(self) -> None:
        """Makes the simulator, if it is needed; raises ConfigError if there is none."""
        if self.tries_starts:
            self._simulator.env()

    def close(self) -> None:
        """Closes the simulator."""
        self._simulator.close()

    def compare(self, policy: OnnxPolicy, used: OnnxPolicy | None, seed: int) -> Verdict | None:
        """Tries a policy and the one in use, from the start with `seed` on; None if stopped.

        What is in use already, and what nothing is in use beside, is tried alone.
        """
        apart = self._apart()
        new = self._try(policy, apart, seed)
        if new is None or used is None or used.hash == policy.hash:
            return None if new is None else Verdict(new, Trial(), '')
        old = self._try(used, apart, seed)
        return None if old is None else Verdict(new, old, why_worse(new, old, self.settings))

    def _try(self, policy: OnnxPolicy, apart: Sequence[CachedEpisode], seed: int) -> Trial | None:
        errors, c = action_errors(policy, apart), self.settings
        if not self.tries_starts:
            return Trial(errors=errors)
        env, steps = self._simulator.env(), self.training.config.collect.max_steps
        seeds = range(seed, seed + c.starts)
        starts = start_successes(env, policy, seeds, steps, self._tell)
        return None if starts is None else Trial(errors=errors, starts=starts)

    def _tell(self, done: int) -> bool:
        if self.training.listener is not None:
            self.training.listener('evaluation', done, self.settings.starts, {})
        return not self.training.stopped

    def _apart(self) -> list[CachedEpisode]:
        """Returns the episodes of the run's tasks that were not learned from.

        Of one that a policy drove the rows alone count at which a person did: the policy that
        drove is 0 away from its own actions.
        """
        training = self.training
        found = read_episodes(training.datasets, training.config.replay.success_parts)
        records = [one for dataset in training.datasets for one in dataset.episodes()]
        driven = {one.id for one in records if one.policy_hash}
        untaken = driven - {one.id for one in records if one.interventions}
        unfit = untaken | of_other_tasks(records, training.tasks).keys()
        unfit |= set(training.replay.episodes)
        kept = [one for one in found.episodes if one.id not in unfit]
        return [_by_person(one) if one.id in driven else one for one in kept]


def _by_person(episode: CachedEpisode) -> CachedEpisode:
    """Returns an episode of whose rows the behaviour prior takes those that a person drove."""
    mask = episode.learned['bc_mask'] * episode.intervention
    return replace(episode, learned={**episode.learned, 'bc_mask': mask})


def _practising(training: Training) -> Config:
    """Returns the run's settings with its one task, whatever else lies in the datasets."""
    config = training.config
    if config.collect.task or len(training.tasks) != 1:
        return config
    (task,) = training.tasks
    return replace(config, collect=replace(config.collect, task=task))
