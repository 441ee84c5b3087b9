import gc
import os
from pathlib import Path

import numpy as np
import pytest

from moto_learning.data.mapped import map_array


def maps_of(path):
    return sum(str(path) in line for line in Path('/proc/self/maps').read_text().splitlines())


def test_a_mapped_array_is_the_saved_one_read_only_and_holds_no_descriptor(tmp_path):
    path = tmp_path / 'x.npy'
    array = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    np.save(path, array)
    before = len(os.listdir('/proc/self/fd'))
    mapped = [map_array(path, array.dtype, array.shape) for _ in range(50)]
    assert len(os.listdir('/proc/self/fd')) == before
    np.testing.assert_array_equal(mapped[-1], array)
    assert mapped[0].dtype == np.uint8
    with pytest.raises(ValueError, match='read-only'):
        mapped[0][0] = 1
    with pytest.raises(ValueError):
        mapped[0].flags.writeable = True


def test_a_view_keeps_the_map_and_the_last_one_gives_it_back(tmp_path):
    path = tmp_path / 'x.npy'
    np.save(path, np.arange(10_000, dtype=np.int64))
    view = map_array(path, np.dtype(np.int64), (10_000,))[10:20]
    gc.collect()
    assert maps_of(path) == 1 and view.tolist() == list(range(10, 20))
    del view
    gc.collect()
    assert maps_of(path) == 0


@pytest.mark.parametrize('cut', [0, 5, 100, 1127])
def test_a_file_cut_short_is_refused_before_it_is_mapped(tmp_path, cut):
    path = tmp_path / 'x.npy'
    np.save(path, np.zeros(1000, np.uint8))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError):
        map_array(path, np.dtype(np.uint8), (1000,))


def test_a_file_that_is_longer_or_of_another_type_or_shape_is_refused(tmp_path):
    path, kind = tmp_path / 'x.npy', np.dtype(np.uint8)
    np.save(path, np.zeros((4, 6), np.uint8))
    for dtype, shape in ((kind, (6, 4)), (np.dtype(bool), (4, 6)), (np.dtype(np.int16), (4, 3))):
        with pytest.raises(ValueError, match=r"'x.npy' is no .* of shape"):
            map_array(path, dtype, shape)
    assert map_array(path, kind, (4, 6)).shape == (4, 6)
    path.write_bytes(path.read_bytes() + b'x')
    with pytest.raises(ValueError, match=r"'x.npy' is no uint8 of shape \(4, 6\)"):
        map_array(path, kind, (4, 6))


def test_an_empty_array_and_another_type_come_back(tmp_path):
    path = tmp_path / 'x.npy'
    for array in (np.zeros((0, 4, 3), np.uint8), np.float32([[1.5], [2.5]])):
        np.save(path, array)
        np.testing.assert_array_equal(map_array(path, array.dtype, array.shape), array)
    with pytest.raises(FileNotFoundError):
        map_array(tmp_path / 'nothing.npy', np.dtype(np.uint8), (1,))
