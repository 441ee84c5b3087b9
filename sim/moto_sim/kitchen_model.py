"""The Franka Kitchen as a MuJoCo model: gymnasium-robotics' assets with coarse visual meshes.

In: the installed gymnasium_robotics package. Out: MjModel.
"""

from __future__ import annotations

import copy
import importlib.util
import math
from functools import lru_cache
from pathlib import Path

import mujoco
import numpy as np

from moto_core.errors import ConfigError
from moto_sim.meshes import coarsen

ARM = 7  # joints, then two fingers
SITE = 'end_effector'  # between the fingers, its z axis along them
LINK = 'panda0_link7'  # carries the hand; its z axis is the site's
WRIST = 'wrist'  # the camera on the hand
# In the site's directions: between the fingers' roots, on the side that is up where the hand
# points ahead, tilted toward the fingertips.
WRIST_UP, WRIST_ALONG, WRIST_TILT, WRIST_FIELD = 0.08, 0.14, 0.35, 75.0  # [m], [m], [rad], [deg]
# FrankaKitchen-v1's reset: robot 9 [rad, m], objects 14, kettle's position [m] and quaternion.
HOME = np.array(
    [
        0.148388023,
        -1.76848573,
        1.84390296,
        -2.4768576,
        0.260252026,
        0.712533105,
        1.59515394,
        0.0479267505,
        0.0371350919,
        -2.6627985e-4,
        -5.18043486e-5,
        3.1287722e-5,
        -4.51199853e-5,
        -3.90842156e-6,
        -4.22629655e-5,
        6.28065475e-5,
        4.04984708e-5,
        4.62730939e-4,
        -2.26906415e-4,
        -4.65501369e-4,
        -6.44129196e-3,
        -1.77048263e-3,
        1.08009684e-3,
        -0.26939744,
        0.350383255,
        1.61944683,
        1.00618764,
        4.0639512e-3,
        -6.62095997e-3,
        -2.68278933e-4,
    ]
)


def kitchen_model(decimate: bool = True) -> mujoco.MjModel:
    """Returns a Kitchen model of the caller's own, compiled once a process, with a wrist camera.

    `decimate` False keeps the full visual meshes. Raises ConfigError if gymnasium-robotics or
    its assets are missing.
    """
    return copy.copy(_compiled(decimate))


@lru_cache(2)
def _compiled(decimate: bool) -> mujoco.MjModel:
    package = importlib.util.find_spec('gymnasium_robotics')
    if package is None or not package.origin:
        raise ConfigError("the Kitchen needs gymnasium-robotics' assets; pip install '.[sim]'")
    folder = Path(package.origin).parent / 'envs' / 'assets' / 'kitchen_franka'
    path = folder / 'kitchen_assets' / 'kitchen_env_model.xml'
    if not path.is_file():
        raise ConfigError(f"no Kitchen model at '{path}'; expected gymnasium-robotics 1.4.2")
    spec = mujoco.MjSpec.from_file(str(path))
    if decimate:
        coarsen(spec, folder / 'franka_assets' / 'meshes')
    _add_wrist_camera(spec)
    return spec.compile()


def _add_wrist_camera(spec: mujoco.MjSpec) -> None:
    """Adds a camera to the hand's body; it has neither mass nor contact."""
    half = math.sqrt(0.5)  # the site is turned by -45 degrees about z against its body
    up, side, along = np.array([[half, -half, 0.0], [half, half, 0.0], [0.0, 0.0, 1.0]])
    tilt = WRIST_TILT
    ahead = math.cos(tilt) * along - math.sin(tilt) * up
    axes = np.stack((side, np.cross(-ahead, side), -ahead), axis=1)  # right, up, back
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, axes.ravel())
    spec.body(LINK).add_camera(
        name=WRIST, pos=WRIST_UP * up + WRIST_ALONG * along, quat=turn, fovy=WRIST_FIELD
    )
