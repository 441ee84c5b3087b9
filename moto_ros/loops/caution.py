"""What the policy hears of the guard for its caution, and what it tells people of its surprise.

In: the guard's reasons, the policy's status. Out: whether the arm does what is asked; a sentence.
"""

from __future__ import annotations

from moto_core.guard.state import HOLD, RUNNING
from moto_ros.loops.sources import POLICY
from moto_ros.messages import DRY_RUN, GuardReasons, GuardState, PolicyStatus

HELD = 'held: look, then press the deadman anew, or arm'
STANDS = {DRY_RUN, 'beginning'}  # reasons of a RUNNING guard whose arm does not do what is asked


def follows(told: GuardReasons) -> bool:
    """Says whether the arm does what the policy asks."""
    return told.state == RUNNING and told.source == POLICY and not STANDS & {*told.reasons}


def holds(told: GuardReasons | GuardState) -> bool:
    """Says whether the guard holds the arm for the policy's doubt."""
    return told.state == HOLD and 'uncertain' in told.reasons


def surprised(status: PolicyStatus) -> str:
    """Returns what a surprised policy says; '' if it is not, or between episodes."""
    if status.speed_scale == 1.0 or status.waiting:
        return ''
    held = HELD if status.speed_scale == 0.0 else 'slower'
    return (
        f'surprised by what it sees, {status.surprise:.3g} nats (slower above {status.slow:.3g}, '
        f'held from {status.hold:.3g}): {held}'
    )
