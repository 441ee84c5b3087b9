"""Which rows of a labelled episode are positives of a success classifier, and which negatives.

In: an episode's length T, its outcome, the rows that are marked as successes. Out: row numbers.

    row        0    1    ...    T - last - margin    ...    T - last    ...    T - 1
    success    negative  ...   |  neither            ...   |  positive  ...        |
    failure    negative  ...                                                       |

A row that the simulator or an operator marked as a success is never a negative; of a success,
nor is any row after the first one marked.
"""

from __future__ import annotations

import numpy as np


def positive_rows(rows: int, outcome: str, last: int) -> np.ndarray:
    """Returns the rows of an episode of `rows` rows that show a success: the `last` of one."""
    if outcome != 'success':
        return np.arange(0)
    return np.arange(max(0, rows - last), rows)


def negative_rows(marked: np.ndarray, outcome: str, last: int, margin: int) -> np.ndarray:
    """Returns the rows that show none; `marked` (T,) bool says which are marked as successes."""
    if outcome != 'success':
        return np.flatnonzero(~marked)
    end = max(0, len(marked) - last - margin)
    first = int(marked.argmax()) if marked.any() else end
    return np.arange(min(end, first))
