"""Joints of a gripper that speaks for itself stand behind the arm's."""

import numpy as np

from moto_ros.loops.fingers import OLDEST, Fingers

ARM = np.arange(7.0), np.full(7, 0.5)


def test_arm_and_fingers_are_one_vector_while_the_fingers_speak():
    fingers = Fingers()
    assert fingers.beside(*ARM, 1.0) is None
    fingers.take(np.array([0.03, 0.04]), np.array([0.0, 0.1]), 1.0)
    position, velocity = fingers.beside(*ARM, 1.0 + OLDEST)
    assert position.tolist() == [*range(7), 0.03, 0.04]
    assert velocity.tolist() == [0.5] * 7 + [0.0, 0.1]
    assert fingers.beside(*ARM, 1.01 + OLDEST) is None
