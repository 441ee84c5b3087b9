"""Draws a MuJoCo model from a viewpoint: the fast look for training, the full one on request.

In: MjModel, MjData, a View or a Mount. Out: (h, w, 3) uint8 RGB. One GL context and one upload of
the model serve every size. Every look is drawn twice as large and averaged, as a camera's pixels
are; the fast one has no shadows or reflections, and draws what is at rest before a View once.
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
from moto_sim.drawn_geoms import drawn
from moto_sim.frustum import Frustum, frustum, outside
from moto_sim.layer import Layer, separable
from moto_sim.views import Mount, View, Viewpoint, aim

BACKENDS = ('egl', 'osmesa')  # tried in this order if MUJOCO_GL says nothing
SIZE = 512, 640  # [px] height, width of the largest image
GEOMS = 2000  # of a scene, the most
FINER = 2  # drawn pixels along each side of one of the image: small things keep their place
RENDERING = f'{FINER} x {FINER} samples a pixel'  # as an episode's header says it
SLICES, STACKS = 10, 5  # of round geoms in the fast look: half the time of 28, 16
_FLAG, _GEOM = mujoco.mjtRndFlag, mujoco.mjtObj.mjOBJ_GEOM


class Renderer:
    """Images of one model; the GL context is made at the first image.

    `size` is the largest (height, width) [px] asked of it. The fast look leaves out what lies
    outside a View at each image or, with `cull`, the static geoms that a View never shows, found
    once: for models whose static bodies are not moved. With `layers` it keeps what is at rest
    (`Layer`); the pixels are the same. Not for several threads.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        *,
        fast: bool = True,
        cull: bool = False,
        layers: bool = True,
        size: tuple[int, int] = SIZE,
    ) -> None:
        self.model, self.fast, self.cull, self.size = model, fast, cull, size
        self._context: Any = None
        self._gl: Any = None
        self._scene = mujoco.MjvScene(model, maxgeom=GEOMS)
        self._drawn, self._keeps = drawn(self._scene) if fast and layers else None, True
        self._layers: dict[tuple[View, int, int], Layer] = {}
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
        tall, wide = FINER * height, FINER * width
        if self._drawn is None or isinstance(view, Mount):  # a camera that moves sees anything
            pixels = self._draw(data, view, tall, wide)
        else:
            pixels = self._draw_seen(data, view, tall, wide)
        return cv2.resize(pixels[::-1], (width, height), interpolation=cv2.INTER_AREA)

    def close(self) -> None:
        """Frees the GL context; the next image makes it again."""
        if self._context is not None:
            self._finalizer()
            self._context = self._gl = None
            self._layers = {}

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

    def _draw_seen(self, data: mujoco.MjData, view: View, height: int, width: int) -> np.ndarray:
        """Returns the pixels (height, width, 3) uint8 from the lowest row up, of what is seen."""
        assert self._drawn is not None
        hidden = self._hidden_from(data, view, height, width)
        geoms = self._drawn.geoms[: self._scene.ngeom].copy()
        key = view, height, width
        if key not in self._layers:
            self._layers[key] = Layer(self._context, height, width)
        layer = self._layers[key]
        layer.update(geoms, self._around(), self._eye())
        of_model = geoms['objtype'] == _GEOM
        shown = ~(of_model & hidden[np.where(of_model, geoms['objid'], 0)])
        geoms, held = geoms[shown], layer.held[shown]
        if not self._keeps or not separable(geoms, held):
            return self._pixels(geoms, height, width)
        if layer.stale:
            self._pixels(geoms[held], height, width)
            layer.keep()
        pixels = self._over(layer, geoms[~held], height, width)
        if not layer.checked:
            layer.checked, over = True, pixels
            pixels = self._pixels(geoms, height, width)
            self._keeps = np.array_equal(pixels, over)  # else its lists do not copy pixels
        return pixels

    def _over(self, layer: Layer, geoms: np.ndarray, height: int, width: int) -> np.ndarray:
        """Returns the pixels of geoms (N,) over a layer, which holds the sky."""
        geoms['reflectance'] = 0.0  # what reflects is added to what is there: first of all, or not
        flags, sky = self._scene.flags, int(_FLAG.mjRND_SKYBOX)
        before, flags[sky] = flags[sky], False
        try:
            return self._pixels(np.concatenate((layer.restorer(), geoms)), height, width)
        finally:
            flags[sky] = before

    def _hidden_from(self, data: mujoco.MjData, view: View, height: int, width: int) -> np.ndarray:
        """Updates the scene; returns for each geom of the model (G,) if the view shows none."""
        key = view, height / width
        if self.cull and key not in self._hidden:
            grow = min(FINER * self.size[0] / height, FINER * self.size[1] / width)
            self._hidden[key] = self._never_seen(view, int(height * grow), int(width * grow))
        self._update(data, view)
        if self.cull:
            return self._hidden[key]
        if key not in self._seen:
            self._seen[key] = frustum(self._scene, width / height)
        return outside(self._seen[key], self.model, data)

    def _draw(self, data: mujoco.MjData, view: Viewpoint, height: int, width: int) -> np.ndarray:
        """Returns the pixels (height, width, 3) uint8 from the lowest row up, of everything."""
        self._update(data, view)
        return self._pixels(None, height, width)

    def _update(self, data: mujoco.MjData, view: Viewpoint) -> None:
        camera, everything = self._camera, mujoco.mjtCatBit.mjCAT_ALL
        aim(camera, self.model, view)
        mujoco.mjv_updateScene(
            self.model, data, self._option, None, camera, everything, self._scene
        )

    def _pixels(self, geoms: np.ndarray | None, height: int, width: int) -> np.ndarray:
        """Returns the pixels of the scene with some of its geoms (N,); None: as it is."""
        if geoms is not None and self._drawn is not None:
            self._drawn.geoms[: len(geoms)] = geoms
            self._scene.ngeom = len(geoms)
        window = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(window, self._scene, self._context)
        pixels = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, window, self._context)
        return pixels

    def _eye(self) -> np.ndarray:
        left, right = self._scene.camera
        return (np.asarray(left.pos, float) + right.pos) / 2

    def _around(self) -> bytes:
        """Returns all that an image depends on beside its geoms and its size."""
        assert self._drawn is not None
        scene, parts = self._scene, [part.tobytes() for part in self._drawn.around]
        return b''.join((*parts, scene.flags.tobytes(), bytes([scene.nlight])))

    def _never_seen(self, view: View, height: int, width: int) -> np.ndarray:
        """Returns for each geom (G,) whether it is static and never seen, even alone.

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
        return static


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
