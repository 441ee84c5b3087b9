"""The faces of fine meshes that may be turned to the camera: the others are never drawn.

In: the geoms of an image, the camera's place. Out: for each fine mesh among them a list of its
faces that can be seen from near that place.

MuJoCo hands OpenGL every face of a mesh, and OpenGL drops those turned away once it has worked
out their corners, which is most of the work in software. From where the camera stands among the
mesh's own axes a face is turned away if the camera lies behind its plane. So for a cube of such
places a list is made of the faces that any place in it may see, in the mesh's order, and kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import mujoco
import numpy as np

FINE = 2500  # faces of a mesh from which lists are made
CUBE = 0.2  # [m] side of the places that share a list
SPARE = 0.02  # of the distance to the camera, in front of a face that still counts as seen
KEPT = 1_000_000  # faces of all lists together; those not drawn for longest go first
_MESH = mujoco.mjtGeom.mjGEOM_MESH


class Planes(NamedTuple):
    """The faces of a mesh as planes n.x = d."""

    normal: np.ndarray  # (F, 3) unit; 0 where a face has no area, which is always kept
    offset: np.ndarray  # (F,) [m]
    centre: np.ndarray  # (3,) [m] of the mesh


class Faces:
    """Lists of faces of one model; its GL context is the current one at every call."""

    def __init__(self, model: mujoco.MjModel, context: mujoco.MjrContext) -> None:
        from OpenGL import GL  # type: ignore[import-untyped]  # after the backend is chosen

        self._gl: Any = GL
        self._model, self._context = model, context
        self._planes: dict[int, Planes] = {}
        self._lists: OrderedDict[tuple[float, ...], tuple[int, int]] = OrderedDict()
        self._kept = 0
        self._fine = np.repeat(model.mesh_facenum >= FINE, 2)  # lists of hulls stand between
        self._fine[1::2] = False

    def turn(self, geoms: np.ndarray, eye: np.ndarray) -> None:
        """Gives each fine mesh of geoms (N,) GEOM the list of what `eye` (3,) [m] may see."""
        for index in np.flatnonzero(geoms['type'] == _MESH):
            mesh = int(geoms['dataid'][index])
            if self._fine[mesh]:
                turn, place = geoms['mat'][index], eye - geoms['pos'][index]
                geoms['dataid'][index] = self._list(mesh // 2, place @ turn)

    def _list(self, mesh: int, place: np.ndarray) -> int:
        """Returns the list for a place (3,) [m] in a mesh's axes, as a geom's dataid."""
        x, y, z = place.tolist()
        key = mesh, x // CUBE, y // CUBE, z // CUBE
        if key not in self._lists:
            if mesh not in self._planes:
                self._planes[mesh] = planes(self._model, mesh)
            seen = may_see(self._planes[mesh], CUBE * (np.array(key[1:]) + 0.5), CUBE * 3**0.5 / 2)
            self._lists[key] = self._compiled(mesh, seen), int(seen.sum())
            self._kept += self._lists[key][1]
            self._forget()
        self._lists.move_to_end(key)
        return self._lists[key][0] - self._context.baseMesh

    def _compiled(self, mesh: int, seen: np.ndarray) -> int:
        """Returns a new list of some faces, which MuJoCo makes as it makes those of a mesh."""
        made, context = self._gl.glGenLists(2), self._context
        base = context.baseMesh
        with _only(self._model, mesh, seen):
            context.baseMesh = made - 2 * mesh
            try:
                mujoco.mjr_uploadMesh(self._model, context, mesh)
            finally:
                context.baseMesh = base
        return int(made)

    def _forget(self) -> None:
        while self._kept > KEPT and len(self._lists) > 1:
            made, count = self._lists.popitem(last=False)[1]
            self._gl.glDeleteLists(made, 2)
            self._kept -= count


def planes(model: mujoco.MjModel, mesh: int) -> Planes:
    """Returns the planes of a mesh's faces, in its own axes."""
    first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    corners = model.mesh_vert[model.mesh_vertadr[mesh] + model.mesh_face[first : first + count]]
    a, b, c = np.moveaxis(corners.astype(float), 1, 0)
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)
    return Planes(normal, np.einsum('fi,fi->f', normal, a), corners.reshape(-1, 3).mean(0))


def may_see(faces: Planes, place: np.ndarray, radius: float) -> np.ndarray:
    """Returns for each face (F,) if any place within `radius` [m] of one may be in front of it."""
    far = np.linalg.norm(place - faces.centre) + radius
    return faces.normal @ place - faces.offset >= -radius - SPARE * far


@contextmanager
def _only(model: mujoco.MjModel, mesh: int, seen: np.ndarray) -> Iterator[None]:
    """Leaves a mesh of the model with some of its faces (F,) and no hull for a while."""
    first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    tables = [model.mesh_face, model.mesh_facenormal, model.mesh_facetexcoord]
    rows = [table[first : first + count] for table in tables]
    kept, hull = [row.copy() for row in rows], int(model.mesh_graphadr[mesh])
    for row, whole in zip(rows, kept, strict=True):
        row[: seen.sum()] = whole[seen]
    model.mesh_facenum[mesh], model.mesh_graphadr[mesh] = seen.sum(), -1
    try:
        yield
    finally:
        model.mesh_facenum[mesh], model.mesh_graphadr[mesh] = count, hull
        for row, whole in zip(rows, kept, strict=True):
            row[:] = whole
