"""What an update divides by: a mean over the updates, moved a little by each.

In: a number of a batch. Out: the mean, which a checkpoint keeps.
"""

from __future__ import annotations

import torch
from torch import Tensor

FOLLOWED = 0.01  # share of one batch


class MovingMean:
    """The mean of what it has followed; 0 before that."""

    def __init__(self, device: torch.device) -> None:
        self.value = torch.zeros((), dtype=torch.float64, device=device)

    def follow(self, found: Tensor) -> None:
        """Moves towards `found` () by its share; the first is taken whole.

        What is not finite moves nothing: one rollout must not spoil every update to come.
        """
        found = found.to(self.value.dtype)
        followed = torch.where(self.value == 0, found, torch.lerp(self.value, found, FOLLOWED))
        self.value.copy_(torch.where(found.isfinite(), followed, self.value))

    def restore(self, value: float) -> None:
        """Takes a checkpoint's number; one that is not finite begins anew."""
        self.value.zero_()
        self.follow(torch.tensor(value, device=self.value.device))
