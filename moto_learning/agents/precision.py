"""How exactly an update's products are computed: in float32, or in bfloat16 by torch's autocast.

Weights, latent states, losses and optimisers stay in float32 either way. In bfloat16 a product's
factors have 8 bits of mantissa, its sum has float32's.
"""

from __future__ import annotations

import torch


def products(precision: str, device: torch.device) -> torch.autocast:
    """Returns the context of an update's forward passes; 'float32' changes nothing.

    Weights are cast where they are used and not kept: steps of the optimiser lie between uses.
    """
    return torch.autocast(
        device.type, torch.bfloat16, enabled=precision == 'bfloat16', cache_enabled=False
    )
