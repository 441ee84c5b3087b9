"""The velocity limits that a robot's maker publishes, written apart from the guard's own form."""

import numpy as np


def velocity_limits(limits, position):
    """(lower, upper) [rad/s] (n,) at a position (n,) [rad]: the profile's cap and, on FR3, also
    clip(-o + sqrt(max(0, d (q_hi - q))), 0, dq_max) and its mirror image (docs/safety.md).
    """
    if not limits.velocity_slope.size:
        return -limits.dq, limits.dq
    up, down = (
        np.maximum(0, np.sqrt(np.maximum(0, limits.velocity_slope * far)) - limits.velocity_offset)
        for far in (limits.q_high - position, position - limits.q_low)
    )
    return -np.minimum(limits.dq, down), np.minimum(limits.dq, up)
