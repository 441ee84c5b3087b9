"""Labelled episodes in memory, without a dataset, of known length and images."""

import numpy as np

from moto_learning.data.cache import CachedEpisode


def episode(name, outcome, rows=10, marked=()):
    """An episode whose image of row t is full of t, its success marked at some rows."""
    success = np.zeros(rows, bool)
    success[list(marked)] = True
    images = np.arange(rows, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    return CachedEpisode(
        id=name,
        spec_hash='',
        source='robot',
        parts=(),
        outcome=outcome,
        successful=outcome == 'success',
        images={'front': images},
        columns={'stamp': np.arange(rows), 'success': success},
        learned={},
    )


def episodes(successes, failures):
    return [
        *(episode(f'S{index:02}', 'success') for index in range(successes)),
        *(episode(f'F{index:02}', 'failure') for index in range(failures)),
    ]
