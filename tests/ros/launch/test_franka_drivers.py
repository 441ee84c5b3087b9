"""`ros2 launch` of the drivers, over stand-ins of franka_bringup and controller_manager.

The stand-ins say what they are given; what franka_ros2 takes was read from its sources (jazzy).
"""

import os
import signal

import pytest

from tests.ros.launch.launched import ROOT, needs_launch

pytestmark = [pytest.mark.ros, needs_launch]
FILE = 'franka_drivers.launch.py'
FRANKA = """
import sys
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess
from launch.substitutions import LaunchConfiguration
NAMES = ('robot_ip', 'robot_type', 'namespace', 'use_fake_hardware', 'load_gripper')

def generate_launch_description():
    told = [[name, '=', LaunchConfiguration(name)] for name in NAMES]
    code = "import sys, signal; print('drivers', *sys.argv[1:], flush=True); signal.pause()"
    return LaunchDescription(
        [DeclareLaunchArgument('arm_prefix', default_value='')]
        + [ExecuteProcess(cmd=[sys.executable, '-c', code, *told], output='screen')]
    )
"""
SPAWNER = '#!/bin/sh\necho spawner "$@"\n'


@pytest.fixture
def environment(tmp_path):
    """A prefix with both packages before those that are installed."""
    index = tmp_path / 'share/ament_index/resource_index/packages'
    for folder in (index, tmp_path / 'share/franka_bringup/launch', tmp_path / 'lib'):
        folder.mkdir(parents=True)
    for name in ('franka_bringup', 'controller_manager'):
        (index / name).touch()
    (tmp_path / 'share/franka_bringup/launch/franka.launch.py').write_text(FRANKA)
    spawner = tmp_path / 'lib/controller_manager/spawner'
    spawner.parent.mkdir()
    spawner.write_text(SPAWNER)
    spawner.chmod(0o755)
    return {'AMENT_PREFIX_PATH': f'{tmp_path}:{os.environ.get("AMENT_PREFIX_PATH", "")}'}


def test_the_drivers_and_the_spawner_are_started_with_what_they_take(launched, environment):
    started = launched(
        FILE, 'robot_ip:=172.16.0.2', 'namespace:=left', 'activate:=false', environment=environment
    )
    started.read_until('drivers ')
    started.read_until('spawner ')
    started.read_until('process has finished cleanly')
    assert started.end(signal.SIGINT) == 0
    told = 'robot_type=fr3 namespace=left use_fake_hardware=false load_gripper=false'
    assert f'drivers robot_ip=172.16.0.2 {told}' in started.seen
    file = ROOT / 'config' / 'ros' / 'controllers.yaml'
    assert f'spawner fr3_arm_controller --param-file {file} ' in started.seen
    assert '--controller-manager-timeout 60 --inactive ' in started.seen
    assert '__ns:=/left' in started.seen


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        ([], 'robot_ip is missing'),
        (['use_fake_hardware:=true', 'robot_type:=panda'], "unknown robot_type 'panda'"),
        (['use_fake_hardware:=true', 'dry_run:=true'], "unknown argument 'dry_run'"),
    ],
)
def test_what_the_drivers_cannot_be_told_ends_the_launch(launched, environment, words, says):
    started = launched(FILE, *words, environment=environment)
    assert started.wait() == 1
    assert says in started.seen and 'process started' not in started.seen
