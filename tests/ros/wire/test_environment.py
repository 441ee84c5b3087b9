"""What the Fast DDS profiles give to a process that starts with them."""

import os
import subprocess
import sys

import pytest

BUFFERS = """
import os, socket, rclpy
from moto_ros.wire.environment import prepare_environment
prepare_environment(profile='{profile}')
rclpy.init()
node = rclpy.create_node('buffers')
for entry in os.listdir('/proc/self/fd'):
    try:
        bound = socket.socket(fileno=os.dup(int(entry)))
    except OSError:
        continue
    if bound.type == socket.SOCK_DGRAM and bound.family == socket.AF_INET:
        print(bound.getsockname()[1], bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
"""


@pytest.mark.parametrize('profile', ['fastdds', 'fastdds_udp'])
def test_a_burst_fits_into_the_receive_buffers(profile):
    """The default of 208 KiB lost about 100 datagrams a bring-up."""
    given = {k: v for k, v in os.environ.items() if k != 'FASTRTPS_DEFAULT_PROFILES_FILE'}
    told = subprocess.run(
        [sys.executable, '-c', BUFFERS.format(profile=profile)],
        env={**given, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SYSTEM_DEFAULT'},
        capture_output=True,
        text=True,
        check=True,
    )
    sizes = dict(map(int, line.split()) for line in told.stdout.splitlines())
    with open('/proc/sys/net/core/rmem_max', encoding='ascii') as file:
        most = int(file.read())
    doubled = 2 * min(4194304, most)  # Linux doubles what is set
    assert list(sizes.values()).count(doubled) >= 2, sizes  # discovery and data
