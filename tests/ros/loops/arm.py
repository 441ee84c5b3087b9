"""A guard with an arm, and without a graph."""

import numpy as np

from moto_core.guard.limits import load_robot
from moto_core.guard.state import GuardConfig
from moto_ros.config import CommandConfig
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.loops.sources import POLICY

FR3 = load_robot('fr3')
HOME = np.array(FR3.home)
NAMES = FR3.spec.joints
TICK, DELAY = GuardConfig().tick, CommandConfig().delay
LED = ArmSettings(delay=DELAY)


class Arm:
    """A guard, and an arm that goes exactly where it is led or at the velocity it is told.

    It was led to its home before (`known`), so that a beginning takes no longer than BLEND.
    """

    def __init__(
        self, delay=DELAY, profile='normal', settings=None, home=HOME, known=True, **config
    ):
        settings = settings or ArmSettings(delay=delay)
        self.guard = ArmGuard(FR3, profile, GuardConfig(**config), settings)
        self.now, self.position, self.velocity = 10.0, np.array(home), np.zeros(7)
        self.sent, self.outputs, self.joints = [], [], True
        if delay and known:
            self.guard._leader.beginning.led = np.array(home)
        self.guard.activate(True)
        self.go(0.1)
        if home is HOME:
            self.guard.arm()

    def tick(self, ask=None, source=POLICY):
        self.now += TICK
        if self.joints:
            self.guard.inbox.measured(NAMES, self.position, self.velocity, 0.0, self.now)
        if ask is not None:
            self.guard.inbox.request(NAMES, np.full(7, ask), 0.0, self.now, source)
        self.take(self.guard.tick(self.now))

    def take(self, output):
        if output is None:
            return
        self.outputs.append(output)
        knots = self.guard.trajectory(250.0)
        if knots:
            self.sent.append(knots)
        if not self.guard.delay:
            self.velocity = output.velocity
        elif self.guard.reference is not None:
            led = self.guard.reference.at(self.now - DELAY)
            self.position, self.velocity = led.position, led.velocity
            return
        else:
            self.velocity = np.zeros(7)
        self.position = self.position + self.velocity * TICK

    def go(self, seconds, ask=None, source=POLICY):
        for _ in range(round(seconds / TICK)):
            self.tick(ask, source)

    def clock(self):
        """Waits for the next tick, as a node does in its halt: nothing is measured meanwhile."""
        self.now += TICK
        return self.now
