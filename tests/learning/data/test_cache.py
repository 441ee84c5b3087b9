import json

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError
from moto_core.row import ARRAYS
from moto_learning.data.cache import cache_hash, compile_dataset
from tests.recorded import record, tiny_header, tiny_row, tiny_spec


def entry(root, name):
    return root / 'cache' / cache_hash(tiny_spec()) / name


def test_a_compiled_episode_is_the_recorded_one_memory_mapped(tmp_path):
    (name,) = record(tmp_path, [5])
    (cached,) = compile_dataset(Dataset.open(tmp_path)).episodes
    episode = Dataset.open(tmp_path).read(name)
    assert isinstance(cached.images['front'], np.memmap)
    for camera in ('front', 'wrist'):
        np.testing.assert_array_equal(cached.images[camera], episode.images[camera])
    for column in ARRAYS:
        np.testing.assert_array_equal(
            getattr(cached, column.name), getattr(episode, column.name), column.name
        )
    assert (entry(tmp_path, name) / 'image_front.npy').exists()


def test_only_new_episodes_are_compiled_again(tmp_path):
    first = record(tmp_path, [3, 4])
    seen = []
    assert compile_dataset(Dataset.open(tmp_path), lambda *x: seen.append(x)).built == first
    assert seen == [(1, 2), (2, 2)]
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / 'cache').rglob('*.npy')}
    more = record(tmp_path, [5])
    result = compile_dataset(Dataset.open(tmp_path))
    assert result.built == more
    assert [len(e) for e in result.episodes] == [3, 4, 5]
    assert len(times) == 2 * (len(ARRAYS) + 2)
    assert {p: p.stat().st_mtime_ns for p in times} == times


def test_labels_are_read_at_load_and_never_baked_in(tmp_path):
    (name,) = record(tmp_path, [3])
    dataset = Dataset.open(tmp_path)
    flags = [compile_dataset(dataset).episodes[0].successful]
    for label in ('success', 'failure'):
        dataset.label(name, label)
        result = compile_dataset(dataset)
        assert result.built == []
        flags.append(result.episodes[0].successful)
    assert flags == [False, True, False]


@pytest.mark.parametrize(
    'spoil',
    [
        lambda folder: (folder / 'image_front.npy').write_bytes(b''),
        lambda folder: (folder / 'reward.npy').unlink(),
        lambda folder: (folder / 'meta.json').write_text('{'),
        lambda folder: np.save(folder / 'reward.npy', np.zeros(2, np.float32)),
        lambda folder: (folder / 'image_wrist.npy').write_bytes(
            (folder / 'image_wrist.npy').read_bytes()[:-50]
        ),
    ],
)
def test_a_damaged_entry_is_rebuilt(tmp_path, spoil):
    (name,) = record(tmp_path, [3])
    compile_dataset(Dataset.open(tmp_path))
    spoil(entry(tmp_path, name))
    result = compile_dataset(Dataset.open(tmp_path))
    assert result.built == [name]
    assert len(result.episodes[0].images['front']) == 3


def test_a_stale_entry_is_rebuilt_when_the_episode_was_repaired(tmp_path):
    (name,) = record(tmp_path, [6])
    compile_dataset(Dataset.open(tmp_path))
    path = tmp_path / 'episodes' / name / 'episode.mcap'
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with Dataset.create_or_open(tmp_path) as dataset:
        (finding,) = dataset.verify(repair=True)
        result = compile_dataset(dataset)
    assert 0 < finding.rows < 6
    assert [len(e) for e in result.episodes] == [finding.rows]


def test_a_damaged_episode_is_skipped_with_its_reason(tmp_path):
    good, bad = record(tmp_path, [3, 3])
    path = tmp_path / 'episodes' / bad / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-100])
    result = compile_dataset(Dataset.open(tmp_path))
    assert [e.id for e in result.episodes] == [good]
    assert 'moto-data recover' in result.skipped[bad]
    path = tmp_path / 'episodes' / good / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match='no episode of .* is usable'):
        compile_dataset(Dataset.open(tmp_path))


def test_a_refused_action_becomes_rest_and_a_broken_reward_is_not_learned_from(tmp_path):
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        for reward in (1.0, float('nan')):
            writer = dataset.new_episode(tiny_header())
            wild = np.array([np.nan, 0.5, np.inf], np.float32)
            writer.append(tiny_row(0, requested=wild, reward=reward))
            writer.append(tiny_row(1))
            writer.close()
        result = compile_dataset(dataset)
    (cached,) = result.episodes
    assert cached.requested[0].tolist() == [0.0, 0.5, 0.0]
    (reason,) = result.skipped.values()
    assert 'a non-finite reward at row 0' in reason


def test_an_empty_dataset_says_what_to_do(tmp_path):
    Dataset.create_or_open(tmp_path).close()
    with pytest.raises(DatasetError, match="no episodes; record some with 'moto-data collect'"):
        compile_dataset(Dataset.open(tmp_path))


def test_an_interrupted_compilation_leaves_no_half_entry(tmp_path, monkeypatch):
    (name,) = record(tmp_path, [3])
    real, calls = np.save, []

    def fail_at_the_third(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise OSError(28, 'No space left on device')
        return real(*args, **kwargs)

    monkeypatch.setattr(np, 'save', fail_at_the_third)
    with pytest.raises(DatasetError, match='No space left'):
        compile_dataset(Dataset.open(tmp_path))
    assert not entry(tmp_path, name).exists()
    monkeypatch.undo()
    assert compile_dataset(Dataset.open(tmp_path)).built == [name]
    assert json.loads((entry(tmp_path, name) / 'meta.json').read_text())['steps'] == 3
