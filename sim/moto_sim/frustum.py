"""Which geoms of a model lie wholly outside a camera's view: no pixel of them is drawn.

In: the cameras of a drawn scene. Out: for each geom whether its box is beyond one plane of the
view. With neither shadows nor reflections an image is the same without those.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import mujoco
import numpy as np

SPARE = 0.001  # [m] beyond a plane that still counts as inside


class Frustum(NamedTuple):
    """What a camera sees, without its far plane."""

    eye: np.ndarray  # (3,) [m], where the four side planes meet
    outward: np.ndarray  # (5, 3) unit normals of left, right, bottom, top, near
    near: float  # [m] from the eye


def frustum(scene: mujoco.MjvScene, aspect: float) -> Frustum:
    """Returns what the camera of the last update of `scene` sees; aspect is width / height.

    MuJoCo draws one image from the middle of the scene's two cameras.
    """
    left, right = scene.camera
    eye, forward, up = (
        (np.asarray(getattr(left, name), float) + getattr(right, name)) / 2
        for name in ('pos', 'forward', 'up')
    )
    across, near = np.cross(forward, up), float(left.frustum_near)
    half = left.frustum_width or (left.frustum_top - left.frustum_bottom) / 2 * aspect
    normals = [
        -near * across - (half - left.frustum_center) * forward,
        near * across - (half + left.frustum_center) * forward,
        -near * up + left.frustum_bottom * forward,
        near * up - left.frustum_top * forward,
        -forward,
    ]
    return Frustum(eye, np.array([n / np.linalg.norm(n) for n in normals]), near)


def outside(seen: Frustum, model: mujoco.MjModel, data: Any) -> np.ndarray:
    """Returns for each geom (G,) whether its box, where `data` has it, is wholly outside.

    A geom without a box (a plane) is not.
    """
    turned = data.geom_xmat.reshape(-1, 3, 3)  # from the geom's axes to the world's
    centre, half = model.geom_aabb[:, :3], model.geom_aabb[:, 3:]
    middle = data.geom_xpos + np.einsum('gij,gj->gi', turned, centre) - seen.eye
    normals = np.einsum('pi,gij->gpj', seen.outward, turned)  # (G, 5, 3) in the geom's axes
    nearest = np.einsum('pi,gi->gp', seen.outward, middle)
    nearest -= np.einsum('gpj,gj->gp', np.abs(normals), half)
    nearest[:, 4] += seen.near
    return (nearest > SPARE).any(1) & (model.geom_rbound > 0)
