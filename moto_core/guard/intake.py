"""Rules 2 and 3 of the guard: what of a message is believed, and until when.

In: requests and joint states as they came. Out: intakes in the arm's own order, with the codes
of what is wrong. A message is judged once, when it is new; a bad one is refused whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from moto_core.guard.limits import Limits
from moto_core.guard.state import (
    GuardConfig,
    JointIntake,
    Measured,
    Rejects,
    Request,
    RequestIntake,
)
from moto_core.spec import Spec


def take_request(
    config: GuardConfig, spec: Spec, intake: RequestIntake, request: Request | None, now: float
) -> RequestIntake:
    """Returns the intake after a request, None if none has come yet.

    Refuses wrong names or size, non-finite numbers and stamps in the future; drops one that is
    older than the request it would replace.
    """
    if request is None:
        return intake
    key = (request.received, request.stamp)
    if key == intake.key:
        return intake
    names = _tuple(request.names)
    places = (
        intake.places
        if intake.names and names == intake.names
        else _places(names, spec.names, True)
    )
    values = _floats(request.velocity)
    reason = (
        'request_names'
        if places is None
        else 'request_size'
        if values is None or len(values) != len(names)
        else ''
    )
    warning, stamp = '', request.stamp
    if stamp == 0.0:
        warning, stamp = 'request_unstamped', request.received
    if not reason:
        numbers = (*values, stamp, request.received, request.speed_scale)  # type: ignore[misc]
        reason = (
            'request_nonfinite'
            if not _finite(numbers)
            else 'request_scale'
            if request.speed_scale < 0.0
            else 'request_future'
            if max(stamp, request.received) > now + config.future
            else ''
        )
    if reason:
        return RequestIntake(
            key=key,
            arm=None,
            gripper=(),
            stamp=intake.stamp,
            received=intake.received,
            speed=1.0,
            warning=warning,
            rejects=_refused(config, intake.rejects, reason, now),
            names=names if places else (),
            places=places or (),
        )
    if stamp < intake.stamp:
        return intake._replace(key=key, warning='request_late')
    assert values is not None and places is not None
    ordered = tuple([values[i] for i in places])
    n = len(spec.joints)
    return RequestIntake(
        key=key,
        arm=ordered[:n],
        gripper=ordered[n:],
        stamp=stamp,
        received=request.received,
        speed=min(1.0, request.speed_scale),
        warning=warning,
        rejects=Rejects('', 0, intake.rejects.times),
        names=names,
        places=places,
    )


def take_joints(
    config: GuardConfig, limits: Limits, intake: JointIntake, measured: Measured | None, now: float
) -> JointIntake:
    """Returns the intake after a joint state, None if none has come yet.

    Refuses missing, duplicate or too few entries, non-finite numbers, stamps in the future, jumps
    above dq_max dt + 0.02 rad and positions far outside the limits. An old one is dropped.
    """
    if measured is None:
        return intake
    key = (measured.received, measured.stamp)
    if key == intake.key:
        return intake
    names = _tuple(measured.names)
    places = (
        intake.places
        if intake.names and names == intake.names
        else _places(names, limits.joints, False)
    )
    values, speeds = _floats(measured.position), _floats(measured.velocity)
    stamp = measured.stamp or measured.received
    position: tuple[float, ...] = ()
    if places is None:
        reason = 'joints_names'
    elif (
        values is None
        or speeds is None
        or len(values) != len(names)
        or len(speeds) not in (0, len(names))
    ):
        reason = 'joints_size'
    else:
        position = tuple([values[i] for i in places])
        used = [speeds[i] for i in places] if speeds else []
        reason = (
            'joints_nonfinite'
            if not _finite((*position, *used, stamp, measured.received))
            else 'joints_future'
            if max(stamp, measured.received) > now + config.future
            else _implausible(config, limits, intake, position, stamp)
        )
    if reason:
        return intake._replace(key=key, rejects=_refused(config, intake.rejects, reason, now))
    if stamp < intake.stamp:
        return intake._replace(key=key)
    gap, interval = measured.received - intake.received, intake.interval
    if 0.0 < gap < math.inf:
        interval += 0.2 * (min(gap, 0.1) - interval)
    assert places is not None
    return JointIntake(
        key=key,
        position=position,
        stamp=stamp,
        received=measured.received,
        interval=interval,
        rejects=Rejects('', 0, intake.rejects.times),
        names=names,
        places=places,
    )


def request_trouble(config: GuardConfig, spec: Spec, intake: RequestIntake, now: float) -> str:
    """Returns why the last request may not be followed now; '' if it may."""
    if intake.rejects.reason:
        return intake.rejects.reason
    if intake.arm is None:
        return 'request_missing'
    oldest, newest = _ages(intake, now)
    if oldest > config.request_periods / spec.rate:
        return 'request_stale'
    return 'request_future' if newest < -config.future else ''


def joints_trouble(config: GuardConfig, intake: JointIntake, now: float) -> str:
    """Returns why the last joint state may not be relied on now; '' if it may.

    The age limit grows to three intervals of a slow stream, 0.15 s at most (fault 10).
    """
    if intake.position is None:
        return intake.rejects.reason or 'joints_missing'
    if intake.rejects.reason:
        return intake.rejects.reason
    oldest, newest = _ages(intake, now)
    if oldest > max(config.joint_age, min(0.150, 3.0 * intake.interval)):
        return 'joints_stale'
    return 'joints_future' if newest < -config.future else ''


def too_many(config: GuardConfig, rejects: Rejects) -> bool:
    """Says whether refused messages latch a fault: so many in a row, or within the window."""
    return (
        rejects.in_row >= config.rejects_in_row or len(rejects.times) >= config.rejects_in_window
    )


def _ages(intake: RequestIntake | JointIntake, now: float) -> tuple[float, float]:
    stamp, received = now - intake.stamp, now - intake.received
    return max(stamp, received), min(stamp, received)


def _places(names: tuple[str, ...], wanted: Sequence[str], exact: bool) -> tuple[int, ...] | None:
    """Where each wanted name stands; None if one is missing or twice, or (exact) in excess."""
    if exact and len(names) != len(wanted):
        return None
    if any(names.count(name) != 1 for name in wanted):
        return None
    return tuple(names.index(name) for name in wanted)


def _tuple(names: object) -> tuple[str, ...]:
    if type(names) is tuple:
        return names
    try:
        return tuple(names)  # type: ignore[arg-type]
    except TypeError:
        return ()


def _floats(values: object) -> list[float] | None:
    """A flat list of floats; None for what is none."""
    try:
        numbers = values.tolist() if hasattr(values, 'tolist') else list(values)  # type: ignore
        return [float(number) for number in numbers]
    except (TypeError, ValueError, OverflowError):
        return None


def _finite(numbers: Sequence[float]) -> bool:
    try:
        return all(map(math.isfinite, numbers))
    except (TypeError, OverflowError):
        return False


def _implausible(
    config: GuardConfig,
    limits: Limits,
    intake: JointIntake,
    position: tuple[float, ...],
    stamp: float,
) -> str:
    margin = limits.margin + config.outside
    for q, row in zip(position, limits.rows):
        if not row.low - margin <= q <= row.high + margin:
            return 'joints_outside'
    if intake.position is not None:
        dt = max(0.0, stamp - intake.stamp)
        for q, before, row in zip(position, intake.position, limits.rows):
            if abs(q - before) > row.speed_max * dt + config.jump:
                return 'joints_jump'
    return ''


def _refused(config: GuardConfig, rejects: Rejects, reason: str, now: float) -> Rejects:
    times = [t for t in rejects.times if now - config.reject_window < t <= now]
    return Rejects(reason, rejects.in_row + 1, (*times[-config.rejects_in_window :], now))
