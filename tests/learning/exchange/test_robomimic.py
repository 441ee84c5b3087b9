"""robomimic's HDF5: what we wrote comes back whole; others come through a mapping; no harm."""

import re

import h5py
import numpy as np
import pytest

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError
from moto_learning.exchange.mapping import Mapping
from moto_learning.exchange.robomimic_read import open_robomimic
from moto_learning.exchange.robomimic_write import export_robomimic
from moto_learning.exchange.taking import take_episodes
from tests.learning.exchange.damage import change, flip, replaced
from tests.learning.exchange.test_lerobot import equal
from tests.recorded import record, tiny_spec

FOREIGN = {
    'task': 'can',
    'joints': ['j1', 'j2'],
    'action_scale': [1.0, 1.0],
    'rate': 20.0,
    'cameras': {'front': {'key': 'obs/agentview_image', 'height': 8, 'width': 8}},
    'action': {'key': 'actions', 'columns': [0, 1]},
    'position': {'key': 'obs/robot0_joint_pos'},
    'proprioception': ['position'],
    'reward': 'rewards',
}


def exported(dataset, place):
    assert export_robomimic(dataset, place, told=lambda count: None) == len(dataset.episodes())
    return place


@pytest.mark.parametrize('proprioception', [('position', 'velocity'), ()])
def test_what_was_exported_comes_back_as_it_was(tmp_path, proprioception):
    record(tmp_path / 'ours', [5, 7], tiny_spec(proprioception), parts=('a', 'b'), success=True)
    ours = Dataset.open(tmp_path / 'ours')
    source = open_robomimic(exported(ours, tmp_path / 'out.hdf5'))
    done = take_episodes(source, tmp_path / 'back')
    assert len(done.new) == 2 and not done.refused
    back = Dataset.open(tmp_path / 'back')
    for one in ours.episodes():
        a, b = ours.read(one.id), back.read(one.id)
        equal(a, b)
        assert all(np.array_equal(a.images[name], b.images[name]) for name in a.images)
    assert len(take_episodes(source, tmp_path / 'ours').present) == 2


def test_the_file_is_what_robomimic_reads(ours, tmp_path):
    with h5py.File(exported(ours, tmp_path / 'out.hdf5')) as file:
        assert file['data'].attrs['total'] == 53 and len(file['data']) == 11
        demo = file['data/demo_1']
        assert demo.attrs['num_samples'] == 5 and demo['actions'].shape == (5, 3)
        assert demo['rewards'][:].tolist() == [1, 2, 3, 4, 0] and demo['dones'][-1] == 1
        assert demo['obs/front_image'].shape == (5, 8, 8, 3)
        assert file['mask/valid'][:].tolist() == [b'demo_9'] and len(file['mask/train']) == 10


def test_somebody_elses_comes_through_a_mapping_in_the_order_of_its_numbers(theirs, tmp_path):
    with pytest.raises(ConfigError, match='obs/agentview_image, obs/object, obs/robot0_joint_pos'):
        open_robomimic(theirs)
    source = open_robomimic(theirs, load_config(Mapping, FOREIGN))
    assert source.places == ['data/demo_2', 'data/demo_10'] and 'obs/object' in source.notes[0]
    done = take_episodes(source, tmp_path / 'data')
    assert [(r.rows, r.outcome) for r in done.new] == [(6, 'success'), (4, 'unlabelled')]
    episode = Dataset.open(tmp_path / 'data').read(done.new[0].id)
    with h5py.File(theirs, 'r', locking=False) as file:
        wanted = file['data/demo_2/actions'][:, :2]
    assert episode.requested == pytest.approx(wanted.astype(np.float32))
    assert episode.reward.tolist() == [0, 0, 0, 0, 0, 1] and episode.header.task == 'can'
    assert episode.proprioception[3] == pytest.approx([6, 7])
    assert len(take_episodes(source, tmp_path / 'data').present) == 2


def huge(file):
    del file['data/demo_2/actions']
    file.create_dataset('data/demo_2/actions', (10**12, 7), 'f8', chunks=(1000, 7))


def external(file):
    del file['data/demo_2/actions']
    file['data/demo_2/actions'] = h5py.ExternalLink('/etc/passwd', '/x')


def raw(file):
    del file['data/demo_2/actions']
    file.create_dataset(
        'data/demo_2/actions', (6, 7), 'u1', external=[('/etc/passwd', 0, h5py.h5f.UNLIMITED)]
    )


def looped(file):
    del file['data/demo_2/actions']
    file['data/demo_2/actions'] = h5py.SoftLink('/data/demo_2/actions')


@pytest.mark.parametrize(
    ('act', 'says'),
    [
        (huge, 'at most 2147483648 are read'),
        (external, 'is a link to elsewhere'),
        (looped, 'is a link to elsewhere'),
        (raw, 'lies in another file'),
        (replaced('data/demo_2/actions', np.full((6, 7), np.nan)), 'is .nan nan. at row 0'),
        (replaced('data/demo_2/actions', np.zeros((0, 7))), 'has no rows'),
        (replaced('data/demo_2/rewards', np.zeros(5)), "'rewards' has 5 rows; expected 6"),
        (replaced('data/demo_2/rewards', [b'much'] * 6), 'no numbers'),
        (lambda f: f.pop('data/demo_2/actions'), "has no 'data/demo_2/actions'"),
        (
            replaced('data/demo_2/obs/agentview_image', np.zeros((6, 8, 8))),
            r'expected .T, h, w, 3',
        ),
        (
            replaced('data/demo_2/obs/agentview_image', np.zeros((5, 8, 8, 3), np.uint8)),
            'has 5 images; expected 6',
        ),
    ],
)
def test_what_is_damaged_or_hostile_is_refused_and_the_others_come(theirs, tmp_path, act, says):
    change(theirs, act)
    done = take_episodes(open_robomimic(theirs, load_config(Mapping, FOREIGN)), tmp_path / 'data')
    assert re.search(says, done.refused['data/demo_2']), done.refused
    assert [record.rows for record in done.new] == [4]
    assert len(list((tmp_path / 'data/episodes').iterdir())) == 1


@pytest.mark.parametrize(
    ('act', 'says'),
    [
        (lambda p: p.write_bytes(b'no hdf5'), 'is no HDF5 file'),
        (lambda p: p.unlink(), 'expected an HDF5 file'),
        (
            lambda p: change(p, lambda f: f.move('data', 'demos')),
            "has no 'data', but demos; expected data/demo_N",
        ),
        (lambda p: change(p, replaced('data', 3)), "'data' is no group"),
    ],
)
def test_what_is_no_such_file_is_refused(theirs, act, says):
    act(theirs)
    with pytest.raises(DatasetError, match=says):
        open_robomimic(theirs, load_config(Mapping, FOREIGN))


def test_an_export_is_whole_or_not_there(ours, tmp_path):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_robomimic(ours, tmp_path / 'out.hdf5', told=stop)
    assert [path.name for path in tmp_path.iterdir()] == ['ours']
    exported(ours, tmp_path / 'out.hdf5')
    with pytest.raises(DatasetError, match='is there already'):
        exported(ours, tmp_path / 'out.hdf5')


def test_a_damaged_export_of_ours_is_refused(ours, tmp_path):
    place = exported(ours, tmp_path / 'out.hdf5')
    change(place, replaced('data/demo_1/moto/executed', np.zeros((4, 3))))
    change(place, replaced('data/demo_2/moto/row', [b'{"reward": []}'] * 5))
    change(place, lambda f: f['data/demo_3'].attrs.modify('moto_header', '{}'))
    change(place, lambda f: f['data/demo_4'].attrs.modify('moto_outcome', 'maybe'))
    done = take_episodes(open_robomimic(place), tmp_path / 'back')
    assert len(done.new) == 7
    says = [
        'its arrays have [4, 5] rows',
        "row 0: it is damaged or was changed (a row's reward",
        'the header of',
        'was changed',
    ]
    for n, words in enumerate(says, 1):
        assert words in done.refused[f'data/demo_{n}']


@pytest.mark.parametrize(
    'name', ['actions', 'moto/stamp', 'moto/executed', 'obs/proprioception', 'obs/front_image']
)
def test_a_flipped_bit_among_the_numbers_of_an_export_is_refused(ours, tmp_path, name):
    place = exported(ours, tmp_path / 'out.hdf5')
    with h5py.File(place) as file:
        chunk = file[f'data/demo_1/{name}'].id.get_chunk_info(0)
    flip(place, chunk.byte_offset + chunk.size // 2)
    done = take_episodes(open_robomimic(place), tmp_path / 'back')
    assert list(done.refused) == ['data/demo_1'] and len(done.new) == 10


def test_images_of_an_export_that_were_changed_are_refused(ours, tmp_path):
    place = exported(ours, tmp_path / 'out.hdf5')
    change(
        place,
        lambda f: f['data/demo_1/obs/front_image'].write_direct(np.zeros((5, 8, 8, 3), np.uint8)),
    )
    done = take_episodes(open_robomimic(place), tmp_path / 'back')
    assert 'was changed' in done.refused['data/demo_1'] and len(done.new) == 10


@pytest.mark.parametrize('old', [b'"reward": 3.0', b'"controller": "scripted"'])
def test_a_changed_text_of_an_export_is_refused(ours, tmp_path, old):
    place = exported(ours, tmp_path / 'out.hdf5')
    flip(place, place.read_bytes().index(old) + len(old) - 3, 0)
    done = take_episodes(open_robomimic(place), tmp_path / 'back')
    (said,) = done.refused.values()
    assert 'is damaged or was changed: its hash is' in said and len(done.new) == 10


def test_a_first_demonstration_without_observations_leaves_the_others(theirs, tmp_path):
    change(theirs, lambda f: f.pop('data/demo_2/obs'))
    with pytest.raises(ConfigError, match='obs/agentview_image, obs/object'):
        open_robomimic(theirs)
    done = take_episodes(open_robomimic(theirs, load_config(Mapping, FOREIGN)), tmp_path / 'data')
    assert list(done.refused) == ['data/demo_2'] and [r.rows for r in done.new] == [4]


def test_a_damaged_first_header_leaves_the_others(ours, tmp_path):
    place = exported(ours, tmp_path / 'out.hdf5')
    change(place, lambda f: f['data/demo_0'].attrs.modify('moto_header', '{'))
    done = take_episodes(open_robomimic(place), tmp_path / 'back')
    assert list(done.refused) == ['data/demo_0'] and len(done.new) == 10


def test_an_action_beyond_float32_is_refused_without_a_warning(ours, tmp_path):
    place = exported(ours, tmp_path / 'out.hdf5')
    change(place, replaced('data/demo_1/actions', np.full((5, 3), 1e300)))
    done = take_episodes(open_robomimic(place), tmp_path / 'back')
    assert list(done.refused) == ['data/demo_1']


def test_a_damaged_list_of_names_is_an_error_of_one_line(theirs):
    data = theirs.read_bytes()
    root, of_data, *_ = (n for n in range(len(data)) if data.startswith(b'SNOD', n))
    flip(theirs, of_data + 10, 7)  # where the name of the first link lies
    with pytest.raises(DatasetError, match="damaged at 'data', HDF5 says '.*': copy or"):
        open_robomimic(theirs, load_config(Mapping, FOREIGN))
