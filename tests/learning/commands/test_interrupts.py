"""Ctrl-C at any moment is one line and code 130: real processes, the signal of a terminal."""

import os
import signal
import subprocess
import sys
import time

import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny
from tests.recorded import record

RENDERING = ('MUJOCO_GL', 'PYOPENGL_PLATFORM')  # other tests choose for their own processes


def start(command, *arguments, flags=()):
    """Starts a command in a process group of its own, as a shell does."""
    return subprocess.Popen(
        [sys.executable, *flags, '-m', f'moto_learning.commands.{command}', *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={name: text for name, text in os.environ.items() if name not in RENDERING},
    )


def interrupt(process, group=True):
    """Sends Ctrl-C; returns the code that a shell shows and the lines on stderr.

    Python ends itself by the signal if a library ran code of its own below the interrupt.
    """
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    lines = [line for line in said.splitlines() if not line.startswith('import time:')]
    code = process.returncode
    return 128 - code if code < 0 else code, lines


def stop(process, line, group=True):
    """Interrupts a command and checks its code and the one line that it says."""
    code, lines = interrupt(process, group)
    assert (code, lines) == (130, [line]), (code, *lines)


def wait_for(ready, process, seconds=60):
    end = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    record(root, [200] * 15, success=True)
    return root


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp('run')
    record(root / 'data', [12])
    config = tiny.config('train.offline_updates=1')
    training = Training(config, Dataset.open(root / 'data').spec, [root / 'data'], root / 'run')
    training.offline()
    training.close()
    return root / 'run'


@pytest.mark.parametrize(
    ('command', 'arguments', 'module'),
    [
        ('data', ('inspect', 'nowhere'), ' numpy'),
        ('data', ('inspect', 'nowhere'), ' yaml'),
        ('train', ('--data', 'nowhere', '--out', 'nowhere'), ' numpy'),
        ('train', ('--data', 'nowhere', '--out', 'nowhere'), ' torch.'),
        ('eval', ('--policy', 'scripted', '--task', 'kitchen-kettle'), ' torch.'),
        ('eval', ('--policy', 'scripted', '--task', 'kitchen-kettle'), ' mujoco'),
        ('export', ('nowhere', '--out', 'nowhere'), ' torch.'),
        ('demo', ('--out', 'nowhere'), ' numpy'),
        ('demo', ('--out', 'nowhere'), ' matplotlib'),
    ],
)
def test_ctrl_c_while_a_command_imports(tmp_path, monkeypatch, command, arguments, module):
    monkeypatch.chdir(tmp_path)
    process = start(command, *arguments, flags=('-X', 'importtime'))
    for line in process.stderr:
        if line.partition('|')[2].partition('|')[2].startswith(' ') and module in line:
            break
    code, lines = interrupt(process)
    name = f'moto-{command} inspect' if command == 'data' else f'moto-{command}'
    assert (code, len(lines)) == (130, 1), lines
    assert lines[0].startswith(f'{name}: stopped')
    assert not list(tmp_path.iterdir())


def test_ctrl_c_while_the_cache_compiles(tmp_path, data):
    process = start('train', '--data', data, '--out', tmp_path / 'run', 'train.threads=1')
    wait_for(lambda: list((data / 'cache').glob('*/*/meta.json')), process)
    stop(process, 'moto-train: stopped')
    assert not (tmp_path / 'run' / 'checkpoints').exists()


def test_ctrl_c_while_moto_export_works(tmp_path, run):
    process = start('export', run, '--out', tmp_path / 'bundles')
    wait_for((tmp_path / 'bundles').exists, process)
    time.sleep(0.5)
    stop(process, 'moto-export: stopped')


def test_ctrl_c_while_moto_eval_drives(tmp_path):
    process = start(
        'eval',
        '--policy',
        'scripted',
        '--task',
        'kitchen-kettle',
        '--json',
        tmp_path / 'new' / 'kettle.json',
    )
    wait_for((tmp_path / 'new').exists, process)
    time.sleep(1)
    stop(process, 'moto-eval: stopped')
    assert not (tmp_path / 'new' / 'kettle.json').exists()


def children(pid):
    """Returns the processes below one, at any depth."""
    with open(f'/proc/{pid}/task/{pid}/children') as stream:
        found = [int(child) for child in stream.read().split()]
    return [*found, *(below for child in found for below in children(child))]


def ended(pids, seconds=30):
    """Waits until none of the processes is there; returns those that still are."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(os.path.exists(f'/proc/{pid}') for pid in pids):
        time.sleep(0.05)
    return [pid for pid in pids if os.path.exists(f'/proc/{pid}')]


def collecting(out, workers=2):
    """Starts a collection of many episodes and waits until it holds its dataset."""
    line = ('--task', 'kitchen-kettle', '--episodes', 50, '--workers', workers, '--out', out)
    process = start('data', 'collect', *line)
    wait_for((out / 'LOCK').exists, process)
    return process


@pytest.mark.parametrize('seconds', [0.2, 3.0])
def test_ctrl_c_while_workers_record(tmp_path, seconds):
    process = collecting(tmp_path / 'data')
    time.sleep(seconds)
    stop(process, 'moto-data collect: stopped; whole episodes are kept')
    with Dataset.create_or_open(tmp_path / 'data') as dataset:  # nothing half is there
        assert dataset.findings == []
        assert all(record.ended == 'done' for record in dataset.episodes())


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_a_collection_that_is_killed(tmp_path, number):
    process = collecting(tmp_path / 'data')
    wait_for(lambda: len(children(process.pid)) >= 3, process)  # with the resource tracker
    time.sleep(2)
    workers = children(process.pid)
    process.send_signal(number)
    code = process.wait(60)
    assert code == (130 if number == signal.SIGTERM else -signal.SIGKILL)
    assert ended(workers) == []
    process.communicate()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_a_stage_ends_with_a_demonstration_that_is_killed(tmp_path, number):
    out = tmp_path / 'demo'
    process = start('demo', '--out', out, 'demonstrations=50')
    wait_for((out / 'dataset' / 'LOCK').exists, process)
    time.sleep(2)
    below = children(process.pid)
    assert len(below) >= 2
    process.send_signal(number)
    _, said = process.communicate(timeout=90)
    assert ended(below) == []
    if number == signal.SIGTERM:
        line = f'moto-demo: stopped; moto-demo --out {out} --resume goes on with it'
        assert (process.returncode, said.splitlines()) == (130, [line])


@pytest.mark.parametrize('group', [True, False], ids=['terminal', 'only the command'])
def test_ctrl_c_in_moto_demo_ends_the_stage_and_says_how_to_go_on(tmp_path, group):
    out = tmp_path / 'demo'
    process = start('demo', '--out', out, 'demonstrations=50')
    wait_for((out / 'logs' / 'collect.log').exists, process)
    time.sleep(1)
    stages = children(process.pid)
    assert stages
    stop(process, f'moto-demo: stopped; moto-demo --out {out} --resume goes on with it', group)
    assert not os.path.exists(f'/proc/{stages[0]}')
    assert ended(stages) == []
    assert 'Traceback' not in (out / 'logs' / 'collect.log').read_text()
