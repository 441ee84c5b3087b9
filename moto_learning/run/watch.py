"""Whether training still learns: finite gradients, a model better than none, values that can be.

In: the metrics of every update. Out: batches of updates that went wrong; an error once it is no
use to go on.

A sum of rewards of size r discounted by gamma is at most r / (1 - gamma), so that values beyond
the largest r~ so far (equation 3) over 1 - gamma are of no policy: critics that feed on
themselves. States of the world model are bounded, and so is r~ as long as the model is sound; one
whose loss is above that of grey images and no reward predicts worse than none. Up to twice as far
(batches vary, critics overshoot) training is sound; `limit` times as far, for many updates in a
row, it has diverged. What cloning adds to the model's loss (`model/behaviour`) is not in it:
demonstrations that a policy has left are unlikely under it, however sound the model is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.errors import MotoError
from moto_learning import processes
from moto_learning.run.checkpoints import checkpoints_of, last_sound

DUMPS = 5  # batches kept of each kind
GIVE_UP = 100  # updates in a row
SOUND = 2.0  # times what can be
DIVERGED = 'diverged'  # folder in the run, of batches <update>.npz
LOWER = {  # what diverged: the setting that slows it down
    'the loss of the world model': 'model.optimizer.rate',
    'the size of values': 'actor_critic.critic.optimizer.rate',
}
PIXELS = 'model_free.optimizer.rate'  # of a learner without a world model
UNKNOWN = {  # of a checkpoint that holds no state
    'sound': True,
    'worst': 0.0,
    'allowed': 0.0,
    'nonfinite': 0,
    'diverged': 0,
}


class TrainingError(MotoError):
    """Training that cannot go on."""


class Watch:
    """Sees every update of a run; its state is part of every checkpoint."""

    def __init__(self, run: Path, limit: float) -> None:
        self.run, self.limit = run, limit
        self.sound = True  # at the last update
        self.worst = 0.0  # loss of no model at all, the largest so far
        self.allowed = 0.0  # largest size that a value could have so far
        self.nonfinite = 0  # updates in a row whose gradients were not finite
        self.diverged = 0  # updates in a row that were beyond the limit

    def see(self, update: int, metrics: Mapping[str, float], batch: Mapping[str, Any]) -> None:
        """Takes in an update; raises TrainingError once too many in a row went wrong.

        The first batches whose update was not finite, and the last one of a divergence, are kept.
        """
        if metrics['update/skipped']:
            self.sound = False
            self.nonfinite += 1
            folder = self._keep('nonfinite', update, batch)
            if self.nonfinite >= GIVE_UP:
                raise TrainingError(
                    f'{self.nonfinite} updates in a row had gradients that are not finite; '
                    f"their batches are in '{folder}'. Lower the learning rates, or "
                    'look for wrong values in the data'
                )
            return
        self.nonfinite = 0
        what, times = max(self._times(metrics).items(), key=lambda item: item[1])
        self.sound = times <= min(SOUND, self.limit or SOUND)
        self.diverged = self.diverged + 1 if 0 < self.limit < times else 0
        if self.diverged >= GIVE_UP:
            folder = self._keep(DIVERGED, update, batch)
            setting = LOWER[what] if 'model/loss' in metrics else PIXELS
            raise TrainingError(
                f'training diverges: {what} is {times:.3g} times what can be, and was beyond '
                f'{self.limit:g} times (train.divergence) for {self.diverged} updates; a batch is '
                f"in '{folder}'. {self._way_back(setting)}"
            )

    def state_dict(self) -> dict[str, Any]:
        """Returns what the next judgement depends on (JSON can hold it)."""
        return {
            'sound': self.sound,
            'worst': self.worst,
            'allowed': self.allowed,
            'nonfinite': self.nonfinite,
            'diverged': self.diverged,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; raises KeyError, TypeError or ValueError."""
        self.sound = bool(state['sound'])
        self.worst = float(state['worst'])
        self.allowed = float(state['allowed'])
        self.nonfinite, self.diverged = int(state['nonfinite']), int(state['diverged'])

    def _times(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Returns how many times what can be each of LOWER is; 0 of what is not known."""
        loss, size = metrics.get('model/loss', 0.0), metrics.get('critics/size', 0.0)
        self.worst = max(self.worst, metrics.get('model/allowed', 0.0))
        self.allowed = max(self.allowed, metrics.get('critics/allowed', 0.0))
        found = ((loss, self.worst), (size, self.allowed))
        return {
            what: value / most if most > 0 else 0.0 for what, (value, most) in zip(LOWER, found)
        }

    def _keep(self, folder: str, update: int, batch: Mapping[str, Any]) -> Path:
        """Writes the joined batch into a folder of the run unless DUMPS are there.

        Returns the folder.
        """
        where, batch = self.run / folder, processes.joined_batch(batch)
        if not processes.leads():
            return where
        where.mkdir(exist_ok=True)
        if len(list(where.glob('*.npz'))) < DUMPS:
            flat = {name: value for name, value in batch.items() if name != 'images'}
            flat |= {f'image_{name}': value for name, value in batch['images'].items()}
            np.savez_compressed(where / f'{update:08d}.npz', **flat)
        return where

    def _way_back(self, setting: str) -> str:
        """Says which checkpoint is from before the divergence, and how to go on from it."""
        sound = last_sound(self.run)
        if sound is None:
            return f'No checkpoint is from before it: start a new run with a lower {setting}'
        later = checkpoints_of(self.run)[-1] != sound
        remove = 'remove the later ones there, then ' if later else ''
        return (
            f"'{sound}' is from before it: {remove}go on from it with a lower rate, moto-train "
            f'--resume {self.run} {setting}=...'
        )
