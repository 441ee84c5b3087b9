"""Demonstrations in a dataset: what is recorded, what is checked before anything is."""

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError
from moto_core.spec import Setup
from moto_learning.data.demonstrations import Demonstrations, record_demonstrations
from moto_sim import tasks
from moto_sim.episode import LEARNED, run_episode
from moto_sim.kitchen_demonstrator import KitchenDemonstrator
from tests.recorded import record, tiny_spec

TASK = 'kitchen-microwave'


def wanted(**changes):
    return Demonstrations(**{'task': TASK, 'episodes': 2, 'size': 16, **changes})


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    record_demonstrations(root, wanted())
    return root


def read(root):
    dataset = Dataset.open(root)
    return sorted(
        (dataset.read(entry.id) for entry in dataset.episodes()), key=lambda e: e.header.seed
    )


def test_a_demonstration_runs_on_after_success_and_its_header_says_what_it_is(root):
    for episode in read(root):
        header = episode.header
        assert (header.task, header.controller, header.source) == (TASK, 'scripted', 'sim')
        assert header.setup == Setup(robot='kitchen_sim', profile='normal')
        assert header.parts == ('microwave',) and header.extra['noise'] == '0.05'
        assert header.seed >= LEARNED
        assert episode.outcome == 'success'
        assert len(episode) == list(episode.success).index(True) + 16
        assert episode.done_parts[:, 0].tolist() == episode.success.tolist()
        assert episode.stamp[0] == header.created


def test_a_demonstrations_seed_and_requests_repeat_it(root):
    first, second = read(root)
    assert first.header.seed != second.header.seed
    env = tasks.make(TASK, first.header.setup, size=16)
    rows = []

    class Repeat(KitchenDemonstrator):
        def step(self, images, proprioception, state):
            step = super().step(images, proprioception, state)
            return step._replace(action=first.requested[len(rows)])

    run_episode(env, Repeat(env.task), first.header.seed, rows.append, max_steps=len(first) - 1)
    assert np.array_equal(first.images['front'], [row.images['front'] for row in rows])
    assert np.allclose(first.executed, [row.executed for row in rows])


def test_the_number_of_workers_changes_nothing_but_the_time(root, tmp_path):
    record_demonstrations(tmp_path / 'two', wanted(workers=2))
    for one, two in zip(read(root), read(tmp_path / 'two')):
        assert one.header.seed == two.header.seed
        assert np.array_equal(one.requested, two.requested)
        assert np.array_equal(one.images['front'], two.images['front'])


def test_metaworld_needs_no_profile_and_its_demonstrations_last_the_whole_episode(tmp_path):
    record_demonstrations(tmp_path, wanted(task='metaworld-drawer-open', episodes=1))
    (episode,) = read(tmp_path)
    assert len(episode) == 101 and episode.outcome == 'success'
    assert episode.reward.sum() > 16
    assert episode.header.setup == Setup()


@pytest.mark.parametrize('task', [TASK, 'metaworld-drawer-open'])
def test_how_long_a_demonstration_runs_on_is_a_choice(tmp_path, task):
    record_demonstrations(tmp_path, wanted(task=task, episodes=1, after_success=3))
    (episode,) = read(tmp_path)
    assert len(episode) == list(episode.success).index(True) + 4


def test_the_papers_view_and_d4rls_actuation_are_recorded(tmp_path):
    record_demonstrations(
        tmp_path, wanted(episodes=1, actuation='d4rl', view='paper', task='kitchen-mixed')
    )
    (episode,) = read(tmp_path)
    setup = Setup(robot='kitchen_sim', actuation='d4rl', views={'front': 'paper'})
    assert episode.header.setup == setup
    env = tasks.make('kitchen-mixed', setup, size=16)
    first, _ = env.reset(seed=episode.header.seed)
    assert np.array_equal(first['front'], env.task.sim.render('paper', 16, 16))
    assert np.array_equal(first['front'], episode.images['front'][0])


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'size': 32}, '32'),
        ({'profile': 'commissioning'}, "profile 'normal' and 'commissioning'"),
        ({'profile': 'none'}, "profile 'normal' and none"),
        ({'view': 'paper'}, 'paper'),
        ({'task': 'metaworld-door-open'}, 'hand_x'),
    ],
)
def test_a_dataset_of_another_robot_is_refused_before_anything_is_recorded(root, changes, message):
    before = sorted(path.name for path in (root / 'episodes').iterdir())
    with pytest.raises(DatasetError) as error:
        record_demonstrations(root, wanted(**changes))
    assert message in str(error.value)
    assert sorted(path.name for path in (root / 'episodes').iterdir()) == before


def test_a_demonstration_that_is_stopped_leaves_nothing_behind(tmp_path, monkeypatch):
    step, calls = KitchenDemonstrator.step, []

    def stopped(self, *arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(KitchenDemonstrator, 'step', stopped)
    with pytest.raises(KeyboardInterrupt):
        record_demonstrations(tmp_path, wanted())
    assert list((tmp_path / 'episodes').iterdir()) == []
    assert Dataset.open(tmp_path).episodes() == []


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'episodes': 0}, 'episodes is 0'),
        ({'workers': -1}, 'workers is -1'),
        ({'seed': -1}, 'seed is -1'),
        ({'after_success': -1}, 'after_success is -1'),
        ({'noise': 1.0}, 'noise is 1.0'),
        ({'noise': float('nan')}, 'noise is nan'),
        ({'size': -8}, 'size is -8'),
        ({'size': 4096}, 'size is 4096'),
        ({'task': 'kitchen-microwav'}, "Did you mean 'microwave'"),
        ({'actuation': 'd4rl', 'profile': 'normal'}, 'cannot be guarded'),
        ({'view': 'papre'}, "Did you mean 'paper'"),
    ],
)
def test_a_bad_setting_is_refused_before_a_dataset_is_made(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        record_demonstrations(tmp_path / 'data', wanted(**changes))
    assert not (tmp_path / 'data').exists()


def test_a_dataset_with_another_spec_keeps_its_episodes(tmp_path):
    ids = record(tmp_path, [3], tiny_spec())
    with pytest.raises(DatasetError, match='action_scale'):
        record_demonstrations(tmp_path, wanted(episodes=1))
    assert [entry.id for entry in Dataset.open(tmp_path).episodes()] == ids
