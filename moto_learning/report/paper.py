"""The paper's published curves: success against online decisions, by task and row.

In: moto_learning/report/published/*.csv, which say where their numbers are from. Out: Published.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

NAMES = {  # of the paper's rows, in its order
    'moto': 'MOTO',
    'no_unc': 'No Unc.',
    'no_bc': 'No BC',
    'no_bc_no_unc': 'No BC, No Unc.',
    'dreamer_v2': 'DreamerV2',
    'lompo': 'LOMPO',
    'combo': 'COMBO',
    'iql': 'IQL',
    'cql': 'CQL',
    'sac': 'SAC',
    'bc': 'BC',
}


class Published(NamedTuple):
    """One row of the paper on one task."""

    decisions: np.ndarray  # (P,) online, ascending
    success: np.ndarray  # (P,)

    def at(self, decisions: float) -> float | None:
        """Returns the success there, on the straight line between two readings; None outside."""
        if not self.decisions[0] <= decisions <= self.decisions[-1]:
            return None
        return float(np.interp(decisions, self.decisions, self.success))


def place_in_paper(row: str) -> int:
    """Returns a row's place in the paper's order; rows that are none of it come after."""
    order = list(NAMES)
    return order.index(row) if row in order else len(order)


def published(task: str) -> dict[str, Published]:
    """Returns the paper's curves of a task by row; none of a task that it does not have."""
    return _all_curves().get(task, {})


def paper_tasks() -> list[str]:
    """Returns the tasks of the paper."""
    return list(_all_curves())


@cache
def _all_curves() -> dict[str, dict[str, Published]]:
    points: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(dict)
    for path in sorted((Path(__file__).parent / 'published').glob('*.csv')):
        with path.open(newline='', encoding='utf-8') as stream:
            for line in csv.DictReader(line for line in stream if not line.startswith('#')):
                point = float(line['decisions']), float(line['success'])
                points[line['task']].setdefault(line['row'], []).append(point)
    return {
        task: {
            row: Published(*map(np.asarray, zip(*sorted(found)))) for row, found in rows.items()
        }
        for task, rows in points.items()
    }
