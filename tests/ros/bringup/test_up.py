"""`moto-up` as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moto_core.episodes.dataset import Dataset

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


def test_the_nodes_end_when_moto_up_is_killed():
    process = up('sim:=true', 'record:=false', 'log_level:=warn')
    seen = ''
    while 'guard READY' not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    pids = children(process.pid)
    process.kill()
    process.communicate(timeout=10)
    assert gone(pids)


def test_a_missing_bundle_ends_moto_up_with_its_path():
    process = up('sim:=true', 'policy:=/nowhere/bundle', 'record:=false', 'log_level:=warn')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert '/nowhere/bundle' in output and "'moto_policy' refused to configure" in output


def test_an_unknown_argument_is_refused_before_anything_starts():
    process = up('sim:=true', 'polcy:=zero')
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "Did you mean 'policy'" in output
