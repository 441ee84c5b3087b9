"""Abuse for long, drawn at random: whatever comes in, every command keeps every limit.

The Hypothesis tests of test_motion.py look for short plans that break a limit; here one arm after
another lives through garbage of every kind at once, in every field, for many more steps.
"""

import random
from collections import Counter, deque
from dataclasses import replace

import numpy as np
import pytest

from moto_core.guard.guard import guard_step
from moto_core.guard.state import HOLD, RUNNING, GuardConfig
from tests.core.guard.guard_rig import ON, Rig
from tests.core.guard.test_motion import Witness, rearmed, starts

LIFE = 500  # steps of one arm
GARBAGE = [float('nan'), float('inf'), -float('inf'), 1e308, -1e30, 5.0, -3.0, -1e-300, None]
PATIENT = GuardConfig(rejects_in_row=100, rejects_in_window=1000, stale_fault=5.0)


class Abuser:
    """What comes in at each step, from one random number generator."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def chance(self, share):
        return self.rng.random() < share

    def rig(self):
        """An arm of some robot and profile somewhere inside its margins, at an edge at times."""
        rng = self.rng
        name = rng.choice(['fr3', 'fr3', 'panda', 'kitchen_sim'])
        config = rng.choice([GuardConfig(), PATIENT, GuardConfig(deadman_required=True)])
        rig = Rig(name, rng.choice(['commissioning', 'normal', 'ceiling']), config)
        rig.position = starts(rig.limits, [rng.choice([0.0, 1.0, rng.random()]) for _ in range(7)])
        return rig

    def wanted(self, rig):
        """A velocity of each joint: some of the cap, or far above it."""
        most = self.rng.choice([0.3, 1.0, 3.0, 1e30])
        return np.resize(rig.limits.dq, len(rig.names)) * [
            most * self.rng.choice([-1.0, 1.0, self.rng.uniform(-1, 1)]) for _ in rig.names
        ]

    def spoil(self, message):
        """The message with garbage in one of its fields, whichever it has."""
        name = self.rng.choice(message._fields)
        value = getattr(message, name)
        if name == 'names' and isinstance(value, tuple):
            value = self.rng.choice([('nobody', *value[1:]), value[1:], (value[1], *value[1:]), 0])
        elif isinstance(value, np.ndarray) and self.chance(0.7):
            value = value.copy()
            value[self.rng.randrange(len(value))] = self.rng.choice(GARBAGE[:5])
        elif isinstance(value, np.ndarray):
            value = self.rng.choice([value[1:], value[:0], value[:, None], None, 'fast', 1.0])
        else:
            value = self.rng.choice(GARBAGE)
        return message._replace(**{name: value})

    def switches(self):
        """What people and the life cycle say for some steps: mostly that it may move."""
        if self.chance(0.7):
            return ON
        return ON._replace(
            active=self.chance(0.7),
            armed=self.chance(0.8),
            deadman=self.rng.choice(GARBAGE),
            let_go=self.chance(0.5),
            estop=self.chance(0.1),
            hold=self.rng.choice(['', '', 'not_recording']),
        )

    def clock(self, now):
        """The steady clock, which now and then says nonsense."""
        return self.rng.choice(GARBAGE[:6]) if self.chance(0.003) else now


def used(config, before, now):
    """The time [s] that a step's change may use, and the clock of the next."""
    if not np.isfinite(now):
        return config.tick, before
    if before is None or now <= before:
        return config.tick, now
    return min(now - before, 1.5 * config.tick), now


def live(abuser, seen):
    """One arm's life under a witness; counts what happened in `seen`."""
    rig, chance = abuser.rig(), abuser.chance
    honest = chance(0.7)  # joints that are believed are true, and no tick is later than 1.5
    witness, rng, config = Witness(rig, rig.config.tick), abuser.rng, rig.config
    if not honest:  # then nobody knows where the arm is
        witness.low, witness.high = np.full(7, -np.inf), np.full(7, np.inf)
        witness.limits = replace(rig.limits, velocity_slope=np.zeros(0))
    past = deque([(rig.now, rig.position)], maxlen=9)
    wanted, before, begin = abuser.wanted(rig), None, rig.position
    switches = ON
    for _ in range(LIFE):
        if chance(0.05):
            wanted, switches = abuser.wanted(rig), abuser.switches()
        if chance(0.5):
            rig.ask(wanted, speed_scale=rng.choice([1.0, 1.0, 1.0, 0.5, 2.0]))
        if chance(0.01) and rig.request is not None:
            rig.request = abuser.spoil(rig.request)
        if chance(0.5):
            stamp, place = rng.choice(past)
            rig.sense(stamp=stamp, position=place)
        if chance(0.005) and rig.measured is not None:
            spoilt = abuser.spoil(rig.measured)
            if spoilt.stamp or not honest:  # without a stamp what is old looks new
                rig.measured = spoilt
        if not honest and chance(0.02) and rig.measured is not None:
            rig.measured = rig.measured._replace(position=rig.position + rng.uniform(-1.0, 1.0))
        now = rig.now if honest else abuser.clock(rig.now)
        output, rig.state = guard_step(
            config,
            rig.limits,
            rig.spec,
            rig.state,
            rig.request,
            rig.measured,
            switches._replace(deadman=rig.now) if switches == ON else switches,
            now,
        )
        change, before = used(config, before, now)
        witness.sees(output, rig.position, change)
        seen[output.state] += 1
        if output.state not in (RUNNING, HOLD) and chance(0.1):
            rig.state = rearmed(rig.state)
        dt = config.tick * rng.choice([1.0, 1.0, 0.3, 1.1, 1.5] if honest else [1.0, 0.3, 9.0])
        rig.velocity = output.velocity
        rig.position = rig.position + output.velocity * dt
        rig.now += dt
        if not honest and chance(0.001):
            rig.now += rng.choice([-3600.0, -0.05, 0.3, 3600.0])
        past.append((rig.now, rig.position))
    seen['travel'] += np.abs(rig.position - begin).max()


def abuse(steps, seed):
    seen, abuser = Counter(), Abuser(seed)
    for _ in range(steps // LIFE):
        live(abuser, seen)
    return seen


@pytest.mark.parametrize('steps', [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_whatever_comes_in_for_long_every_command_keeps_every_limit(steps):
    seen = abuse(steps, seed=steps)
    assert seen['RUNNING'] > 0.25 * steps, 'it may move'
    assert min(seen[mode] for mode in ('READY', 'ARMED', 'HOLD', 'FAULT', 'ESTOP')) > 0.005 * steps
    assert seen['travel'] > 0.2 * steps / LIFE, 'and does: [rad] a life'
