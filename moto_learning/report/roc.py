"""How well a number tells two kinds apart: the ROC and the area under it.

In: scores of both kinds. Out: shares of false alarms and of hits for every threshold; the area.
"""

from __future__ import annotations

import numpy as np


def curve(ordinary: np.ndarray, unusual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (false alarms, hits), each from 0 to 1, as the threshold falls.

    `ordinary` (N,) and `unusual` (M,) are scores; an alarm is a score at the threshold or above.
    """
    levels = np.unique(np.concatenate([ordinary, unusual]))[::-1]
    alarms, hits = (
        np.concatenate([[0.0], 1 - np.searchsorted(np.sort(scores), levels) / len(scores)])
        for scores in (ordinary, unusual)
    )
    return alarms, hits


def area_under(ordinary: np.ndarray, unusual: np.ndarray) -> float:
    """Returns the chance that an unusual score is above an ordinary one, a tie counted half."""
    ranked = np.sort(ordinary)
    below = np.searchsorted(ranked, unusual, side='left')
    up_to = np.searchsorted(ranked, unusual, side='right')
    return float((below + up_to).mean() / (2 * len(ordinary)))
