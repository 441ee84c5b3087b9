"""Foreign arrays become rows: units, times, rewards; what does not fit is named."""

import numpy as np
import pytest

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, EpisodeError
from moto_core.spec import Setup
from moto_learning.exchange.foreign import Arrays, incoming
from moto_learning.exchange.mapping import Mapping, setup_of, spec_of
from moto_learning.exchange.taking import take_episodes

SAYS = {
    'joints': ['a', 'b'],
    'action_scale': [2.0, 0.5],
    'rate': 10.0,
    'cameras': {'front': {'key': 'pixels', 'height': 8, 'width': 8}},
    'action': {'key': 'act'},
    'position': {'key': 'state', 'columns': [0, 2]},
}


def mapping(**changes):
    return load_config(Mapping, {**SAYS, **changes})


def arrays(count=4, **changes):
    rng = np.random.default_rng(count)
    given = {
        'where': 'demo_0',
        'numbers': {
            'act': rng.uniform(-1, 1, (count, 2)),
            'state': np.arange(count * 3.0).reshape(count, 3),
            'rewards': np.arange(1.0, count + 1),
        },
        'images': {'pixels': rng.integers(0, 255, (count, 16, 20, 3), np.uint8)},
    }
    return Arrays(**{**given, **changes})


def given(state=3):
    return {'act': np.zeros((3, 2)), 'state': np.zeros((state, 3))}


def rows(ours, says):
    return list(incoming(ours, says, spec_of(says, 0.0), setup_of(says), 'test').rows)


@pytest.mark.parametrize(
    ('means', 'given', 'expected'),
    [
        ('scaled', [0.5, -2.0], [0.5, -1.0]),
        ('velocity', [1.0, 0.1], [0.5, 0.2]),
        ('displacement', [0.1, -0.01], [0.5, -0.2]),
        ('target', [0.1, 1.98], [0.5, -0.4]),
    ],
)
def test_actions_of_every_meaning_become_shares_of_the_scale(means, given, expected):
    ours = arrays(1)
    ours.numbers['act'], ours.numbers['state'] = np.array([given]), np.array([[0.0, 9.0, 2.0]])
    (row,) = rows(ours, mapping(action_means=means))
    assert row.requested == pytest.approx(expected) and row.executed == pytest.approx(expected)
    assert row.is_first and row.is_last and row.requested.dtype == np.float32


def test_a_reward_belongs_to_the_row_after_the_action_that_led_to_it():
    ours = arrays(4)
    assert [row.reward for row in rows(ours, mapping(reward='rewards'))] == [0, 1, 2, 4]
    ours.numbers['rewards'] = np.array([0, 0, 5.0, 1])
    assert [row.reward for row in rows(ours, mapping(reward='rewards'))] == [0, 0, 0, 5]
    assert [row.reward for row in rows(ours, mapping())] == [0, 0, 0, 0]


def test_times_images_and_joints_are_the_files():
    says = mapping(proprioception=['position'])
    ours = arrays(3, stamps=np.array([1.0, 1.5, 1.75]), begun=7)
    found = rows(ours, says)
    assert [row.stamp for row in found] == [7, 500_000_007, 750_000_007]
    assert [row.stamp for row in rows(arrays(3), mapping())] == [0, 100_000_000, 200_000_000]
    assert found[1].proprioception == pytest.approx([3, 5])
    assert found[2].images['front'].shape == (8, 8, 3)
    middle = ours.images['pixels'][2][:, 2:18].astype(float)
    assert found[2].images['front'].mean() == pytest.approx(middle.mean(), abs=0.6)


@pytest.mark.parametrize(
    ('change', 'says', 'message'),
    [
        ({}, {'action': {'key': 'acts'}}, "demo_0: unknown array 'acts'. Did you mean 'act'"),
        ({}, {'action': {'key': 'state'}}, "'state' has 3 entries a row; expected 2"),
        ({}, {'position': {'key': 'state', 'columns': [0, 5]}}, 'asks for entry 5'),
        ({}, {'reward': 'reward'}, "unknown array 'reward'. Did you mean 'rewards'"),
        ({'numbers': {'act': np.full((3, 2), np.nan)}}, {'position': {}}, 'is .nan nan. at row 0'),
        ({'numbers': {'act': np.zeros((0, 2))}}, {'position': {}}, 'demo_0 has no rows'),
        ({'stamps': np.array([0, 2, 1.0])}, {}, 'times do not rise'),
        ({'stamps': np.array([0, 1, 2.0]) * 1e18}, {}, r'times begin at 0; expected .s.'),
        ({'numbers': given(state=2)}, {}, "'state' has 2 rows; expected 3, one for each action"),
        (
            {'numbers': given(state=4)},
            {'action_means': 'target'},
            "'state' has 4 rows; expected 3, one for each action",
        ),
        (
            {'numbers': {**given(), 'rewards': np.array([0, np.nan, 1])}},
            {'reward': 'rewards'},
            "demo_0: 'rewards' is nan at row 1",
        ),
        (
            {'images': {'pixels': np.zeros((4, 9, 9, 3), np.uint8)}},
            {},
            "'pixels' has more than 3 images; expected 3",
        ),
        ({'images': {}}, {}, "unknown images 'pixels'"),
        ({'images': {'pixels': np.zeros((2, 9, 9, 3), np.uint8)}}, {}, 'has 2 images; expected 3'),
    ],
)
def test_what_does_not_fit_is_named(change, says, message):
    with pytest.raises(EpisodeError, match=message):
        rows(arrays(3, **change), mapping(**says))


@pytest.mark.parametrize(
    ('says', 'message'),
    [
        ({'joints': []}, 'says no joints'),
        ({'rate': 0}, 'says no rate'),
        ({'cameras': {}}, 'says no cameras'),
        ({'action': {}}, 'says no action.key'),
        ({'position': {}, 'action_means': 'target'}, 'says no position.key'),
        ({'proprioception': ['velocity']}, 'says no velocity.key'),
        ({'action_means': 'torque'}, "unknown value of action_means 'torque'"),
    ],
)
def test_a_mapping_that_says_too_little_is_refused(says, message):
    with pytest.raises(ConfigError, match=message):
        spec_of(mapping(**says), 0.0)


class Given:
    """A Source of arrays."""

    def __init__(self, *ours, **says):
        self.mapping, self.ours, self.notes = mapping(**says), ours, []
        self.spec, self.setup = spec_of(self.mapping, 0.0), Setup()

    @property
    def places(self):
        return [one.where for one in self.ours]

    def episode(self, index):
        return incoming(self.ours[index], self.mapping, self.spec, self.setup, 'test')


def other_images():
    return {'pixels': 255 - arrays(4).images['pixels']}


@pytest.mark.parametrize(
    ('changes', 'says', 'new'),
    [
        ({'where': 'demo_7'}, {}, 0),
        ({'numbers': {**arrays(4).numbers, 'index': np.arange(4)}}, {}, 0),
        ({}, {'outcome': 'success'}, 0),
        ({'images': other_images()}, {}, 1),
        ({}, {'action': {'key': 'act', 'columns': [1, 0]}}, 1),
        ({}, {'action_means': 'displacement'}, 1),
        ({}, {'task': 'pull'}, 1),
    ],
)
def test_an_episode_is_the_same_by_what_its_rows_hold(tmp_path, changes, says, new):
    assert len(take_episodes(Given(arrays(4)), tmp_path / 'data').new) == 1
    done = take_episodes(Given(arrays(4, **changes), **says), tmp_path / 'data')
    assert (len(done.new), len(done.present)) == (new, 1 - new)


def test_what_is_cut_off_is_counted_and_a_dataset_of_none_is_not_made(tmp_path):
    ours = arrays(4)
    ours.numbers['act'][0] = [1.5, -1.5]
    ours.numbers['act'][1] = [1.0, -1.0000001]
    assert take_episodes(Given(ours), tmp_path / 'data').clipped == 2
    assert take_episodes(Given(ours), tmp_path / 'data').clipped == 0
    none = Given(arrays(4, images={}))
    assert len(take_episodes(none, tmp_path / 'new/data').refused) == 1
    assert len(take_episodes(none, tmp_path / 'data').refused) == 1
    assert [path.name for path in tmp_path.iterdir()] == ['data']


def test_episodes_come_whole_once_and_the_refused_are_named(tmp_path):
    broken = arrays(4, where='demo_1', images={'pixels': np.zeros((2, 9, 9, 3), np.uint8)})
    source = Given(arrays(4), broken, arrays(5, where='demo_2'), task='push')
    done = take_episodes(source, tmp_path / 'data')
    assert [record.rows for record in done.new] == [4, 5] and list(done.refused) == ['demo_1']
    again = take_episodes(source, tmp_path / 'data')
    assert (len(again.new), again.present) == (0, ['demo_0', 'demo_2'])
    dataset = Dataset.open(tmp_path / 'data')
    assert len(dataset.episodes()) == 2 and not dataset.findings
    episode = dataset.read(done.new[0].id)
    assert episode.header.task == 'push' and episode.header.extra['imported'] == 'test'
    assert episode.requested == pytest.approx(arrays(4).numbers['act'].astype(np.float32))
    assert sorted(path.name for path in (tmp_path / 'data/episodes').iterdir()) == sorted(
        record.id for record in done.new
    )
