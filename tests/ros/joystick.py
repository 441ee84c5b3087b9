"""A person at a joystick, over DDS: Joy at 25 Hz, and hands that follow a way of the joints."""

import numpy as np
from sensor_msgs.msg import Joy

from moto_ros.wire import interface

DEADMAN, BUTTONS, AXES = 4, 11, 8
CLOSE, OPEN, TAKE_OVER, GIVE_BACK = 0, 1, 5, 6
SUCCESS, FAILURE, START = 0, 1, 7
PERIOD = 0.04  # [s]
LAG = 0.12  # [rad] of the arm behind its way, beyond which the hands wait for it


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
        """Presses buttons and lets them go, with those of `holding` down."""
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

    def follow(self, way, fingers, done):
        """Steers the joints along a way (T, 7) [rad], one row a decision, until `done`.

        `fingers` (T,) are 1 to open and -1 to close. The hands wait for an arm that lags.
        """
        spec = self.graph.robot.spec
        period, scale, at, held = spec.period, spec.scale[:7], 0.0, 0.0
        for _ in range(3000):
            if done():
                return
            guard = self.graph.latest.guard
            assert guard.state in ('RUNNING', 'HOLD'), (f'row {at:.0f} of {len(way)}', guard)
            row, rest = int(at), at - int(at)
            if row >= len(way) - 1:
                row, rest = len(way) - 2, 1.0
            wanted = (1 - rest) * way[row] + rest * way[row + 1]
            away = wanted - np.array(self.graph.joints[-1].position[:7])
            follows = np.abs(away).max() < LAG and at < len(way) - 1
            ahead = (way[row + 1] - way[row]) / period if follows else np.zeros(7)
            button, turned = (OPEN, 1.0) if fingers[row] > 0 else (CLOSE, -1.0)
            pressed = [button] if turned != held else []
            held = turned
            self.says(np.clip((ahead + 3.0 * away) / scale, -1, 1), DEADMAN, *pressed)
            at += PERIOD / period if follows else 0.0
        raise AssertionError(f'the way was followed up to row {at:.0f} of {len(way)}')
