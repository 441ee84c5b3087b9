"""What lies in a cache entry is believed as far as it can be checked; the rest is built anew."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError
from moto_core.row import ARRAYS
from moto_learning.data.cache import cache_hash, compile_dataset, remove_entries
from moto_learning.data.entry import STORED
from tests.recorded import alike, record, tiny_spec


def entry(root, name):
    return root / 'cache' / cache_hash(tiny_spec()) / name


def compiled(root):
    return compile_dataset(Dataset.open(root))


def assert_as_recorded(root, name):
    """The episode is built anew, once, and is what its file says."""
    result = compiled(root)
    assert (result.built, result.skipped) == ([name], {})
    recorded = Dataset.open(root).read(name)
    (cached,) = [episode for episode in result.episodes if episode.id == name]
    for column in ARRAYS:
        np.testing.assert_array_equal(getattr(cached, column.name), getattr(recorded, column.name))
    assert list(cached.images) == ['front', 'wrist']
    for camera, images in recorded.images.items():
        np.testing.assert_array_equal(cached.images[camera], images)
    assert compiled(root).built == []


@pytest.mark.parametrize('column', [column.name for column in STORED])
def test_one_changed_bit_of_a_column_is_noticed(tmp_path, column):
    (name,) = record(tmp_path, [3], parts=('kettle',))
    compiled(tmp_path)
    path = entry(tmp_path, name) / f'{column}.npy'
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert_as_recorded(tmp_path, name)


@pytest.mark.parametrize('column', ['requested', 'proprioception', 'done_parts', 'reward'])
@pytest.mark.parametrize(
    'change',
    [
        lambda x: np.full_like(x, np.nan, np.float32),
        lambda x: x[..., None],
        lambda x: x.astype(np.float64),
        lambda x: x[:, :-1] if x.ndim > 1 else x[:-1],
    ],
    ids=['nan', 'shape', 'dtype', 'narrow'],
)
def test_a_column_of_other_values_shape_or_kind_is_not_taken(tmp_path, column, change):
    (name,) = record(tmp_path, [3], parts=('kettle', 'light'))
    compiled(tmp_path)
    path = entry(tmp_path, name) / f'{column}.npy'
    np.save(path, change(np.load(path)))
    assert_as_recorded(tmp_path, name)


@pytest.mark.parametrize(
    'change',
    [
        lambda x: x[:, :4],
        lambda x: x.astype(np.uint16),
        lambda x: np.swapaxes(x, 1, 2),
        lambda x: np.concatenate([x, x]),
    ],
    ids=['size', 'kind', 'turned', 'longer'],
)
def test_images_of_another_shape_or_kind_are_not_taken(tmp_path, change):
    (name,) = record(tmp_path, [3])
    compiled(tmp_path)
    path = entry(tmp_path, name) / 'image_wrist.npy'
    np.save(path, np.ascontiguousarray(change(np.load(path))))
    assert_as_recorded(tmp_path, name)


HEADER = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }"


@pytest.mark.parametrize('column', ['reward', 'image_front'])
@pytest.mark.parametrize(
    'header',
    [b'(' * 9000, HEADER % b'99999999999999,', HEADER % b'-1,', b'\xff' * 60],
    ids=['nested', 'endless', 'negative', 'binary'],
)
def test_a_header_that_others_wrote_is_never_followed(tmp_path, column, header):
    (name,) = record(tmp_path, [3])
    compiled(tmp_path)
    size = len(header).to_bytes(2, 'little')
    path = entry(tmp_path, name) / f'{column}.npy'
    path.write_bytes(b'\x93NUMPY\x01\x00' + size + header)
    assert_as_recorded(tmp_path, name)


def with_key(key, value):
    return lambda text: json.dumps({**json.loads(text), key: value})


@pytest.mark.parametrize(
    'change',
    [
        with_key('id', '01ARZ3NDEKTSV4RRFFQ69G5FAV'),
        with_key('source', 'robot'),
        with_key('spec_hash', '0' * 64),
        with_key('cameras', []),
        with_key('cameras', ['x/../../../../outside']),
        with_key('columns', ['../../../outside']),
        with_key('parts', ['light']),
        with_key('parts', 'kettle'),
        with_key('parts', [['kettle']]),
        with_key('parts', 5),
        with_key('sum', None),
        lambda text: text.replace('{', '{"parts": [], ', 1),
        lambda text: '[' * 100_000,
        lambda text: '[]',
        lambda text: '\udcff',
        lambda text: '{"sum": NaN}',
        lambda text: ' ' * (1 << 21) + text,
    ],
)
def test_a_changed_meta_changes_nothing_that_is_learned(tmp_path, change):
    (name,) = record(tmp_path, [3], parts=('kettle',))
    compiled(tmp_path)
    path = entry(tmp_path, name) / 'meta.json'
    changed = change(path.read_text())
    path.write_text(changed, errors='surrogateescape')
    assert_as_recorded(tmp_path, name)


def test_the_id_and_the_source_are_those_of_the_dataset(tmp_path):
    """A robot's labelled success has reward 1 at its end; said to be a simulator's it has none."""
    names = record(tmp_path, [3, 3], source='robot', reward=0.0)
    Dataset.open(tmp_path).label(names[0], 'success')
    compiled(tmp_path)
    for name in names:
        path = entry(tmp_path, name) / 'meta.json'
        wrong = {'id': names[1], 'source': 'sim', 'spec_hash': 'another'}
        path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    first, second = compiled(tmp_path).episodes
    assert [(e.id, e.source, e.spec_hash) for e in (first, second)] == [
        (name, 'robot', tiny_spec().hash) for name in names
    ]
    assert first.learned['reward'].tolist() == [0, 0, 1]


def test_an_entry_of_another_episode_is_not_taken(tmp_path):
    """Same rows, and a file of the same size and time of change."""
    tmp_path = tmp_path / 'data'
    first, second = alike(tmp_path, 3)
    paths = [Dataset.open(tmp_path).find(name).path for name in (first, second)]
    assert paths[0].stat().st_size == paths[1].stat().st_size
    for path in paths:
        os.utime(path, (1, 1))
    compiled(tmp_path)
    shutil.rmtree(entry(tmp_path, first))
    shutil.copytree(entry(tmp_path, second), entry(tmp_path, first))
    assert_as_recorded(tmp_path, first)


def test_an_entry_of_an_earlier_file_with_as_many_rows_is_not_taken(tmp_path):
    (name,) = record(tmp_path / 'a', [3])
    record(tmp_path / 'b', [3], id=name, reward=7.0)
    compiled(tmp_path / 'a')
    paths = [tmp_path / root / 'episodes' / name / 'episode.mcap' for root in 'ab']
    shutil.copy(paths[1], paths[0])
    assert_as_recorded(tmp_path / 'a', name)


@pytest.mark.parametrize('place', ['meta.json', 'reward.npy', 'image_front.npy'])
@pytest.mark.parametrize('kind', ['link', 'folder', 'pipe', 'nothing'])
def test_what_is_no_plain_file_in_an_entry_is_not_read(tmp_path, place, kind):
    (name,) = record(tmp_path / 'data', [3])
    compiled(tmp_path / 'data')
    path = entry(tmp_path / 'data', name) / place
    outside = tmp_path / place
    path.rename(outside)
    if kind == 'link':
        path.symlink_to(outside)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'pipe':
        os.mkfifo(path)
    before = outside.read_bytes()
    assert_as_recorded(tmp_path / 'data', name)
    assert outside.read_bytes() == before


def test_a_file_at_an_entrys_place_gives_way(tmp_path):
    (name,) = record(tmp_path, [3])
    entry(tmp_path, name).parent.mkdir()
    entry(tmp_path, name).write_text('x')
    assert_as_recorded(tmp_path, name)


LEVELS = ('', '{hash}', '{hash}/{id}', '{hash}/.{id}.new', '{hash}/LOCK')


@pytest.mark.parametrize('level', LEVELS)
@pytest.mark.parametrize('act', [compiled, 'remove'], ids=['compile', 'remove'])
def test_a_link_at_any_level_of_the_cache_is_refused_and_nothing_outside_changes(
    tmp_path, level, act
):
    data, outside = tmp_path / 'data', tmp_path / 'outside'
    (name,) = record(data, [3])
    folder = entry(data, name).parent.name
    for place in ('', name, f'.{name}.new', f'{folder}/{name}'):
        (outside / place).mkdir(parents=True, exist_ok=True)
        (outside / place / 'thesis.tex').write_text('years of work')
    place = data / 'cache' / level.format(hash=folder, id=name)
    if act == 'remove':
        compiled(data)
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    dataset = Dataset.open(data)
    if level == '':
        shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside / 'thesis.tex' if level.endswith('LOCK') else outside)
    before = contents(outside)
    with pytest.raises(DatasetError, match='is a link; a dataset keeps its files itself'):
        remove_entries(data, name) if act == 'remove' else compile_dataset(dataset)
    assert contents(outside) == before
    assert place.is_symlink()


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in Path(folder).rglob('*')}


def test_the_entries_of_one_episode_are_removed_and_no_others(tmp_path):
    gone, kept = record(tmp_path, [3, 3])
    compiled(tmp_path)
    older = tmp_path / 'cache' / ('0' * 16)
    shutil.copytree(entry(tmp_path, gone).parent, older)
    entry(tmp_path, gone).with_name(f'.{gone}.new').mkdir()
    remove_entries(tmp_path, gone)
    assert [path for path in (tmp_path / 'cache').rglob('*') if gone in path.name] == []
    assert entry(tmp_path, kept).is_dir() and (older / kept).is_dir()
    remove_entries(tmp_path, 'LOCK')
    assert (older / 'LOCK').exists()
    assert compiled(tmp_path).built == [gone]


def test_an_episode_that_is_not_what_the_index_says_is_left_out_and_named(tmp_path):
    """The file was put there with the size and the time of change of the one before."""
    first, second = record(tmp_path, [3, 3])
    dataset = Dataset.open(tmp_path)
    record(tmp_path / 'other', [4], id=first)
    shutil.copy(tmp_path / 'other' / 'episodes' / first / 'episode.mcap', dataset.find(first).path)
    result = compile_dataset(dataset)
    assert [episode.id for episode in result.episodes] == [second]
    assert 'manifest.jsonl' in result.skipped[first]
    assert not entry(tmp_path, first).exists()
