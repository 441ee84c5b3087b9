"""What is at rest before a camera that is at rest, drawn once and kept: colours and depths.

In: the geoms, lights and cameras of each image. Out: which geoms to draw over what is kept.

    first images:  everything is drawn
    REST later:    what looked the same for so long is drawn alone, sky too, and kept
    from then on:  kept pixels, then what moved, by depth; then what is transparent, in its order
    one moves:     it is left out of what is kept, which is drawn anew

Nothing is told apart by names or bodies: a geom rests while the bytes that say how it looks stay
the same, and lights, camera and size belong to what is kept. So an image is the same to the pixel
as one that is drawn whole, whatever a reset moves and whoever changes a colour.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from moto_sim.drawn_geoms import GEOM, SEEN, looks

WORTH = 64  # drawings of one geom that pay for drawing anew what is kept
_OPAQUE = 0.995  # alpha from which MuJoCo draws a geom among the opaque ones
_PLANE, _MESH, _FLEX, _SKIN = (
    int(getattr(mujoco.mjtGeom, f'mjGEOM_{name}')) for name in ('PLANE', 'MESH', 'FLEX', 'SKIN')
)


class Layer:
    """What is kept of one viewpoint and size; its GL context is the current one at every call."""

    def __init__(self, context: mujoco.MjrContext, height: int, width: int) -> None:
        self.held = np.zeros(0, bool)  # (N,) which of the last image's geoms are kept
        self.stale, self.checked = True, False  # to be drawn anew; found the same as the whole
        self._store = _Store(context, height, width)
        self._last, self._key = np.zeros((0, SEEN), np.uint32), b''
        self._still = np.zeros(0, int)  # images since each geom looked otherwise

    def update(self, geoms: np.ndarray, key: bytes, eye: np.ndarray) -> None:
        """Finds `held` of an image's geoms (N,) GEOM, and whether what is kept is `stale`.

        `key` is all else that a look depends on, `eye` (3,) [m] the camera's place.
        """
        now = looks(geoms)
        if key != self._key or now.shape != self._last.shape:
            self.held, self._still = np.zeros(len(now), bool), np.zeros(len(now), int)
            self._last, self._key = now, key
            return
        same = (now == self._last).all(1)
        self._last = now
        self._still[same] += 1
        self._still[~same] = 0
        waiting = np.flatnonzero(same & ~self.held)
        if self._still[waiting].sum() >= WORTH:  # they may rest for as long again
            ready = waiting[keepable(geoms[waiting], eye)]
            if self._still[ready].sum() >= WORTH:
                self.held[ready] = self.stale = True
        if (self.held & ~same).any():
            self.held &= same
            self.stale = True

    def keep(self) -> None:
        """Keeps the colours and depths of the image that was drawn last."""
        self._store.keep()
        self.stale = False

    def restorer(self) -> np.ndarray:
        """Returns the geom (1,) GEOM that, drawn first by the next mjr_render, is what is kept."""
        self._store.read_from()
        return self._store.restorer


def keepable(geoms: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Returns for each of geoms (N,) whether it is drawn before all that is transparent.

    A plane that is seen from behind is drawn as transparent, whatever its colour says.
    """
    found = geoms['rgba'][:, 3] >= _OPAQUE
    plane = np.flatnonzero(geoms['type'] == _PLANE)
    above = (eye - geoms['pos'][plane]) * geoms['mat'][plane, :, 2]
    found[plane] &= above.sum(1) > 0
    return found


def separable(geoms: np.ndarray, held: np.ndarray) -> bool:
    """Returns whether geoms (N,) that are not `held` (N,) can be drawn after those that are.

    A horizon's haze goes with the sky, and bodies that bend have their shape elsewhere.
    """
    kind = geoms['type'][~held]
    if ((kind == _FLEX) | (kind == _SKIN)).any():
        return False
    planes = geoms['size'][~held][kind == _PLANE]
    return bool(held.any() and (planes[:, :2] != 0).any(1).all())


class _Store:
    """Pixels beside MuJoCo's own, and the geom that brings them back when it is drawn.

    mjr_render clears before it draws and leaves no place between. But it draws a mesh by calling
    a display list, and a list of ours copies the kept pixels: put before all others, it makes
    them what the others are drawn on.
    """

    def __init__(self, context: mujoco.MjrContext, height: int, width: int) -> None:
        from OpenGL import GL  # type: ignore[import-untyped]  # after the backend is chosen

        self._gl: Any = GL
        self._context, self._size = context, (width, height)
        self._frame = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._frame)
        for place, theirs in (
            (GL.GL_COLOR_ATTACHMENT0, context.offColor),
            (GL.GL_DEPTH_STENCIL_ATTACHMENT, context.offDepthStencil),
        ):
            self._attach(place, theirs)
        self._list = GL.glGenLists(1)
        GL.glNewList(self._list, GL.GL_COMPILE)
        self._copy()
        GL.glEndList()
        mujoco.mjr_restoreBuffer(context)
        self.restorer = np.zeros(1, GEOM)
        self.restorer['type'] = _MESH
        self.restorer['dataid'] = self._list - context.baseMesh
        self.restorer['matid'] = self.restorer['segid'] = -1
        self.restorer['mat'], self.restorer['rgba'] = np.eye(3), 1.0

    def keep(self) -> None:
        """Copies MuJoCo's pixels."""
        gl = self._gl
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._context.offFBO)
        gl.glBindFramebuffer(gl.GL_DRAW_FRAMEBUFFER, self._frame)
        self._copy()
        mujoco.mjr_restoreBuffer(self._context)

    def read_from(self) -> None:
        """Makes the kept pixels what the restorer copies."""
        self._gl.glBindFramebuffer(self._gl.GL_READ_FRAMEBUFFER, self._frame)

    def _attach(self, place: int, theirs: int) -> None:
        """Adds a buffer of the format of MuJoCo's own: depths are copied between equals only."""
        gl, (width, height) = self._gl, self._size
        gl.glBindRenderbuffer(gl.GL_RENDERBUFFER, theirs)
        kind = gl.glGetRenderbufferParameteriv(
            gl.GL_RENDERBUFFER, gl.GL_RENDERBUFFER_INTERNAL_FORMAT
        )
        ours = gl.glGenRenderbuffers(1)
        gl.glBindRenderbuffer(gl.GL_RENDERBUFFER, ours)
        gl.glRenderbufferStorage(gl.GL_RENDERBUFFER, kind, width, height)
        gl.glFramebufferRenderbuffer(gl.GL_FRAMEBUFFER, place, gl.GL_RENDERBUFFER, ours)

    def _copy(self) -> None:
        gl, (width, height) = self._gl, self._size
        every = gl.GL_COLOR_BUFFER_BIT | gl.GL_DEPTH_BUFFER_BIT | gl.GL_STENCIL_BUFFER_BIT
        gl.glBlitFramebuffer(0, 0, width, height, 0, 0, width, height, every, gl.GL_NEAREST)
