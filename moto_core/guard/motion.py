"""Rules 4 to 7 of the guard: from a wanted velocity to one the arm may be sent at this tick.

In: the last command sent with its acceleration, joint positions, the wanted velocity. Out: the
next command and its acceleration. One acceleration A, brake b and jerk j serve the whole arm.

A command (v, a) is let out only if the stop that could follow it keeps every limit: the way x of
the acceleration's fall to -b, the velocity w after it, and the whole way

    D(v, a) = x + w^2/(2 b) + b^3/(24 j^2)

If the wanted step would make that impossible, the joint takes the largest step between the
stop's and the wanted one that does not (bisection). docs/safety.md derives why there always is
one, and names what lies outside: a position that jumps, late ticks, a plant that does not follow.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from moto_core.guard.limits import JointRow, Limits

HEADROOM = 1.0 - 1e-6  # of a cap, so that rounding stays under it
SNAP = 0.02  # of j dt^2: an error this small is closed at once
ROUNDING = 1e-12  # [rad/s] what is this near to the wanted velocity is the wanted velocity


class Reach(NamedTuple):
    """Where each joint may be, beyond what its velocity covers in `lead`."""

    low: tuple[float, ...]  # (n,) [rad]
    high: tuple[float, ...]  # (n,) [rad]
    lead: float  # [s] age of the measurement and latency


class MotionStep(NamedTuple):
    """One tick's command."""

    velocity: tuple[float, ...]  # (n,) [rad/s]
    acceleration: tuple[float, ...]  # (n,) [rad/s^2]
    reasons: tuple[str, ...]


def reach(
    limits: Limits, position: tuple[float, ...], age: float, latency: float, dt: float
) -> Reach:
    """Returns the positions to reckon with, from a measurement of some age [s].

    What was sent since differs from the next command by at most c (age + dt), c the larger of
    acceleration and brake.
    """
    slack = max(limits.acceleration, limits.brake) * age * (0.5 * age + dt)
    return Reach(
        tuple([q - slack for q in position]), tuple([q + slack for q in position]), age + latency
    )


def allowed(
    limits: Limits,
    wanted: tuple[float, ...],
    velocity: tuple[float, ...],
    where: Reach,
    speed: float,
) -> tuple[tuple[float, ...], float, tuple[str, ...]]:
    """Returns (velocity, common factor, reasons) of a wanted velocity under rules 4, 5 and 7.

    One factor keeps every joint inside `speed` x cap and FR3's curve. Then rule 5 clips each
    joint toward its limit, so that one joint at its margin does not hold the others; such a joint
    is left out of the curve's factor too.
    """
    factor, cause, bounds = 1.0, '', []
    for u, v, low, high, row in zip(wanted, velocity, where.low, where.high, limits.rows):
        if u > 0.0:
            place = high + v * where.lead if v > 0.0 else high
            room, curve_room = row.high - place, row.curve_high - place
        else:
            place = low + v * where.lead if v < 0.0 else low
            room, curve_room = place - row.low, place - row.curve_low
        bounds.append(sqrt(2.0 * limits.brake * room) if room > 0.0 else 0.0)
        cap, name = row.speed * speed, 'velocity' if speed == 1.0 else 'uncertain'
        if row.slope and room > 0.0:
            curve = sqrt(row.slope * curve_room) - row.offset
            if curve < cap:
                cap, name = max(0.0, curve), 'velocity_at_position'
        size = abs(u)
        if size * factor > cap:
            factor, cause = cap / size, name
    scale = factor * HEADROOM
    scaled = [u * scale for u in wanted]
    result = tuple([max(-bound, min(bound, u)) for u, bound in zip(scaled, bounds)])
    clipped = any([abs(u) > bound for u, bound in zip(scaled, bounds)])
    return result, factor, (*((cause,) if cause else ()), *(('position',) if clipped else ()))


def motion_step(
    limits: Limits,
    dt: float,
    velocity: tuple[float, ...],
    acceleration: tuple[float, ...],
    wanted: tuple[float, ...],
    where: Reach | None,
    braking: bool,
) -> MotionStep:
    """Returns the next command toward a wanted velocity, `dt` [s] after the last (rule 6).

    Changes are scaled as a vector, at the profile's acceleration or (braking) its brake; then a
    joint whose step would make a legal stop impossible takes a smaller one. `where` None (no
    joint state was ever seen) leaves positions out.
    """
    change, reasons = _shape(limits, dt, velocity, acceleration, wanted, braking)
    if where is None:
        speeds = tuple([_closed(v + a * dt, u) for v, a, u in zip(velocity, change, wanted)])
        return MotionStep(speeds, tuple(change), reasons)
    brake, jerk, held = limits.brake, limits.jerk, False
    speeds_out = []
    for i, (v, a, row) in enumerate(zip(velocity, change, limits.rows)):
        up, down = row.high - where.high[i], where.low[i] - row.low
        if not _legal(v + a * dt, a, up, down, where.lead, row, brake, jerk):
            a = _largest(v, acceleration[i], a, dt, up, down, where.lead, row, brake, jerk)
            change[i], held = a, True
        speeds_out.append(_closed(v + a * dt, wanted[i]))
    if held:
        reasons = (*reasons, 'stopping_distance')
    return MotionStep(tuple(speeds_out), tuple(change), reasons)


def _closed(speed: float, wanted: float) -> float:
    """The speed, or the wanted one where only rounding parts them: rest is 0, not 1e-17."""
    return wanted if abs(speed - wanted) <= ROUNDING else speed


def _shape(
    limits: Limits,
    dt: float,
    velocity: tuple[float, ...],
    acceleration: tuple[float, ...],
    wanted: tuple[float, ...],
    braking: bool,
) -> tuple[list[float], tuple[str, ...]]:
    """The accelerations (n,) of rule 6: along the error, bounded, changing along a line."""
    jerk, jump = limits.jerk, limits.jerk * dt
    errors = [u - v for u, v in zip(wanted, velocity)]
    largest = max(map(abs, errors))
    if largest <= SNAP * jump * dt and all([abs(a) <= 0.9 * jump for a in acceleration]):
        return [error / dt for error in errors] if largest else [0.0] * len(errors), ()
    cap = limits.brake if braking else limits.acceleration
    size = _approach(largest, jerk, dt)
    reasons: tuple[str, ...] = ()
    if size > cap:
        size, reasons = cap, ('acceleration',)
    share = size / largest if largest else 0.0
    turns = [error * share - a for error, a in zip(errors, acceleration)]
    most = max(map(abs, turns))
    if most > jump:
        ratio = jump / most
        return [a + turn * ratio for a, turn in zip(acceleration, turns)], (*reasons, 'jerk')
    return [a + turn for a, turn in zip(acceleration, turns)], reasons


def _approach(error: float, jerk: float, dt: float) -> float:
    """The acceleration that closes an error >= 0 and can still fall to 0 in time."""
    return jerk * (sqrt(dt * dt + 2.0 * error / jerk) - dt)


def _legal(
    v: float,
    a: float,
    up: float,
    down: float,
    lead: float,
    row: JointRow,
    brake: float,
    jerk: float,
) -> bool:
    """Says whether a stop from (v, a) keeps every limit, `up` and `down` [rad] of room away."""
    rise = 0.5 * a * a / jerk
    peak = v + rise if a > 0.0 else v
    if peak > 0.0 and not _stops(
        v, a, peak, up, row.curve_high - row.high, lead, row, brake, jerk
    ):
        return False
    peak = rise - v if a < 0.0 else -v
    return peak <= 0.0 or _stops(
        -v, -a, peak, down, row.low - row.curve_low, lead, row, brake, jerk
    )


def _stops(
    v: float,
    a: float,
    peak: float,
    room: float,
    curve: float,
    lead: float,
    row: JointRow,
    brake: float,
    jerk: float,
) -> bool:
    """Says whether a stop from (v, a) stays legal on one side, `curve` [rad] from room to q_hi."""
    if peak > row.speed:
        return False
    t = (a + brake) / jerk
    if t > 0.0:
        ramp = t * (v + t * (0.5 * a - jerk * t / 6.0))
        after = v + t * (a - 0.5 * jerk * t)
    else:
        ramp, after = 0.0, v
    if v > 0.0:
        room -= v * lead
    distance = ramp + 0.5 * after * after / brake + brake**3 / (24.0 * jerk * jerk)
    if max(0.0, distance) > room:
        return False
    return not row.slope or max(0.0, ramp) + _curve_distance(peak, row, brake) <= room + curve


def _curve_distance(v: float, row: JointRow, brake: float) -> float:
    """S(v): how far from q_hi FR3's velocity limit admits v, and braking keeps to it [rad]."""
    u = min(v, row.bend)
    return (u + row.offset) ** 2 / row.slope + 0.5 * (v * v - u * u) / brake


def _largest(
    v: float,
    before: float,
    wanted: float,
    dt: float,
    up: float,
    down: float,
    lead: float,
    row: JointRow,
    brake: float,
    jerk: float,
) -> float:
    """The legal acceleration nearest to the wanted one, from the stop's own next step upward."""
    stop = min(brake, _approach(abs(v), jerk, dt))
    stop = max(before - jerk * dt, min(before + jerk * dt, -stop if v > 0.0 else stop))
    if not _legal(v + stop * dt, stop, up, down, lead, row, brake, jerk):
        return stop
    good, bad = stop, wanted
    for _ in range(5):
        middle = 0.5 * (good + bad)
        if _legal(v + middle * dt, middle, up, down, lead, row, brake, jerk):
            good = middle
        else:
            bad = middle
    return good
