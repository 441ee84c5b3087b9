"""How a guard that ends brings its arm to rest, whatever fails meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from moto_core.guard.state import GuardOutput
from moto_ros.loops.guard import ArmGuard

ZEROS = 25  # ticks of a halt at rest: a last message alone may be lost
REST = 2.0  # [s] of a halt at most
Publish = Callable[[GuardOutput], object]


def halt(guard: ArmGuard, clock: Callable[[], float], publish: Publish) -> None:
    """Brings the arm to rest, ticking by itself, and returns once it has stood for a moment.

    `clock` waits for the next tick and returns its time [s]. If a tick or `publish` fails, a
    trajectory runs out by itself, and velocities fall to zero at the profile's brake.
    """
    guard.activate(False)
    now = clock()
    end, quiet = now + REST, 0
    try:
        while quiet < ZEROS and now < end:
            output = guard.tick(now)
            if output is not None:
                publish(output)
                quiet += guard.resting
            now = clock()
    except Exception:  # noqa: BLE001  whatever it is, the arm stops
        _run_out(guard, clock, publish)


def _run_out(guard: ArmGuard, clock: Callable[[], float], publish: Publish) -> None:
    if guard.delay:  # what was sent ends at rest: nothing may replace it
        while clock() < guard.sent_until:
            pass
        return
    output, left = guard.output, ZEROS
    while output is not None and left:
        change = guard.limits.brake * guard.config.tick
        slower = np.sign(output.velocity) * np.maximum(np.abs(output.velocity) - change, 0.0)
        output = output._replace(velocity=slower, publish=True)
        left -= not slower.any()
        try:
            publish(output)
        except Exception:  # noqa: BLE001  nothing reaches the arm any more
            return
        clock()
