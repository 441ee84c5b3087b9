"""The geoms, lights and cameras of a MuJoCo scene as arrays over its own memory.

In: an MjvScene. Out: what one drawing shows, to be compared, chosen from and put back at once
instead of one attribute after the other.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import mujoco
import numpy as np

WORDS, SEEN = 59, 31  # of four bytes in a geom; say how it looks, before label and notes
GEOM = np.dtype(
    [
        *((name, 'i4') for name in ('type', 'dataid', 'objtype', 'objid', 'category')),
        *((name, 'i4') for name in ('matid', 'texcoord', 'segid')),
        *(('size', 'f4', 3), ('pos', 'f4', 3), ('mat', 'f4', (3, 3)), ('rgba', 'f4', 4)),
        *((name, 'f4') for name in ('emission', 'specular', 'shininess', 'reflectance')),
        *(('label', 'u1', 100), ('camdist', 'f4'), ('modelrbound', 'f4'), ('transparent', 'u1')),
    ],
    align=True,
)  # mjvGeom of MuJoCo 3.3
_OFFSET = {name: GEOM.fields[name][1] for name in GEOM.names or ()} if GEOM.fields else {}


class Drawn(NamedTuple):
    """A scene's memory."""

    geoms: np.ndarray  # (maxgeom,) GEOM
    around: tuple[np.ndarray, ...]  # bytes of its lights and of its cameras


def drawn(scene: mujoco.MjvScene) -> Drawn | None:
    """Returns views of a scene's memory, valid as long as it; None if it is laid out otherwise."""
    places = {name: _OFFSET[name] - _OFFSET['size'] for name in ('size', 'pos', 'mat', 'rgba')}
    geoms = _rows(scene.geoms, 'size')
    found = {name: _address(getattr(scene.geoms[0], name)) - geoms.begin for name in places}
    if geoms.stride != GEOM.itemsize or found != places:
        return None
    geoms = geoms._replace(begin=geoms.begin - _OFFSET['size'])
    around = [_bytes(_rows(rows, 'pos')) for rows in (scene.lights, scene.camera)]
    return Drawn(_bytes(geoms).view(GEOM), tuple(around))


def looks(geoms: np.ndarray) -> np.ndarray:
    """Returns a copy of what says how each of geoms (N,) looks: (N, SEEN) uint32."""
    return geoms.view(np.uint32).reshape(len(geoms), WORDS)[:, :SEEN].copy()


class _Rows(NamedTuple):
    begin: int  # address of a field of the first
    stride: int  # bytes from one to the next
    number: int


def _rows(rows: Any, field: str) -> _Rows:
    first, second = (_address(getattr(row, field)) for row in rows[:2])
    return _Rows(first, second - first, len(rows))


def _bytes(rows: _Rows) -> np.ndarray:
    """Returns the memory of rows that begin with their field."""
    memory = (ctypes.c_uint8 * (rows.stride * rows.number)).from_address(rows.begin)
    return np.ctypeslib.as_array(memory)


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__['data'][0])
