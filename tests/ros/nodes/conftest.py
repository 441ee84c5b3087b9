"""Single nodes inside the test process."""

import pytest
import rclpy


@pytest.fixture
def make():
    """Makes a node with ROS parameters; everything ends with the test."""
    made = []

    def make(kind, level='fatal', **parameters):
        arguments = ['--ros-args', '--log-level', level]
        for key, value in parameters.items():
            arguments += ['-r' if key.startswith('__') or '/' in key else '-p', f'{key}:={value}']
        rclpy.init(args=arguments)
        made.append(kind())
        return made[0]

    yield make
    for node in made:
        node.halt()
        node.destroy_node()
    rclpy.try_shutdown()
