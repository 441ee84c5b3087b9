"""`moto-up` as a user starts it."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from moto_core.episodes.dataset import Dataset
from moto_ros.chaos.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.ros


def up(*arguments):
    return subprocess.Popen(
        [sys.executable, '-m', 'moto_ros.bringup.up', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def children(pid):
    return [int(child) for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def gone(pids):
    end = time.monotonic() + 10
    while any(os.path.exists(f'/proc/{pid}') for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(os.path.exists(f'/proc/{pid}') for pid in pids)


def test_moto_up_runs_episodes_writes_the_result_and_ends(tmp_path):
    process = up(
        'sim:=true',
        'policy:=random',
        'record.raw:={/wrench: geometry_msgs/msg/WrenchStamped}',
        f'dataset:={tmp_path / "d"}',
        'episodes:=2',
        'max_steps:=8',
        f'json:={tmp_path / "o.json"}',
        'seed:=40',
        'log_level:=warn',
    )
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    result = json.loads((tmp_path / 'o.json').read_text())
    assert [e['seed'] for e in result['episodes']] == [40, 41]
    assert [e['steps'] for e in result['episodes']] == [8, 8]
    assert all(e['start_seconds'] < 3 for e in result['episodes'])
    assert len(result['latency_ms']) == 18
    assert result['latency']['p50'] < 80
    assert set(result) >= {'missed_periods', 'guard_interventions', 'policy', 'cover_camera'}
    with Dataset.open(tmp_path / 'd') as dataset:
        assert {r.id for r in dataset.episodes()} == {e['id'] for e in result['episodes']}


def test_ctrl_c_ends_every_process_of_moto_up(tmp_path):
    process = up('sim:=true', 'record:=false', 'log_level:=warn')
    seen = ''
    while 'guard READY' not in seen:  # the status line
        line = process.stdout.readline()
        assert line, seen
        seen += line
    pids = children(process.pid)
    assert len(pids) in (4, 5)  # twin, guard, policy, status; the manager ends
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0, seen + rest
    assert 'Traceback' not in rest
    assert gone(pids)


def ready():
    """Starts a simulated graph without a recorder; returns its process once the guard is ready."""
    process, seen = up('sim:=true', 'record:=false', 'log_level:=warn'), ''
    while 'guard READY' not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    return process


def bound_to(pid):
    """The IPv4 addresses to which a process's UDP sockets are bound."""
    table = [line.split() for line in Path(f'/proc/{pid}/net/udp').read_text().splitlines()[1:]]
    address = {row[9]: row[1].partition(':')[0] for row in table}
    targets = []
    for file in Path(f'/proc/{pid}/fd').iterdir():
        with suppress(OSError):  # closed meanwhile
            targets.append(os.readlink(file))
    inodes = [target[8:-1] for target in targets if target.startswith('socket:[')]
    found = {address[inode] for inode in inodes if inode in address}
    return {socket.inet_ntoa(struct.pack('=I', int(text, 16))) for text in found}


def test_the_simulated_graph_uses_no_shared_memory_and_binds_to_this_machine(monkeypatch):
    for name in ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
        monkeypatch.delenv(name)
    process = ready()
    pids = children(process.pid)
    maps = [Path(f'/proc/{pid}/maps').read_text() for pid in pids]
    bound = [bound_to(pid) for pid in pids]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert len(pids) >= 4
    for mapped, addresses in zip(maps, bound):
        assert '/dev/shm/fastrtps' not in mapped
        # 239.255.0.1 is listened to on 127.0.0.1; nothing is sent there: see the initial peers
        assert {'127.0.0.1'} <= addresses <= {'127.0.0.1', '239.255.0.1'}


def test_a_second_bringup_is_refused_by_name_and_leaves_the_first_alone():
    first = ready()
    second = up('sim:=true', 'record:=false', 'episodes:=1')
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f'of another bring-up (process {first.pid} on ' in said
    assert 'refused' not in said and 'episode' not in said  # nobody asked anything of anybody
    assert all(os.path.exists(f'/proc/{pid}') for pid in children(first.pid))
    first.send_signal(signal.SIGINT)
    rest, _ = first.communicate(timeout=20)
    assert first.returncode == 0
    assert 'guard READY' in rest and 'refused' not in rest


def test_the_nodes_end_when_moto_up_is_killed():
    process = ready()
    pids = children(process.pid)
    process.kill()
    process.communicate(timeout=10)
    assert gone(pids)


def test_a_bundle_that_only_the_policy_can_refuse_ends_moto_up_with_its_path(tmp_path):
    bundle = write_tiny_bundle(tmp_path)  # whole, and made for another robot
    process = up('sim:=true', f'policy:={bundle}', 'record:=false', 'log_level:=warn')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert str(bundle) in output and "'moto_policy' refused to configure" in output


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['sim:=true', 'polcy:=zero'], "Did you mean 'policy'"),
        (['sim:=true', 'guard.rat:=100'], "unknown key 'guard.rat'. Did you mean 'guard.rate'"),
        (['sim:=true', 'guard.rate:=abc'], "guard.rate is 'abc'; expected a number"),
        (['sim:=true', 'namespace:=bad-name'], "namespace is 'bad-name'; expected letters"),
        (['sim:=true', 'robot_type:=panda'], 'the simulated robot is kitchen_sim'),
        (['sim:=true', 'profile:=norml'], "Did you mean 'normal'"),
        (['sim:=true', 'policy:=/nowhere/b'], "bundle '/nowhere/b' does not exist"),
        (['sim:=true', 'policy:=/nowhere\n/b'], "bundle '/nowhere /b' does not exist"),
        (['sim:=true', 'log_level:=loud'], "unknown value of log_level 'loud'"),
        (['sim:=true', 'record.raw:={/a'], "argument record.raw '{/a' is not valid YAML"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_starts(words, says):
    process = up(*words)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    (line,) = output.splitlines()
    assert line.startswith('moto-up: ') and says in line


def test_ctrl_c_while_moto_up_imports_is_one_line():
    process = subprocess.Popen(
        [sys.executable, '-X', 'importtime', '-m', 'moto_ros.bringup.up', 'sim:=true'],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not process.stderr.readline().endswith(' yaml.reader\n'):  # omegaconf is on its way
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    lines = [line for line in said.splitlines() if not line.startswith('import time:')]
    assert (process.returncode, lines) == (130, ['moto-up: stopped'])
