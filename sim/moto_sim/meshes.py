"""Coarse copies of a model's finest visual meshes: drawing time goes with their vertices.

In: an MjSpec and its mesh folder. Out: the same MjSpec with geoms that point to coarse meshes.
Visual geoms have neither contact nor mass, so the physics is untouched.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

FACES = 1200  # of a coarse mesh
FINE = 5000  # faces from which a mesh is made coarse
_STL = np.dtype([('normal', '<f4', 3), ('points', '<f4', (3, 3)), ('attribute', '<u2')])


class Mesh(NamedTuple):
    """A triangle mesh."""

    vertices: np.ndarray  # (V, 3) float32 [m]
    faces: np.ndarray  # (F, 3) int32


def coarsen(spec: mujoco.MjSpec, folder: Path, faces: int = FACES) -> list[str]:
    """Replaces every STL mesh of `spec` above FINE faces by one of about `faces`; their names.

    Coarse meshes are kept under `cache_dir()`. If fast-simplification is missing the spec
    stays as it is, with a warning.
    """
    done: list[str] = []
    for mesh in list(spec.meshes):
        path = folder / mesh.file
        if not mesh.file or path.stat().st_size < 84 + _STL.itemsize * FINE:
            continue
        try:
            coarse = _coarse(path, faces)
        except ImportError as error:
            warnings.warn(
                f'drawing with the full meshes, at half the speed: {error}; '
                'pip install fast-simplification',
                stacklevel=2,
            )
            return done
        _replace(spec, mesh, coarse)
        done.append(path.stem)
    return done


def cache_dir() -> Path:
    """Returns the folder for what can be made again: $XDG_CACHE_HOME or ~/.cache, /moto_ros."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'moto_ros'


def read_stl(path: Path) -> Mesh:
    """Returns a binary STL file's triangles with equal corners made one."""
    rows = np.fromfile(path, _STL, offset=84)
    corners, index = np.unique(rows['points'].reshape(-1, 3), axis=0, return_inverse=True)
    return Mesh(np.ascontiguousarray(corners, np.float32), index.reshape(-1, 3).astype(np.int32))


def simplify(mesh: Mesh, faces: int) -> Mesh:
    """Returns a mesh of about `faces` triangles by quadric edge collapse."""
    import fast_simplification

    vertices, triangles = fast_simplification.simplify(
        mesh.vertices, mesh.faces, target_count=faces
    )
    return Mesh(np.asarray(vertices, np.float32), np.asarray(triangles, np.int32))


def _coarse(path: Path, faces: int) -> Mesh:
    key = hashlib.sha256(path.read_bytes() + f'{faces} 1'.encode()).hexdigest()[:24]
    cached = cache_dir() / 'meshes' / f'{path.stem}-{key}.npz'
    try:
        with np.load(io.BytesIO(cached.read_bytes())) as data:
            return Mesh(data['vertices'], data['faces'])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # absent or damaged: made again
    mesh = simplify(read_stl(path), faces)
    _save(cached, mesh)
    return mesh


def _save(path: Path, mesh: Mesh) -> None:
    """Writes beside and renames, so that no reader sees half a file; a full disk is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            np.savez(file, **mesh._asdict())
        os.replace(file.name, path)
    except OSError as error:
        warnings.warn(f'cannot keep coarse meshes at {path.parent}: {error}', stacklevel=2)


def _replace(spec: mujoco.MjSpec, mesh: mujoco.MjsMesh, coarse: Mesh) -> None:
    name = f'{mesh.name}_coarse'
    spec.add_mesh(name=name, uservert=coarse.vertices.ravel(), userface=coarse.faces.ravel())
    for body in spec.bodies:
        for geom in body.geoms:
            if geom.meshname == mesh.name:
                geom.meshname = name
    mesh.delete()
