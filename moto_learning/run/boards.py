"""Where a run's numbers are drawn beside its own files: TensorBoard, Weights & Biases.

In: flat `group/name` numbers at an update. Out: curves. Neither is needed to train or to resume.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from moto_core.config import flatten, to_dict
from moto_core.durable import replace_synced
from moto_core.errors import ConfigError, one_line
from moto_learning.config import Config

WANDB_ID = 'wandb_id'  # the file in a run's folder that makes a resumed run go on with its curves


class Board(Protocol):
    """Curves of numbers over updates."""

    def draw(self, update: int, metrics: Mapping[str, float]) -> None:
        """Adds a point to the curve of each number."""

    def close(self) -> None:
        """Writes what is left to write."""


def open_boards(config: Config, run: Path, updates: int) -> list[Board]:
    """Opens the boards that a run's settings ask for, to go on after `updates`.

    Raises ConfigError if Weights & Biases is asked for and not there.
    """
    boards: list[Board] = []
    if config.train.tensorboard:
        boards.append(TensorBoard(run, updates))
    if config.train.wandb:
        boards.append(WeightsAndBiases(run, config))
    return boards


class TensorBoard:
    """Scalars in `<run>/tensorboard`; those after `updates` are dropped."""

    def __init__(self, run: Path, updates: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(run / 'tensorboard'), purge_step=updates + 1)

    def draw(self, update: int, metrics: Mapping[str, float]) -> None:
        """Adds scalars."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, update)

    def close(self) -> None:
        """Closes the file of events."""
        self._writer.close()


class WeightsAndBiases:
    """A run of the project `train.wandb`, the same one when resumed, with the run's settings.

    The environment says the rest as wandb documents it: WANDB_MODE=offline writes to
    `<run>/wandb` alone. What was drawn stays: updates that are made again after a crash are drawn
    twice, with the same numbers on a CPU.
    """

    def __init__(self, run: Path, config: Config) -> None:
        try:
            import wandb
        except ImportError as error:
            raise ConfigError(
                f"train.wandb is '{config.train.wandb}', but Weights & Biases is not installed "
                f"({error}); pip install '.[wandb]', or train.wandb=''"
            ) from error
        own = _own_id(run)
        try:
            self._run: Any = wandb.init(
                project=config.train.wandb,
                name=run.resolve().name,
                id=own,
                dir=str(run),
                resume='allow',
                config=dict(flatten(to_dict(config))),
            )
        except Exception as error:  # noqa: BLE001 - wandb raises many kinds
            raise ConfigError(
                f'Weights & Biases does not start ({one_line(error, 200)}); wandb login, '
                "WANDB_MODE=offline, or train.wandb=''"
            ) from error
        self._run.define_metric('update')
        self._run.define_metric('*', step_metric='update')

    def draw(self, update: int, metrics: Mapping[str, float]) -> None:
        """Logs the numbers with their update."""
        self._run.log({'update': update, **metrics})

    def close(self) -> None:
        """Ends the run there; it can be gone on with."""
        self._run.finish()


def _own_id(run: Path) -> str:
    """Returns the id of the run's curves, a new one at the first time."""
    path = run / WANDB_ID
    if not path.exists():
        replace_synced(path, secrets.token_hex(8).encode())
    return path.read_text()
