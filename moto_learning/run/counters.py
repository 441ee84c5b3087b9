"""How far each phase of a run is, and what is to come.

In: the settings of a run. Out: counts of updates, episodes to collect, starts to evaluate on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

from moto_learning.config import Config


class ToCome(NamedTuple):
    """What a run has before it."""

    updates: int
    episodes: int  # to collect
    starts: int  # of evaluations, an episode each


@dataclass
class Counters:
    """How far each phase is; part of every checkpoint."""

    offline: int = 0  # updates done
    episodes: int = 0  # collected online
    online: int = 0  # updates done
    online_goal: int = 0  # updates that the episodes so far call for
    finetune: int = 0  # updates done, in all rounds
    finetune_goal: int = 0  # updates at which the current round ends

    def __post_init__(self) -> None:
        """Raises TypeError for anything but whole numbers of 0 or more."""
        for name, value in asdict(self).items():
            if type(value) is not int or value < 0:
                raise TypeError(f'counter {name} is {value!r}')

    def to_come(self, phase: str, config: Config, evaluated: int) -> ToCome:
        """Counts what `--phase` has still to do, if `evaluated` episodes were the last point."""
        c = config.train
        if phase == 'finetune':
            return ToCome(self.finetune_goal - self.finetune, 0, 0)
        updates, episodes = 0, 0
        last = self.episodes  # the number of episodes at the end
        if phase in ('all', 'offline'):
            updates += max(0, c.offline_updates - self.offline)
        if phase in ('all', 'online'):
            episodes = max(0, c.online_episodes - self.episodes)
            updates += self.online_goal - self.online + episodes * c.episode_updates
            last += episodes
        points = range(max(self.episodes, evaluated + 1), last + 1)
        due = sum(is_evaluated(point, config) for point in points)
        ways = len(config.evaluate.explore or ['mode'])
        return ToCome(updates, episodes, due * ways * config.evaluate.episodes)


def is_evaluated(episodes: int, config: Config) -> bool:
    """Says whether a policy is evaluated after so many online episodes."""
    every = config.evaluate.every
    return bool(every) and (episodes % every == 0 or episodes == config.train.online_episodes)
