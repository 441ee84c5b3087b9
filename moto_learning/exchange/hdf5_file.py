"""An HDF5 file that somebody else wrote: its own data alone are read, as much as there is.

In: a path, names. Out: groups, arrays, texts; DatasetError or EpisodeError that names the place.
Links to elsewhere, storage in other files and virtual datasets are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from moto_core.episodes.episode import ROW_LIMIT
from moto_core.errors import DatasetError, EpisodeError
from moto_learning.exchange.hdf5_damage import unopened, unread

LIMIT = 1 << 31  # [bytes] of an array that is read at once
BLOCK = 64  # images read at once
_FAILS = (OSError, ValueError, RuntimeError, KeyError, TypeError, OverflowError)


class Hdf5File:
    """An open file; a context manager is not needed, as nothing is written."""

    def __init__(self, path: Path | str) -> None:
        """Opens it; raises DatasetError if it is no HDF5 file."""
        self.path = Path(path)
        if self.path.is_dir():
            raise DatasetError(
                f"'{path}' is a folder; expected an HDF5 file. A folder that holds meta/ and "
                'data/ is of --format lerobot'
            )
        if not self.path.is_file():
            raise DatasetError(f"no file '{path}'; expected an HDF5 file")
        try:
            self.root = h5py.File(self.path, 'r', locking=False)
        except _FAILS as error:
            raise DatasetError(unopened(self.path, error)) from error

    def names(self, group: str = '/') -> list[str]:
        """Returns what a group holds, in order; raises DatasetError if it is none."""
        found = self._find(group)
        if not isinstance(found, h5py.Group):
            raise DatasetError(f"'{self.path}': '{group}' is no group")
        try:
            return sorted(found, key=_natural)
        except _FAILS as error:
            raise DatasetError(unread(self.path, group, error)) from error

    def has(self, name: str) -> bool:
        """Says whether there is something of a name."""
        try:
            self._find(name)
        except DatasetError:
            return False
        return True

    def is_group(self, name: str) -> bool:
        """Says whether a name is a group's."""
        return isinstance(self._find(name), h5py.Group)

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns an array's shape."""
        return tuple(self._dataset(name).shape)

    def text(self, name: str, attribute: str) -> str:
        """Returns an attribute as text; '' if there is none."""
        try:
            value = self._find(name).attrs.get(attribute, '')
        except _FAILS as error:
            where = f'{name} (attribute {attribute})'
            raise DatasetError(unread(self.path, where, error)) from error
        return _text(value)

    def numbers(self, name: str) -> np.ndarray:
        """Returns an array of numbers; raises EpisodeError if it is none, or is too large."""
        found = self._dataset(name)
        if found.dtype.kind not in 'biuf':
            raise EpisodeError(f"'{self.path}': '{name}' holds {found.dtype}, no numbers")
        size = int(np.prod([int(n) for n in found.shape], dtype=object)) * found.dtype.itemsize
        if not found.shape or size > LIMIT:
            raise EpisodeError(
                f"'{self.path}': '{name}' is {found.shape}, {size} bytes; at most {LIMIT} are read"
            )
        return self._read(found, name, ())

    def texts(self, name: str) -> list[str]:
        """Returns an array of texts."""
        found = self._dataset(name)
        if len(found.shape) != 1 or found.shape[0] > ROW_LIMIT:
            raise EpisodeError(f"'{self.path}': '{name}' is {found.shape}; expected texts")
        if found.dtype.kind not in 'OS':
            raise EpisodeError(f"'{self.path}': '{name}' holds {found.dtype}, no texts")
        return [_text(one) for one in self._read(found, name, ())]

    def images(self, name: str, begin: int = 0, count: int | None = None) -> Iterator[np.ndarray]:
        """Yields images (h, w, 3) uint8 of an array (T, h, w, 3), some at a time."""
        found = self._dataset(name)
        if found.dtype != np.uint8 or len(found.shape) != 4 or found.shape[3] != 3:
            raise EpisodeError(
                f"'{self.path}': '{name}' is {found.shape} {found.dtype}; expected "
                '(T, h, w, 3) uint8'
            )
        if int(found.shape[1]) * int(found.shape[2]) * 3 * BLOCK > LIMIT:
            raise EpisodeError(f"'{self.path}': '{name}' has images of {found.shape[1:3]} px")
        end = found.shape[0] if count is None else min(begin + count, found.shape[0])
        for start in range(begin, end, BLOCK):
            yield from self._read(found, name, slice(start, min(start + BLOCK, end)))

    def _dataset(self, name: str) -> Any:
        found = self._find(name)
        if not isinstance(found, h5py.Dataset):
            raise EpisodeError(f"'{self.path}': '{name}' is a group; expected an array")
        if found.external or found.is_virtual:
            raise EpisodeError(f"'{self.path}': '{name}' lies in another file, which is not read")
        return found

    def _find(self, name: str) -> Any:
        """Follows hard links alone, part by part."""
        found: Any = self.root
        for part in filter(None, name.split('/')):
            try:
                link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
                if link is not None and not isinstance(link, h5py.HardLink):
                    raise DatasetError(
                        f"'{self.path}': '{name}' is a link to elsewhere, which is not followed"
                    )
                found = found[part] if link is not None else None
            except _FAILS as error:
                raise DatasetError(unread(self.path, name, error)) from error
            if found is None:
                raise DatasetError(f"'{self.path}' has no '{name}'")
        return found

    def _read(self, found: Any, name: str, where: Any) -> np.ndarray:
        try:
            return np.asarray(found[where])
        except _FAILS as error:
            raise EpisodeError(unread(self.path, name, error)) from error


def _text(value: Any) -> str:
    return value.decode(errors='replace') if isinstance(value, bytes) else str(value)


def _natural(name: str) -> tuple[str, int, str]:
    """Orders demo_2 before demo_10."""
    stem = name.rstrip('0123456789')
    number = name[len(stem) :]
    return stem, int(number) if number else -1, name
