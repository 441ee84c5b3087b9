"""The episodes of D4RL's and Minari's HDF5 files: where each lies, its arrays.

    D4RL     observations, actions, rewards, terminals, timeouts: (N, ...), all episodes in a row
    Minari   episode_N/observations (T + 1, ...), an array or a group of them, actions (T, ...)

In: a file, or a folder of Minari's. Out: OfflineFile, whose arrays have the same names in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from moto_core.errors import DatasetError, EpisodeError, MotoError
from moto_learning.exchange.hdf5_file import Hdf5File

MINARI = 'data/main_data.hdf5'  # in a folder of Minari's
ACTIONS, OBSERVATIONS, REWARDS = 'actions', 'observations', 'rewards'
ENDS = ('terminals', 'timeouts')


class Piece(NamedTuple):
    """Where one episode lies."""

    where: str  # its group; '' of D4RL, where all share their arrays
    begin: int
    end: int  # exclusive, by its actions


class OfflineFile:
    """An open file of D4RL's or Minari's."""

    def __init__(self, path: Path | str) -> None:
        """Opens it; raises DatasetError if it is none of the two."""
        path = Path(path)
        self.file = Hdf5File(path / MINARI if path.is_dir() else path)
        names = self.file.names()
        groups = [name for name in names if name.startswith('episode_')]
        if groups:
            self.pieces = [self._group(name) for name in groups]
        elif {ACTIONS, OBSERVATIONS} <= set(names):
            self.pieces = list(self._ranges(names))
        else:
            raise DatasetError(
                f"'{self.file.path}' holds {', '.join(names[:9]) or 'nothing'}; expected "
                "Minari's episode_N, or D4RL's observations and actions"
            )

    @property
    def places(self) -> list[str]:
        """Where each episode lies, for a person."""
        return [one.where or f'rows {one.begin} to {one.end - 1}' for one in self.pieces]

    def numbers(self, index: int, key: str) -> np.ndarray:
        """Returns an episode's array; of Minari's observations one row more than actions."""
        piece = self.pieces[index]
        if piece.where:
            return self.file.numbers(f'{piece.where}/{key}')
        found = self.file.numbers(key)
        if len(found) < piece.end:
            raise EpisodeError(f"'{key}' has {len(found)} rows; the actions {piece.end}")
        return found[piece.begin : piece.end]

    def images(self, index: int, key: str) -> Iterator[np.ndarray]:
        """Yields an episode's images (h, w, 3) uint8, one for each action."""
        piece = self.pieces[index]
        name = f'{piece.where}/{key}' if piece.where else key
        yield from self.file.images(name, piece.begin, piece.end - piece.begin)

    def _group(self, name: str) -> Piece:
        try:
            shape = self.file.shape(f'{name}/{ACTIONS}')
        except MotoError:
            shape = ()  # the episode is refused when it is its turn
        return Piece(where=name, begin=0, end=shape[0] if shape else 0)

    def _ranges(self, names: list[str]) -> Iterator[Piece]:
        """Yields D4RL's episodes, which end with a terminal or a timeout, or the file."""
        count = self.file.shape(ACTIONS)[0]
        ended = np.zeros(count, bool)
        for name in ENDS:
            if name in names:
                flags = self.file.numbers(name).reshape(-1)
                if len(flags) != count:
                    raise DatasetError(
                        f"'{self.file.path}': '{name}' has {len(flags)} rows, the actions {count}"
                    )
                ended |= flags != 0
        begin = 0
        for end in [*(np.flatnonzero(ended) + 1).tolist(), count]:
            if end > begin:
                yield Piece(where='', begin=begin, end=end)
            begin = end
