"""A bring-up that is killed: what it started halts, as on a signal, and is gone."""

import os
import socket
import subprocess

import numpy as np
import pytest

from moto_ros.services import GUARD, TWIN
from moto_ros.wire.started_by import STARTED_BY

pytestmark = pytest.mark.ros


@pytest.fixture
def bringup():
    """A process in the place of `ros2 launch`, which starts nothing itself."""
    process = subprocess.Popen(['sleep', '120'])
    yield process
    process.kill()
    process.wait()


def test_the_guard_leads_the_arm_to_rest_when_the_bringup_is_killed(start, bringup):
    graph = start(only=[TWIN])
    graph.children.environment[STARTED_BY] = f'{bringup.pid}@{socket.gethostname()}'
    graph.table.update({p.node: p for p in graph.given if p.node == GUARD})
    graph.start(GUARD)
    graph.take_over()
    for _ in range(20):  # on a busy machine the first requests may come too late
        graph.drive([0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0], 0.5)
        if graph.speed() > 0.3:
            break
    assert graph.speed() > 0.3
    graph.executed.clear()
    bringup.kill()
    process = graph.children.running[GUARD]
    graph.wait(lambda: graph.speed() < 0.01, 3, 'rest')
    graph.wait(lambda: process.poll() is not None, 10, 'the end of the guard')
    assert process.returncode == 0
    # told to rest, and not left to the twin's watchdog
    graph.wait(lambda: graph.executed[-1].velocity[3] == 0.0, 3, 'the last command')
    speeds = np.abs([message.velocity[3] for message in graph.executed])
    assert np.abs(np.diff(speeds)).max() < 0.1
    assert os.path.exists(f'/proc/{graph.children.running[TWIN].pid}')
