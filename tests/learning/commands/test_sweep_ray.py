"""moto-sweep --engine ray: on this machine's Ray, if it is installed, and what is said if not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from moto_core.command import STOPPED
from moto_core.config import load_config
from moto_core.errors import MotoError
from moto_learning.commands import sweep_ray
from moto_learning.commands.sweep import main
from moto_learning.config import Config
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.heldout import read_evaluations
from tests.learning.commands.test_sweep import SHORT, TASK
from tests.learning.test_processes import environment

ROOT = Path(__file__).parents[3]


def settings(*overrides):
    return load_config(Config, overrides=overrides)


class CancelledError(Exception):
    """As Ray's of a task that was cancelled."""


class LostError(Exception):
    """As Ray's of a task whose machine is gone."""


class FakeRay(ModuleType):
    """The part of Ray that a sweep talks to: a task ends with what the test has put there."""

    def __init__(self):
        super().__init__('ray')
        self.begun, self.asked, self.cancelled, self.ended = [], [], [], None
        self.exceptions = ModuleType('ray.exceptions')
        self.exceptions.TaskCancelledError = CancelledError
        self.exceptions.RayError = LostError

    def init(self, **words):
        if words.get('address') == 'nowhere':
            raise ConnectionError('no Ray there')
        self.begun.append(words)

    def remote(self, **resources):
        self.asked.append(resources)
        return lambda function: SimpleNamespace(remote=lambda *words: words)

    def wait(self, told, timeout):
        return (told, []) if self.ended is not None else ([], told)

    def get(self, told):
        if isinstance(self.ended, Exception):
            raise self.ended
        return self.ended

    def cancel(self, told, recursive):
        self.cancelled.append(told)

    def shutdown(self):
        self.begun.append('shut down')


@pytest.fixture
def ray(monkeypatch):
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, 'ray', fake)
    monkeypatch.setattr(sweep_ray, 'need', lambda name: None)
    return fake


def test_a_run_asks_for_its_threads_and_for_a_gpu_if_it_wants_one(ray, tmp_path):
    with sweep_ray.ray_tasks('', 3) as launch:
        for words in ((), ('train.threads=4',), ('train.device=cuda', 'train.threads=2')):
            launch(['true'], tmp_path / 'run.log', settings(*words))
    assert [(one['num_cpus'], one['num_gpus']) for one in ray.asked] == [(1, 0), (4, 0), (2, 1)]
    assert all(one['max_retries'] == 0 for one in ray.asked)
    assert ray.begun[0]['num_cpus'] == 3 and ray.begun[-1] == 'shut down'


def test_a_cluster_is_taken_by_its_address_and_one_that_is_not_there_is_one_line(ray):
    with sweep_ray.ray_tasks('auto', 3):
        assert ray.begun[0]['address'] == 'auto' and 'num_cpus' not in ray.begun[0]
    with (
        pytest.raises(MotoError, match="Ray at 'nowhere' cannot be reached .no Ray there"),
        sweep_ray.ray_tasks('nowhere', 3),
    ):
        pass


@pytest.mark.parametrize(
    'ended, code', [(0, 0), (2, 2), (CancelledError(), STOPPED), (LostError('the node\ndied'), 1)]
)
def test_a_task_ends_as_its_run_does_and_one_that_is_lost_is_told_in_its_log(
    ray, tmp_path, ended, code
):
    log = tmp_path / 'run.log'
    log.write_text('before\n')
    with sweep_ray.ray_tasks('', 1) as launch:
        task = launch(['true'], log, settings())
        assert task.poll() is None
        task.terminate()
        task.terminate()
        assert len(ray.cancelled) == 1  # a second word would cut short how the run ends
        ray.ended = ended
        assert task.poll() == code
    lost = 'the node died; the same moto-sweep goes on with it\n' if code == 1 else ''
    assert log.read_text() == f'before\n{lost}'


def test_a_command_runs_in_a_folder_with_its_log_and_is_told_of_a_cancelled_task(
    tmp_path, monkeypatch
):
    log = tmp_path / 'run.log'
    assert sweep_ray.train(['sh', '-c', 'pwd; exit 3'], str(log), str(tmp_path)) == 3
    assert log.read_text() == f'{tmp_path}\n'

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_ray.time, 'sleep', interrupted)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sweep_ray.train(['sleep', '600'], str(log), str(tmp_path))
    assert time.monotonic() - began < 60  # it was ended, and waited for


def test_without_ray_or_without_its_engine_one_line_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('moto_core.packages.find_spec', lambda name: None)
    monkeypatch.setattr('moto_learning.commands.sweep_plan._check_task', lambda recipe: None)
    words = ['--tasks', TASK, '--out', str(tmp_path / 'out')]
    assert main([*words, '--engine', 'ray']) == 2
    said = capsys.readouterr().err
    assert 'ray cannot be imported (it is not installed); pip install' in said
    assert "'.[ray]'" in said
    assert main([*words, '--address', 'auto']) == 2
    assert "--address 'auto' is a Ray cluster's: give --engine ray" in capsys.readouterr().err


def sweep(out, *more, number=None, until=None):
    """A sweep of two runs by Ray as a process of its own; it may get a signal on the way."""
    words = ['--tasks', TASK, '--demonstrations', '1', '--seeds', '0', '1', '--jobs', '2']
    words += ['--engine', 'ray', '--out', str(out), *SHORT, *more]
    process = subprocess.Popen(
        [sys.executable, '-m', 'moto_learning.commands.sweep', *words],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    end = time.monotonic() + 200
    while until and not until():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[0]
        time.sleep(0.1)
    if number:
        process.send_signal(number)
    try:
        said, _ = process.communicate(timeout=200)
    finally:
        process.kill()  # Ray and its tasks end with it
    return process.returncode, said


def test_a_sweep_by_ray_is_stopped_goes_on_and_leaves_what_the_local_one_does(tmp_path):
    pytest.importorskip('ray', reason="Ray comes with pip install '.[ray]'")
    pytest.importorskip('mujoco')
    out = tmp_path / 'out'
    runs = [out / TASK / 'moto' / f'seed{seed}' for seed in (0, 1)]

    def train():
        return all((run / 'episodes.jsonl').exists() for run in runs)

    code, said = sweep(out, 'train.online_episodes=9999', number=signal.SIGINT, until=train)
    assert code == STOPPED and 'the same command goes on' in said, said
    locks = [(run / 'LOCK').read_text().split()[1] for run in runs]
    assert not any(Path(f'/proc/{process}').exists() for process in locks)
    done = max(len((run / 'episodes.jsonl').read_text().splitlines()) for run in runs)
    code, said = sweep(out, f'train.online_episodes={done}')
    assert code == 0, said
    for run in runs:
        assert load_checkpoint(run).meta['counters']['episodes'] == done
        assert [one.episodes for one in read_evaluations(run)] == list(range(done + 1))
    summary = json.loads((out / 'sweep.json').read_text())
    assert {tuple(line['seeds']) for line in summary} == {(0, 1)}
    assert os.listdir(out / 'data') and (runs[0] / 'run.log').read_text()
