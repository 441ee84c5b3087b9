"""The guard's state in plain words: what the arm does now, why, and what a person can do.

In: GuardState, PolicyStatus. Out: sentences for a page. Nothing here imports rclpy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from moto_core.guard.reasons import LETS_THROUGH, REASONS
from moto_core.guard.state import ARMED, ESTOP, FAULT, HOLD, READY, RUNNING
from moto_ros.config import PERSON
from moto_ros.loops.caution import holds
from moto_ros.loops.sources import HOME, POLICY, TELEOP
from moto_ros.messages import DRY_RUN, GuardState, PolicyStatus

MODES = {
    READY: 'Disarmed: nothing moves the arm',
    ARMED: 'Armed: the arm moves as soon as it is asked to',
    RUNNING: 'Running',
    HOLD: 'Held: the arm is stopped',
    FAULT: 'Fault: the arm is stopped until a person resets it',
    ESTOP: 'E-stop: the arm is stopped until a person resets it',
}
DRIVERS = {POLICY: 'the policy', TELEOP: 'a person', HOME: 'the way home'}
NOBODY = 'no policy takes part, and no person drives: Take over'
WAITS = 'the policy waits for an episode, and asks for rest'
OWN = {DRY_RUN: 'a dry run: what it lets out is shown and not sent'}
CURES = {  # (cause of a fault, who drove; '': whoever it was): what mends it
    ('request_timeout', TELEOP): 'The joystick fell silent: plug it in, or keep the page that '
    'drives open and in sight; then reset the fault.',
    ('request_timeout', POLICY): 'The policy asked for nothing that may be followed: its status '
    'says why (a camera, the joints, its process); mend that, then reset the fault.',
    ('joints_timeout', ''): "The joint states fell silent: look at the robot's drivers, or in "
    'simulation at what else this computer runs; then reset the fault.',
}
REMEDIES = {
    FAULT: 'Mend what is named here, then reset the fault.',
    ESTOP: 'Make the arm safe, release the e-stop, then reset.',
}


class Plain(NamedTuple):
    """What the guard does, for a person."""

    headline: str
    why: tuple[str, ...]  # a sentence for each cause of a stop
    limits: tuple[str, ...]  # a sentence for each limit that changes what is asked
    remedy: str  # what to do now; '' if there is nothing


def plain(guard: GuardState, policy: PolicyStatus | None = None) -> Plain:
    """Returns the guard's state as a person reads it; of the policy who asks for nothing."""
    headline = _headline(guard, policy)
    if guard.dry_run:
        headline = f'{headline} (dry run: nothing is sent to the arm)'
    codes = _unique([*guard.cause, *guard.reasons])
    if guard.state in (READY, RUNNING):  # a cause is of a hold or a fault
        codes = _unique(guard.reasons)
    stops = [code for code in codes if code not in LETS_THROUGH and code != 'not_armed']
    return Plain(
        headline=headline,
        why=tuple(map(meaning, stops)),
        limits=tuple(meaning(code) for code in codes if code in LETS_THROUGH),
        remedy=_remedy(guard),
    )


def meaning(code: str) -> str:
    """Returns a reason code's meaning with the code; an unknown code stands for itself."""
    words = REASONS.get(code) or OWN.get(code)
    return f'{words} ({code})' if words else code


def _headline(guard: GuardState, policy: PolicyStatus | None) -> str:
    headline = MODES.get(guard.state, guard.state)
    if guard.state not in (ARMED, RUNNING):
        return headline
    mode = 'Running' if guard.state == RUNNING else 'Armed'
    if guard.source == POLICY and policy is not None:
        if policy.policy == PERSON:
            return f'{mode}: {NOBODY}'
        if policy.waiting:
            return f'{mode}: {WAITS}'
    driver = DRIVERS.get(guard.source, guard.source)
    return f'Running: {driver} moves the arm' if mode == 'Running' else f'{headline}, by {driver}'


def _remedy(guard: GuardState) -> str:
    if guard.state == HOLD and holds(guard):
        return (
            'Look at the scene; if it is in order, let the deadman go and press it, or arm anew.'
        )
    if guard.state == READY and guard.refusal:
        return f'It cannot be armed now: {guard.refusal}'
    cures = [CURES.get((cause, who), '') for cause in guard.cause for who in (guard.source, '')]
    if guard.state == FAULT and any(cures):
        return ' '.join(filter(None, cures))
    return REMEDIES.get(guard.state, '')


def _unique(codes: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(codes))
