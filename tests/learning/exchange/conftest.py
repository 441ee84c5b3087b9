"""Small files of every HDF5 format, and a dataset of ours to export."""

import h5py
import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_sim.kitchen_model import HOME
from tests.recorded import record


@pytest.fixture
def ours(tmp_path):
    record(tmp_path / 'ours', [5] * 10, success=True)
    record(tmp_path / 'ours', [3], outcome='failure', task='kitchen-kettle')
    return Dataset.open(tmp_path / 'ours')


@pytest.fixture
def theirs(tmp_path):
    """A file as robomimic's own scripts write it."""
    path, rng = tmp_path / 'can.hdf5', np.random.default_rng(0)
    with h5py.File(path, 'w') as file:
        for n, length in ((10, 4), (2, 6)):
            demo = file.create_group(f'data/demo_{n}')
            demo.attrs['num_samples'] = length
            demo['actions'] = rng.uniform(-1, 1, (length, 7))
            demo['rewards'] = np.r_[np.zeros(length - 1), n == 2]
            demo['obs/agentview_image'] = rng.integers(0, 255, (length, 16, 16, 3), np.uint8)
            demo['obs/robot0_joint_pos'] = np.arange(length * 2.0).reshape(length, 2)
            demo['obs/object'] = np.zeros((length, 14))
    return path


def states(count, travel=0.0):
    """Minari's observations (count, 59): the start, the microwave's door ever further open."""
    qpos = np.tile(HOME, (count, 1))
    qpos[:, 22] = np.linspace(0, travel, count)
    return np.concatenate(
        [qpos[:, :9], np.full((count, 9), 0.25), qpos[:, 9:], np.zeros((count, 20))], 1
    )


@pytest.fixture
def minari(tmp_path):
    """A dataset folder as Minari writes it, of two episodes."""
    path = tmp_path / 'kitchen/data/main_data.hdf5'
    path.parent.mkdir(parents=True)
    with h5py.File(path, 'w') as file:
        for n, length in ((0, 3), (1, 4)):
            episode = file.create_group(f'episode_{n}')
            episode['actions'] = np.full((length, 9), 0.1 * (n + 1), np.float32)
            episode['observations/observation'] = states(length + 1, -1.0 * n)
            episode['observations/achieved_goal/microwave'] = np.zeros((length + 1, 1))
            episode['rewards'] = np.zeros(length)
    return path.parents[1]


@pytest.fixture
def d4rl(tmp_path):
    """A file as D4RL has it: three episodes in a row, the last not ended."""
    observed = np.concatenate([np.tile(HOME, (9, 1)), np.zeros((9, 30))], 1)
    with h5py.File(tmp_path / 'kitchen.hdf5', 'w') as file:
        file['observations'] = observed
        file['actions'] = np.arange(81.0).reshape(9, 9) / 100
        file['rewards'] = np.zeros(9)
        file['terminals'] = [0, 0, 1, 0, 0, 0, 0, 0, 0]
        file['timeouts'] = [0, 0, 0, 0, 0, 1, 0, 0, 0]
    return tmp_path / 'kitchen.hdf5'
