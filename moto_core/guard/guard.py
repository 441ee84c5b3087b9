"""The guard: a pure function from (state, request, joints, switches, now) to a legal command.

    request -> take_request ┐
    joints  -> take_joints  ├─> mode (rules 1-3) -> allowed (4, 5, 7) -> step (6) -> GuardOutput
    switches, now ──────────┘

In: messages and a steady clock [s]. Out: velocities that are finite and inside every limit,
whatever came in, and the next state. No clock, no logging, no randomness. docs/safety.md has
the eight rules, and the derivation of what keeps a stop possible.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from moto_core.guard.intake import joints_trouble, request_trouble, take_joints, take_request
from moto_core.guard.limits import Limits
from moto_core.guard.mode import ModeDecision, Trouble, decide_mode
from moto_core.guard.motion import MotionStep, allowed, motion_step, reach
from moto_core.guard.reasons import REASONS
from moto_core.guard.state import (
    ESTOP,
    FAULT,
    HOLD,
    READY,
    RUNNING,
    GuardConfig,
    GuardMemory,
    GuardOutput,
    GuardRefusal,
    JointIntake,
    Measured,
    Request,
    RequestIntake,
    Switches,
)
from moto_core.spec import Spec

_LONGEST = 1.5  # ticks that one change of velocity may make up
_SLOW = 0.020  # [s] between joint states that is worth a warning


def guard_step(
    config: GuardConfig,
    limits: Limits,
    spec: Spec,
    state: GuardMemory,
    request: Request | None,
    measured: Measured | None,
    switches: Switches,
    now: float,
) -> tuple[GuardOutput, GuardMemory]:
    """Returns the command of this tick and the next state.

    `request` and `measured` are the newest messages, None before the first; `now` [s] is a steady
    clock. A clock that does not advance counts as one tick's time, spent braking; one that goes
    back starts a new time, in which only new messages count.
    """
    dt, clock = _elapsed(config, state, now)
    if clock and state.now is not None and now < state.now:
        state = _new_time(state)
    now = now if math.isfinite(now) else (state.now or 0.0)
    requests = take_request(config, spec, state.requests, request, now)
    joints = take_joints(config, limits, state.joints, measured, now)
    trouble = Trouble(
        clock=clock,
        joints=joints_trouble(config, joints, now),
        request=request_trouble(config, spec, requests, now),
    )
    decision = decide_mode(config, state, requests, joints, switches, trouble, now)
    motion, scale, reasons = _move(config, limits, state, decision, requests, joints, dt, now)
    gripper, clipped = _gripper(spec, requests, decision)
    rest_since = (
        None
        if any(motion.velocity)
        else (now if state.rest_since is None else min(now, state.rest_since))
    )
    reasons = (*decision.reasons, *reasons, *clipped, *_warnings(requests, joints))
    after = GuardMemory(
        mode=decision.mode,
        cause=decision.cause,
        now=now,
        velocity=motion.velocity,
        acceleration=motion.acceleration,
        requests=requests,
        joints=joints,
        armed=decision.armed,
        stale_since=decision.stale_since,
        rest_since=rest_since,
        press_needed=decision.press_needed,
        released=decision.released,
        confirm=decision.confirm,
    )
    wanted = None if requests.arm is None else np.array(requests.arm + requests.gripper)
    output = GuardOutput(
        velocity=np.array(motion.velocity),
        gripper=np.array(gripper),
        state=decision.mode,
        reasons=reasons,
        scale=scale,
        requested=wanted,
        publish=_publishes(config, decision, rest_since, now),
    )
    return output, after


def arm(state: GuardMemory) -> GuardMemory:
    """Returns the state armed: it moves once active, with a request made from now on.

    Also ends a HOLD that waits for a person. Raises GuardRefusal while a fault or an e-stop is
    latched.
    """
    if state.mode in (FAULT, ESTOP):
        raise GuardRefusal(
            f'cannot arm in {state.mode} ({", ".join(state.cause)}); '
            'remove the cause and call reset_fault first'
        )
    return replace(
        state,
        armed=True,
        confirm=False,
        stale_since=None,
        requests=_forget(state.requests) if not state.armed else state.requests,
    )


def reset_fault(state: GuardMemory, switches: Switches) -> GuardMemory:
    """Returns the state READY after a fault or an e-stop; it must be armed again.

    The deadman, if it is required, must be let go and pressed anew. Without a latched fault
    the state comes back as it is. Raises GuardRefusal while the cause is still there or the arm
    still moves.
    """
    if state.mode not in (FAULT, ESTOP):
        return state
    if switches.estop:
        raise GuardRefusal('the e-stop is still pressed; release it, then reset')
    if not state.at_rest:
        raise GuardRefusal('the arm is still coming to rest; reset in a moment')
    for stream in (state.requests.rejects, state.joints.rejects):
        if stream.reason and state.now is not None and state.now - stream.times[-1] < 0.5:
            raise GuardRefusal(
                f'the newest message was refused ({stream.reason}: '
                f'{REASONS[stream.reason]}); mend its sender, then reset'
            )
    return replace(
        state,
        mode=READY,
        cause=(),
        armed=False,
        confirm=False,
        stale_since=None,
        press_needed=True,
        released=False,
        requests=_forget(state.requests),
        joints=JointIntake(key=state.joints.key, interval=state.joints.interval),
    )


def forget_requests(state: GuardMemory) -> GuardMemory:
    """Returns the state in which no request made so far counts: somebody else drives."""
    return replace(state, requests=_forget(state.requests))


def latch_fault(state: GuardMemory, reason: str) -> GuardMemory:
    """Returns the state with a fault that was seen elsewhere, as 'two_masters' (fault 27)."""
    if state.mode == ESTOP:
        return state
    cause = state.cause if state.mode == FAULT else ()
    return replace(
        state,
        mode=FAULT,
        armed=False,
        press_needed=True,
        released=False,
        cause=cause if reason in cause else (*cause, reason),
    )


def _elapsed(config: GuardConfig, state: GuardMemory, now: float) -> tuple[float, str]:
    """The time [s] that this tick's change may use, and what is wrong with the clock."""
    if state.now is None and math.isfinite(now):
        return config.tick, ''
    if state.now is None or not now > state.now or not math.isfinite(now):
        return config.tick, 'clock'
    dt = now - state.now
    return min(dt, _LONGEST * config.tick), 'tick_gap' if dt > config.gap else ''


def _new_time(state: GuardMemory) -> GuardMemory:
    joints = state.joints._replace(stamp=-math.inf, received=-math.inf)
    return replace(state, requests=_forget(state.requests), joints=joints)


def _move(
    config: GuardConfig,
    limits: Limits,
    state: GuardMemory,
    decision: ModeDecision,
    requests: RequestIntake,
    joints: JointIntake,
    dt: float,
    now: float,
) -> tuple[MotionStep, float, tuple[str, ...]]:
    """The command of this tick: toward the request if running, toward rest otherwise."""
    rest = (0.0,) * limits.size
    velocity, acceleration = state.velocity or rest, state.acceleration or rest
    braking = decision.mode != RUNNING
    if braking and not any(velocity) and not any(acceleration):
        return MotionStep(velocity=rest, acceleration=rest, reasons=()), 0.0, ()
    where = None
    if joints.position is not None:
        age = min(max(0.0, now - min(joints.stamp, joints.received)), config.stale_fault)
        latency = config.latency + 2.0 * config.tick
        where = reach(limits, joints.position, age, latency, dt)
    if braking or where is None or requests.arm is None:
        step = motion_step(limits, dt, velocity, acceleration, rest, where, True)
        return step._replace(reasons=()), 0.0, ()
    wanted, scale, reasons = allowed(limits, requests.arm, velocity, where, requests.speed)
    step = motion_step(limits, dt, velocity, acceleration, wanted, where, False)
    return step, scale, (*reasons, *step.reasons)


def _gripper(
    spec: Spec, requests: RequestIntake, decision: ModeDecision
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Gripper velocities clipped to their scale; zero while braking."""
    if not spec.gripper:
        return (), ()
    if decision.mode != RUNNING:
        return (0.0,) * len(spec.gripper), ()
    bounds = spec.action_scale[len(spec.joints) :]
    clipped = tuple([max(-b, min(b, v)) for v, b in zip(requests.gripper, bounds)])
    return clipped, ('gripper',) if clipped != requests.gripper else ()


def _warnings(requests: RequestIntake, joints: JointIntake) -> tuple[str, ...]:
    slow = ('joints_slow',) if joints.interval > _SLOW else ()
    return (requests.warning, *slow) if requests.warning else slow


def _publishes(
    config: GuardConfig, decision: ModeDecision, rest_since: float | None, now: float
) -> bool:
    return (
        decision.mode in (RUNNING, HOLD)
        or rest_since is None
        or now - rest_since <= config.halt_stream
    )


def _forget(requests: RequestIntake) -> RequestIntake:
    """Requests made so far count no longer, and their order starts anew."""
    return RequestIntake(key=requests.key, names=requests.names, places=requests.places)
