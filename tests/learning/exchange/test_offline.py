"""D4RL's and Minari's HDF5: the Kitchen's states are drawn and judged again; pixels are mapped."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError
from moto_learning.exchange.formats import open_source
from moto_learning.exchange.mapping import Mapping
from moto_learning.exchange.offline_read import KitchenStates, open_kitchen, open_pixels
from moto_learning.exchange.taking import take_episodes
from moto_sim.kitchen_model import HOME
from tests.learning.exchange.damage import change, replaced

FILE = Path('shared', 'data', 'kitchen_complete_demos.npz')
DEMOS = next((p / FILE for p in Path(__file__).parents if (p / FILE).is_file()), FILE)
needs_demos = pytest.mark.skipif(
    not DEMOS.is_file(), reason=f'the human demonstrations are not at {DEMOS}'
)
SMALL = KitchenStates(size=16)


def test_minaris_kitchen_is_drawn_and_judged_again(minari, tmp_path):
    said = KitchenStates(size=16, proprioception=['position', 'velocity'])
    source = open_kitchen(minari, said, 'minari')
    assert source.places == ['episode_0', 'episode_1'] and source.spec.rate == 12.5
    assert (source.setup.actuation, source.setup.views) == ('d4rl', {'front': 'paper'})
    done = take_episodes(source, tmp_path / 'data')
    assert [r.rows for r in done.new] == [4, 5] and not done.refused
    episode = Dataset.open(tmp_path / 'data').read(done.new[1].id)
    assert episode.header.parts == ('microwave', 'kettle', 'light_switch', 'slide_cabinet')
    assert episode.reward.tolist() == [0, 0, 1, 1, 1] and not episode.success.any()
    assert episode.done_parts[:, 0].tolist() == [False] * 2 + [True] * 3  # from -0.45 rad on
    assert episode.requested[:, 0] == pytest.approx([0.2] * 4 + [0])
    assert episode.proprioception[0] == pytest.approx([*HOME[:9], *[0.25] * 9])
    front = episode.images['front'].astype(int)
    assert np.abs(front[4] - front[0]).max() > 40, 'the door is seen to open'
    assert len(take_episodes(source, tmp_path / 'data').present) == 2


def test_d4rls_kitchen_is_cut_where_an_episode_ends(d4rl, tmp_path):
    source = open_kitchen(d4rl, SMALL, 'd4rl')
    assert source.places == ['rows 0 to 2', 'rows 3 to 5', 'rows 6 to 8']
    done = take_episodes(source, tmp_path / 'data')
    assert [r.rows for r in done.new] == [3, 3, 3]
    episode = Dataset.open(tmp_path / 'data').read(done.new[1].id)
    assert episode.requested == pytest.approx(np.arange(27, 54).reshape(3, 9) / 100)


def test_the_task_is_said_by_key_value_and_a_mapping_reads_pixels(minari, tmp_path):
    source = open_source('minari', minari, '', ['task=kitchen-kettle', 'size=16'])
    assert source.notes[0].endswith("rewards are the objects of 'kitchen-kettle' in place")
    with pytest.raises(ConfigError, match="Did you mean 'task'"):
        open_source('minari', minari, '', ['tsk=kitchen-kettle'])
    path = tmp_path / 'pixels.hdf5'
    images = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), np.uint8)
    with h5py.File(path, 'w') as file:
        file['episode_0/observations'] = images
        file['episode_0/actions'] = np.linspace(-1, 1, 8).reshape(4, 2)
        file['episode_0/rewards'] = [0.0, 0, 0, 1]
    says = load_config(Mapping, {**PIXELS, 'reward': 'rewards'})
    source = open_pixels(path, says, 'minari')
    (record,) = take_episodes(source, tmp_path / 'seen').new
    episode = Dataset.open(tmp_path / 'seen').read(record.id)
    assert np.array_equal(episode.images['front'], images[:4])
    assert episode.reward.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ('act', 'says'),
    [
        (replaced('episode_0/actions', np.zeros((3, 8))), r'expected finite .T, 9.'),
        (replaced('episode_0/actions', np.zeros((2, 9))), '4 observations for 2 actions'),
        (
            replaced('episode_0/observations/observation', np.zeros((4, 58))),
            r'expected finite .T, 59.',
        ),
        (
            replaced('episode_0/observations/observation', np.full((4, 59), np.inf)),
            r'expected finite .T, 59.',
        ),
        (lambda f: f.pop('episode_0/observations'), "has no 'episode_0/observations'"),
    ],
)
def test_a_damaged_episode_is_refused_and_the_other_comes(minari, tmp_path, act, says):
    change(minari / 'data/main_data.hdf5', act)
    done = take_episodes(open_kitchen(minari, SMALL, 'minari'), tmp_path / 'data')
    assert re.search(says, done.refused['episode_0']) and [r.rows for r in done.new] == [5]


PIXELS = {
    'joints': ['a', 'b'],
    'action_scale': [1.0, 1.0],
    'rate': 10,
    'cameras': {'front': {'key': 'observations', 'height': 16, 'width': 16}},
    'action': {'key': 'actions'},
}


@pytest.mark.parametrize(
    ('act', 'says'),
    [
        (lambda f: f.pop('episode_1/actions'), "has no 'episode_1/actions'"),
        (
            replaced('episode_1/observations', np.zeros((6, 16, 16, 3), np.uint8)),
            "episode_1: 'observations' has 6 rows; expected 4, one for each action, or one more",
        ),
    ],
)
def test_a_damaged_episode_with_pixels_is_refused_and_the_others_come(tmp_path, act, says):
    path = tmp_path / 'pixels.hdf5'
    with h5py.File(path, 'w') as file:
        for n in range(3):
            file[f'episode_{n}/observations'] = np.full((5, 16, 16, 3), n, np.uint8)
            file[f'episode_{n}/actions'] = np.full((4, 2), n / 4)
    change(path, act)
    source = open_pixels(path, load_config(Mapping, PIXELS), 'minari')
    done = take_episodes(source, tmp_path / 'data')
    assert says in done.refused['episode_1'] and len(done.new) == 2


@pytest.mark.parametrize(
    ('act', 'says'),
    [
        (lambda f: f.pop('observations'), "expected Minari's episode_N, or D4RL's observations"),
        (replaced('timeouts', np.zeros(4)), "'timeouts' has 4 rows, the actions 9"),
    ],
)
def test_what_is_neither_is_refused(d4rl, act, says):
    change(d4rl, act)
    with pytest.raises(DatasetError, match=says):
        open_kitchen(d4rl, SMALL, 'd4rl')


def humans(path, count):
    """Writes the first human demonstrations as Minari has them; returns how long each is."""
    data = np.load(DEMOS)
    ends = data['episode_ends'][:count]
    with h5py.File(path, 'w') as file:
        for n, (begin, end) in enumerate(zip([0, *ends[:-1]], ends)):
            file[f'episode_{n}/actions'] = data['actions'][begin:end]
            file[f'episode_{n}/observations/observation'] = data['observations'][begin:end]
    return np.diff([0, *ends]).tolist()


@needs_demos
@pytest.mark.parametrize('count', [2, pytest.param(19, marks=pytest.mark.slow)])
def test_the_human_demonstrations_come_with_all_four_objects_in_place(count, tmp_path):
    lengths = humans(tmp_path / 'people.hdf5', count)
    done = take_episodes(
        open_kitchen(tmp_path / 'people.hdf5', SMALL, 'minari'), tmp_path / 'data'
    )
    assert [r.rows for r in done.new] == lengths and all(r.successful for r in done.new)
    dataset = Dataset.open(tmp_path / 'data')
    data = np.load(DEMOS)
    begin = 0
    for record, length in zip(done.new, lengths):
        episode = dataset.read(record.id)
        assert episode.reward[-1] == 4 and episode.done_parts[-1].all()
        wanted = data['actions'][begin : begin + length]
        assert episode.requested == pytest.approx(wanted.clip(-1, 1))
        begin += length
