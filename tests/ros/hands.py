"""Hands at a joystick that lead the twin's arm along the way of the scripted expert."""

import numpy as np

from moto_core.spec import Setup
from moto_sim import tasks

ARM, DEADMAN, CLOSE, OPEN = 7, 4, 0, 1
PERIOD = 0.04  # [s] between two words of the joystick
LAG = 0.12  # [rad] of the arm behind its way, beyond which the hands wait for it
GAIN = 3.0  # [1/s] at which they mend what is left


def way_of_an_expert(seed, task='kitchen-microwave'):
    """Returns the joints (T, 7) [rad] and fingers (T,) of the expert from a seed's start."""
    env = tasks.make(task, Setup(robot='kitchen_sim', profile='normal'))
    expert = tasks.demonstrator(env)
    env.reset(seed=seed)
    state, joints, fingers, after = expert.initial(), [], [], 0
    while after < 5 and len(joints) < 150:
        chosen = expert.step({}, None, state)
        joints.append(env.task.joints()[0][:ARM].copy())
        fingers.append(float(chosen.action[ARM]))
        env.step(chosen.action)
        after += env.task.success()
    assert after, 'the expert itself does not do it'
    env.close()
    return np.array(joints), np.array(fingers)


class Hands:
    """What a person says at each word of a joystick whose axes move their joints one to one."""

    def __init__(self, spec, way, fingers):
        self.spec, self.way, self.fingers = spec, way, fingers
        self.at, self._held = 0.0, 0.0  # row of the way; the gripper, as it was told last

    def next(self, position):
        """Returns the axes (7,) and the buttons that are down, for the arm's joints (7,) [rad]."""
        last = len(self.way) - 1
        row = min(int(self.at), last - 1)
        rest = min(self.at - row, 1.0)
        begin, end = self.way[row], self.way[row + 1]
        away = (1 - rest) * begin + rest * end - position
        follows = np.abs(away).max() < LAG and self.at < last
        ahead = (end - begin) / self.spec.period if follows else np.zeros(ARM)
        self.at += PERIOD / self.spec.period if follows else 0.0
        button, turned = (OPEN, 1.0) if self.fingers[row] > 0 else (CLOSE, -1.0)
        pressed = [button] if turned != self._held else []
        self._held = turned
        axes = np.clip((ahead + GAIN * away) / self.spec.scale[:ARM], -1, 1)
        return axes, [DEADMAN, *pressed]
