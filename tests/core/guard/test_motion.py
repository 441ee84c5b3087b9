"""Rules 4 to 7 with numbers by hand, and what must never happen whatever comes in (fault 12)."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moto_core.guard.guard import arm, guard_step, reset_fault
from moto_core.guard.limits import load_robot, resolve
from moto_core.guard.motion import Reach, allowed, motion_step, reach
from moto_core.guard.state import FAULT, RUNNING, GuardConfig, GuardMemory, GuardRefusal
from tests.core.guard.guard_rig import ON, Rig
from tests.core.guard.published import velocity_limits

FR3 = load_robot('fr3')
ZERO = (0.0,) * 7


def at(limits, position):
    return reach(limits, tuple(position), 0.0, 0.008, 0.004)


def test_one_factor_brings_the_vector_under_the_cap_and_keeps_its_direction():
    limits = resolve(FR3, 'normal')  # caps 1, 0.5, 0.75, 0.625, 1.5, 0.75, 1.5
    wanted = (0.2, 1.0, -0.4, 0.0, 0.6, 0.0, 0.0)
    out, factor, reasons = allowed(limits, wanted, ZERO, at(limits, FR3.home), 1.0)
    assert factor == 0.5  # joint 2: 0.5 of 1.0
    assert out == pytest.approx((0.1, 0.5, -0.2, 0.0, 0.3, 0.0, 0.0), rel=2e-6)
    assert reasons == ('velocity',)
    out, factor, reasons = allowed(limits, wanted, ZERO, at(limits, FR3.home), 0.1)
    assert factor == pytest.approx(0.05)
    assert reasons == ('uncertain',)


def test_a_request_within_the_limits_passes():
    limits = resolve(FR3, 'normal')
    wanted = (0.2, -0.4, 0.1, 0.3, 1.4, -0.7, 0.0)
    out, factor, reasons = allowed(limits, wanted, ZERO, at(limits, FR3.home), 1.0)
    assert (factor, reasons) == (1.0, ())
    assert out == pytest.approx(wanted, rel=2e-6)


def test_look_ahead_bounds_the_speed_toward_a_limit_and_not_away_from_it():
    limits = resolve(FR3, 'normal')
    position = list(FR3.home)
    position[0] = 2.7437 - 0.10 - 0.036  # sqrt(2 * 5 * 0.036) = 0.6
    out, factor, reasons = allowed(limits, (0.9, *ZERO[1:]), ZERO, at(limits, position), 1.0)
    assert out[0] == pytest.approx(0.6, rel=1e-5)
    assert (factor, reasons) == (1.0, ('position',))
    out, _, reasons = allowed(limits, (-0.9, *ZERO[1:]), ZERO, at(limits, position), 1.0)
    assert out[0] == pytest.approx(-0.9, rel=1e-5)
    assert reasons == ()
    moving = (0.5, *ZERO[1:])  # 0.5 * 0.008 s of way already made
    out, _, _ = allowed(limits, (0.9, *ZERO[1:]), moving, at(limits, position), 1.0)
    assert out[0] == pytest.approx(math.sqrt(10 * 0.032), rel=1e-5)


def test_an_old_measurement_shortens_the_way():
    limits = resolve(FR3, 'normal')
    where = reach(limits, (1.0,) * 7, 0.1, 0.008, 0.004)
    assert where.lead == pytest.approx(0.108)
    assert where.high[0] == pytest.approx(1.0 + 5 * 0.1 * (0.05 + 0.004))  # 0.027
    assert where.low[0] == pytest.approx(1.0 - 0.027)


def test_an_arm_that_may_change_faster_than_it_brakes_has_been_further_since():
    limits = resolve(FR3, 'ceiling')  # 9.5 rad/s^2, and a brake of 5
    where = reach(limits, (1.0,) * 7, 0.1, 0.008, 0.004)
    assert where.high[0] == pytest.approx(1.0 + 9.5 * 0.1 * (0.05 + 0.004))  # 0.0513


@pytest.mark.parametrize('depth', [0.05, 0.0, -0.3])
def test_within_the_margin_and_outside_only_inward_motion_is_let_out(depth):
    rig = Rig()
    rig.position[3] = rig.limits.q_max[3] - depth  # joint 4
    output = rig.run(0.4, 0.2)
    assert output.state == RUNNING
    assert max(o.velocity[3] for o in rig.outputs) <= 0.0
    assert output.velocity[0] == pytest.approx(0.4, rel=1e-5)  # it does not hold the others
    assert 'position' in output.reasons
    start = rig.position[3]
    rig.run(-0.4, 1.0)
    assert rig.position[3] < start - 0.2


def test_at_kitchens_home_joint_two_may_only_move_inward():
    rig = Rig('kitchen_sim', position=load_robot('kitchen_sim').home)
    assert rig.run(-1.0, 0.5).velocity[1] == 0.0
    assert rig.outputs[-1].velocity[0] < -0.5
    rig.run(1.0, 1.0)
    assert rig.position[1] > -1.7685 + 0.5


def test_fr3s_curve_scales_the_vector_at_the_ceiling():
    limits = resolve(FR3, 'ceiling')
    position = list(FR3.home)
    position[1] = 1.4
    wanted = (0.6, 2.0, *ZERO[2:])
    out, factor, reasons = allowed(limits, wanted, ZERO, at(limits, position), 1.0)
    curve = -0.20 + math.sqrt(5.17 * (1.79180 - 1.4))  # 1.2232; rule 5 would let 1.826 out
    assert out[:2] == pytest.approx((0.6 * curve / 2.0, curve), rel=1e-5)
    assert factor == pytest.approx(curve / 2.0)
    assert reasons == ('velocity_at_position',)


def test_acceleration_and_jerk_start_from_the_last_command():
    limits = resolve(FR3, 'normal')  # 5 rad/s^2, 500 rad/s^3, 2 rad/s^2 a tick
    where = at(limits, FR3.home)
    wanted = (0.4, -0.2, *ZERO[2:])
    first = motion_step(limits, 0.004, ZERO, ZERO, wanted, where, False)
    assert first.acceleration[:2] == pytest.approx((2.0, -1.0))  # along the request
    assert first.velocity[:2] == pytest.approx((0.008, -0.004))
    assert first.reasons == ('acceleration', 'jerk')
    second = motion_step(limits, 0.004, first.velocity, first.acceleration, wanted, where, False)
    assert second.acceleration[:2] == pytest.approx((4.0, -2.0))
    third = motion_step(limits, 0.004, second.velocity, second.acceleration, wanted, where, False)
    assert third.acceleration[:2] == pytest.approx((5.0, -2.5))
    assert third.velocity[:2] == pytest.approx((0.044, -0.022))  # 0.008 + 0.016 + 0.020
    assert third.reasons == ('acceleration',)


def test_the_last_steps_to_a_wanted_velocity_let_acceleration_fall_to_zero():
    limits = resolve(FR3, 'normal')
    wanted, where = (0.3, *ZERO[1:]), at(limits, FR3.home)
    velocity, acceleration, speeds = ZERO, ZERO, []
    for _ in range(40):
        velocity, acceleration, _ = motion_step(
            limits, 0.004, velocity, acceleration, wanted, where, False
        )
        speeds.append(velocity[0])
    assert max(speeds) <= 0.3
    assert speeds[-1] == 0.3
    assert acceleration[0] == 0.0
    assert 0.06 <= 0.004 * next(k for k, v in enumerate(speeds) if v > 0.299) <= 0.08


def test_braking_from_full_speed_takes_v_over_b_and_the_jerks_share():
    rig = Rig('kitchen_sim', position=[0, 0, 0, -1.5, 0, -0.8, 0])
    rig.run([1.0, *[0.0] * 8], 0.5)
    assert rig.velocity[0] == pytest.approx(1.0, rel=1e-5)
    begin, start = rig.now, rig.position[0]
    while rig.velocity[0] > 0.0:
        rig.tick(switches=ON._replace(active=False))
    assert 0.2 <= rig.now - begin <= 0.23  # 1 / 5 s, b / j = 0.01 s and the last ticks
    assert 0.100 <= rig.position[0] - start <= 0.105  # v^2/2b + vb/2j
    speeds = [o.velocity[0] for o in rig.outputs[-50:]]
    assert min(np.diff(speeds)) >= -5.0 * 0.004 - 1e-9  # never a step of velocity


def test_braking_uses_the_brake_and_not_the_profiles_acceleration():
    rig = Rig('fr3', 'commissioning')  # brakes at 5 rad/s^2, accelerates at 2.5
    rig.run([0.3, *[0.0] * 6], 1.0)
    speed, begin = rig.velocity[0], rig.now
    assert speed > 0.25
    while rig.velocity[0] > 0.0:
        rig.tick(switches=ON._replace(active=False))
    assert rig.now - begin <= speed / 5.0 + 0.05


def test_a_small_error_is_not_closed_at_once_while_the_joint_accelerates():
    limits = resolve(FR3, 'normal')  # 500 rad/s^3: 2 rad/s^2 a tick of 4 ms
    where = at(limits, FR3.home)
    velocity, acceleration = (0.3, *ZERO[1:]), (4.0, *ZERO[1:])
    step = motion_step(limits, 0.004, velocity, acceleration, velocity, where, False)
    assert step.acceleration[0] >= 2.0 - 1e-9
    assert step.velocity[0] >= 0.308 - 1e-9


def test_rest_is_exact_without_any_joint_state():
    limits, velocity, acceleration = resolve(FR3, 'normal'), (0.3,) * 7, ZERO
    for tick in range(40):
        pace = (0.0033, 0.0047, 0.0041)[tick % 3]
        velocity, acceleration, _ = motion_step(
            limits, pace, velocity, acceleration, ZERO, None, True
        )
    assert velocity == acceleration == ZERO


@pytest.mark.parametrize('pace', [(0.004,), (0.0033, 0.0047), (0.002, 0.006, 0.004)])
@pytest.mark.parametrize('at_high', [True, False])
@pytest.mark.parametrize('speed', [1e-3, -1e-3, 1e-20, -1e-20])
def test_a_joint_that_creeps_beyond_its_margin_comes_to_rest_in_a_few_ticks(speed, at_high, pace):
    """Bisection takes a thirty-second of what is left at a tick: 0.4 s from 1e-20 rad/s to 0."""
    limits = resolve(FR3, 'normal')
    position = list(FR3.home)
    position[3] = limits.q_max[3] if at_high else limits.q_min[3]
    velocity, acceleration = (0.0, 0.0, 0.0, speed, 0.0, 0.0, 0.0), ZERO
    for tick in range(12):
        velocity, acceleration, _ = motion_step(
            limits,
            pace[tick % len(pace)],
            velocity,
            acceleration,
            ZERO,
            at(limits, position),
            True,
        )
    assert velocity == acceleration == ZERO


def test_braking_moves_along_a_line():
    rig = Rig()
    rig.run([0.4, -0.2, 0.1, 0.3, -0.3, 0.0, 0.2], 0.4)
    direction = rig.velocity / rig.velocity[0]
    rig.tick(switches=ON._replace(active=False))
    while abs(rig.velocity).max() > 0.01:
        rig.tick(switches=ON._replace(active=False))
        assert rig.velocity / rig.velocity[0] == pytest.approx(direction, abs=1e-6)


@pytest.mark.parametrize('every', [1, 8])  # ticks between joint states: what is old costs room
@pytest.mark.parametrize('side', [1.0, -1.0])
@pytest.mark.parametrize('rate', [250.0, 1000.0])
@pytest.mark.parametrize('profile', ['commissioning', 'normal', 'ceiling'])
def test_a_joint_comes_to_rest_at_its_margin_by_itself(profile, rate, side, every):
    rig = Rig('fr3', profile, GuardConfig(rate=rate))
    limit = rig.limits.q_max[4] if side > 0 else rig.limits.q_min[4]
    edge = limit - side * rig.limits.margin
    rig.position[4] = edge - side * 0.4  # joint 5, the fastest
    witness = Witness(rig, rig.config.tick)
    for k in range(int(2.0 * rate)):
        rig.ask([0.0, 0.0, 0.0, 0.0, side * 5.0, 0.0, 0.0])
        position = rig.position
        witness.sees(rig.tick(sense=k % every == 0), position, rig.config.tick)
    assert 0.0 <= side * (edge - rig.position[4]) < 0.01


@pytest.mark.parametrize('side', [1.0, -1.0])
def test_where_a_joint_may_be_widens_with_the_age_of_its_measurement_toward_both_limits(side):
    """100 ms old: 0.027 rad more, and 0.108 s at the speed; 0.02 rad of room is none then."""
    limits = resolve(FR3, 'normal')
    position = list(FR3.home)
    limit = limits.q_max[4] if side > 0 else limits.q_min[4]
    position[4] = limit - side * (limits.margin + 0.02)
    wanted = (0.0, 0.0, 0.0, 0.0, side * 0.1, 0.0, 0.0)
    for age, moves in ((0.0, True), (0.1, False)):
        where = reach(limits, tuple(position), age, 0.008, 0.004)
        step = motion_step(limits, 0.004, ZERO, ZERO, wanted, where, False)
        assert (side * step.velocity[4] > 0.0) is moves
        assert ('stopping_distance' in step.reasons) is not moves


@pytest.mark.parametrize('side', [1.0, -1.0])
def test_a_joint_near_its_cap_stays_under_it_while_others_turn_round(side):
    turned = 0
    for ticks in range(40, 64, 2):
        rig = Rig('fr3', 'normal')
        witness = Witness(rig, rig.config.tick)
        for k in range(100):
            rig.ask([side, 0.0, 0.0, 0.0, side if k < ticks else -side, 0.0, 0.0])
            position = rig.position
            witness.sees(rig.tick(), position, rig.config.tick)
            turned += side * rig.velocity[0] > 0.98 and side * rig.velocity[4] < 0.9
    assert turned > 10


def test_braking_beside_a_faster_joint_keeps_fr3s_curve():
    nearest = 1.0
    for seconds in np.arange(0.9, 1.5, 0.1):
        rig = Rig('fr3', 'ceiling')
        rig.position[[1, 4]] = -0.3, -2.7
        witness = Witness(rig, rig.config.tick)
        for k in range(500):
            running = k * 0.004 < seconds
            rig.ask([0.0, 1.7, 0.0, 0.0, 4.5, 0.0, 0.0])
            position = rig.position
            output = rig.tick(switches=ON._replace(active=running))
            witness.sees(output, position, rig.config.tick)
            if not running and output.velocity[1] > 0.5:
                upper = velocity_limits(rig.limits, position)[1][1]
                nearest = min(nearest, upper - output.velocity[1])
    assert nearest < 0.1  # the curve was what bounded it


def test_a_policy_that_flips_each_step_reaches_no_limit():
    rig = Rig('fr3', 'normal')
    for k in range(100):
        rig.run(rig.spec.scale * (-1) ** k, 0.08)
    speeds = np.array([o.velocity for o in rig.outputs])
    changes = np.diff(speeds, axis=0) / 0.004
    assert abs(changes).max() <= 5.0 + 1e-6
    assert abs(np.diff(changes, axis=0)).max() / 0.004 <= 500.0 + 1e-4
    assert abs(speeds).max() > 0.1  # and it did move


def test_a_motion_already_beyond_hope_brakes_within_acceleration_and_jerk():
    limits = resolve(FR3, 'normal')
    where = Reach((9.0,) * 7, (9.0,) * 7, 0.008)  # a position that leaves no room at all
    velocity, acceleration = (0.5,) * 7, (2.0,) * 7
    for _ in range(60):
        before = velocity, acceleration
        velocity, acceleration, reasons = motion_step(
            limits, 0.004, velocity, acceleration, (0.5,) * 7, where, False
        )
        assert max(map(abs, acceleration)) <= 5.0 + 1e-9
        assert max(abs(a - b) for a, b in zip(acceleration, before[1])) <= 2.0 + 1e-9
        if before[0][0] > 0.02:
            assert 'stopping_distance' in reasons
    assert max(velocity) <= 1e-9


# ---- What must never happen: random messages, clocks, ages and starts, the plant an integrator.

numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 3.0, -3.0, 1e30, -1e30, 1e-12, 1e308]),
    st.floats(-4.0, 4.0),
    st.sampled_from([float('nan'), float('inf')]),
)
finite = st.one_of(st.sampled_from([1.0, -1.0, 0.0, 1e30, -1e30]), st.floats(-4.0, 4.0))
spoil = st.sampled_from(
    ['', '', '', '', 'names', 'shuffle', 'double', 'short', 'future', 'old', 'zero', 'none']
)
segments = st.lists(
    st.tuples(
        st.one_of(
            st.lists(finite, min_size=9, max_size=9),
            st.lists(finite, min_size=9, max_size=9),
            st.lists(numbers, min_size=9, max_size=9),
        ),
        spoil,
        st.integers(1, 60),
        st.sampled_from([1.0, 1.0, 0.5, 0.05, 0.0, 2.0]),
        st.booleans(),
    ),
    min_size=3,
    max_size=14,
)
paces = st.lists(st.sampled_from([1.0, 1.0, 1.0, 0.3, 0.9, 1.1, 1.5]), min_size=1, max_size=5)


def spoiled(request, kind, now, rng):
    n = len(request.names)
    order = rng.permutation(n)
    return {
        'names': request._replace(names=('nobody', *request.names[1:])),
        'shuffle': request._replace(
            names=tuple(request.names[i] for i in order), velocity=request.velocity[order]
        ),
        'double': request._replace(names=(request.names[1], *request.names[1:])),
        'short': request._replace(velocity=request.velocity[:-1]),
        'future': request._replace(stamp=now + 5.0),
        'old': request._replace(stamp=now - 5.0),
        'zero': request._replace(stamp=0.0),
        'none': request._replace(velocity=None),
    }.get(kind, request)


class Witness:
    """Checks each command against every limit, at the arm's true position."""

    def __init__(self, rig, tick):
        self.limits, self.tick = rig.limits, tick
        self.velocity, self.acceleration = np.zeros(7), np.zeros(7)
        self.low = np.minimum(rig.position, rig.limits.q_min + rig.limits.margin) - 1e-6
        self.high = np.maximum(rig.position, rig.limits.q_max - rig.limits.margin) + 1e-6

    def sees(self, output, position, dt):
        limits, velocity = self.limits, output.velocity
        used = min(dt, 1.5 * self.tick) if dt > 0 else self.tick
        acceleration = (velocity - self.velocity) / used
        assert np.isfinite(velocity).all()
        assert np.isfinite(output.gripper).all()
        assert (abs(velocity) <= limits.dq).all()
        lower, upper = velocity_limits(limits, position)
        assert (velocity <= upper + 1e-9).all(), (velocity, upper)
        assert (velocity >= lower - 1e-9).all(), (velocity, lower)
        assert abs(acceleration).max() <= max(limits.acceleration, limits.brake) + 1e-6
        assert abs(acceleration - self.acceleration).max() <= limits.jerk * used + 1e-6
        assert (position >= self.low).all(), position - self.low
        assert (position <= self.high).all(), position - self.high
        self.velocity, self.acceleration = velocity, acceleration


def starts(limits, fractions):
    low, high = limits.q_min + limits.margin, limits.q_max - limits.margin
    return low + (high - low) * np.array(fractions)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    name=st.sampled_from(['fr3', 'panda', 'kitchen_sim']),
    profile=st.sampled_from(['commissioning', 'normal', 'ceiling']),
    fractions=st.lists(
        st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.99, 1.0])), min_size=7, max_size=7
    ),
    plan=segments,
    pace=paces,
    age=st.sampled_from([0.0, 0.001, 0.01, 0.03]),
    seed=st.integers(0, 99),
)
def test_nothing_that_comes_in_breaks_a_limit(name, profile, fractions, plan, pace, age, seed):
    config = GuardConfig(rejects_in_row=100, rejects_in_window=1000, stale_fault=5.0)
    rig = Rig(name, profile, config)
    rig.position = starts(rig.limits, fractions)
    rng, witness = np.random.default_rng(seed), Witness(rig, config.tick)
    times, places, dt, count = [rig.now - 1.0, rig.now], [rig.position, rig.position], 0.0, 0
    for velocity, kind, ticks, scale, active in plan:
        for _ in range(ticks):
            rig.ask(velocity[: len(rig.names)], speed_scale=scale)
            rig.request = spoiled(rig.request, kind, rig.now, rng)
            seen = rig.now - age  # the arm as it was `age` ago
            rig.sense(
                stamp=seen,
                position=np.array(
                    [np.interp(seen, times[-60:], column) for column in np.array(places[-60:]).T]
                ),
            )
            output, rig.state = guard_step(
                config,
                rig.limits,
                rig.spec,
                rig.state,
                rig.request,
                rig.measured,
                ON._replace(active=active),
                rig.now,
            )
            witness.sees(output, rig.position, dt)
            if output.state == FAULT:
                rig.state = rearmed(rig.state)
            dt = pace[count % len(pace)] * config.tick
            rig.velocity, count = output.velocity, count + 1
            rig.position = rig.position + output.velocity * dt
            rig.now += dt
            times.append(rig.now)
            places.append(rig.position)


def rearmed(state):
    try:
        return arm(reset_fault(state, ON))
    except GuardRefusal:
        return state


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    plan=st.lists(
        st.tuples(
            st.lists(numbers, min_size=7, max_size=7),
            st.lists(numbers, min_size=7, max_size=7),
            st.one_of(
                st.floats(), st.floats(0, 0.01), st.just(0.004), st.just(0.0), st.just(-3.0)
            ),
            st.floats(),
            st.floats(),
            st.booleans(),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_garbage_in_every_field_gives_finite_commands_within_speed_and_acceleration(plan):
    limits = resolve(FR3, 'normal')
    config, state, now = GuardConfig(), arm(GuardMemory()), 5.0
    rig, last = Rig(), np.zeros(7)
    for request, position, dt, stamp, deadman, good in plan:
        now = now + dt
        rig.now, rig.position = now, np.array(position)
        rig.ask(np.array(request), **({} if good else {'stamp': stamp, 'speed_scale': deadman}))
        rig.sense(**({} if good else {'received': stamp}))
        output, state = guard_step(
            config,
            limits,
            FR3.spec,
            state,
            rig.request,
            rig.measured,
            ON._replace(deadman=deadman),
            now,
        )
        assert np.isfinite(output.velocity).all()
        assert (abs(output.velocity) <= limits.dq).all()
        assert abs(output.velocity - last).max() <= 5.0 * 1.5 * config.tick + 1e-9
        last = output.velocity
        if output.state == FAULT:
            state = rearmed(state)
