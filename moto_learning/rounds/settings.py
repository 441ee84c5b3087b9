"""The settings of rounds of fine-tuning: what begins one, and what its result is judged by.

In: `key=value`. Out: a frozen dataclass. The run's own settings (config.py) stay the run's.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.errors import ConfigError
from moto_core.fields import check, number


@dataclass(frozen=True)
class RoundSettings:
    """When a round begins, how long it is, and when its policy is published."""

    episodes: int = number(1, 'new, or newly labelled, episodes that begin a round', low=1)
    updates: int = number(0, "updates of a round; 0: the run's train.finetune_updates", low=0)
    episode_updates: int = number(
        0, 'updates of a round for each episode that it takes in, in place of `updates`', low=0
    )
    poll: float = number(1.0, '[s] between two looks at the datasets', above=0, high=3600)
    held_out: int = number(
        10, 'one new episode in so many is never learned from, but judged by; 0: none', low=0
    )
    error: float = number(
        0.1,
        "share by which the actions' error on those episodes may be above that of the policy in "
        'use',
        low=0,
    )
    starts: int = number(
        10, 'of the simulator, at which both policies are tried; 0: none', low=0, high=10_000
    )
    seed: int = number(700_000, 'of the first of them', low=0, high=2**31)
    lost: int = number(
        0, 'of them, how many more than the policy in use a new one may fail at', low=0
    )
    threads: int = number(
        0,
        "of torch on a CPU; 0: the run's train.threads. Beside a robot leave it a core",
        low=0,
        high=1024,
    )
    nice: int = number(
        10, 'what the priority of the process is lowered by; 0: as it is', low=0, high=19
    )

    def __post_init__(self) -> None:
        """Raises ConfigError for a value that cannot be."""
        check(self)
        if self.updates and self.episode_updates:
            raise ConfigError(
                f'updates is {self.updates} and episode_updates is {self.episode_updates}; say '
                'one of them'
            )
