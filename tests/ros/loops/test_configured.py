"""A guard made from the configuration: what it knows of the arm that it leads."""

import numpy as np
import pytest

from moto_core.guard.limits import load_robot
from moto_ros.config import load_ros_config
from moto_ros.loops.configured import arm_guard

SIM = {'record.source': 'sim', 'command.mode': 'velocity_array'}


@pytest.mark.parametrize(
    'name, told, remedy',
    [('kitchen_sim', SIM, 'too slow or busy'), ('fr3', {}, 'mend the joint states')],
)
def test_the_guard_knows_whether_its_joints_are_the_twins(name, told, remedy):
    robot = load_robot(name)
    config = load_ros_config('franka_kitchen', told)
    guard = arm_guard(config, robot)
    guard.activate(True)
    joints, home = robot.spec.joints, np.array(robot.home)
    guard.inbox.measured(joints, home, np.zeros(len(joints)), 10.0, 10.0)
    guard.tick(10.0)
    guard.tick(10.5)
    assert 'joints_stale' in guard.refusal and remedy in guard.refusal
