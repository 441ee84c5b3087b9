"""Statistics of a LeRobotDataset's features, row by row: what its readers normalise by.

In: rows. Out: {feature: {min, max, mean, std, count}}; of images per colour, in [0, 1].
"""

from __future__ import annotations

from typing import Any

import numpy as np


class RunningStats:
    """Least, largest, mean and standard deviation of each entry over rows; numbers of float64."""

    def __init__(self) -> None:
        self.count = 0
        self._least: Any = None
        self._largest: Any = None
        self._mean: Any = 0.0
        self._squares: Any = 0.0  # of the distances to the mean, summed (Welford)

    def add(self, value: np.ndarray) -> None:
        """Adds rows (N, ...), each entry of which counts for itself."""
        value = np.asarray(value, np.float64)
        if not len(value):
            return
        count, mean = len(value), value.mean(0)
        squares = ((value - mean) ** 2).sum(0)
        apart, both = mean - self._mean, self.count + count
        self._squares = self._squares + squares + apart**2 * self.count * count / both
        self._mean = self._mean + apart * count / both
        low, high = value.min(0), value.max(0)
        self._least = low if self._least is None else np.minimum(self._least, low)
        self._largest = high if self._largest is None else np.maximum(self._largest, high)
        self.count = both

    def result(self, rows: int) -> dict[str, list[Any]]:
        """Returns them as JSON holds them; `rows` is how many they are of."""
        found = {
            'min': self._least,
            'max': self._largest,
            'mean': self._mean,
            'std': np.sqrt(self._squares / self.count),
        }
        return {**{k: np.asarray(v).tolist() for k, v in found.items()}, 'count': [rows]}


def colours(image: np.ndarray) -> np.ndarray:
    """Returns the pixels (N, 3, 1, 1) of an image (h, w, 3) uint8, in [0, 1], colour by colour."""
    return image.reshape(-1, 3, 1, 1) / 255.0
