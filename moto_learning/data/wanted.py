"""What to record: a task, a setup, who moves what, how many episodes, noise, seed.

In: a command's arguments, or a recipe. Out: Demonstrations, checked and hashed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from moto_core.errors import ConfigError

ORDERS = 1 << 20  # the random stream of an episode that draws its order


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """What to record; '' leaves a part of the setup to the task."""

    task: str  # for example 'kitchen-microwave'
    episodes: int = 40
    noise: float = 0.05  # standard deviation added to each action
    seed: int = 0
    robot: str = ''  # of config/robot, or a YAML file
    profile: str = ''  # the guard's; 'none' records without a guard
    actuation: str = ''  # how the simulator moves the joints
    view: str = ''  # of every camera
    after_success: int | None = None  # decisions that an episode runs on; None: the task's own
    size: int = 64  # [px] of the square image
    proprioception: tuple[str, ...] | None = None  # of each joint; None: the robot's own
    workers: int = 1
    groups: tuple[str, ...] = ()  # objects joined by '+', moved in turn; (): the task's
    shuffled: bool = False  # an attempt's order within its group is drawn; False: as written
    human: str = ''  # .npz of human demonstrations that episodes track, in turn; '': scripted ones
    by_recipe: bool = False  # a stopped recording goes on, whatever the episodes move

    def __post_init__(self) -> None:
        """Raises ConfigError for a number that cannot be."""
        least = {'episodes': 1, 'workers': 1, 'seed': 0, 'after_success': 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise ConfigError(f'{name} is {value}; expected at least {bound}')
        if not 0 <= self.noise < 1:
            raise ConfigError(f'noise is {self.noise}; expected 0 to below 1')
        if self.human and self.groups:
            raise ConfigError('human demonstrations move objects of their own; leave groups out')

    @property
    def numbered(self) -> bool:
        """Whether episodes are known by their number, so that a stopped recording goes on."""
        return bool(self.by_recipe or self.groups or self.human)

    @cached_property
    def hash(self) -> str:
        """A hash of what decides an episode's contents: neither how many nor how many workers.

        A file of human demonstrations counts by its contents, wherever it lies.
        """
        apart = ('episodes', 'workers', 'by_recipe')
        data = {name: value for name, value in asdict(self).items() if name not in apart}
        if self.human:
            data['human'] = hashlib.sha256(Path(self.human).read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

    def sequence(self, index: int, attempt: int = 0) -> tuple[str, ...]:
        """Returns the objects that episode `index` moves, in order; () if the task decides.

        Each attempt draws the order anew: there are orders that take longer than an episode.
        """
        if not self.groups:
            return ()
        objects = self.groups[index % len(self.groups)].split('+')
        if self.shuffled:
            stream = [self.seed, index, ORDERS, attempt]
            np.random.default_rng(stream[: 4 if attempt else 3]).shuffle(objects)
        return tuple(objects)
