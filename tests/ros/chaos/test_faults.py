"""Faults made to happen: a few quickly, all of them slowly, and a guard that is broken."""

import json
import subprocess
import sys

import pytest

from moto_ros.chaos import bench as benches
from moto_ros.chaos import people, requests
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.command import main
from moto_ros.chaos.registry import ALL, FAULTS
from moto_ros.chaos.run import run
from moto_ros.loops import guard as module

QUICK = [fault for fault in ALL if fault.quick]


@pytest.fixture
def bench():
    lent = Bench()
    yield lent
    lent.close()


@pytest.mark.parametrize('fault', QUICK, ids=lambda fault: str(fault.number))
def test_a_quick_fault_is_met(bench, fault):
    seen = fault.act(bench)
    assert seen.met, seen.missed


def test_a_guard_that_lets_out_more_than_it_may_is_not_met(bench, monkeypatch):
    good = module.guard_step

    def hasty(*given):
        output, state = good(*given)
        return output._replace(velocity=1.5 * output.velocity), state

    monkeypatch.setattr(module, 'guard_step', hasty)
    monkeypatch.setattr(requests, 'SECONDS', 1.0)
    (result,) = run([FAULTS[35]], bench, id)
    assert not result.seen.met
    assert result.seen.numbers['acceleration_of_profile'] > 1.4


@pytest.mark.ros
def test_a_guard_that_needs_no_deadman_is_not_met(bench, ros_environment, monkeypatch):
    import rclpy

    loose = benches.Kind(only=benches.ARM, given={'guard.deadman_required': 'false'})
    kinds = {**benches.KINDS, 'deadman': loose}
    monkeypatch.setattr(benches, 'KINDS', kinds)
    rclpy.init()
    try:
        seen = people.deadman(bench)
    finally:
        bench.close()
        rclpy.shutdown()
    assert not seen.met and 'braking after inf s' in seen.missed


def test_what_is_not_named_is_not_run(capsys):
    assert main(['run']) == 2
    assert 'no fault is named; give numbers, --fast or --all' in capsys.readouterr().err
    assert main(['list']) == 0
    shown = capsys.readouterr().out
    assert '45 "two masters", then a reset' in shown and shown.count('\n') >= 90


@pytest.mark.ros
def test_nothing_starts_in_a_domain_where_something_runs(ros_environment):
    import os

    import rclpy

    rclpy.init()
    node = rclpy.create_node('somebody')
    try:
        line = [sys.executable, '-m', 'moto_ros.chaos.command', 'run', '24']
        line += ['--domain', os.environ['ROS_DOMAIN_ID']]
        ended = subprocess.run(line, capture_output=True, text=True, timeout=60)
    finally:
        node.destroy_node()
        rclpy.shutdown()
    assert ended.returncode == 2 and ended.stdout == ''
    assert 'runs somebody; nothing is started beside another graph' in ended.stderr


@pytest.mark.ros
@pytest.mark.slow
def test_every_fault_is_met(ros_environment, tmp_path):
    file = tmp_path / 'chaos.json'
    line = [sys.executable, '-m', 'moto_ros.chaos.command', 'run', '--all', '--json', str(file)]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=1800)
    results = json.loads(file.read_text())['results']
    assert len(results) == 45
    missed = {result['number']: result['missed'] for result in results if not result['met']}
    assert not missed, missed
    assert ended.returncode == 0
