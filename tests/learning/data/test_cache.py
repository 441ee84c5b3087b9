import errno
import multiprocessing
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError
from moto_core.row import ARRAYS
from moto_learning.data import cache
from moto_learning.data.cache import cache_hash, compile_dataset
from moto_learning.data.entry import STORED
from tests.recorded import record, tiny_header, tiny_row, tiny_spec


def entry(root, name):
    return root / 'cache' / cache_hash(tiny_spec()) / name


def test_a_compiled_episode_is_the_recorded_one_memory_mapped(tmp_path):
    (name,) = record(tmp_path, [5])
    (cached,) = compile_dataset(Dataset.open(tmp_path)).episodes
    episode = Dataset.open(tmp_path).read(name)
    assert not cached.images['front'].flags.writeable
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
    assert len(times) == 2 * (len(STORED) + 2)
    assert {p: p.stat().st_mtime_ns for p in times} == times


@pytest.mark.parametrize(
    'changed',
    [{'name': 'force'}, {'dtype': np.dtype(np.float64)}, {'shape': ('A',)}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_changed_table_of_rows_has_a_cache_of_its_own(monkeypatch, changed):
    before = cache_hash(tiny_spec())
    monkeypatch.setattr(cache, 'ARRAYS', (ARRAYS[0]._replace(**changed), *ARRAYS[1:]))
    assert cache_hash(tiny_spec()) != before


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


@pytest.mark.parametrize('label', ['unlabelled', 'failure', 'success'])
def test_an_entry_built_now_has_the_label_given_before(tmp_path, label):
    (name,) = record(tmp_path, [3])
    dataset = Dataset.open(tmp_path)
    dataset.label(name, label)
    (episode,) = compile_dataset(dataset).episodes
    assert (episode.outcome, episode.successful) == (label, label == 'success')
    assert episode.learned['bc_mask'].tolist() == [label == 'success'] * 3


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
    assert compile_dataset(Dataset.open(tmp_path)).built == []


ROOT = Path(__file__).parents[3]
SCARCE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
sys.path[:0] = [{root!r}, {sim!r}]
from moto_core.episodes.dataset import Dataset
from moto_learning.data.cache import compile_dataset
from moto_learning.data.replay import Replay
dataset = Dataset.open({data!r})
for wanted in ({count}, 0):
    result = compile_dataset(dataset)
    assert not result.skipped, next(iter(result.skipped.values()))
    assert len(result.built) == wanted, len(result.built)
replay = Replay(result.episodes, 8, 4)
assert len(replay.episodes) == {count}
for _ in range(100):
    batch = replay.sample()
    assert (batch['images']['front'][:, :, 0, 0, 0] == batch['reward']).all()
"""


def test_150_episodes_of_two_cameras_need_no_300_file_descriptors(tmp_path, monkeypatch):
    monkeypatch.setattr('os.fsync', lambda descriptor: None)
    record(tmp_path, [2] * 150)
    code = SCARCE.format(root=str(ROOT), sim=str(ROOT / 'sim'), data=str(tmp_path), count=150)
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('broken', ['map_array', 'read_plain'])
def test_an_error_of_the_system_is_not_taken_for_damage(tmp_path, monkeypatch, broken):
    (name,) = record(tmp_path, [3])
    compile_dataset(Dataset.open(tmp_path))
    before = {p: p.stat().st_mtime_ns for p in entry(tmp_path, name).iterdir()}

    def exhausted(*args, **kwargs):
        raise OSError(errno.EMFILE, 'Too many open files')

    monkeypatch.setattr(f'moto_learning.data.entry.{broken}', exhausted)
    with pytest.raises(DatasetError, match='cannot read the cache entry .*Too many open files'):
        compile_dataset(Dataset.open(tmp_path))
    monkeypatch.undo()
    assert {p: p.stat().st_mtime_ns for p in entry(tmp_path, name).iterdir()} == before
    assert compile_dataset(Dataset.open(tmp_path)).built == []


def compile_in_a_process(root, start, results):
    start.wait()
    try:
        result = compile_dataset(Dataset.open(root))
        results.put(([len(e) for e in result.episodes], len(result.built)))
    except Exception as error:  # noqa: BLE001
        results.put((repr(error), 0))


def test_two_processes_compile_at_once_and_each_entry_is_built_once(tmp_path):
    record(tmp_path, [3] * 25)
    context = multiprocessing.get_context('spawn')
    start, results = context.Barrier(2), context.Queue()
    both = [
        context.Process(target=compile_in_a_process, args=(tmp_path, start, results))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    found = [results.get(timeout=60) for _ in both]
    for process in both:
        process.join(60)
    assert [lengths for lengths, _ in found] == [[3] * 25] * 2
    assert sum(built for _, built in found) == 25


def test_what_a_killed_compilation_left_is_cleared_away(tmp_path):
    (name,) = record(tmp_path, [3])
    left = entry(tmp_path, name).with_name(f'.{name}.new')
    left.mkdir(parents=True)
    (left / 'reward.npy').write_bytes(b'half')
    assert compile_dataset(Dataset.open(tmp_path)).built == [name]
    assert not left.exists()


def test_the_label_of_a_robots_episode_is_its_reward_and_changes_without_a_rebuild(tmp_path):
    (name,) = record(tmp_path, [3], source='robot', reward=0.0)
    dataset, seen = Dataset.open(tmp_path), []
    for label in ('unlabelled', 'success', 'failure'):
        dataset.label(name, label)
        (episode,) = compile_dataset(dataset).episodes
        seen.append((episode.learned['reward'].tolist(), episode.learned['bc_mask'].any()))
        assert episode.reward.tolist() == [0, 0, 0]  # as recorded
    assert seen == [([0, 0, 0], False), ([0, 0, 1], True), ([0, 0, 0], False)]
