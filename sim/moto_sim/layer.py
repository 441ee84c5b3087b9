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
_TYPE = mujoco.mjtGeom


class Layer:
    """What is kept of one viewpoint and size; its GL context is the current one at every call."""

    def __init__(self, context: mujoco.MjrContext, height: int, width: int) -> None:
        self.held = np.zeros(0, bool)  # (N,) which of the last image's geoms are kept
        self.stale, self.checked = True, False  # to be drawn anew; found the same as the whole
        self._store = _Store(context, height, width)
        self._last, self._key = np.zeros((0, SEEN), np.uint8), b''
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
        self._still = np.where((now == self._last).all(1), self._still + 1, 0)
        self._last = now
        moved = self.held & (self._still == 0)
        ready = (self._still > 0) & keepable(geoms, eye) & ~self.held
        if self._still[ready].sum() >= WORTH:  # they may rest for as long again
            self.held |= ready
            self.stale = True
        if moved.any():
            self.held &= ~moved
            self.stale = True

    def keep(self) -> None:
        """Keeps the colours and depths of the image that was drawn last."""
        self._store.keep()
        self.stale = False

    def over(self, geoms: np.ndarray) -> np.ndarray:
        """Returns what mjr_render, called next, draws over what is kept: (N + 1,) GEOM."""
        self._store.read_from()
        geoms = np.concatenate((self._store.restorer, geoms))
        geoms['reflectance'] = 0.0  # the one that reflects is kept
        return geoms


def keepable(geoms: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Returns for each of geoms (N,) whether it is drawn before all that is transparent.

    A plane that is seen from behind is drawn as transparent, whatever its colour says.
    """
    above = np.einsum('ni,ni->n', eye - geoms['pos'], geoms['mat'][:, :, 2])
    return (geoms['rgba'][:, 3] >= _OPAQUE) & ((geoms['type'] != _TYPE.mjGEOM_PLANE) | (above > 0))


def separable(geoms: np.ndarray, held: np.ndarray, eye: np.ndarray) -> bool:
    """Returns whether geoms (N,) that are not `held` (N,) can be drawn after those that are.

    The first one that reflects is drawn before all others (MuJoCo takes the rest for dull), a
    horizon's haze goes with the sky, and bodies that bend have their shape elsewhere.
    """
    kind, size = geoms['type'], geoms['size']
    plane = kind == _TYPE.mjGEOM_PLANE
    shines = (plane | (kind == _TYPE.mjGEOM_BOX)) & (geoms['reflectance'] > 0)
    first = np.flatnonzero(shines & keepable(geoms, eye))[:1]
    endless = plane & (size[:, 0] == 0) & (size[:, 1] == 0)
    bends = (kind == _TYPE.mjGEOM_FLEX) | (kind == _TYPE.mjGEOM_SKIN)
    return bool(held.any() and held[first].all() and held[endless | bends].all())


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
        self.restorer['type'] = _TYPE.mjGEOM_MESH
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
