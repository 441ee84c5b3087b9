"""A person at a joystick, over DDS: Joy at 25 Hz."""

import numpy as np
from sensor_msgs.msg import Joy

from moto_ros.loops.teleop import LET_GO
from moto_ros.wire import interface
from tests.ros.hands import PERIOD

BUTTONS, AXES = 11, 8
TAKE_OVER, GIVE_BACK = 5, 6
SUCCESS, FAILURE, START = 0, 1, 7


class Pad:
    """A joystick whose axes ask for their joints one to one, at full scale."""

    def __init__(self, graph):
        self.graph, joy = graph, interface.JOY
        self.publisher = graph.node.create_publisher(joy.type, joy.name, joy.publisher)

    def says(self, axes=(), *buttons, seconds=PERIOD):
        """Says the same for a while."""
        down = [int(place in buttons) for place in range(BUTTONS)]
        filled = [*map(float, axes), *[0.0] * (AXES - len(axes))]
        for _ in range(max(1, round(seconds / PERIOD))):
            self.publisher.publish(Joy(axes=filled, buttons=down))
            self.graph.spin(PERIOD)

    def press(self, *buttons, holding=()):
        """Presses buttons and lets them go, with those of `holding` down.

        Nothing else: the deadman, which nobody holds, has been let go for long enough.
        """
        if not holding:
            self.says(seconds=LET_GO + 3 * PERIOD)
        self.says((), *holding, *buttons)
        self.says((), *holding)

    def connects(self):
        """Speaks until it is heard, everything at rest."""
        self.says(seconds=0.3)  # what was heard of another is old by then
        self.until(lambda: self.graph.latest.teleop.heard, 'the joystick to be heard')

    def until(self, condition, what, *buttons, axes=(), seconds=20.0):
        """Says the same until a condition holds."""
        for _ in range(round(seconds / PERIOD)):
            if condition():
                return
            self.says(axes, *buttons)
        raise AssertionError(f'{what}: {self.graph.latest}')

    def follow(self, hands, done):
        """Steers the arm as hands do, until `done`."""
        for _ in range(3000):
            if done():
                return
            guard = self.graph.latest.guard
            assert guard.state in ('RUNNING', 'HOLD'), (f'row {hands.at:.0f}', guard)
            axes, buttons = hands.next(np.array(self.graph.joints[-1].position[:7]))
            self.says(axes, *buttons)
        raise AssertionError(f'the way was followed up to row {hands.at:.0f} of {len(hands.way)}')
