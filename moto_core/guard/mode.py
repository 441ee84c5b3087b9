"""Rule 1 of the guard: which state it is in, and why.

    READY --arm--> ARMED --active, good request, deadman--> RUNNING <--> HOLD
    any --rejects, staleness of 1 s--> FAULT (latched)      any --e-stop--> ESTOP (latched)

In: the last state, the intakes, the switches, what is wrong now. Out: Decision. RUNNING begins
from rest only; a HOLD ends by itself once at rest with its cause gone, but for uncertainty, which
a person confirms (arm, or a new press of the deadman).
"""

from __future__ import annotations

from typing import NamedTuple

from moto_core.guard.intake import too_many
from moto_core.guard.state import (
    ARMED,
    ESTOP,
    FAULT,
    HOLD,
    READY,
    RUNNING,
    GuardConfig,
    GuardState,
    JointIntake,
    RequestIntake,
    Switches,
)


class Decision(NamedTuple):
    """The state of this tick."""

    mode: str
    reasons: tuple[str, ...]  # of this mode; none while RUNNING
    cause: tuple[str, ...]  # why HOLD, FAULT or ESTOP began
    armed: bool
    stale_since: float | None  # [s]
    press_needed: bool
    released: bool
    confirm: bool


def decide(
    config: GuardConfig,
    state: GuardState,
    requests: RequestIntake,
    joints: JointIntake,
    switches: Switches,
    trouble: tuple[str, str, str],
    now: float,
) -> Decision:
    """Returns the mode of this tick; `trouble` is what is wrong with clock, joints, request."""
    pressed, press_needed, released, edge = _deadman(config, state, switches, now)
    confirm = state.confirm and not edge
    armed = state.armed and switches.armed
    stale_since = _stale_since(state, trouble, now)
    latched = _latched(config, state, requests, joints, switches, trouble, stale_since, now)
    if latched:
        mode, cause = latched
        fresh = mode != state.mode
        return Decision(
            mode, cause, cause, False, None, press_needed or fresh, released and not fresh, False
        )
    if not armed:
        return Decision(READY, ('not_armed',), (), False, None, press_needed, released, False)
    causes = [cause for cause in trouble if cause]
    if config.deadman_required and not pressed:
        causes.insert(0, 'deadman')
    if not trouble[2] and requests.speed <= config.speed_floor:
        causes.append('uncertain')
    moving = state.mode in (RUNNING, HOLD)
    if not switches.active:
        return Decision(ARMED, ('inactive',), (), True, None, press_needed, released, confirm)
    if not causes and (state.at_rest or state.mode == RUNNING) and not confirm:
        return Decision(RUNNING, (), (), True, None, press_needed, released, False)
    if not moving:
        return Decision(
            ARMED,
            tuple(causes) or ('coming_to_rest',),
            (),
            True,
            None,
            press_needed,
            released,
            confirm,
        )
    confirm = confirm or 'uncertain' in causes
    waiting = 'uncertain' if confirm and state.at_rest else 'coming_to_rest'
    cause = state.cause if state.mode == HOLD and not causes else tuple(causes)
    return Decision(
        HOLD,
        tuple(causes) or (waiting,),
        cause,
        True,
        stale_since,
        press_needed,
        released,
        confirm,
    )


def _deadman(
    config: GuardConfig, state: GuardState, switches: Switches, now: float
) -> tuple[bool, bool, bool, bool]:
    """(motion allowed, a new press is needed, seen released, this is a new press)."""
    last = switches.deadman
    held = last is not None and -config.future <= now - last <= config.deadman_age
    if not held:
        return False, state.press_needed, True, False
    edge = state.released
    press_needed = state.press_needed and not edge
    return not press_needed, press_needed, False, edge and config.deadman_required


def _stale_since(state: GuardState, trouble: tuple[str, str, str], now: float) -> float | None:
    if state.mode not in (RUNNING, HOLD) or not (trouble[1] or trouble[2]):
        return None
    return now if state.stale_since is None else min(now, state.stale_since)


def _latched(
    config: GuardConfig,
    state: GuardState,
    requests: RequestIntake,
    joints: JointIntake,
    switches: Switches,
    trouble: tuple[str, str, str],
    stale_since: float | None,
    now: float,
) -> tuple[str, tuple[str, ...]] | None:
    """The latched mode with its cause, old or new; None where nothing latches."""
    if switches.estop or state.mode == ESTOP:
        return ESTOP, ('estop',)
    if state.mode == FAULT:
        return FAULT, state.cause
    causes = []
    if too_many(config, joints.rejects):
        causes += ['joints_rejects', joints.rejects.reason]
    if too_many(config, requests.rejects):
        causes += ['request_rejects', requests.rejects.reason]
    if not causes and stale_since is not None and now - stale_since >= config.stale_fault:
        causes = ['joints_timeout', trouble[1]] if trouble[1] else ['request_timeout', trouble[2]]
    return (FAULT, tuple([cause for cause in causes if cause])) if causes else None
