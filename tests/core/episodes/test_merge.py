import io
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from moto_core.episodes import merge as module
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.merge import merge
from moto_core.errors import DatasetError
from tests.recorded import alike, record, tiny_spec


def merged(source, target):
    with Dataset.create_or_open(target) as held:
        return merge(Dataset.open(source), held)


def test_episodes_come_with_their_ids_and_labels_once(tmp_path):
    names = record(tmp_path / 'a', [2, 3])
    Dataset.open(tmp_path / 'a').label(names[1], 'success', by='anna')
    assert merged(tmp_path / 'a', tmp_path / 'b').copied == names
    found = Dataset.open(tmp_path / 'b')
    assert [(item.id, item.outcome) for item in found.episodes()] == [
        (names[0], 'unlabelled'),
        (names[1], 'success'),
    ]
    assert found.verify() == []
    for name in names:
        assert (tmp_path / 'b' / 'episodes' / name / 'metadata.yaml').exists()
    again = merged(tmp_path / 'a', tmp_path / 'b')
    assert (again.copied, again.present, again.refused) == ([], names, [])


def test_a_copied_episode_is_known_at_its_place_at_once(tmp_path):
    (name,) = record(tmp_path / 'a', [2])
    with Dataset.create_or_open(tmp_path / 'b') as held:
        merge(Dataset.open(tmp_path / 'a'), held)
        path = tmp_path / 'b' / 'episodes' / name / 'episode.mcap'
        assert [item.path for item in held.episodes()] == [path]
        assert merge(Dataset.open(tmp_path / 'a'), held).present == [name]
    assert not Dataset.open(tmp_path / 'b').index.stale


def test_later_labels_come_to_an_episode_that_is_there(tmp_path):
    (name,) = record(tmp_path / 'a', [2])
    merged(tmp_path / 'a', tmp_path / 'b')
    Dataset.open(tmp_path / 'b').label(name, 'failure', by='bob')
    assert merged(tmp_path / 'a', tmp_path / 'b').labels == 0
    Dataset.open(tmp_path / 'a').label(name, 'unlabelled', by='anna')
    Dataset.open(tmp_path / 'a').label(name, 'success', by='anna')
    assert merged(tmp_path / 'a', tmp_path / 'b').labels == 2
    assert Dataset.open(tmp_path / 'b').find(name).outcome == 'success'
    assert merged(tmp_path / 'a', tmp_path / 'b').labels == 0  # they are there now
    Dataset.open(tmp_path / 'b').label(name, 'failure', by='bob')
    assert merged(tmp_path / 'a', tmp_path / 'b').labels == 0
    assert Dataset.open(tmp_path / 'b').find(name).outcome == 'failure'
    text = (tmp_path / 'b' / 'episodes' / name / 'labels.jsonl').read_text()
    assert [line.split('"')[3] for line in text.splitlines()] == [
        'failure',
        'unlabelled',
        'success',
        'failure',
    ]


def test_a_persons_label_comes_though_a_classifier_gave_a_later_one(tmp_path):
    (name,) = record(tmp_path / 'a', [2])
    merged(tmp_path / 'a', tmp_path / 'b')
    Dataset.open(tmp_path / 'a').label(name, 'success', by='anna')
    Dataset.open(tmp_path / 'b').label(name, 'failure', by='classifier:0123')
    assert merged(tmp_path / 'a', tmp_path / 'b').labels == 1
    assert Dataset.open(tmp_path / 'b').find(name).outcome == 'success'
    assert merged(tmp_path / 'b', tmp_path / 'a').labels == 1  # it comes, and does not count
    assert Dataset.open(tmp_path / 'a').find(name).outcome == 'success'
    assert merged(tmp_path / 'a', tmp_path / 'b').labels == 0


YEAR = 365 * 86_400 * 10**9  # [ns]
NOW = time.time_ns()
ORDERS = {  # shared lines, ours, theirs (outcome, at), what the target says then
    'their clock went back': ([], [], [('failure', 200), ('success', 100)], 'success'),
    'and ours lies between': (
        [],
        [('unlabelled', 150)],
        [('failure', 200), ('success', 100)],
        'success',
    ),
    'it went back after a shared one': ([('failure', 200)], [], [('success', 100)], 'success'),
    'ours went back after a shared one': ([('failure', 200)], [('success', 100)], [], 'success'),
    'ours is later': ([('success', 50)], [('failure', 200)], [('success', 100)], 'failure'),
    'our clock went back': (
        [],
        [('success', 200), ('failure', 100)],
        [('success', 150)],
        'failure',
    ),
    'ours is of the far future': (
        [],
        [('failure', NOW + 5 * YEAR)],
        [('success', NOW - YEAR)],
        'success',
    ),
    'one of theirs is': (
        [],
        [('failure', NOW - YEAR)],
        [('success', NOW + 5 * YEAR), ('unlabelled', NOW - YEAR // 2)],
        'unlabelled',
    ),
    'ours is beyond every clock': ([], [('failure', 10**30)], [('success', NOW)], 'success'),
    'theirs is before every clock': ([], [('failure', 1)], [('success', -5)], 'failure'),
    'theirs has a clock some seconds ahead': (
        [],
        [('failure', NOW)],
        [('success', NOW + 5 * 10**9)],
        'success',
    ),
}


@pytest.mark.parametrize('name', ORDERS)
def test_the_outcome_after_a_merge_is_that_of_the_later_last_line(tmp_path, name):
    shared, ours, theirs, outcome = ORDERS[name]
    (episode,) = record(tmp_path / 'a', [2])
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    for root, own in (('a', theirs), ('b', ours)):
        lines = [json.dumps({'label': label, 'at': at}) for label, at in (*shared, *own)]
        text = ''.join(line + '\n' for line in lines)
        (tmp_path / root / 'episodes' / episode / 'labels.jsonl').write_text(text)
    merged(tmp_path / 'a', tmp_path / 'b')
    assert Dataset.open(tmp_path / 'b').find(episode).outcome == outcome
    assert merged(tmp_path / 'a', tmp_path / 'b').labels == 0
    assert Dataset.open(tmp_path / 'b').find(episode).outcome == outcome


@pytest.mark.parametrize('present', [True, False])
@pytest.mark.parametrize('spoil', ['a link', 'too large'])
def test_labels_that_are_not_read_are_said_once(tmp_path, spoil, present):
    (name,) = record(tmp_path / 'a', [2])
    if present:
        shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    path = tmp_path / 'a' / 'episodes' / name / 'labels.jsonl'
    if spoil == 'a link':
        (tmp_path / 'elsewhere').write_text('{"label": "failure", "at": 1}\n')
        path.symlink_to(tmp_path / 'elsewhere')
    else:
        path.write_text('{"label": "failure", "at": 1}\n' * 40_000)
    done = merged(tmp_path / 'a', tmp_path / 'b')
    (item,) = done.refused
    assert (item.id, 'labels' in item.reason) == (name, True)
    assert [item.id for item in Dataset.open(tmp_path / 'b').episodes()] == [name]


def test_an_episode_that_cannot_be_read_is_refused_by_name(tmp_path, monkeypatch):
    (name,) = record(tmp_path / 'a', [2])
    merged(tmp_path / 'a', tmp_path / 'b')

    def fail(a, b, shallow):
        raise OSError(5, 'Input/output error')

    monkeypatch.setattr(module.filecmp, 'cmp', fail)
    (item,) = merged(tmp_path / 'a', tmp_path / 'b').refused
    assert item.id == name and 'cannot compare' in item.reason and 'Input/output' in item.reason


def test_foreign_damaged_and_other_episodes_of_an_id_are_refused_by_name(tmp_path):
    (ours,) = record(tmp_path / 'b', [2])
    (foreign,) = record(tmp_path / 'a', [2], spec=tiny_spec(size=4))
    record(tmp_path / 'c', [4], id=ours)
    (broken,) = record(tmp_path / 'c', [5])
    path = tmp_path / 'c' / 'episodes' / broken / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-50])
    (item,) = merged(tmp_path / 'a', tmp_path / 'b').refused
    assert item.id == foreign
    assert "camera 'front' height 8 and 4" in item.reason
    reasons = {item.id: item.reason for item in merged(tmp_path / 'c', tmp_path / 'b').refused}
    assert 'another episode of this id' in reasons[ours]
    assert broken in reasons
    assert [item.id for item in Dataset.open(tmp_path / 'b').episodes()] == [ours]
    with pytest.raises(DatasetError, match='into itself'):
        merged(tmp_path / 'b', tmp_path / 'b')


def rot(root, name):
    """Flips one bit of an episode's file, with its size and times as they were."""
    path = root / 'episodes' / name / 'episode.mcap'
    status, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_rotten_episode_is_refused_by_name_and_the_others_come(tmp_path):
    first, rotten, last = record(tmp_path / 'a', [2, 3, 4])
    rot(tmp_path / 'a', rotten)
    for copied, present in (([first, last], []), ([], [first, last])):
        done = merged(tmp_path / 'a', tmp_path / 'b')
        assert (done.copied, done.present) == (copied, present)
        (item,) = done.refused
        assert item.id == rotten and 'damaged' in item.reason
        assert item.path == tmp_path / 'a' / 'episodes' / rotten / 'episode.mcap'
        assert sorted(os.listdir(tmp_path / 'b' / 'episodes')) == [first, last]
    assert Dataset.open(tmp_path / 'b').verify() == []


def test_an_episode_whose_place_is_taken_is_refused_by_name_and_the_others_come(tmp_path):
    first, last = record(tmp_path / 'a', [2, 3])
    merged(tmp_path / 'a', tmp_path / 'b')
    path = tmp_path / 'b' / 'episodes' / first / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-50])
    shutil.rmtree(tmp_path / 'b' / 'episodes' / last)
    done = merged(tmp_path / 'a', tmp_path / 'b')
    assert done.copied == [last]
    (item,) = done.refused
    assert item.id == first and "'moto-data recover'" in item.reason


def test_an_episode_that_the_disk_cannot_read_is_refused_and_the_others_come(
    tmp_path, monkeypatch
):
    first, bad = record(tmp_path / 'a', [2, 3])

    class Failing(io.BufferedReader):
        """A file of which the first record can be read, and not the whole."""

        def read(self, size=-1):
            if size > 1 << 16:
                raise OSError(5, 'Input/output error')
            return super().read(size)

    def opened(path, *mode, **known):
        stream = real(path, *mode, **known)
        return Failing(stream.detach()) if bad in str(path) and mode == ('rb',) else stream

    real = Path.open
    monkeypatch.setattr(Path, 'open', opened)
    done = merged(tmp_path / 'a', tmp_path / 'b')
    assert done.copied == [first]
    (item,) = done.refused
    assert item.id == bad and 'Input/output error' in item.reason
    assert os.listdir(tmp_path / 'b' / 'episodes') == [first]


def test_an_episode_that_is_another_inside_is_refused_by_name(tmp_path):
    """Its file was put there with the size and the time of change of the one before."""
    ids = alike(tmp_path / 'a', 2)
    paths = [tmp_path / 'a' / 'episodes' / name / 'episode.mcap' for name in ids]
    status = paths[0].stat()
    assert status.st_size == paths[1].stat().st_size
    shutil.copy(paths[1], paths[0])
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    done = merged(tmp_path / 'a', tmp_path / 'b')
    assert done.copied == ids[1:]
    (item,) = done.refused
    assert item.id == ids[0] and f'holds episode {ids[1]}' in item.reason


def test_a_copy_that_is_cut_short_is_never_seen(tmp_path, monkeypatch):
    record(tmp_path / 'a', [2])

    def fail(path, copy):
        copy.write_bytes(path.read_bytes()[:100])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(module, '_copy_synced', fail)
    with pytest.raises(DatasetError, match='cannot copy .* No space left'):
        merged(tmp_path / 'a', tmp_path / 'b')
    assert list((tmp_path / 'b' / 'episodes').iterdir()) == []


def test_what_a_killed_copy_left_is_not_seen_and_goes_at_the_next_opening(tmp_path):
    (name,) = record(tmp_path, [2])
    part = tmp_path / 'episodes' / '.01ARZ3NDEKTSV4RRFFQ69G5FAV.part'
    shutil.copytree(tmp_path / 'episodes' / name, part)
    assert Dataset.open(tmp_path).findings == []
    assert part.exists()
    Dataset.create_or_open(tmp_path).close()
    assert not part.exists()


def test_what_a_killed_process_left_of_the_index_goes_at_the_next_opening(tmp_path):
    record(tmp_path, [2])
    left, mine = tmp_path / '.manifest.jsonl.4711', tmp_path / '.manifest.jsonl.mine'
    for path in (left, mine):
        path.write_text('half')
    Dataset.open(tmp_path)
    assert left.exists()  # reading writes nothing
    Dataset.create_or_open(tmp_path).close()
    assert not left.exists() and mine.exists()
