"""Two processes train as one does with the joined batch: gradients, weights, metrics, sampling.

In double precision; sums in another order differ by rounding alone: 1e-9 of gradients and weights
(float32's noise is drawn alike), 1e-5 of metrics, which are float32.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from moto_core.errors import ConfigError, DatasetError
from moto_learning import processes
from moto_learning.agents.latent import to_tensors
from moto_learning.agents.learner import LEARNERS, make_learner
from moto_learning.data.replay import Replay
from moto_learning.run.processor import use_processor
from moto_learning.run.train import Training
from tests.learning import shared_updates as shared
from tests.learning import tiny_learner as tiny
from tests.learning.data.test_replay import episode

ROOT = Path(__file__).parents[2]
RELATIVE = ('actor_critic.actor.relative=true', 'actor_critic.penalty.relative=true')
CASES = {  # row, settings, the update whose second half is not finite (-1: none)
    'plain': ('moto', (), -1),
    'some starts': ('moto', (*RELATIVE, 'actor_critic.starts=10'), -1),
    'some images': (
        'moto',
        ('model.decoded=0.3', 'model.shift=2', 'model.encoder.pixel_bias=true'),
        -1,
    ),
    'cloned more': ('moto', ('actor_critic.actor.prior_steps=2', 'model.behaviour_scale=1'), -1),
    'a member for each row': ('moto', ('model.rssm.imagined=row',), -1),
    'no step of the actor': (
        'moto',
        tuple(f'actor_critic.actor.{name}=0' for name in ('beta', 'value_scale', 'entropy')),
        -1,
    ),
    'DreamerV2': ('dreamer_v2', ('actor_critic.starts=10',), -1),
    'not finite': ('moto', RELATIVE, 1),
}


def torchrun(*words, processes=2):
    """The words by which torchrun starts so many processes of a module."""
    run = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    return [*run, '--nproc-per-node', str(processes), '-m', *map(str, words)]


def environment():
    path = os.pathsep.join(map(str, (ROOT, ROOT / 'sim')))
    return {**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}


def free_nats():
    """Nats between the two halves' KL at the first update: below the joined mean, not of both."""
    found = []
    for rows in (slice(0, 3), slice(3, 6), slice(0, 6)):
        agent = shared.learner('moto', ('model.kl.free=0',))
        batch = to_tensors(shared.joined_batch(0), agent.device)
        with torch.no_grad(), shared.double_precision([]):
            noise = agent.world_model.draw_noise(6, tiny.LENGTH, agent.generator)
            noise = noise._replace(
                sample=noise.sample[rows], decoded=torch.arange(3), images=3, moves=None
            )
            data = {
                name: value[rows] if torch.is_tensor(value) and value.ndim else value
                for name, value in batch.items()
            }
            data['images'] = {name: value[rows] for name, value in batch['images'].items()}
            found.append(agent.world_model.loss(data, noise)[2]['model/kl'].item())
    low, high = sorted(found[:2])
    assert low < found[2] < high, found
    return (low + found[2]) / 2


@pytest.fixture(scope='module')
def cases():
    return {**CASES, 'free nats': ('moto', (f'model.kl.free={free_nats()}',), -1)}


@pytest.fixture(scope='module')
def both(cases, tmp_path_factory):
    """What each of two processes came to, by case."""
    folder = tmp_path_factory.mktemp('shared')
    (folder / 'cases.json').write_text(json.dumps(list(cases.values())))
    words = torchrun('tests.learning.shared_updates', folder, folder / 'cases.json')
    done = subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = [torch.load(folder / f'{rank}.pt', weights_only=False) for rank in (0, 1)]
    by_case = {name: [one[place] for one in found] for place, name in enumerate(cases)}
    return by_case | {'folder': folder}


@pytest.fixture(scope='module')
def alone(cases):
    """What one process comes to with the joined batch."""
    return {name: shared.updated(*case) for name, case in cases.items()}


def near(a, b, within=1e-9):
    size = max(float(b.nan_to_num().abs().max()), 1e-3)
    return torch.allclose(a, b, rtol=0, atol=within * size, equal_nan=True)


NAMES = [*CASES, 'free nats']


@pytest.mark.parametrize('name', NAMES)
def test_the_gradients_of_two_processes_are_those_of_one(name, both, alone):
    for found in both[name]:
        assert len(found['gradients']) == len(alone[name]['gradients']) >= 6
        for ours, theirs in zip(found['gradients'], alone[name]['gradients']):
            assert len(ours) == len(theirs)
            assert all(map(near, ours, theirs))


@pytest.mark.parametrize('name', NAMES)
def test_the_weights_of_two_processes_are_those_of_one_after_every_update(name, both, alone):
    one, two = both[name]
    for (_, ours), (_, theirs), (_, whole) in zip(one['told'], two['told'], alone[name]['told']):
        assert tiny.same(ours, theirs)  # bit for bit
        assert all(near(value, whole[key]) for key, value in ours.items())
    assert torch.equal(one['state']['generator'], alone[name]['state']['generator'])


@pytest.mark.parametrize('name', NAMES)
def test_the_metrics_of_two_processes_are_those_of_the_joined_batch(name, both, alone):
    for (ours, _), (theirs, _), (whole, _) in zip(
        *(found['told'] for found in (*both[name], alone[name]))
    ):
        assert np.array_equal([*ours.values()], [*theirs.values()], equal_nan=True)
        assert ours.keys() == whole.keys()
        for key, value in ours.items():
            assert value == pytest.approx(whole[key], rel=1e-5, abs=1e-6, nan_ok=True), key


def test_what_is_not_finite_in_one_process_changes_the_weights_of_none(both, alone):
    for found in (*both['not finite'], alone['not finite']):
        first, broken, last = found['told']
        assert [told['update/skipped'] for told, _ in found['told']] == [0, 1, 0]
        assert tiny.same(first[1], broken[1]) and not tiny.same(broken[1], last[1])
        assert found['state']['usual'] > 0 and found['state']['range'] > 0


def test_a_batch_that_went_wrong_is_kept_whole_by_the_first_process(both):
    (kept,) = (both['folder'] / 'nonfinite').iterdir()
    whole, found = shared.joined_batch(0), np.load(kept)
    assert np.array_equal(found['image_front'], whole['images']['front'])
    for name in ('reward', 'is_first', 'successes'):
        assert np.array_equal(found[name], whole[name]) and found[name].dtype == whole[name].dtype


@pytest.mark.parametrize('wrong', ['weights', 'episodes'])
def test_a_process_that_begins_otherwise_than_the_first_is_refused(monkeypatch, wrong):
    replay = Replay([episode('a', 9)], batch=6, length=4)
    training = SimpleNamespace(learner=tiny.agent(), replay=replay)
    first = {'weights': training.learner.policy().hash, **replay.state_dict()}
    monkeypatch.setattr(processes, 'from_first', lambda function: first)
    Training._check_alike(training)
    first[wrong] = ['b']
    with pytest.raises(DatasetError, match=f'the first differ in {wrong}: they read other data'):
        Training._check_alike(training)


def as_process(monkeypatch, rank, number=2):
    monkeypatch.setattr(processes, '_self', processes._Self(rank, number))


def test_each_process_reads_its_sequences_of_the_batch_that_all_draw(monkeypatch):
    drawn, states = [], []
    for rank, number in ((0, 1), (0, 2), (1, 2)):
        as_process(monkeypatch, rank, number)
        replay = Replay([episode('a', 2, base=50), episode('b', 9)], batch=6, length=4)
        drawn.append([replay.sample() for _ in range(5)])
        states.append(replay.state_dict())
    assert states[0] == states[1] == states[2]
    for whole, one, two in zip(*drawn):
        assert len(one['reward']) == len(two['reward']) == 3
        for name in ('reward', 'action', 'is_first'):
            assert np.array_equal(np.concatenate([one[name], two[name]]), whole[name])
        images = [batch['images']['front'] for batch in (one, two)]
        assert np.array_equal(np.concatenate(images), whole['images']['front'])


@pytest.mark.parametrize(
    'settings, says',
    [
        (('replay.batch=7',), r'replay.batch is 7, .* of 2 processes; expected a multiple of 2'),
        (('actor_critic.starts=3', 'replay.batch=4'), 'actor_critic.starts is 3'),
        (('train.engine=graph', 'replay.batch=4'), "train.engine is 'graph'"),
    ],
)
def test_what_cannot_be_shared_is_refused_by_name(monkeypatch, settings, says):
    as_process(monkeypatch, 1)
    with pytest.raises(ConfigError, match=says):
        make_learner(tiny.config(*settings), tiny.spec())


@pytest.mark.parametrize('agent', LEARNERS)
def test_an_agent_whose_update_is_not_shared_is_refused_by_name(monkeypatch, agent):
    as_process(monkeypatch, 1)
    config = tiny.config(f'agent={agent}', 'replay.batch=4')
    if agent in ('moto', 'dreamer_v2'):
        make_learner(config, tiny.spec())
    else:
        with pytest.raises(ConfigError, match=f"agent '{agent}' trains in one process"):
            make_learner(config, tiny.spec())


def test_more_starts_than_there_are_states_are_all_of_them(monkeypatch):
    as_process(monkeypatch, 1)
    make_learner(tiny.config('actor_critic.starts=33', 'replay.batch=6'), tiny.spec())


def test_processes_of_one_machine_share_its_cores(monkeypatch):
    as_process(monkeypatch, 1)
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    monkeypatch.setattr(os, 'cpu_count', lambda: 6)
    use_processor()
    assert torch.get_num_threads() == 3
    use_processor(1)
    assert torch.get_num_threads() == 1


def test_one_process_does_not_import_torch_distributed_for_it():
    code = (
        'import sys; before = set(sys.modules)\n'
        'from moto_learning import processes\n'
        'processes.join(); assert processes.number() == 1 and processes.leads()\n'
        'processes.any_of(True); processes.from_first(int); processes.leave()\n'
        'assert "torch" not in sys.modules'
    )
    for given in (
        {},
        {'WORLD_SIZE': '4', 'RANK': '1'},
        {processes.STARTED: 'a', 'WORLD_SIZE': '1'},
    ):
        done = subprocess.run(
            [sys.executable, '-c', code],
            env={**environment(), **given},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
