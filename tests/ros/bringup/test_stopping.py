"""What runs beside the nodes ends in silence, whenever it is told to."""

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.ros


@pytest.mark.parametrize('delay', [0.05, 0.2, 0.4, 2.0])  # [s]
@pytest.mark.parametrize('module', ['lifecycle_manager', 'session', 'graph'])
def test_a_signal_is_no_traceback(module, delay):
    process = subprocess.Popen(
        [sys.executable, '-X', 'importtime', '-m', f'moto_ros.bringup.{module}', 'moto_nobody'][
            : None if module == 'lifecycle_manager' else -1
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not process.stderr.readline().endswith(' moto_ros.wire.environment\n'):
        assert process.poll() is None
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    lines = [line for line in said.splitlines() if not line.startswith('import time:')]
    assert not [line for line in lines if 'Traceback' in line or 'Error' in line], lines
    assert process.returncode in (0, 1, 130, -signal.SIGTERM)
