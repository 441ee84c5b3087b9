"""Human demonstrations of the Kitchen: read from a file, repeated by tracking.

In: an .npz of D4RL's or Minari's kitchen datasets (docs/kitchen.md). Out: HumanDemonstrations, a
Policy that follows one from wherever the arm is.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from moto_core.errors import ConfigError
from moto_core.policy.policy import PolicyState, PolicyStep
from moto_sim.actuation import HOLD_TIME
from moto_sim.kitchen_model import ARM, HOME
from moto_sim.kitchen_objects import OBJECTS, in_place
from moto_sim.kitchen_task import KitchenTask

SIZE = 9  # entries of an action: the arm's, two fingers'
KEYS = {'actions': SIZE, 'qpos': len(HOME)}  # what is read: name, columns


class HumanDemonstration(NamedTuple):
    """What a person did: T rows, each an action and the state that it was chosen at."""

    actions: np.ndarray  # (T, 9) in [-1, 1]
    qpos: np.ndarray  # (T, 30) [rad, m]

    @property
    def moved(self) -> tuple[str, ...]:
        """The objects that are in place at its last row, in the order in which they came there."""
        names = [name for name, there in in_place(self.qpos[-1], tuple(OBJECTS)).items() if there]
        return tuple(sorted(names, key=self._since))

    def _since(self, name: str) -> int:
        """Returns the row from which an object stays in place."""
        away = [not in_place(row, (name,))[name] for row in self.qpos]
        return max((t for t, is_away in enumerate(away) if is_away), default=-1) + 1


def read_human(path: Path | str) -> list[HumanDemonstration]:
    """Reads `actions` (N, 9), `qpos` (N, 30) and `episode_ends`, each episode's end row.

    Raises ConfigError for a file that is missing, no .npz, or holds something else.
    """
    try:
        data = np.load(path, allow_pickle=False)
        if not isinstance(data, np.lib.npyio.NpzFile):
            raise ValueError('it is a single array')
        with data:
            arrays = {name: data[name] for name in (*KEYS, 'episode_ends')}
        for name, kinds in (*((name, 'fiu') for name in KEYS), ('episode_ends', 'iu')):
            if arrays[name].dtype.kind not in kinds or not arrays[name].size:
                raise ValueError(f'{name} holds {arrays[name].size} {arrays[name].dtype}')
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"cannot read human demonstrations from '{path}': {error}; expected an .npz with "
            f'{", ".join(KEYS)} and episode_ends'
        ) from error
    ends = arrays.pop('episode_ends')
    for name, columns in KEYS.items():
        found = arrays[name].shape
        wanted = (int(ends[-1]) if ends.ndim == 1 and ends.size else 0, columns)
        if found != wanted or not np.isfinite(arrays[name]).all():
            raise ConfigError(f"'{path}': {name} is {found}; expected {wanted} finite numbers")
    if ends[0] < 1 or (np.diff(ends) < 1).any():
        raise ConfigError(f"'{path}': episode_ends do not rise: {ends[:5].tolist()} ...")
    return [
        HumanDemonstration(arrays['actions'][begin:end], arrays['qpos'][begin:end])
        for begin, end in zip([0, *ends[:-1]], ends)
    ]


class Tracker:
    """Follows a human demonstration: its action, and velocity toward the joints that it had.

    The gain makes up a distance in one period of D4RL's actuation, for which the data is made.
    """

    hash = 'human'

    def __init__(self, task: KitchenTask, demonstration: HumanDemonstration) -> None:
        self.sim, self.spec, self.demonstration = task.sim, task.spec, demonstration
        if self.spec.action_size != SIZE:
            raise ConfigError(
                f"the robot '{task.robot.name}' takes {self.spec.action_size} numbers an action; "
                f'the human demonstrations have {SIZE}'
            )

    def initial(self) -> PolicyState:
        """Returns the state of the first row."""
        return {'row': np.zeros(1, np.int64)}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the row's action (9,) float32 corrected for where the arm is.

        Its disagreement is 0. After the last row it repeats that one.
        """
        row = min(int(state['row'][0]), len(self.demonstration.actions) - 1)
        action = self.demonstration.actions[row].astype(np.float64)
        away = self.demonstration.qpos[row, :ARM] - self.sim.data.qpos[:ARM]
        action[:ARM] += away / (self.spec.scale[:ARM] * HOLD_TIME)
        chosen = np.clip(action, -1.0, 1.0).astype(np.float32)
        return PolicyStep(chosen, 0.0, {'row': state['row'] + 1})
