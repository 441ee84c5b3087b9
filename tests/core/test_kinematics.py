"""The arm's chain from its published parameters: by hand, by differences, and against MuJoCo."""

import math

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_core.kinematics import DAMPING, Chain, Kinematics, joint_velocity

FLAT = Kinematics(a=[0.0, 0.5], d=[0.0, 0.0], alpha=[0.0, 0.0], tool=0.25)  # turns about z twice


def test_a_flat_arm_by_hand():
    chain = Chain(FLAT, 2)
    pose = chain.pose(np.array([math.pi / 2, 0.0]))
    assert pose.position == pytest.approx([0.0, 0.5, 0.25])
    assert pose.rotation == pytest.approx(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]))
    jacobian = chain.jacobian(np.array([math.pi / 2, 0.0]))
    assert jacobian[:, 0] == pytest.approx([-0.5, 0.0, 0.0, 0.0, 0.0, 1.0])
    assert jacobian[:, 1] == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])


def test_frankas_ready_pose_has_its_hand_ahead_and_pointing_down():
    robot = load_robot('fr3')
    pose = robot.chain().pose(np.array(robot.home))
    assert pose.position == pytest.approx([0.3069, 0.0, 0.5902], abs=1e-4)
    assert pose.rotation[:, 2] == pytest.approx([0.0, 0.0, -1.0], abs=1e-5)


@pytest.mark.parametrize('name', ['fr3', 'fr3v2', 'panda', 'fer', 'kitchen_sim'])
def test_the_jacobian_is_how_the_pose_changes(name):
    robot = load_robot(name)
    chain, q, step = robot.chain(), np.array(robot.home), 1e-6
    jacobian, here = chain.jacobian(q), chain.pose(q)
    for joint in range(7):
        moved = chain.pose(q + step * np.eye(7)[joint])
        turn = (moved.rotation @ here.rotation.T - np.eye(3)) / step
        assert jacobian[:3, joint] == pytest.approx(
            (moved.position - here.position) / step, abs=1e-5
        )
        assert jacobian[3:, joint] == pytest.approx([turn[2, 1], turn[0, 2], turn[1, 0]], abs=1e-5)


def test_the_hand_moves_as_asked_away_from_a_singular_pose():
    robot = load_robot('fr3')
    jacobian = robot.chain().jacobian(np.array(robot.home))
    twist = np.array([0.1, -0.05, 0.02, 0.3, 0.0, -0.2])
    velocity = joint_velocity(jacobian, twist)
    assert jacobian @ velocity == pytest.approx(twist, abs=1e-12)
    smallest = np.linalg.pinv(jacobian) @ twist
    assert velocity == pytest.approx(smallest)


def test_a_stretched_arm_stands_in_the_direction_that_it_cannot_take():
    chain = load_robot('fr3').chain()
    straight = chain.jacobian(np.array([0.0, 0.0, 0.0, 0.0, 0.0, math.pi, 0.0]))
    up, _, _ = np.linalg.svd(straight)
    asked = joint_velocity(straight, 0.2 * up[:, -1])
    assert np.abs(asked).max() < 0.2 / (2 * DAMPING)  # what damping leaves of it at most
    for share in (0.3, 0.1, 0.01, 1e-6):  # the nearer to it, no faster
        near = chain.jacobian(np.array([0.0, 0.0, 0.0, -share, 0.0, math.pi, 0.0]))
        assert np.abs(joint_velocity(near, np.array([0, 0, 0.2, 0, 0, 0]))).max() < 5.0


def test_an_arm_of_two_joints_goes_where_it_can_and_stands_where_it_cannot():
    jacobian = Chain(FLAT, 2).jacobian(np.zeros(2))
    asked = np.array([0.0, 0.1, 0.2, 0.0, 0.0, 0.0])
    moved = jacobian @ joint_velocity(jacobian, asked)
    assert np.isfinite(moved).all() and 0.05 < moved[1] <= 0.1 and moved[2] == 0.0


@pytest.mark.parametrize(
    'change, words',
    [
        ({'a': [0.0] * 6}, r'kinematics.a has 6 entries; expected 7'),
        ({'theta': [0.0]}, r'kinematics.theta has 1 entries; expected 7'),
        ({'d': [333.0, *[0.0] * 6]}, 'kinematics.d'),
        ({'alpha': [90.0] * 7}, 'kinematics.alpha'),
    ],
)
def test_a_column_of_the_wrong_size_or_in_other_units_is_refused_by_name(change, words):
    overrides = [f'kinematics.{name}={values}' for name, values in change.items()]
    with pytest.raises(ConfigError, match=words):
        load_robot('fr3', overrides)


def test_a_robot_without_kinematics_says_where_to_write_them():
    nothing = [f'kinematics.{name}=[]' for name in ('a', 'd', 'alpha')]
    robot = load_robot('fr3', [*nothing, 'kinematics.tool=0'])
    with pytest.raises(ConfigError, match="'fr3' has no kinematics; write a, d and alpha"):
        robot.chain()
