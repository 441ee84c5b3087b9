"""The model-free rows as a user runs them: every phase, an evaluation, a bundle that is run."""

import json

import pytest

from moto_core.policy.name_file import named_folder
from moto_core.policy.policy import OnnxPolicy
from moto_learning.commands import data, export, train
from moto_learning.commands import eval as evaluation
from moto_learning.run.evaluate import evaluate
from moto_learning.run.heldout import read_evaluations
from moto_learning.run.metrics import read_metrics

pytest.importorskip('metaworld')
tasks = pytest.importorskip('moto_sim.tasks')
TASK = 'metaworld-drawer-open'
SHORT = [
    'model_free.batch=16',
    'replay.batch=16',
    'train.offline_updates=20',
    'train.online_episodes=1',
    'train.episode_updates=3',
    'train.log_every=5',
    'train.threads=1',
    'collect.max_steps=20',
    'evaluate.every=1',
    'evaluate.episodes=1',
]


@pytest.fixture(scope='module')
def demonstrations(tmp_path_factory):
    out = tmp_path_factory.mktemp('rows') / 'data'
    assert data.main(['collect', '--task', TASK, '--episodes', '3', '--out', str(out)]) == 0
    return out


@pytest.mark.slow
@pytest.mark.parametrize('row', ['bc', 'iql', 'cql', 'sac'])
def test_a_row_goes_from_demonstrations_to_a_bundle(demonstrations, tmp_path, row):
    run, bundles = tmp_path / 'run', tmp_path / 'bundles'
    line = ['--config', 'laptop', '--row', row, '--data', str(demonstrations), '--out', str(run)]
    assert train.main([*line, *SHORT]) == 0
    assert [one.episodes for one in read_evaluations(run)] == [0, 1]
    phases = [found['phase'] for found in read_metrics(run)]
    assert {'offline', 'episode', 'online'} <= set(phases)
    name = bundles / row
    assert export.main([str(run), '--out', str(bundles), '--name-file', str(name)]) == 0
    out = tmp_path / 'scores.json'
    line = ['--policy', str(run), '--task', TASK, '--episodes', '1', '--max-steps', '10']
    assert evaluation.main([*line, '--seed', '3', '--json', str(out)]) == 0
    ran = json.loads(out.read_text())['episodes'][0]
    policy = OnnxPolicy(named_folder(name), latency_limit=float('inf'))
    env = tasks.make(TASK, policy.setup, size=64, max_steps=10)
    (score,) = evaluate(env, policy, episodes=1, seed=3)
    env.close()
    assert score.disagreement == pytest.approx(ran['disagreement'], abs=1e-3)
    assert score.decisions == ran['decisions'] == 10
