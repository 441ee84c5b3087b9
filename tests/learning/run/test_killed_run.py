"""A run that is killed anywhere (SIGKILL, real processes, the real simulator) ends as if it had
not been: the same metrics, the same weights, the same episodes counted once.
"""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.run.checkpoints import is_begun, load_checkpoint, load_learner
from moto_learning.run.heldout import read_evaluations
from moto_learning.run.journal import Journal
from moto_learning.run.metrics import read_metrics
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny

pytest.importorskip('mujoco')

ROOT = Path(__file__).parents[3]
# offline 1 2 3s 4s, episode 0, 5 6s, episode 1, 7 8, episode 2, 9s 10s; s: weights are saved;
# evaluated after 4, 8 and 10, by mode and by sample
SETTINGS = [
    'train.offline_updates=4',
    'train.online_episodes=3',
    'train.episode_updates=2',
    'train.save_every=3',
    'train.log_every=3',
    'collect.task=kitchen-microwave',
    'collect.profile=normal',
    'collect.max_steps=4',
    'evaluate.every=2',
    'evaluate.episodes=2',
    'evaluate.explore=[mode,sample]',
]
KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}, {sim!r}]
from pathlib import Path
import torch
torch.set_num_threads(1)
from moto_core.episodes.writer import EpisodeWriter
from moto_learning.run import checkpoint_files, heldout, train
from moto_learning.run.journal import Journal
from tests.learning.run.test_killed_run import run_phases

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def before(owner, name, count):
    real = getattr(owner, name)
    def wrapped(*args, **kwargs):
        wrapped.left -= 1
        return real(*args, **kwargs) if wrapped.left else die()
    wrapped.left = count
    setattr(owner, name, wrapped)

listener = None
{how}
run_phases(Path({data!r}), Path({out!r}), listener, {more!r})
"""
PLACES = {
    'in an offline update': 'listener = lambda phase, done, *_: done == 4 and die()',
    'in the first online episode': "before(EpisodeWriter, 'append', 3)",
    'before an episode is counted': "before(Journal, 'append', 2)",
    'after an episode is counted': (
        "listener = lambda phase, done, *_: phase == 'online' and done == 3 and die()"
    ),
    'in the last of its updates': (
        "listener = lambda phase, done, *_: phase == 'online' and done == 6 and die()"
    ),
    'in an evaluation': "before(heldout, 'evaluate', 7)",
    'before an evaluation is written': "before(heldout, 'append_synced', 3)",
    'after an evaluation is written': "before(heldout, 'append_synced', 4)",
    'in the first checkpoint': "before(checkpoint_files, 'write_synced', 1)",
    'in a checkpoint': "before(checkpoint_files, 'write_synced', 6)",
    'between two renames of a checkpoint': "before(checkpoint_files, 'sync_folder', 3)",
}


def run_phases(data, out, listener=None, more=()):
    """Starts the run in `out`, or resumes it where it was killed, and ends it."""
    resumed = load_checkpoint(out) if is_begun(out) else None
    spec = Dataset.open(data).spec
    training = Training(tiny.config(*SETTINGS, *more), spec, [data], out, listener, resumed)
    training.offline()
    training.online()
    training.close()


def run_and_kill(data, run, how, more=()):
    """Runs it in a process of its own until it is killed."""
    names = {'root': str(ROOT), 'sim': str(ROOT / 'sim'), 'data': str(data), 'out': str(run)}
    code = KILLED.format(how=how, more=more, **names)
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        [sys.executable, '-c', code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def outcome(run):
    """What a run came to: metrics, counters and the contents of its online episodes."""
    rows = [
        {k: v for k, v in row.items() if k not in ('began', 'time', 'cpu')}
        for row in read_metrics(run)
    ]
    dataset, journal = Dataset.open(run / 'dataset'), Journal(run)
    episodes = [dataset.read(journal.find(index).id) for index in range(3)]
    assert sorted(record.id for record in dataset.episodes()) == sorted(journal.ids)
    checkpoint = load_checkpoint(run)
    assert checkpoint.meta['episodes'][-3:] == [episode.header.id for episode in episodes]
    contents = [(e.requested.tolist(), e.images['front'].sum()) for e in episodes]
    evaluations = [replace(found, seconds=0.0) for found in read_evaluations(run)]
    return rows, checkpoint.run['counters'], contents, evaluations


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'data'
    task = ['--task', 'kitchen-microwave', '--size', '16', '--episodes', '1']
    collect = [sys.executable, '-m', 'moto_learning.commands.data', 'collect', *task]
    subprocess.run([*collect, '--out', str(root)], check=True, capture_output=True, timeout=300)
    return root


@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    run = tmp_path_factory.mktemp('whole') / 'run'
    run_phases(data, run)
    return run


@pytest.mark.parametrize('place', PLACES)
def test_a_killed_run_ends_with_the_numbers_of_one_that_was_not(tmp_path, data, whole, place):
    run = tmp_path / 'run'
    run_and_kill(data, run, PLACES[place])
    run_phases(data, run)
    assert outcome(run) == outcome(whole)
    killed, expected = load_learner(run), load_learner(whole)
    for name, network in expected.networks().items():
        assert tiny.same(tiny.weights(killed.networks()[name]), tiny.weights(network)), name
    hidden = [path.name for path in (run / 'checkpoints').iterdir() if path.name[0] == '.']
    assert not hidden


def test_evaluations_are_of_held_out_starts_and_say_where_in_training_they_were_made(whole):
    found = read_evaluations(whole)
    made = [(one.updates, one.episodes, one.decisions, one.explore) for one in found]
    assert made == [
        (updates, episodes, 4 * episodes, explore)
        for updates, episodes in ((4, 0), (8, 2), (10, 3))
        for explore in ('mode', 'sample')
    ]
    assert {(one.seed, one.starts, one.length) for one in found} == {(10_000, 2, 4.0)}
    assert len({one.disagreement for one in found}) == 6


def test_training_is_the_same_without_evaluations(data, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(f'{__name__}.SETTINGS', [*SETTINGS, 'evaluate.every=0'])
    run_phases(data, tmp_path / 'run')
    assert outcome(tmp_path / 'run')[:3] == outcome(whole)[:3]


@pytest.mark.parametrize(
    'place', ['before an episode is counted', 'after an episode is counted', 'in an evaluation']
)
def test_a_killed_run_that_plays_ahead_counts_every_episode_once(tmp_path, data, place):
    run, more = tmp_path / 'run', ['collect.ahead=true', 'evaluate.explore=[sample]']
    how = PLACES[place].replace("'evaluate', 7", "'evaluate', 3")
    run_and_kill(data, run, how, more)
    taken = [Journal(run).find(index).id for index in range(len(Journal(run).ids))]
    run_phases(data, run, None, more)
    _, counters, contents, evaluations = outcome(run)
    assert (counters['episodes'], counters['online'], len(contents)) == (3, 6, 3)
    assert [one.episodes for one in evaluations] == [0, 2, 3]
    assert [Journal(run).find(index).id for index in range(len(taken))] == taken
