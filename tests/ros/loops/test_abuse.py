"""Abuse for long, drawn at random: whatever comes in, a controller at 1 kHz keeps every limit."""

import heapq
import random
from collections import Counter
from contextlib import suppress

import numpy as np
import pytest

from moto_core.guard.limits import load_robot
from moto_core.guard.state import GuardConfig, GuardRefusal
from moto_ros.chaos.twin_link import Motion, measure
from moto_ros.config import GuardParams
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.loops.halt import halt
from moto_sim.trajectory_controller import Points, TrajectoryController
from tests.ros.loops.arm import DELAY, TICK

PERIOD = 0.001  # [s] of the controller
LIFE = 1250  # ticks of one arm: 5 s
RATE = GuardParams().trajectory_rate  # [Hz] of messages
INTO_THE_MARGIN = 0.02  # [rad] of an arm that is braked with joint states up to 100 ms old
MOST = {  # of the profile's
    'speed_of_cap': 1.001,
    'acceleration_of_profile': 1.001,
    'jerk_of_profile': 1.02,  # of a stop whose jerk changes twice within brake.LEAST
}
GARBAGE = [float('nan'), float('inf'), -float('inf'), 1e308, -1e30]
ROBOTS = {name: load_robot(name) for name in ('fr3', 'panda')}


class Life:
    """A guard that is abused, its messages under way, and a controller that follows them."""

    def __init__(self, rng):
        self.rng, self.robot = rng, ROBOTS[rng.choice(list(ROBOTS))]
        self.profile = rng.choice(['commissioning', 'normal', 'ceiling'])
        settings = ArmSettings(delay=DELAY, home_tolerance=9.0)
        config = GuardConfig(latency=DELAY + 0.01, deadman_required=rng.random() < 0.3)
        self.guard = ArmGuard(self.robot, self.profile, config, settings)
        self.controller = TrajectoryController(np.array(self.robot.home), PERIOD)
        self.names, self.joints = self.robot.spec.names, self.robot.spec.joints
        self.now, self.due, self.number, self.held = 0.0, 0.0, 0, True
        self.wanted, self.source = np.zeros(len(self.names)), 'policy'
        self.underway, self.lost = [], False
        self.path, self.modes, self.refused = [], [], []
        self.guard.activate(True)

    def chance(self, share):
        return self.rng.random() < share

    def spoiled(self, names, values, share):
        """Names and values as they are, or with what a message could hold of garbage."""
        names, values = list(names), list(values)
        if self.chance(share):
            place = self.rng.randrange(len(values))
            kind = self.rng.choice(['value', 'name', 'twice', 'short', 'long', 'order'])
            if kind == 'value':
                values[place] = self.rng.choice(GARBAGE)
            elif kind in ('name', 'twice'):
                names[place] = names[place - 1] if kind == 'twice' else 'nobody'
            elif kind == 'order':
                order = self.rng.sample(range(len(names)), len(names))
                names, values = [names[i] for i in order], [values[i] for i in order]
            else:
                values = values[1:] if kind == 'short' else [*values, 0.0]
        return names, values

    def age(self, usual):
        return self.rng.choice([*GARBAGE, None, 0.3, -0.1]) if self.chance(0.01) else usual

    def hear(self):
        """Joints at 125 Hz, requests at 12.5 Hz, people; all of it spoiled at times."""
        step, inbox = round(self.now / PERIOD), self.guard.inbox
        if step % 8 == 0 and not self.chance(0.01):
            names, position = self.spoiled(self.joints, self.controller.position, 0.005)
            velocity = self.controller.velocity.tolist()
            inbox.measured(names, position, velocity, self.age(0.0), self.now)
        if step % 80 == 0:
            if self.chance(0.5):
                most = 3.0 * np.resize(self.guard.limits.dq, len(self.names))
                self.wanted = most * [self.rng.uniform(-1, 1) for _ in self.names]
            if not self.chance(0.05):
                names, asked = self.spoiled(self.names, self.wanted, 0.03)
                inbox.request(names, asked, self.age(0.0), self.now, self.source)
        if step % 20 == 0:
            inbox.deadman(self.held, self.now)
        if step % 40 == 0:
            with suppress(GuardRefusal):
                self.deed()

    def deed(self):
        """What somebody does: most often he arms, and goes on."""
        guard, deeds = self.guard, self.rng.random()
        self.held = self.chance(0.95)
        if deeds < 0.02:
            self.source = self.rng.choice(['policy', 'teleop'])
            guard.intervene(self.source == 'teleop')
        elif deeds < 0.03:
            guard.disarm()
            guard.home()
        elif deeds < 0.05:
            self.rng.choice([guard.disarm, guard.inbox.stop, lambda: guard.fault('two_masters')])()
        elif deeds < 0.06:
            guard.activate(False)
        elif not guard.state.armed and guard.source != 'home' and self.chance(0.5):
            if not guard.inbox.switches(self.now).active:
                guard.activate(True)
            guard.reset_fault()
            guard.arm()

    def tick(self):
        """The guard's ticks, each late by up to 3 ms, and now and then none for a while."""
        while self.due <= self.now:
            output = self.guard.tick(self.due)
            if output is not None:
                self.modes.append(output.state)
                self.send(self.due)
            self.number += 1
            if self.chance(0.001):
                self.number += self.rng.choice([3, 8, 15, 125])
                self.lost = True  # before it, in a way: what comes next is not lost
            self.due = self.number * TICK + self.rng.uniform(0.0, 0.003)

    def send(self, now, lose=True):
        knots = self.guard.trajectory(RATE)
        if not knots:
            return
        if lose and len(knots) > 2 and not self.lost and self.chance(0.02):
            self.lost = True  # and the next one is not
            return
        self.lost = False
        points = Points(
            np.array([knot.time + DELAY for knot in knots]),
            np.array([knot.position for knot in knots]),
            np.array([knot.velocity for knot in knots]),
        )
        arrival = now + self.rng.uniform(0.0005, 0.004)
        heapq.heappush(self.underway, (arrival, self.number, points))

    def follow(self):
        """One period of the controller."""
        while self.underway and self.underway[0][0] <= self.now:
            refused = self.controller.receive(heapq.heappop(self.underway)[2], self.now)
            self.refused += [refused] if refused else []
        self.path.append(self.controller.update(self.now)[0])
        self.now += PERIOD

    def clock(self):
        """Waits for the next tick of a halt."""
        for _ in range(round(TICK / PERIOD)):
            self.follow()
        return self.now

    def run(self):
        """Lives, and is halted; returns what came of it."""
        while self.number < LIFE:
            self.hear()
            self.tick()
            self.follow()
        halt(self.guard, self.clock, lambda output: self.send(self.now, lose=False))
        motion = Motion(
            position=np.array(self.path), modes=self.modes, refused=self.refused, reflexes=[]
        )
        return measure(self.robot, self.profile, motion)


def abuse(ticks, seed):
    rng, seen = random.Random(seed), Counter()
    for _ in range(ticks // LIFE):
        life = Life(rng)
        found = life.run()
        for name, most in MOST.items():
            assert found[name] <= most, (name, found)
        assert found['steps_inside_profile'] > 0.999
        assert found['refused'] == 0
        assert found['room_to_limits_rad'] > found['margin_rad'] - INTO_THE_MARGIN
        assert not life.controller.velocity.any(), 'a halt ends at rest'
        seen.update(life.modes)
        seen['travel'] += found['travel_rad']
    return seen


@pytest.mark.parametrize('ticks', [12_500, pytest.param(250_000, marks=pytest.mark.slow)])
def test_whatever_comes_in_for_long_a_controller_keeps_every_limit(ticks):
    seen = abuse(ticks, seed=ticks)
    assert seen['RUNNING'] > 0.3 * ticks, 'it may move'
    assert min(seen[mode] for mode in ('READY', 'ARMED', 'HOLD', 'FAULT', 'ESTOP')) > 0.002 * ticks
    assert seen['travel'] > 0.3 * ticks / LIFE, 'and does: [rad] a life'
