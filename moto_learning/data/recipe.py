"""A dataset by a name: which objects its episodes move, in which orders, for whose reward.

In: config/data/<name>.yaml. Out: Demonstrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto_core.config import config_file, load_config, to_dict
from moto_core.errors import ConfigError
from moto_core.fields import check, choices, number, setting
from moto_learning.data.wanted import Demonstrations

NONE = 'none'  # of a recipe's proprioception


@dataclass(frozen=True)
class Recipe:
    """What the episodes of a dataset have in common, and what tells them apart."""

    task: str = setting(about='whose reward, parts and success the rows hold')
    groups: list[str] = setting(
        [], "objects joined by '+': each episode moves one of the groups, in turn; empty: the task"
    )
    shuffled: bool = setting(False, 'the order within a group is drawn for each episode')
    noise: float = number(0.05, 'standard deviation added to each action', low=0, below=1)
    after_success: int | None = number(
        None, "decisions that an episode runs on; null: the task's own", low=0
    )
    robot: str = setting('', "of config/robot, or a YAML file; '': the task's own")
    profile: str = setting('', "the guard's; 'none': no guard; '': the task's own")
    actuation: str = setting('', "how the simulator moves the joints; '': the robot's own")
    view: str = setting('', "of every camera; '': its own")
    proprioception: list[str] = choices(
        'position',
        'velocity',
        NONE,
        about="of every joint in each row; 'none' alone: nothing; empty: the robot's own",
    )

    def __post_init__(self) -> None:
        """Raises ConfigError for a value that cannot be, or values that contradict each other."""
        check(self)
        if NONE in self.proprioception and len(self.proprioception) > 1:
            raise ConfigError(
                f"proprioception is {list(self.proprioception)}; expected '{NONE}' alone"
            )

    def demonstrations(self, **over: Any) -> Demonstrations:
        """Returns what to record, with other settings over the recipe's; None chooses nothing."""
        chosen = {name: value for name, value in over.items() if value not in (None, '')}
        said = tuple(self.proprioception)
        own = {
            **to_dict(self),
            'groups': tuple(self.groups),
            'proprioception': () if said == (NONE,) else said or None,
        }
        return Demonstrations(**{**own, **chosen})


def load_recipe(name: str) -> Recipe:
    """Returns config/data/<name>.yaml, or the YAML at a path.

    Raises ConfigError for an unknown name (with the nearest), key or value.
    """
    return load_config(Recipe, config_file('data', name))
