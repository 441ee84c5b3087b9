"""A guard with its arm for tests: an integrator that follows every command exactly."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from moto_core.guard.guard import arm, guard_step
from moto_core.guard.limits import load_robot, resolve
from moto_core.guard.state import (
    GuardConfig,
    GuardMemory,
    GuardOutput,
    Measured,
    Request,
    Switches,
)

ON = Switches(active=True, armed=True)
LET_GO = ON._replace(let_go=True)  # the deadman, just now
read_robot = cache(load_robot)  # its file is read once


class Rig:
    """One robot, armed, at rest in the middle of its ranges unless told otherwise."""

    def __init__(self, robot='fr3', profile='normal', config=None, position=None):
        self.robot = read_robot(robot)
        self.spec, self.limits = self.robot.spec, resolve(self.robot, profile)
        self.config = config or GuardConfig()
        self.names = tuple(self.spec.names)
        middle = (self.limits.q_min + self.limits.q_max) / 2
        self.position = np.array(middle if position is None else position, float)
        self.velocity = np.zeros(7)
        self.state = arm(GuardMemory())
        self.now = 10.0
        self.request, self.measured = None, None
        self.outputs: list[GuardOutput] = []

    def ask(self, velocity, **changes):
        """A request stamped now; a number asks it of every joint."""
        values = np.broadcast_to(np.asarray(velocity, float), (len(self.names),)).copy()
        self.request = Request(self.names, values, self.now, self.now)._replace(**changes)

    def sense(self, **changes):
        self.measured = Measured(
            tuple(self.spec.joints), self.position.copy(), self.velocity.copy(), self.now, self.now
        )._replace(**changes)

    def tick(self, switches=ON, sense=True, dt=None):
        """One tick; then the arm moves at what came out until the next."""
        if sense:
            self.sense()
        output, self.state = guard_step(
            self.config,
            self.limits,
            self.spec,
            self.state,
            self.request,
            self.measured,
            switches,
            self.now,
        )
        dt = self.config.tick if dt is None else dt
        self.velocity = output.velocity
        self.position = self.position + output.velocity * dt
        self.now += dt
        self.outputs.append(output)
        return output

    def run(self, velocity, seconds, **options):
        """Ticks for some time with a fresh request at every tick; returns the last output."""
        for _ in range(math.ceil(seconds / self.config.tick - 1e-9)):
            self.ask(velocity)
            output = self.tick(**options)
        return output

    def coast(self, seconds, **options):
        """Ticks for some time with no new request; returns the last output."""
        for _ in range(math.ceil(seconds / self.config.tick - 1e-9)):
            output = self.tick(**options)
        return output
