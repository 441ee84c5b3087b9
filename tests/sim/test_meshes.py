import builtins

import mujoco
import numpy as np
import pytest

from moto_sim import meshes
from moto_sim.kitchen_model import HOME, kitchen_model


def write_stl(path, rows=40):
    """A bumpy square of 2 * rows^2 triangles."""
    grid = np.stack(np.meshgrid(np.arange(rows + 1), np.arange(rows + 1)), -1).astype(np.float32)
    points = np.concatenate((grid, np.sin(grid.sum(-1, keepdims=True) / 9)), -1)
    a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
    triangles = np.concatenate([np.stack(t, -2).reshape(-1, 3, 3) for t in ((a, b, c), (a, c, d))])
    data = np.zeros(len(triangles), meshes._STL)
    data['points'] = triangles
    path.write_bytes(b' ' * 80 + np.uint32(len(data)).tobytes() + data.tobytes())
    return triangles


def test_equal_corners_of_an_stl_become_one(tmp_path):
    triangles = write_stl(tmp_path / 'a.stl')
    mesh = meshes.read_stl(tmp_path / 'a.stl')
    assert mesh.vertices.shape == (41 * 41, 3)
    assert np.array_equal(mesh.vertices[mesh.faces], triangles)


def test_a_coarse_mesh_keeps_the_shape_with_fewer_faces(tmp_path):
    write_stl(tmp_path / 'a.stl')
    fine = meshes.read_stl(tmp_path / 'a.stl')
    coarse = meshes.simplify(fine, 400)
    assert len(coarse.faces) <= 410
    assert np.allclose(coarse.vertices.max(0), fine.vertices.max(0), atol=0.5)
    assert np.allclose(coarse.vertices.min(0), fine.vertices.min(0), atol=0.5)


def test_coarse_meshes_are_kept_and_a_damaged_file_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    write_stl(tmp_path / 'a.stl')
    first = meshes._coarse(tmp_path / 'a.stl', 300)
    (kept,) = (tmp_path / 'cache' / 'moto_ros' / 'meshes').iterdir()
    monkeypatch.setattr(meshes, 'simplify', lambda mesh, faces: pytest.fail('made again'))
    assert np.array_equal(meshes._coarse(tmp_path / 'a.stl', 300).faces, first.faces)
    monkeypatch.undo()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    for damage in (b'', kept.read_bytes()[:300], b'PK\x03\x04' + b'x' * 100):
        kept.write_bytes(damage)
        assert np.array_equal(meshes._coarse(tmp_path / 'a.stl', 300).faces, first.faces)
        assert kept.stat().st_size > 1000


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    write_stl(tmp_path / 'a.stl')
    with pytest.warns(UserWarning, match='cannot keep coarse meshes'):
        assert len(meshes._coarse(tmp_path / 'a.stl', 300).faces) <= 310


def test_without_fast_simplification_the_full_meshes_are_drawn_with_a_warning(
    tmp_path, monkeypatch
):
    def refuse(name, *args, **kwargs):
        if name == 'fast_simplification':
            raise ImportError('No module named fast_simplification')
        return original(name, *args, **kwargs)

    original = builtins.__import__
    monkeypatch.setattr(builtins, '__import__', refuse)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    write_stl(tmp_path / 'fine.stl', 60)
    spec = mujoco.MjSpec()
    spec.add_mesh(name='fine', file='fine.stl')
    with pytest.warns(UserWarning, match='pip install fast-simplification'):
        assert meshes.coarsen(spec, tmp_path) == []
    assert [mesh.name for mesh in spec.meshes] == ['fine']


def test_coarse_meshes_leave_the_physics_untouched_to_the_bit():
    ends = []
    for decimate in (True, False):
        model = kitchen_model(decimate)
        data = mujoco.MjData(model)
        data.qpos[:] = HOME
        data.ctrl[:] = HOME[:9] + 0.1
        mujoco.mj_step(model, data, 300)
        ends.append((model.mesh_facenum.max(), data.qpos.copy()))
    assert ends[0][0] <= 1300 < 20000 < ends[1][0]
    assert np.array_equal(ends[0][1], ends[1][1])
