"""The environment that rclpy and Fast DDS need; every entry point passes here before rclpy.init.

In: the process's environment. Out: the same with what is unset filled in. Nothing set is changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

from moto_core.config import share_dir

DISCOVERY = 'ROS_AUTOMATIC_DISCOVERY_RANGE'


def prepare_environment(
    environment: MutableMapping[str, str] = os.environ, profile: str = 'fastdds'
) -> None:
    """Fills in AMENT_PREFIX_PATH (the ament index) and the Fast DDS profile if they are unset.

    'fastdds' gives shared memory segments that hold whole camera images; without it a 640x480
    image is cut into fragments and best effort loses most of them. 'fastdds_udp' has none,
    if the discovery range is SYSTEM_DEFAULT.
    """
    environment.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    path = share_dir() / 'config' / 'ros' / f'{profile}.xml'
    environment.setdefault('FASTRTPS_DEFAULT_PROFILES_FILE', str(path))
