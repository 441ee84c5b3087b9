"""Every row with a world model from its demonstrations to a bundle, by the commands alone."""

import json

import pytest

from moto_core.policy.name_file import named_folder
from moto_core.policy.policy import OnnxPolicy
from moto_learning.commands import data, export, measure, train
from moto_learning.run.heldout import read_evaluations

TINY = [
    'model.encoder.channels=[4, 4, 4, 4]',
    'model.rssm.deter=8',
    'model.rssm.stoch=4',
    'model.rssm.classes=4',
    'model.rssm.hidden=8',
    'replay.batch=2',
    'replay.length=4',
    'train.offline_updates=20',
    'train.online_episodes=1',
    'train.episode_updates=2',
    'train.threads=1',
    'train.tensorboard=false',
    'evaluate.every=1',
    'evaluate.episodes=1',
    'collect.max_steps=10',
]


@pytest.fixture(scope='module')
def demonstrations(tmp_path_factory):
    place = tmp_path_factory.mktemp('rows') / 'data'
    task = ['--task', 'metaworld-drawer-open', '--episodes', '3', '--out', str(place)]
    assert data.main(['collect', *task]) == 0
    return place


@pytest.mark.slow
@pytest.mark.parametrize('row', ['dreamer_v2', 'lompo', 'combo'])
def test_a_row_is_trained_fine_tuned_evaluated_measured_and_exported(
    row, demonstrations, tmp_path
):
    run, bundles = tmp_path / 'run', tmp_path / 'bundles'
    where = ['--data', str(demonstrations), '--out', str(run)]
    assert train.main(['--config', 'small', '--row', row, *where, *TINY]) == 0
    assert [(one.updates, one.episodes) for one in read_evaluations(run)] == [(20, 0), (22, 1)]
    name = tmp_path / 'name'
    assert export.main([str(run), '--out', str(bundles), '--name-file', str(name)]) == 0
    assert OnnxPolicy(named_folder(name)).selftest.error < 1e-3
    found = tmp_path / 'bound.json'
    assert measure.main([str(run), '--episodes', '1', '--json', str(found)]) == 0
    points = json.loads(found.read_text())['points']
    assert points[-1]['updates'] == 22 and points[-1]['eps_u'] > 0 and points[-1]['gaps']
    again = ['--resume', str(run), '--phase', 'online', 'train.online_episodes=2']
    assert train.main(again) == 0
    assert read_evaluations(run)[-1].updates == 24
