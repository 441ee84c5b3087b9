"""Two processes train one run (torchrun, the real simulator): one is killed, the other ends at
once with a line that says why, and --resume goes on, by two or by one.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moto_core.config import to_yaml
from moto_core.episodes.dataset import Dataset
from moto_learning.commands.train import main
from moto_learning.run.checkpoints import checkpoints_of, load_checkpoint
from moto_learning.run.heldout import read_evaluations
from moto_learning.run.journal import read_journal
from moto_learning.run.metrics import read_metrics
from tests.learning import tiny_learner as tiny
from tests.learning.test_processes import ROOT, environment, torchrun

pytest.importorskip('mujoco')

TRAIN = 'moto_learning.commands.train'
ENDLESS = 100_000
SETTINGS = [
    *('replay.batch=4', 'train.save_every=10', 'train.episode_updates=3', 'train.log_every=5'),
    *('collect.task=kitchen-microwave', 'collect.profile=normal', 'collect.max_steps=4'),
    *('evaluate.every=1', 'evaluate.episodes=1'),
]
AT_ONCE = 25.0  # [s] on a busy machine; torchrun itself ends what is left after 30


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'data'
    task = ['--task', 'kitchen-microwave', '--size', '16', '--episodes', '1']
    collect = [sys.executable, '-m', 'moto_learning.commands.data', 'collect', *task]
    subprocess.run([*collect, '--out', str(root)], check=True, capture_output=True, timeout=300)
    return root


@pytest.fixture
def start():
    """Starts torchrun; what is left of it and its processes at the end is killed."""
    runs = []

    def begin(*words):
        runs.append(
            subprocess.Popen(
                torchrun(TRAIN, *words),
                cwd=ROOT,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return runs[-1]

    yield begin
    for run in runs:
        if run.poll() is None:
            for process in [*children(run), run.pid]:
                os.kill(process, signal.SIGKILL)
        run.communicate()


def children(run):
    """The ids of the processes that torchrun has started."""
    return [
        int(one) for one in Path(f'/proc/{run.pid}/task/{run.pid}/children').read_text().split()
    ]


def process_of(run, rank):
    """The id of the process of a rank, among torchrun's own."""
    for child in children(run):
        said = Path(f'/proc/{child}/environ').read_bytes().split(b'\0')
        if f'RANK={rank}'.encode() in said:
            return child
    raise AssertionError(f'no process of rank {rank}')


def killed(run, rank, folder):
    """Kills a process once the run has saved anew; returns what torchrun's processes said."""
    wait_for_more(run, folder)
    os.kill(process_of(run, rank), signal.SIGKILL)
    began = time.monotonic()
    said = run.communicate(timeout=120)[0]
    assert time.monotonic() - began < AT_ONCE
    assert run.returncode == 1
    return said


def wait_for_more(run, folder):
    """Waits until a run has saved once more."""
    last, until = updates_of(folder)[-1:], time.monotonic() + 120
    while updates_of(folder)[-1:] == last:
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < until, 'nothing was saved'
        time.sleep(0.1)


def updates_of(folder):
    return [int(path.name) for path in checkpoints_of(folder)]


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_run_and_resume_goes_on(start, data, tmp_path):
    out, settings = tmp_path / 'run', tmp_path / 'tiny.yaml'
    settings.write_text(to_yaml(tiny.config(*SETTINGS)))
    begin = '--config', settings, '--data', data, '--out', out
    said = killed(start(*begin, f'train.offline_updates={ENDLESS}'), 1, out)
    assert 'moto-train: process 0 of 2: another one ended' in said
    said = killed(start('--resume', out), 0, out)
    assert 'moto-train: process 1 of 2: another one ended' in said
    saved = updates_of(out)[-1]
    rest = f'train.offline_updates={saved + 4}', 'train.online_episodes=1'
    last = start('--resume', out, *rest)
    said = last.communicate(timeout=120)[0]
    assert last.returncode == 0, said
    assert said.count(f'done at update {saved + 7}') == 1  # the first process alone speaks
    journal = read_journal(out)
    assert [entry.index for entry in journal] == [0]
    own = Dataset.open(out / 'dataset').episodes()
    assert [one.id for one in own] == [entry.id for entry in journal]
    assert load_checkpoint(out).meta['episodes'][-1:] == [entry.id for entry in journal]
    assert [one.episodes for one in read_evaluations(out)] == [0, 1]
    updates = [line['update'] for line in read_metrics(out) if line['phase'] != 'episode']
    assert updates == sorted(set(updates)) and updates[-1] == saved + 7
    assert main(['--resume', str(out), 'train.online_episodes=2', 'train.threads=1']) == 0
    assert len(read_journal(out)) == 2 and load_checkpoint(out).meta['updates'] == saved + 10


def test_one_that_is_told_to_stop_stops_both_after_the_same_update(start, data, tmp_path):
    out, settings = tmp_path / 'run', tmp_path / 'tiny.yaml'
    settings.write_text(to_yaml(tiny.config(*SETTINGS)))
    run = start(
        *('--config', settings, '--data', data, '--out', out, f'train.offline_updates={ENDLESS}')
    )
    wait_for_more(run, out)
    os.kill(process_of(run, 1), signal.SIGTERM)
    said = run.communicate(timeout=120)[0]
    assert said.count('stopped at update ') == 1 and 'another one ended' not in said
    stopped = int(said.split('stopped at update ')[1].split(':')[0])
    assert updates_of(out)[-1] == stopped


def test_what_several_processes_cannot_do_is_said_in_a_line(start, tmp_path):
    words = '--phase', 'finetune', '--resume', tmp_path
    run = start(*words)
    assert 'moto-train: --phase finetune runs in one process' in run.communicate(timeout=120)[0]
    assert run.returncode == 1
