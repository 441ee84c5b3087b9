"""Rule 1 of the guard: which state it is in, and why.

    READY --arm--> ARMED --active, good request, deadman--> RUNNING <--> HOLD
    any --rejects, staleness of 1 s--> FAULT (latched)      any --e-stop--> ESTOP (latched)

In: the last state, the intakes, the switches, what is wrong now. Out: ModeDecision. RUNNING
begins from rest only; a HOLD ends by itself once at rest with its cause gone, but for that of an
uncertain policy, which a person confirms (arm, or a new press of the deadman).
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
    GuardMemory,
    JointIntake,
    RequestIntake,
    Switches,
)


class Trouble(NamedTuple):
    """What is wrong now, '' if nothing is: a reason code of each."""

    clock: str
    joints: str
    request: str


class ModeDecision(NamedTuple):
    """The state of this tick."""

    mode: str
    reasons: tuple[str, ...]  # of this mode; none while RUNNING
    press_needed: bool
    released: bool
    cause: tuple[str, ...] = ()  # why HOLD, FAULT or ESTOP began
    armed: bool = False
    stale_since: float | None = None  # [s]
    confirm: bool = False


def decide_mode(
    config: GuardConfig,
    state: GuardMemory,
    requests: RequestIntake,
    joints: JointIntake,
    switches: Switches,
    trouble: Trouble,
    now: float,
) -> ModeDecision:
    """Returns the mode of this tick."""
    pressed, press_needed, released, edge = _deadman(config, state, switches, now)
    stale_since = _stale_since(state, trouble, now)
    latched = _latched(config, state, requests, joints, switches, trouble, stale_since, now)
    if latched:
        mode, cause = latched
        fresh = mode != state.mode
        return ModeDecision(
            mode=mode,
            reasons=cause,
            cause=cause,
            press_needed=press_needed or fresh,
            released=released and not fresh,
        )
    still = ModeDecision(
        mode=READY, reasons=('not_armed',), press_needed=press_needed, released=released
    )
    if not (state.armed and switches.armed):
        return still
    causes = [cause for cause in (*trouble, switches.hold) if cause]
    if config.deadman_required and not pressed:
        causes.insert(0, 'deadman')
    if not trouble.request and requests.speed <= config.speed_floor:
        causes.append('uncertain')
    return _armed(state, switches, still, tuple(causes), stale_since, state.confirm and not edge)


def _armed(
    state: GuardMemory,
    switches: Switches,
    still: ModeDecision,
    causes: tuple[str, ...],
    stale_since: float | None,
    confirm: bool,
) -> ModeDecision:
    """The mode of an armed guard that nothing latches."""
    armed = still._replace(mode=ARMED, armed=True, confirm=confirm)
    if not switches.active:
        return armed._replace(reasons=('inactive',))
    if not causes and (state.at_rest or state.mode == RUNNING) and not confirm:
        return armed._replace(mode=RUNNING, reasons=(), confirm=False)
    if state.mode not in (RUNNING, HOLD):
        return armed._replace(reasons=causes or ('coming_to_rest',))
    confirm = confirm or 'uncertain' in causes
    waiting = 'uncertain' if confirm and state.at_rest else 'coming_to_rest'
    return armed._replace(
        mode=HOLD,
        reasons=causes or (waiting,),
        cause=state.cause if state.mode == HOLD and not causes else causes,
        stale_since=stale_since,
        confirm=confirm,
    )


def _deadman(
    config: GuardConfig, state: GuardMemory, switches: Switches, now: float
) -> tuple[bool, bool, bool, bool]:
    """(motion allowed, a new press is needed, seen released, this is a new press).

    Silence stops the arm as a release does, but is none: after it, and at first, the button must
    be seen let go.
    """
    last = switches.deadman
    held = last is not None and -config.future <= now - last <= config.deadman_age
    if not held:
        return False, True, switches.let_go or state.released, False
    edge = state.released
    press_needed = state.press_needed and not edge
    return not press_needed, press_needed, False, edge and config.deadman_required


def _stale_since(state: GuardMemory, trouble: Trouble, now: float) -> float | None:
    if state.mode not in (RUNNING, HOLD) or not (trouble.joints or trouble.request):
        return None
    return now if state.stale_since is None else min(now, state.stale_since)


def _latched(
    config: GuardConfig,
    state: GuardMemory,
    requests: RequestIntake,
    joints: JointIntake,
    switches: Switches,
    trouble: Trouble,
    stale_since: float | None,
    now: float,
) -> tuple[str, tuple[str, ...]] | None:
    """The latched mode with its cause, old or new; None if nothing latches."""
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
        causes = ['request_timeout', trouble.request]
        if trouble.joints:
            causes = ['joints_timeout', trouble.joints]
    return (FAULT, tuple([cause for cause in causes if cause])) if causes else None
