"""The formats of other people that moto-data reads and writes, for its help."""

from __future__ import annotations

READABLE = {
    'lerobot': 'LeRobotDataset v3, a folder with meta/ and data/',
    'robomimic': 'an HDF5 file with data/demo_N',
    'd4rl': "an HDF5 file with observations, actions; the Kitchen's without a mapping",
    'minari': "a folder with data/main_data.hdf5, or that file; the Kitchen's without a mapping",
    'rosbag': 'a ROS 2 bag (MCAP or SQLite; a folder or one file), or a folder of bags',
}
"""Formats that `moto-data import` reads, with what to name."""
WRITABLE = {'lerobot': 'LeRobotDataset v3, a folder', 'robomimic': 'an HDF5 file'}
"""Formats that `moto-data export` writes, with what it makes."""
