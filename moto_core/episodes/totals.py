"""What an episode's rows add up to: counted alike while they are written and read back.

In: Row after Row. Out: Totals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from moto_core.row import Row


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The sums over the rows so far."""

    rows: int = 0
    return_: float = 0.0  # sum of rewards
    success: bool = False  # some row was received as a success
    gaps: int = 0  # rows that miss others before them
    interventions: int = 0  # rows at which a person was in command
    disagreement: float = 0.0  # sum over the rows that have a finite one
    first: int = 0  # [ns] stamp of the first row
    last: int = 0  # [ns] stamp of the last row

    def plus(self, row: Row) -> Totals:
        """Returns the totals with one more row."""
        return Totals(
            rows=self.rows + 1,
            return_=self.return_ + float(row.reward),
            success=self.success or bool(row.success),
            gaps=self.gaps + bool(row.gap),
            interventions=self.interventions + bool(row.intervention),
            disagreement=self.disagreement
            + (float(row.disagreement) if math.isfinite(row.disagreement) else 0.0),
            first=self.first if self.rows else int(row.stamp),
            last=int(row.stamp),
        )

    @property
    def duration(self) -> float:
        """The time from the first row to the last [s]; 0 if the clock was set back."""
        return max(0, self.last - self.first) * 1e-9

    @property
    def mean_disagreement(self) -> float:
        """The mean disagreement of a row; 0 without rows."""
        return self.disagreement / max(self.rows, 1)
