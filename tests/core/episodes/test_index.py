import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from moto_core.episodes import examine
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.labels import LIMIT
from moto_core.episodes.manifest import manifest_line, seal
from moto_core.episodes.reader import read_header
from moto_core.errors import DatasetError
from moto_core.spec import Setup
from tests.recorded import record, tiny_header, tiny_row, tiny_spec

FORMAT_1 = Path(__file__).parent / 'format_1.mcap'
NORMAL = Setup(robot='franka', profile='normal')


def said(root):
    return ' | '.join(f'{item.id}: {item.reason}' for item in Dataset.open(root).findings)


def snapshot(root):
    return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in root.rglob('*')}


def lines(root):
    return (root / 'manifest.jsonl').read_text().splitlines()


def test_a_sound_dataset_has_nothing_to_say(tmp_path):
    record(tmp_path, [2, 3])
    assert said(tmp_path) == ''
    assert Dataset.open(tmp_path).verify() == []


@pytest.mark.parametrize(
    'change',
    [
        {'outcome': 'success'},
        {'rows': 900},
        {'rows': 'many'},
        {'return_': None},
        {'setup': {'profile': 'none'}},
        {'id': '../../escaped'},
    ],
)
def test_an_edited_line_is_never_believed(tmp_path, change):
    record(tmp_path, [2, 3])
    before = Dataset.open(tmp_path).episodes()
    found = lines(tmp_path)
    found[1] = json.dumps({**json.loads(found[1]), **change})
    (tmp_path / 'manifest.jsonl').write_text('\n'.join(found) + '\n')
    assert Dataset.open(tmp_path).episodes() == before
    assert 'line 2 is not believed: it was changed by hand' in said(tmp_path)
    Dataset.create_or_open(tmp_path).close()
    assert said(tmp_path) == ''


@pytest.mark.parametrize(
    'change',
    [
        {'rows': 'many'},
        {'success': 1},
        {'return_': 'x'},
        {'outcome': 'good'},
        {'id': '..'},
        {'rows': -1},
        {'rows': 10**30},
        {'gaps': 10**400},
        {'gaps': 3},
        {'interventions': -1},
        {'created': 10**30},
        {'size': -1},
        {'changed': 10**30},
        {'duration': -1e308},
        {'duration': 1e308},
        {'task': '\ud800'},
        {'ended': '\x1b[2J'},
    ],
)
def test_a_value_of_another_kind_is_not_believed_even_with_its_checksum(tmp_path, change):
    record(tmp_path, [2])
    before = Dataset.open(tmp_path).episodes()
    first, line = lines(tmp_path)
    values = {k: v for k, v in json.loads(line).items() if k != 'sum'}
    (tmp_path / 'manifest.jsonl').write_bytes(
        first.encode() + b'\n' + seal({**values, **change}) + b'\n'
    )
    assert Dataset.open(tmp_path).episodes() == before
    assert 'line 2 is not believed' in said(tmp_path)


@pytest.mark.parametrize('edited', [1, 2])
def test_a_line_that_names_another_spec_than_its_file_is_read_again(tmp_path, edited):
    record(tmp_path, [2] * 2)
    before = Dataset.open(tmp_path).episodes()
    first, *found = (tmp_path / 'manifest.jsonl').read_bytes().splitlines()
    for number in range(edited):
        values = {k: v for k, v in json.loads(found[number]).items() if k != 'sum'}
        found[number] = seal({**values, 'spec_hash': 'x'})
    (tmp_path / 'manifest.jsonl').write_bytes(b'\n'.join([first, *found]) + b'\n')
    dataset = Dataset.open(tmp_path)
    assert dataset.episodes() == before
    assert dataset.index.foreign == {}
    assert f'no line of it fits {edited} episode{"s" * (edited > 1)}, read' in said(tmp_path)


@pytest.mark.parametrize(
    'text', ['', 'not json', '[' * 100_000, '{"format": 99}', '{"format": 1, "spec": {}}', '\0']
)
def test_a_manifest_of_another_format_is_made_again(tmp_path, text):
    record(tmp_path, [2, 3])
    before = Dataset.open(tmp_path).episodes()
    (tmp_path / 'manifest.jsonl').write_text(text)
    assert Dataset.open(tmp_path).episodes() == before
    assert 'it is not believed' in said(tmp_path)
    Dataset.create_or_open(tmp_path).close()
    assert said(tmp_path) == ''
    assert len(lines(tmp_path)) == 3


def test_duplicates_lost_lines_and_lost_episodes_are_said(tmp_path):
    first, second, third = record(tmp_path, [2, 3, 4])
    found = lines(tmp_path)
    (tmp_path / 'manifest.jsonl').write_text('\n'.join([*found[:3], found[1]]) + '\n')
    shutil.rmtree(tmp_path / 'episodes' / second)
    assert [item.id for item in Dataset.open(tmp_path).episodes()] == [first, third]
    text = said(tmp_path)
    assert f'line 4 names {first} a second time' in text
    assert f'no line of it fits 1 episode, read again (nothing is lost by that): {third}' in text
    assert f'1 of its lines have no episode any more: {second}' in text


def test_a_line_of_an_older_file_is_read_again(tmp_path):
    first, second = record(tmp_path, [2, 3])
    path = tmp_path / 'episodes' / first / 'episode.mcap'
    record(tmp_path / 'other', [5], id=first)
    shutil.copyfile(tmp_path / 'other' / 'episodes' / first / 'episode.mcap', path)
    assert [item.rows for item in Dataset.open(tmp_path).episodes()] == [5, 3]


def test_a_copied_folder_does_not_take_the_original_s_id(tmp_path):
    (name,) = record(tmp_path, [2])
    copy = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
    shutil.copytree(tmp_path / 'episodes' / name, tmp_path / 'episodes' / copy)
    shutil.copytree(tmp_path / 'episodes' / name, tmp_path / 'episodes' / f'{name} (copy)')
    (one,) = Dataset.open(tmp_path).episodes()
    assert (one.id, one.path.parent.name) == (name, name)
    left = Dataset.open(tmp_path).left_out
    assert f'it holds episode {name}: a copy' in left[copy]
    assert 'its name is no episode id' in left[f'{name} (copy)']
    with Dataset.create_or_open(tmp_path) as dataset:
        with pytest.raises(DatasetError, match='name its folder so'):
            dataset.adopt(tmp_path / 'episodes' / copy / 'episode.mcap')
        dataset.quarantine(f'{name} (copy)', 'a copy')
        dataset.quarantine(copy, 'a copy')
    assert said(tmp_path) == ''


def test_reading_without_the_lock_writes_nothing(tmp_path):
    record(tmp_path, [2, 3])
    (tmp_path / 'manifest.jsonl').write_text('spoiled')
    before = snapshot(tmp_path)
    dataset = Dataset.open(tmp_path)
    dataset.refresh()
    dataset.verify()
    dataset.read(dataset.episodes()[0].id)
    assert snapshot(tmp_path) == before
    with pytest.raises(DatasetError, match='no dataset at'):
        Dataset.create_or_open(tmp_path / 'none', lock=False)
    assert not (tmp_path / 'none').exists()


def test_a_reader_beside_a_recorder_sees_each_episode_once_it_is_closed(tmp_path):
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        reader, seen = Dataset.open(tmp_path), []
        for _ in range(3):
            with dataset.new_episode(tiny_header()) as writer:
                writer.append(tiny_row(0))
                reader.refresh()
                seen.append(len(reader.episodes()))
        reader.refresh()
    assert (seen, len(reader.episodes())) == ([0, 1, 2], 3)
    assert reader.findings == []


def test_the_setup_belongs_to_a_dataset_and_a_difference_names_both(tmp_path):
    record(tmp_path, [2], setup=NORMAL)
    dataset = Dataset.open(tmp_path)
    assert (dataset.spec, dataset.setup) == (tiny_spec(), NORMAL)
    dataset.check(tiny_spec(), NORMAL)
    other = Setup(robot='franka', profile='ceiling')
    with pytest.raises(DatasetError, match="differ: profile 'normal' and 'ceiling'"):
        dataset.check(tiny_spec(), other)
    with pytest.raises(DatasetError, match="camera 'front' height 8 and 4"):
        dataset.check(tiny_spec(size=4), NORMAL)
    with (
        Dataset.create_or_open(tmp_path, floor=0) as held,
        pytest.raises(DatasetError, match="profile 'normal' and none"),
    ):
        held.new_episode(tiny_header())
    with pytest.raises(DatasetError, match='differ'):
        Dataset.create_or_open(tmp_path, tiny_spec(), setup=other)
    assert len(os.listdir(tmp_path / 'episodes')) == 1


def test_a_foreign_episode_is_named_and_left_out(tmp_path):
    ours = record(tmp_path / 'a', [2, 2], setup=NORMAL)
    theirs = record(tmp_path / 'b', [3], spec=tiny_spec(size=4), setup=NORMAL)
    for name in theirs:
        shutil.copytree(tmp_path / 'b' / 'episodes' / name, tmp_path / 'a' / 'episodes' / name)
    for spoil in ('', 'spoiled'):
        if spoil:
            (tmp_path / 'a' / 'manifest.jsonl').write_text(spoil)
        dataset = Dataset.open(tmp_path / 'a')
        assert [item.id for item in dataset.episodes()] == ours
        assert dataset.spec == tiny_spec()
        assert "it is foreign here: camera 'front' height 8 and 4" in dataset.left_out[theirs[0]]
    with (
        Dataset.create_or_open(tmp_path / 'a') as held,
        pytest.raises(DatasetError, match='differ'),
    ):
        held.adopt(tmp_path / 'a' / 'episodes' / theirs[0] / 'episode.mcap')


@pytest.mark.parametrize('first', [True, False])
def test_a_foreign_episode_with_a_damaged_header_is_named_and_the_others_stay(tmp_path, first):
    ours = record(tmp_path / 'a', [2, 2], setup=NORMAL)
    (theirs,) = record(tmp_path / 'b', [3], spec=tiny_spec(size=4), setup=NORMAL)
    folder = tmp_path / 'a' / 'episodes' / theirs
    shutil.copytree(tmp_path / 'b' / 'episodes' / theirs, folder)
    Dataset.create_or_open(tmp_path / 'a').close()
    if first:  # of the manifest, which says no identity then
        found = (tmp_path / 'a' / 'manifest.jsonl').read_bytes().splitlines()
        found[0] = seal({'format': 3, 'spec': None, 'setup': None})
        (tmp_path / 'a' / 'manifest.jsonl').write_bytes(b'\n'.join(found) + b'\n')
    spoil_unseen(folder / 'episode.mcap')
    dataset = Dataset.open(tmp_path / 'a')
    assert [item.id for item in dataset.episodes()] == ours
    assert "'moto-data recover'" in dataset.left_out[theirs]
    assert [item.id for item in dataset.verify() if item.damaged] == [theirs]
    with Dataset.create_or_open(tmp_path / 'a') as held:
        assert theirs in {item.id for item in held.verify(repair=True)}
        assert [item.id for item in held.episodes()] == ours
        assert theirs not in held.left_out


def test_an_identity_is_that_of_an_episode_whose_header_can_be_read(tmp_path):
    names = record(tmp_path, [2, 2])
    found = (tmp_path / 'manifest.jsonl').read_bytes().splitlines()
    found[0] = seal({'format': 3, 'spec': None, 'setup': None})
    (tmp_path / 'manifest.jsonl').write_bytes(b'\n'.join(found) + b'\n')
    spoil_unseen(tmp_path / 'episodes' / names[0] / 'episode.mcap')
    dataset = Dataset.open(tmp_path)
    assert dataset.spec == tiny_spec()
    assert names[1] in [item.id for item in dataset.episodes()]


def spoil_unseen(path):
    """Flips a byte of the header; size and time stay, so that the manifest is believed."""
    data, status = bytearray(path.read_bytes()), path.stat()
    data[120] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


DENIED = """
import os, sys
from moto_core.episodes.dataset import Dataset
from moto_learning.commands.data import main
for name in ('inspect', 'verify', 'recover'):
    main([name, sys.argv[2]])  # imports all that it needs, while it may
print('start')
os.setresuid(65534, 65534, 65534)
dataset = Dataset.open(sys.argv[1])
print(len(dataset.episodes()), dataset.left_out)
print([main([name, sys.argv[1]]) for name in ('inspect', 'verify', 'recover')])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')
@pytest.mark.parametrize('indexed', [True, False])
def test_an_episode_without_permission_is_said_and_the_others_are_there(indexed):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / 'data'
        closed, _ = record(root, [2, 2])
        record(Path(place) / 'other', [2])
        if not indexed:
            (root / 'manifest.jsonl').unlink()
        for path in (Path(place), *Path(place).rglob('*')):
            os.chown(path, 65534, 65534)
        (root / 'episodes' / closed).chmod(0)
        done = subprocess.run(
            [sys.executable, '-c', DENIED, str(root), str(Path(place) / 'other')],
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path), 'COLUMNS': '200'},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.split('start\n')[1].splitlines()
    assert first.startswith('1 ') and closed in first and 'cannot be read' in first
    assert last == '[0, 1, 1]'
    assert done.stdout.count(closed) >= 3  # verify and recover name it too


def test_a_dataset_of_the_first_format_opens(tmp_path):
    name = read_header(FORMAT_1).id
    folder = tmp_path / 'episodes' / name
    folder.mkdir(parents=True)
    shutil.copyfile(FORMAT_1, folder / 'episode.mcap')
    old = {'id': name, 'path': f'episodes/{name}/episode.mcap', 'steps': 3}
    (tmp_path / 'manifest.jsonl').write_text('{"format": 1, "spec": {}}\n' + json.dumps(old))
    (tmp_path / 'exports').mkdir()
    with Dataset.create_or_open(tmp_path) as dataset:
        (one,) = dataset.episodes()
        assert (one.rows, one.id, dataset.setup) == (3, name, Setup())
        assert len(dataset.read(name)) == 3
        assert 'its format is 1; expected 3' in dataset.findings[0].reason
        dataset.verify(repair=True)
    assert (folder / 'metadata.yaml').exists()
    assert said(tmp_path) == ''


def test_bad_label_lines_are_left_out_and_said(tmp_path):
    (name,) = record(tmp_path, [2])
    path = tmp_path / 'episodes' / name / 'labels.jsonl'
    good = '{"label": "success", "by": "anna", "at": 1}\n'
    deep = '[' * 100_000 + '\n'
    path.write_text(
        good + '{"label": "failure", "label": "success"}\n[]\n' + deep + '{"label": 1}'
    )
    (one,) = Dataset.open(tmp_path).episodes()
    assert one.outcome == 'success'
    assert '4 of 5 lines of labels.jsonl are no label' in said(tmp_path)
    with pytest.raises(DatasetError, match='at most 200'):
        Dataset.open(tmp_path).label(name, 'failure', by='a' * 201)


def test_a_full_file_of_labels_takes_none_that_would_not_be_read(tmp_path):
    (name,) = record(tmp_path, [2])
    path, dataset = tmp_path / 'episodes' / name / 'labels.jsonl', Dataset.open(tmp_path)
    line = '{"label": "success", "by": "anna", "at": 1}\n'
    path.write_text(line * (LIMIT // len(line)))
    whole = path.read_bytes()
    with pytest.raises(DatasetError, match='it is full: at most 1048576 bytes'):
        dataset.label(name, 'failure')
    assert path.read_bytes() == whole
    assert dataset.find(name).outcome == 'success'
    path.write_text(line * (LIMIT // len(line) - 2))
    dataset.label(name, 'failure')
    assert dataset.find(name).outcome == 'failure'


def test_a_folder_that_cannot_be_read_is_said_and_the_others_are_there(tmp_path, monkeypatch):
    closed, whole = record(tmp_path, [2, 2])
    (tmp_path / 'manifest.jsonl').unlink()
    real = Path.exists

    def exists(path):
        if closed in path.parts:
            raise PermissionError(13, 'Permission denied', str(path))
        return real(path)

    monkeypatch.setattr(Path, 'exists', exists)
    dataset = Dataset.open(tmp_path)
    assert [item.id for item in dataset.index.records.values()] == [whole]
    assert 'cannot be read' in dataset.left_out[closed]


def test_a_label_whose_time_is_no_number_is_none(tmp_path):
    (name,) = record(tmp_path, [2])
    path = tmp_path / 'episodes' / name / 'labels.jsonl'
    path.write_text('{"label": "success", "at": "now"}\n{"label": "success", "at": true}\n')
    assert Dataset.open(tmp_path).find(name).outcome == 'unlabelled'
    assert '2 of 2 lines' in said(tmp_path)


@pytest.mark.parametrize('at', [-5, 10**30])
def test_a_label_of_a_time_that_no_clock_shows_is_none(tmp_path, at):
    (name,) = record(tmp_path, [2])
    path = tmp_path / 'episodes' / name / 'labels.jsonl'
    path.write_text(f'{{"label": "success", "at": {at}}}\n')
    assert Dataset.open(tmp_path).find(name).outcome == 'unlabelled'
    assert '1 of 1 lines' in said(tmp_path)


def test_a_record_says_what_its_rows_add_up_to_written_or_read(tmp_path):
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        with dataset.new_episode(tiny_header()) as writer:
            for t in range(4):
                writer.append(tiny_row(t, gap=t == 2, intervention=t > 1))
        (written,) = dataset.episodes()
    (tmp_path / 'manifest.jsonl').unlink()
    (read,) = Dataset.open(tmp_path).episodes()
    assert manifest_line(read) == manifest_line(written)
    assert (read.duration, read.gaps, read.interventions) == (pytest.approx(0.24), 1, 2)
    assert read.disagreement == (0 + 1 + 2 + 3) / 8 / 4


def copied(source, target):
    """Copies a dataset as `cp -r` does: its files are as large and of other times."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    return target


def test_a_copied_dataset_is_read_once_and_then_believed(tmp_path, examined):
    names = record(tmp_path / 'a', [2, 3])
    copy = copied(tmp_path / 'a', tmp_path / 'b')
    dataset = Dataset.open(copy)
    assert (sorted(examined), dataset.index.read, dataset.index.stale) == (names, 2, True)
    examined.clear()
    dataset.refresh()
    assert (examined, dataset.index.read, dataset.index.stale) == ([], 0, True)
    more = record(copy, [4])  # its recorder writes the manifest: the index is known again
    examined.clear()
    dataset.refresh()
    assert [item.id for item in dataset.episodes()] == names + more and examined == []


def test_a_file_that_changed_since_it_was_read_is_read_again(tmp_path, examined):
    (name,) = record(tmp_path / 'a', [2])
    dataset = Dataset.open(copied(tmp_path / 'a', tmp_path / 'b'))
    path = dataset.find(name).path
    path.write_bytes(path.read_bytes()[:-50])
    dataset.refresh()
    assert examined == [name, name] and dataset.episodes() == []


def test_the_index_of_a_copy_is_written_by_a_reader_if_nobody_records(tmp_path, examined):
    names = record(tmp_path / 'a', [2, 3])
    copy = copied(tmp_path / 'a', tmp_path / 'b')
    dataset, before = Dataset.open(copy), (copy / 'manifest.jsonl').read_bytes()
    with Dataset.open(copied(copy, tmp_path / 'held'), lock=True):
        (tmp_path / 'held' / 'manifest.jsonl').write_bytes(before)  # as if it had begun just now
        held = Dataset.open(tmp_path / 'held')
        assert held.index.stale and not held.write_index()
        assert (tmp_path / 'held' / 'manifest.jsonl').read_bytes() == before
    examined.clear()
    assert dataset.write_index() and (dataset.index.read, dataset.index.stale) == (2, False)
    assert examined == []
    again = Dataset.open(copy)
    assert (examined, again.index.read, again.index.stale) == ([], 0, False)
    assert [item.id for item in again.episodes()] == names
    Dataset.open(copy, lock=True).close()  # the lock was given back


def test_an_index_that_fits_is_not_written_again(tmp_path):
    record(tmp_path, [2])
    before = (tmp_path / 'manifest.jsonl').stat().st_mtime_ns
    assert Dataset.open(tmp_path).write_index()
    assert (tmp_path / 'manifest.jsonl').stat().st_mtime_ns == before


def test_an_index_that_the_disk_refuses_is_no_error_of_a_reader(tmp_path, monkeypatch):
    record(tmp_path / 'a', [2])
    dataset = Dataset.open(copied(tmp_path / 'a', tmp_path / 'b'))

    def refuse(path, data):
        raise OSError(30, 'Read-only file system')

    monkeypatch.setattr('moto_core.episodes.manifest.replace_synced', refuse)
    assert not dataset.write_index() and dataset.index.stale
    monkeypatch.undo()
    assert dataset.write_index()


def test_a_copy_that_is_opened_to_record_is_read_once(tmp_path, examined):
    names = record(tmp_path / 'a', [2, 3])
    Dataset.open(copied(tmp_path / 'a', tmp_path / 'b'), lock=True).close()
    assert sorted(examined) == names


@pytest.fixture
def examined(monkeypatch):
    """The ids of the episode files that are read whole."""
    found, real = [], examine.examine

    def told(path):
        found.append(path.parent.name)
        return real(path)

    monkeypatch.setattr(examine, 'examine', told)
    return found
