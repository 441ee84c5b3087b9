"""How far each phase of a run is.

In: nothing. Out: counts of updates and episodes, part of every checkpoint.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from moto_learning.config import Config


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


def is_evaluated(episodes: int, config: Config) -> bool:
    """Says whether a policy is evaluated after so many online episodes."""
    every = config.evaluate.every
    return bool(every) and (episodes % every == 0 or episodes == config.train.online_episodes)
