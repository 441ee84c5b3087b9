"""Episodes that move groups of objects, or what a person moved: kept, given up, gone on with."""

from pathlib import Path

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError
from moto_learning.data import attempts as module
from moto_learning.data import demonstrations
from moto_learning.data.attempts import attempts
from moto_learning.data.demonstrations import record_demonstrations
from moto_learning.data.wanted import Demonstrations
from moto_sim import episode as episodes
from moto_sim.episode import LEARNED, EpisodeResult
from moto_sim.kitchen_task import KitchenTask

TASK = 'kitchen-microwave+slide_cabinet'
FILE = Path('shared', 'data', 'kitchen_complete_demos.npz')
DEMOS = next((p / FILE for p in Path(__file__).parents if (p / FILE).is_file()), FILE)


def wanted(**changes):
    usual = {'task': TASK, 'actuation': 'd4rl', 'episodes': 3, 'size': 8, 'after_success': 2}
    groups = ('slide_cabinet', 'hinge_cabinet', 'slide_cabinet+microwave')
    return Demonstrations(**{**usual, 'groups': groups, **changes})


def by_index(root):
    dataset = Dataset.open(root)
    found = [dataset.read(record.id) for record in dataset.episodes()]
    return sorted(found, key=lambda episode: int(episode.header.extra['index']))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    record_demonstrations(root, wanted())
    return root


def test_an_episode_moves_its_group_pays_for_the_task_and_runs_on_a_little(root):
    one, other, both = by_index(root)
    assert [e.header.extra['objects'] for e in (one, other, both)] == list(wanted().groups)
    assert one.header.parts == ('microwave', 'slide_cabinet')
    assert [e.reward[-1] for e in (one, other, both)] == [1.0, 0.0, 2.0]
    assert [e.outcome for e in (one, other, both)] == ['failure', 'failure', 'success']
    assert len(one) == list(one.done_parts[:, 1]).index(True) + 3  # after_success is 2
    assert len(both) == list(both.success).index(True) + 3
    for episode in (one, other, both):
        assert episode.header.controller == 'scripted'
        assert episode.header.config_hash == wanted().hash
        assert episode.header.seed >= LEARNED


def test_a_recording_that_was_stopped_goes_on_and_comes_to_the_same(root, tmp_path):
    stopped = tmp_path / 'data'
    record_demonstrations(stopped, wanted(episodes=1))
    told = []
    record_demonstrations(stopped, wanted(), told.append)
    assert len(told) == 2
    assert record_demonstrations(stopped, wanted()) == []
    for one, two in zip(by_index(root), by_index(stopped), strict=True):
        assert one.header.seed == two.header.seed
        assert np.array_equal(one.requested, two.requested)
        assert np.array_equal(one.images['front'], two.images['front'])


def test_one_that_was_removed_is_recorded_again_and_other_settings_are_others(root, tmp_path):
    first = record_demonstrations(tmp_path, wanted(episodes=2))
    with Dataset.open(tmp_path, lock=True) as dataset:
        dataset.quarantine(first[0].id, 'for the test')
    assert len(record_demonstrations(tmp_path, wanted(episodes=2))) == 1
    assert len(record_demonstrations(tmp_path, wanted(episodes=1, seed=1))) == 1
    assert len(Dataset.open(tmp_path).episodes()) == 3


@pytest.mark.parametrize(
    'group, success, kept',
    [
        ('slide_cabinet', False, True),
        ('slide_cabinet', True, False),  # it did the whole task by accident
        ('slide_cabinet+microwave', True, True),
        ('slide_cabinet+microwave', False, False),
        ('microwave+hinge_cabinet+slide_cabinet', True, True),
    ],
)
@pytest.mark.parametrize('there', [True, False])
def test_the_whole_task_is_done_only_by_who_was_to_do_it(monkeypatch, group, success, kept, there):
    result = EpisodeResult(decisions=1, return_=0.0, success=success, disagreement=0.0)
    monkeypatch.setattr(episodes, 'run_episode', lambda *_, **__: result)
    monkeypatch.setattr(KitchenTask, 'goal', lambda self, objects: lambda: there)
    first = next(attempts(wanted(groups=(group,)), 0))
    assert first.kept == (kept and there)


def test_another_attempt_has_another_start_and_says_how_many_were_given_up(monkeypatch, tmp_path):
    goal, asked = KitchenTask.goal, []

    def late(self, objects):
        def reached():
            asked.append(1)
            return len(asked) > 162 and goal(self, objects)()

        return reached  # never in the first attempt: 161 rows, and at its end

    monkeypatch.setattr(KitchenTask, 'goal', late)
    record_demonstrations(tmp_path, wanted(episodes=1))
    (episode,) = by_index(tmp_path)
    assert episode.header.extra['attempt'] == '1'
    monkeypatch.undo()
    again = attempts(wanted(), 0)
    assert [next(again).header.seed for _ in range(2)][1] == episode.header.seed


def test_another_attempt_may_take_another_order(monkeypatch):
    result = EpisodeResult(decisions=1, return_=0.0, success=False, disagreement=0.0)
    monkeypatch.setattr(episodes, 'run_episode', lambda *_, **__: result)
    what = wanted(groups=('kettle+microwave+top_burner',), shuffled=True)
    orders = [tried.header.extra['objects'] for tried in attempts(what, 0)]
    assert orders == ['+'.join(what.sequence(0, attempt)) for attempt in range(20)]
    assert len(set(orders)) == 6


def test_an_episode_that_never_comes_off_says_so_and_leaves_nothing(monkeypatch, tmp_path):
    for place in (module, demonstrations):
        monkeypatch.setattr(place, 'ATTEMPTS', 1)
    monkeypatch.setattr(KitchenTask, 'goal', lambda self, objects: lambda: False)
    with pytest.raises(DatasetError, match='episode 0 did not bring its objects .* 1 attempts'):
        record_demonstrations(tmp_path, wanted())
    assert list((tmp_path / 'episodes').iterdir()) == []


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'groups': ('slide_cabinet', 'ketle')}, "Did you mean 'kettle'"),
        ({'task': 'metaworld-hammer', 'actuation': ''}, 'no objects to choose'),
        ({'human': 'x.npz'}, 'leave groups out'),
        ({'human': 'x.npz', 'groups': ()}, "from 'x.npz'"),
    ],
)
def test_bad_groups_and_people_are_refused_before_a_dataset_is_made(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        record_demonstrations(tmp_path / 'data', wanted(**changes))
    assert not (tmp_path / 'data').exists()


def test_a_person_whom_no_attempt_repeats_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(demonstrations, 'attempts', lambda wanted, index: iter(()))
    monkeypatch.setattr(demonstrations, 'part_of', lambda wanted, index: None)
    ours = wanted(task='kitchen-mixed', human='of-nobody.npz', groups=())
    assert record_demonstrations(tmp_path, ours) == []
    assert Dataset.open(tmp_path).episodes() == []


def test_a_file_of_people_is_known_by_its_contents_wherever_it_lies(tmp_path, monkeypatch):
    (tmp_path / 'here.npz').write_bytes(b'one')
    (tmp_path / 'copy.npz').write_bytes(b'one')
    (tmp_path / 'other.npz').write_bytes(b'two')
    monkeypatch.chdir(tmp_path)
    files = ('here.npz', './here.npz', str(tmp_path / 'copy.npz'), 'other.npz')
    hashes = [wanted(human=file, groups=()).hash for file in files]
    assert len(set(hashes[:3])) == 1 and hashes[3] != hashes[0]


@pytest.mark.skipif(not DEMOS.is_file(), reason=f'no human demonstrations at {DEMOS}')
def test_a_tracked_person_is_recorded_as_teleoperation(tmp_path):
    ours = wanted(task='kitchen-mixed', human=str(DEMOS), groups=(), episodes=1, noise=0.02)
    record_demonstrations(tmp_path, ours)
    (episode,) = by_index(tmp_path)
    assert episode.header.controller == 'teleop' and episode.outcome == 'success'
    assert set(episode.header.extra['objects'].split('+')) == set(episode.header.parts)
    assert len(episode) <= 281 and episode.reward[-1] == 4.0
    assert record_demonstrations(tmp_path, ours) == []
