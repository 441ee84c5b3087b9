"""The environment that rclpy and Fast DDS need; every entry point passes here before rclpy.init.

In: the process's environment. Out: the same with what is unset filled in. Nothing set is changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping

from moto_core.config import share_dir

DISCOVERY = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
CLOSED = 'ROS_LOCALHOST_ONLY'
PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE'
_UDP_ALONE = {'LOCALHOST': 'fastdds_udp', 'SUBNET': 'fastdds_udp_subnet'}  # by discovery range


def prepare_environment(
    environment: MutableMapping[str, str] = os.environ, profile: str = 'fastdds'
) -> None:
    """Fills in AMENT_PREFIX_PATH (the ament index) and the Fast DDS profile if they are unset.

    'fastdds' gives shared memory segments that hold whole camera images; without it a 640x480
    image is cut into fragments and best effort loses most of them. 'fastdds_udp' has none,
    if the discovery range is SYSTEM_DEFAULT.
    """
    environment.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    environment.setdefault(PROFILES, _path(profile))


def udp_alone(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns what a process is given so that it uses no shared memory beside others that do.

    A process that is killed within a segment leaves a lock that stops whoever has it mapped for a
    second or two. Nothing is returned where the environment chooses for itself: another profile,
    static peers, a discovery range that is neither LOCALHOST nor SUBNET, ROS's default.
    ROS_LOCALHOST_ONLY=1, which goes over a range, is LOCALHOST.
    """
    closed = environment.get(CLOSED) == '1'
    profile = _UDP_ALONE.get('LOCALHOST' if closed else environment.get(DISCOVERY) or 'SUBNET')
    if profile is None or environment.get(PROFILES) or environment.get('ROS_STATIC_PEERS'):
        return {}
    own = {CLOSED: '0'} if closed else {}  # it would bring shared memory back
    return {**own, PROFILES: _path(profile), DISCOVERY: 'SYSTEM_DEFAULT'}


def _path(profile: str) -> str:
    return str(share_dir() / 'config' / 'ros' / f'{profile}.xml')
