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


PEER = """
import os, sys, time
from moto_ros.bringup.table import own_environment, environment, processes
from moto_ros.services import GUARD

role = sys.argv[1]
base = dict(os.environ)
everybody = environment(base, False)
guard, *others = processes({'sim': 'false'})
assert guard.node == GUARD
mine = {**everybody, **own_environment(guard if role == 'guard' else others[0], base, False)}
os.environ.clear()
os.environ.update(mine)
import rclpy
from std_msgs.msg import String

rclpy.init()
node = rclpy.create_node(role)
other = 'policy' if role == 'guard' else 'guard'
heard = []
say = node.create_publisher(String, 'from_' + role, 10)
node.create_subscription(String, 'from_' + other, lambda said: heard.append(said.data), 10)
end = time.monotonic() + 15
until = None  # goes on for a moment, for the other to hear
while time.monotonic() < (until or end):
    say.publish(String(data=role))
    rclpy.spin_once(node, timeout_sec=0.05)
    if heard and until is None:
        until = time.monotonic() + 1
with open('/proc/self/maps') as file:
    shared = [line for line in file if '/dev/shm/fastrtps' in line]
print(len(heard) > 0, len(shared) > 0)
"""


RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'


@pytest.mark.parametrize(
    'chosen', [{RANGE: 'LOCALHOST'}, {RANGE: 'SUBNET'}, {'ROS_LOCALHOST_ONLY': '1'}]
)
def test_a_real_arms_guard_hears_the_others_and_is_heard_without_their_shared_memory(chosen):
    ours = {'FASTRTPS_DEFAULT_PROFILES_FILE', RANGE}
    given = {k: v for k, v in os.environ.items() if k not in ours}
    peers = {
        role: subprocess.Popen(
            [sys.executable, '-c', PEER, role],
            env={**given, **chosen},
            stdout=subprocess.PIPE,
            text=True,
        )
        for role in ('guard', 'policy')
    }
    told = {role: peer.communicate(timeout=60)[0].split() for role, peer in peers.items()}
    assert told == {'guard': ['True', 'False'], 'policy': ['True', 'True']}
