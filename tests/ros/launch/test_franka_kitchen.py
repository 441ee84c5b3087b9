"""`ros2 launch` of the graph: real processes over DDS."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.guard.limits import load_robot
from moto_core.spec import Setup
from moto_ros.bringup.arguments import documented
from moto_ros.services import GUARD, POLICY, TWIN
from tests.ros.launch.launched import ROOT, needs_launch

pytestmark = [pytest.mark.ros, needs_launch]
FILE = 'franka_kitchen.launch.py'
UP = 'process has finished cleanly'  # the manager's end
REAL = (  # the graph of a real arm, whose arm is a twin that was started by somebody else
    'sim:=false',
    'robot_type:=kitchen_sim',
    'command.limits_are_of_no_real_arm:=true',
    'joint_states:=joint_states',
    'record:=false',
    'dry_run:=false',
    'command_mode:=velocity_array',
    'command.velocities_run_on_if_the_guard_dies:=true',
    'guard.deadman_required:=false',
    'guard.estop_required:=false',
)


def words(pid):
    return Path(f'/proc/{pid}/cmdline').read_text().split('\0')


def gone(pids):
    end = time.monotonic() + 10
    while any(os.path.exists(f'/proc/{pid}') for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(os.path.exists(f'/proc/{pid}') for pid in pids)


def test_every_argument_and_setting_is_shown_with_its_meaning(launched):
    shown = launched(FILE, '--show-args')
    assert shown.wait() == 0, shown.seen
    for name, (default, meaning) in documented().items():
        assert f"'{name}':\n        {meaning}\n        (default: '{default}')" in shown.seen, name


@pytest.mark.parametrize(
    ('word', 'says'),
    [
        ('profil:=x', "unknown argument 'profil'. Did you mean 'profile'"),
        ('guard.deadman_require:=true', "Did you mean 'guard.deadman_required'"),
        ('robot_ip:=172.16.0.2', 'franka_drivers.launch.py'),
        ('guard.rate:=5', 'guard.rate is 5; expected at least 50'),
    ],
)
def test_what_cannot_be_ends_the_launch_before_anything_starts(launched, word, says):
    started = launched(FILE, 'sim:=true', word)
    assert started.wait() == 1
    assert says in started.seen and 'process started' not in started.seen


def test_settings_reach_the_nodes_and_the_limits_are_shown(launched):
    started = launched(
        FILE, 'sim:=true', 'record:=false', 'guard.rate:=500', 'profile:=commissioning'
    )
    started.read_until(UP)
    limits = ROOT / 'config' / 'robot' / 'kitchen_sim.yaml'
    assert f"profile 'commissioning', from {limits} (sha256 " in started.seen
    pids = started.children()
    lines = [words(pid) for pid in pids]
    assert len(lines) == 3
    assert all({'guard.rate:=500', 'profile:="commissioning"'} <= set(line) for line in lines)
    assert started.end() == 0, started.seen
    assert gone(pids) and 'Traceback' not in started.seen


def test_a_launch_file_may_include_ours_in_a_namespace_with_its_own_arguments(launched, tmp_path):
    own = tmp_path / 'cell.launch.py'
    own.write_text(
        'from launch import LaunchDescription\n'
        'from launch.actions import GroupAction, IncludeLaunchDescription\n'
        'from launch.launch_description_sources import AnyLaunchDescriptionSource\n'
        'from launch_ros.actions import PushRosNamespace, SetRemap\n'
        'def generate_launch_description():\n'
        '    return LaunchDescription([GroupAction([\n'
        "        PushRosNamespace('left'), SetRemap('joy', '/joy'),\n"
        '        IncludeLaunchDescription(\n'
        f'            AnyLaunchDescriptionSource({str(ROOT / "launch" / FILE)!r}),\n'
        "            launch_arguments=[('sim', 'true'), ('record', 'false'),\n"
        "                              ('guard.rate', '500'), ('rig', 'x')])])])\n"
    )
    started = launched(own, 'colour:=red')
    started.read_until(UP)
    lines = [words(pid) for pid in started.children()]
    assert started.end() == 0, started.seen
    assert len(lines) == 3
    for line in lines:
        assert '__ns:=/left' in line and 'joy:=/joy' in line and 'guard.rate:=500' in line


def test_a_bringup_that_fails_ends_the_launch_with_a_code(launched, tmp_path):
    robot = load_robot('kitchen_sim')
    setup = Setup(robot='kitchen_sim', profile='normal')
    with Dataset.create_or_open(tmp_path / 'd', robot.spec, setup=setup):  # and holds its lock
        started = launched(FILE, 'sim:=true', f'dataset:={tmp_path / "d"}')
        assert started.wait() == 1, started.seen
    assert "'moto_recorder' refused to configure" in started.seen


def test_the_death_of_the_guard_ends_the_launch_with_a_code(launched):
    started = launched(FILE, 'sim:=true', 'record:=false')
    started.read_until(UP)
    (guard,) = [pid for pid in started.children() if 'moto_ros.nodes.guard' in words(pid)]
    os.kill(guard, signal.SIGKILL)
    assert started.wait() == 1
    assert 'moto_guard ended' in started.seen


def test_a_second_bringup_is_refused_and_leaves_the_first_alone(launched, start):
    graph = start(only=[TWIN, GUARD, POLICY])
    second = launched(FILE, 'sim:=true', 'record:=false')
    assert second.wait() == 1
    assert f'another bring-up (process {os.getpid()} on' in second.seen
    assert 'refused: ' not in second.seen  # nobody asked anything of anybody
    graph.latest.guard = None
    graph.wait(lambda: graph.latest.guard is not None, 5, 'the first guard')
    assert graph.latest.guard.state == 'READY'
    graph.graph.call(GUARD, 'arm')


def test_a_launch_that_is_killed_leaves_the_arm_at_rest_and_no_process(launched, start):
    graph = start(only=[TWIN])
    started = launched(FILE, *REAL)
    started.read_until(UP)
    pids = started.children()
    assert len(pids) == 2
    graph.wait(lambda: graph.latest.guard is not None, 10, 'the guard')
    assert 'just started' in graph.latest.guard.refusal
    graph.graph.call(GUARD, 'begin_anew')
    graph.take_over()
    for _ in range(20):  # on a busy machine the first requests may come too late
        graph.drive([0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0], 0.5)
        if graph.speed() > 0.3:
            break
    assert graph.speed() > 0.3
    graph.executed.clear()
    started.process.kill()
    graph.wait(lambda: graph.speed() < 0.01, 3, 'rest')
    assert gone(pids)
    # told to rest, and not left to the twin's watchdog
    graph.wait(lambda: graph.executed[-1].velocity[3] == 0.0, 3, 'the last command')
    speeds = np.abs([message.velocity[3] for message in graph.executed])
    assert np.abs(np.diff(speeds)).max() < 0.1
