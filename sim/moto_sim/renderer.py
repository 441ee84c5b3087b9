"""Draws a MuJoCo model from a viewpoint: the fast look for training, the full one on request.

In: MjModel, MjData, a View or a Mount. Out: (h, w, 3) uint8 RGB. One GL context and one upload of
the model serve every size. Every look is drawn twice as large and averaged, as a camera's pixels
are; the fast one has no shadows or reflections.
"""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Any

import cv2
import mujoco
import numpy as np

from moto_core.errors import ConfigError, unknown_name
from moto_sim.frustum import Frustum, frustum, outside
from moto_sim.views import Mount, View, Viewpoint, aim

BACKENDS = ('egl', 'osmesa')  # tried in this order if MUJOCO_GL says nothing
SIZE = 512, 640  # [px] height, width of the largest image
FINER = 2  # drawn pixels along each side of one of the image: small things keep their place
RENDERING = f'{FINER} x {FINER} samples a pixel'  # as an episode's header says it
SLICES, STACKS = 10, 5  # of round geoms in the fast look: half the time of 28, 16
_FLAG, _GEOM = mujoco.mjtRndFlag, mujoco.mjtObj.mjOBJ_GEOM


class Renderer:
    """Images of one model; the GL context is made at the first image.

    `size` is the largest (height, width) [px] asked of it. The fast look leaves out what lies
    outside a View at each image or, with `cull`, the static geoms that a View never shows, found
    once: for models whose static bodies are not moved. Not for several threads.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        *,
        fast: bool = True,
        cull: bool = False,
        size: tuple[int, int] = SIZE,
    ) -> None:
        self.model, self.fast, self.cull, self.size = model, fast, cull, size
        self._context: Any = None
        self._gl: Any = None
        self._scene = mujoco.MjvScene(model, maxgeom=2000)
        self._camera = mujoco.MjvCamera()
        self._option = mujoco.MjvOption()
        self._hidden: dict[tuple[View, float], np.ndarray] = {}
        self._seen: dict[tuple[View, float], Frustum] = {}
        self._groups = model.geom_group.copy()
        for flag in (_FLAG.mjRND_SHADOW, _FLAG.mjRND_REFLECTION) if fast else ():
            self._scene.flags[flag] = False

    def image(self, data: mujoco.MjData, view: Viewpoint, height: int, width: int) -> np.ndarray:
        """Returns a new (height, width, 3) uint8 RGB image of the model's state in `data`.

        Raises ConfigError for a size above the renderer's, or if no GL backend works.
        """
        self._open(height, width)
        if self.fast and not isinstance(view, Mount):  # a camera that moves sees anything
            self._hide(data, view, height, width)
        try:
            drawn = self._draw(data, view, FINER * height, FINER * width)
        finally:
            self.model.geom_group[:] = self._groups
        return cv2.resize(drawn[::-1], (width, height), interpolation=cv2.INTER_AREA)

    def close(self) -> None:
        """Frees the GL context; the next image makes it again."""
        if self._context is not None:
            self._finalizer()
            self._context = self._gl = None

    def _open(self, height: int, width: int) -> None:
        if height > self.size[0] or width > self.size[1] or min(height, width) < 1:
            raise ConfigError(
                f'image of {height} x {width} px; this renderer gives 1 x 1 to '
                f'{self.size[0]} x {self.size[1]} px'
            )
        if self._context is None:
            visual = self.model.vis
            visual.global_.offheight, visual.global_.offwidth = (FINER * n for n in self.size)
            visual.quality.offsamples = 0
            if self.fast:
                visual.quality.shadowsize = 0
                visual.quality.numslices, visual.quality.numstacks = SLICES, STACKS
            self._gl = _gl_context(FINER * self.size[1], FINER * self.size[0])
            self._gl.make_current()
            self._context = mujoco.MjrContext(self.model, mujoco.mjtFontScale.mjFONTSCALE_100)
            self._finalizer = weakref.finalize(self, _free, self._gl, self._context)
            self._finalizer.atexit = False
            atexit.register(self._finalizer)  # before EGL's own end, which is registered by now
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._gl.make_current()

    def _hide(self, data: mujoco.MjData, view: View, height: int, width: int) -> None:
        """Takes out of the model's drawn groups what the view does not show."""
        key = view, height / width
        if key not in self._hidden and key not in self._seen:
            grow = FINER * min(self.size[0] / height, self.size[1] / width)
            size = int(height * grow), int(width * grow)
            if self.cull:
                self._hidden[key] = self._never_seen(view, *size)
            else:
                self._draw(data, view, *size)
                self._seen[key] = frustum(self._scene, width / height)
        hidden = self._hidden[key] if self.cull else outside(self._seen[key], self.model, data)
        self.model.geom_group[hidden] = mujoco.mjNGROUP - 1

    def _draw(self, data: mujoco.MjData, view: Viewpoint, height: int, width: int) -> np.ndarray:
        """Returns the pixels (height, width, 3) uint8 from the lowest row up."""
        camera, everything = self._camera, mujoco.mjtCatBit.mjCAT_ALL
        aim(camera, self.model, view)
        mujoco.mjv_updateScene(
            self.model, data, self._option, None, camera, everything, self._scene
        )
        window = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(window, self._scene, self._context)
        pixels = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, window, self._context)
        return pixels

    def _never_seen(self, view: View, height: int, width: int) -> np.ndarray:
        """Returns the ids of static geoms that no pixel shows even with nothing else there.

        What opaque static geoms hide among themselves stays hidden whatever moves, so leaving it
        out changes no image, but for parts smaller than a pixel of this height x width probe.
        """
        model = self.model
        static = (model.body_weldid[model.geom_bodyid] == 0) & (self._groups < 3)
        static &= _opaque(model)
        model.geom_group[~static] = mujoco.mjNGROUP - 1
        flags = self._scene.flags.copy()
        self._scene.flags[_FLAG.mjRND_SEGMENT] = self._scene.flags[_FLAG.mjRND_IDCOLOR] = True
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        try:
            codes = self._draw(data, view, height, width)
            segments = {
                geom.segid: geom.objid
                for geom in self._scene.geoms[: self._scene.ngeom]
                if geom.objtype == _GEOM
            }
        finally:
            self._scene.flags[:] = flags
            model.geom_group[:] = self._groups
        found = np.unique(codes.astype(np.int32) @ (1, 1 << 8, 1 << 16) - 1).tolist()
        static[[segments[code] for code in found if code in segments]] = False
        return np.flatnonzero(static)


def _opaque(model: mujoco.MjModel) -> np.ndarray:
    """Returns for each geom whether its own colour or its material's lets nothing through."""
    material = model.geom_matid
    alpha = np.where(material < 0, model.geom_rgba[:, 3], model.mat_rgba[material, 3])
    return alpha >= 1.0


def _free(gl: Any, context: mujoco.MjrContext) -> None:
    gl.make_current()
    context.free()
    gl.free()


def _gl_context(width: int, height: int) -> Any:
    """Returns an offscreen GL context of MUJOCO_GL's backend, or of the first that works."""
    os.environ.setdefault('LP_NUM_THREADS', '0')  # llvmpipe: one process a core is faster
    named = os.environ.get('MUJOCO_GL', '').lower()
    if named and named not in (*BACKENDS, 'glfw'):
        raise ConfigError(unknown_name('MUJOCO_GL backend', named, (*BACKENDS, 'glfw')))
    reasons = []
    for backend in [named] if named else BACKENDS:
        try:
            return _backend(backend)(width, height)
        except (ImportError, RuntimeError, AttributeError, OSError) as error:
            reasons.append(f'{backend}: {error}')
            if not named:
                os.environ.pop('PYOPENGL_PLATFORM', None)
    raise ConfigError(
        f'no OpenGL to render with ({"; ".join(reasons)}); on Debian or Ubuntu '
        'install libosmesa6, or set MUJOCO_GL to a backend that works'
    )


def _backend(name: str) -> Any:
    if name == 'egl':
        from mujoco.egl import GLContext
    elif name == 'osmesa':
        from mujoco.osmesa import GLContext
    else:
        from mujoco.glfw import GLContext
    return GLContext
