"""Where a camera of the simulator is: free and looking at a point, or carried by a body.

In: a spec's cameras, a setup. Out: the name of each camera's viewpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import mujoco

from moto_core.errors import ConfigError, unknown_name
from moto_core.spec import Setup, Spec


class View(NamedTuple):
    """A free camera that looks at a point."""

    distance: float  # [m] from the point
    azimuth: float  # [deg] about the vertical
    elevation: float  # [deg] below 0: from above
    lookat: tuple[float, float, float]  # [m]


class Mount(NamedTuple):
    """A camera of the model itself, which moves with the body that carries it."""

    camera: str  # its name in the model


Viewpoint: TypeAlias = View | Mount


def aim(camera: mujoco.MjvCamera, model: mujoco.MjModel, view: Viewpoint) -> None:
    """Sets MuJoCo's camera to a viewpoint of a model."""
    if isinstance(view, Mount):
        camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        camera.fixedcamid = model.camera(view.camera).id
        return
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.distance, camera.azimuth, camera.elevation = view[:3]
    camera.lookat[:] = view.lookat


def view_names(spec: Spec, setup: Setup, views: Mapping[str, Viewpoint]) -> dict[str, str]:
    """Returns for each camera of the spec the name of its view: the setup's, or its own name.

    Raises ConfigError for a view that is not among `views`, or a camera that the spec lacks.
    """
    for camera in setup.views:
        if camera not in spec.cameras:
            raise ConfigError(unknown_name('camera', camera, spec.cameras))
    found = {camera: setup.views.get(camera, camera) for camera in spec.cameras}
    for view in found.values():
        if view not in views:
            raise ConfigError(unknown_name('camera view', view, views))
    return found
