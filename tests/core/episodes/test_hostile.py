import json
import os
import subprocess
import sys
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import zstandard

from moto_core.episodes import messages
from moto_core.episodes.chunks import CHUNK_LIMIT
from moto_core.episodes.codec import END_TOPIC, HEADER_TOPIC, INFO_TOPIC, ROW_TOPIC
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import header_to_dict
from moto_core.episodes.reader import read_episode, salvage
from moto_core.errors import DatasetError, EpisodeError, MotoError
from moto_learning.commands.data import main
from tests.core.episodes.hostile import own_messages, place, write_chunk, write_messages
from tests.recorded import record, tiny_header

ROOT = Path(__file__).parents[3]
ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV'


def tree(folder):
    """Every file under a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


@pytest.fixture
def outside(tmp_path):
    """A dataset of two episodes, and a folder beside it that must stay as it is."""
    root, precious = tmp_path / 'data', tmp_path / 'precious'
    names = record(root, [3, 4])
    precious.mkdir()
    (precious / 'thesis.txt').write_text('years of work')
    before = tree(precious)
    yield root, precious, names
    assert tree(precious) == before


def test_compiling_an_episode_that_names_a_folder_as_its_id_deletes_nothing(outside, capsys):
    root, precious, names = outside
    place(root, ULID, own_messages({**header_to_dict(tiny_header()), 'id': str(precious)}))
    assert main(['compile', str(root)]) == 1
    assert ULID in capsys.readouterr().out
    assert main(['recover', str(root)]) == 0
    assert [item.id for item in Dataset.open(root).episodes()] == sorted(names)


def test_a_manifest_that_points_outside_is_not_followed(outside):
    root, precious, names = outside
    manifest = root / 'manifest.jsonl'
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[1]['path'] = '../precious/episode.mcap'
    lines[2]['id'] = '../../precious'
    manifest.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    with Dataset.create_or_open(root) as dataset:
        assert [item.id for item in dataset.episodes()] == sorted(names)
        assert dataset.index.findings
        dataset.label(names[0], 'success')
        with pytest.raises(DatasetError, match='no episode'):
            dataset.quarantine('../../precious', 'x')
        dataset.quarantine(names[1], 'x')
    assert sorted(p.name for p in (root / 'quarantine').iterdir()) == [names[1]]


def test_an_id_with_dots_never_becomes_an_episode(outside):
    root, _, _ = outside
    with Dataset.create_or_open(root, floor=0) as dataset:
        with pytest.raises(EpisodeError, match='expected a ULID'):
            dataset.new_episode(tiny_header(id='../../precious/x'))
        with pytest.raises(DatasetError, match='is not under'):
            dataset.adopt(root / 'episodes' / '..' / '..' / 'precious' / 'episode.mcap')


@pytest.mark.parametrize('name', ['episodes', 'cache', 'quarantine', 'LOCK'])
def test_a_link_in_place_of_a_dataset_s_own_folder_is_refused(outside, name):
    root, precious, _ = outside
    if (root / name).is_dir():
        (root / name).rename(root / f'old-{name}')
    else:
        (root / name).unlink()
    target = precious if name != 'LOCK' else precious / 'thesis.txt'
    (root / name).symlink_to(target)
    for lock in (True, False):
        with pytest.raises(DatasetError, match='is a link'):
            Dataset.create_or_open(root, lock=lock)


def test_links_inside_episodes_are_said_and_not_followed(outside, tmp_path):
    root, precious, (first, second) = outside
    (elsewhere,) = record(precious / 'other', [2])
    (root / 'episodes' / elsewhere).symlink_to(precious / 'other' / 'episodes' / elsewhere)
    file = root / 'episodes' / first / 'episode.mcap'
    file.unlink()
    file.symlink_to(precious / 'other' / 'episodes' / elsewhere / 'episode.mcap')
    labels = root / 'episodes' / second / 'labels.jsonl'
    labels.symlink_to(precious / 'thesis.txt')
    manifest = root / 'manifest.jsonl'
    manifest.unlink()
    manifest.symlink_to(precious / 'thesis.txt')
    before = tree(precious)
    with Dataset.create_or_open(root) as dataset:
        assert [item.id for item in dataset.episodes()] == [second]
        said = {item.id: item.reason for item in dataset.findings}
        assert 'is a link' in said[first]
        assert 'is a link' in said[elsewhere]
        assert 'labels.jsonl is left out' in said[second]
        assert 'manifest.jsonl' in said
        with pytest.raises(DatasetError, match='cannot label'):
            dataset.label(second, 'success')
        dataset.quarantine(elsewhere, 'a link')
        dataset.verify(repair=True)
    assert not manifest.is_symlink()
    assert tree(precious) == before
    for path in (precious / 'other').rglob('*'):
        if path.is_file():
            path.unlink()
    for path in sorted((precious / 'other').rglob('*'), reverse=True):
        path.rmdir()
    (precious / 'other').rmdir()


def test_an_unfinished_file_that_is_a_link_is_set_aside_itself(outside):
    root, precious, names = outside
    folder = root / 'episodes' / ULID
    folder.mkdir()
    (folder / 'episode.mcap.active').symlink_to(precious / 'thesis.txt')
    beside = root / 'episodes' / names[0] / 'episode.mcap.active'
    beside.write_bytes(b'not an episode')
    closed = (beside.parent / 'episode.mcap').read_bytes()
    with Dataset.create_or_open(root) as dataset:
        assert len(dataset.episodes()) == 2
        assert {item.id for item in dataset.findings} == {ULID, names[0]}
    assert (root / 'quarantine' / ULID / 'episode.mcap.active').is_symlink()
    assert (beside.parent / 'episode.mcap').read_bytes() == closed
    assert not beside.exists()


BOMBS = {
    'claims 2 GiB': (b'x' * 65_000, 2 << 30, 'zstd', 'its chunks claim'),
    'claims 512 MiB': (b'x' * 65_000, 1 << 29, 'zstd', 'claims 536870912 bytes'),
    'zstd says another size': (zstandard.compress(bytes(1 << 24)), 100, 'zstd', '16777216'),
    'lz4 goes on': (lz4.frame.compress(bytes(1 << 26)), 100, 'lz4', 'another number'),
    'lz4 is short': (lz4.frame.compress(bytes(10)), 100, 'lz4', 'another number'),
    'stored is short': (bytes(10), 100, '', 'another number'),
    'unknown': (bytes(10), 10, 'brotli', "compressed by 'brotli'"),
    'no zstd': (b'abc', 100, 'zstd', 'Zstd|zstd'),
}
BOUNDED = """
import resource, sys
from pathlib import Path
from moto_core.episodes.reader import salvage
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(salvage(Path(sys.argv[1])).damage)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) // 1024)
"""


@pytest.mark.parametrize('name', BOMBS)
def test_a_chunk_is_bounded_before_it_is_unpacked(tmp_path, name):
    data, claimed, compression, said = BOMBS[name]
    path = write_chunk(tmp_path / 'episode.mcap', data, claimed, compression)
    done = subprocess.run(
        [sys.executable, '-c', BOUNDED, str(path)],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    damage, grown = done.stdout.splitlines()
    assert any(word in damage for word in said.split('|')), damage
    assert int(grown) < 12  # [MB]


def test_many_chunks_are_bounded_together(tmp_path, monkeypatch):
    monkeypatch.setattr('moto_core.episodes.chunks.FREE_TOTAL', 1000)
    monkeypatch.setattr('moto_core.episodes.chunks.RATIO', 1)
    data = zstandard.compress(bytes(1 << 20))
    path = write_chunk(tmp_path / 'episode.mcap', data, 1 << 20, 'zstd')
    assert 'its chunks claim' in salvage(path).damage
    assert CHUNK_LIMIT < 1 << 30


def changed(topic, data, kind=messages.STRING):
    """The messages of a whole episode, the first on this topic with other contents."""
    found = own_messages()
    index = next(i for i, item in enumerate(found) if item[0] == topic)
    found[index] = (topic, kind, data)
    return found


HEADER = header_to_dict(tiny_header())
BLACK = messages.encode_image(np.zeros((8, 8, 3), np.uint8), 0, 'front')
JOINTS = messages.encode_joints(('finger', 'j2', 'j1'), 5, velocity=np.ones(3))
SHORT = messages.encode_joints(('j1', 'j2', 'finger'), 5, velocity=np.ones(2))
LAST = {'outcome': 'success', 'ended': 'done', 'rows': 3}


def text(value):
    return messages.encode_string(value if isinstance(value, str) else json.dumps(value))


WRONG = {
    'a deep header': (changed(HEADER_TOPIC, text('[' * 100_000)), 'deeper than'),
    'a deep row': (changed(INFO_TOPIC, text('{"step": ' * 100_000)), 'deeper than'),
    'a list as header': (changed(HEADER_TOPIC, text([])), 'is no map'),
    'an id with dots': (changed(HEADER_TOPIC, text({**HEADER, 'id': '../x'})), 'a ULID'),
    'a number as task': (changed(HEADER_TOPIC, text({**HEADER, 'task': 7})), 'task is 7'),
    'an escape as task': (
        changed(HEADER_TOPIC, text({**HEADER, 'task': '\x1b[2J'})),
        'plain text',
    ),
    'a list as extra': (changed(HEADER_TOPIC, text({**HEADER, 'extra': {'a': [1]}})), 'texts'),
    'a text as parts': (changed(HEADER_TOPIC, text({**HEADER, 'parts': 'ab'})), 'a list of names'),
    'a spec of text': (changed(HEADER_TOPIC, text({**HEADER, 'spec': 'x'})), 'no header'),
    'two headers': (own_messages()[:1] + own_messages(), 'a second one'),
    'an unknown outcome': (changed(END_TOPIC, text({**LAST, 'outcome': 'good'})), "says 'good'"),
    'other rows': (changed(END_TOPIC, text({**LAST, 'rows': 9})), 'counts 9 rows; 3 are there'),
    'a row after the end': (own_messages() + own_messages()[1:2], 'after the last record'),
    'joints in another order': (
        changed(ROW_TOPIC + 'requested', JOINTS, messages.JOINT_STATE),
        'its joints are',
    ),
    'too few values': (changed(ROW_TOPIC + 'requested', SHORT, messages.JOINT_STATE), '2 values'),
    'another type': (changed(ROW_TOPIC + 'requested', text('x')), "holds 'std_msgs/msg/String'"),
    'a bgr image': (
        changed(ROW_TOPIC + 'image/front', BLACK.replace(b'rgb8', b'bgr8'), messages.IMAGE),
        "an image is 'bgr8'",
    ),
    'a short image': (
        changed(ROW_TOPIC + 'image/front', BLACK[:-30], messages.IMAGE),
        'an image has 162 bytes',
    ),
    'an escape as a reason': (
        changed(INFO_TOPIC, text({'step': 0, 'reasons': ['\x1b[2J']})),
        'expected plain text',
    ),
    'half a character as a latency': (
        changed(INFO_TOPIC, text({'step': 0, 'latency': {'\ud800': 1.0}})),
        'expected plain text',
    ),
    'a part twice': (own_messages()[:2] + own_messages()[1:], "a part of row 0 stands in row 0's"),
    'no row 0': (own_messages()[:1] + own_messages()[7:], 'row 0 is missing'),
}


@pytest.mark.parametrize('name', WRONG)
def test_what_no_recorder_writes_is_damage_that_says_what(tmp_path, name):
    found, said = WRONG[name]
    path = write_messages(tmp_path / 'episode.mcap', found)
    assert said in salvage(path).damage
    with pytest.raises(EpisodeError, match='is damaged'):
        read_episode(path)


def left_behind(root, extra=()):
    """An unfinished episode in a dataset, as a killed recorder leaves it; its path."""
    Dataset.create_or_open(root, floor=0).close()
    found = own_messages(end=False)
    folder = (
        root / 'episodes' / json.loads(messages.decode(messages.STRING, found[0][2]).data)['id']
    )
    return write_messages(folder / 'episode.mcap.active', found + list(extra))


def test_an_episode_that_cannot_be_written_again_is_set_aside_and_the_others_are_used(tmp_path):
    path = left_behind(tmp_path / 'a', [('/moto/stepfoo', messages.STRING, text('x'))])
    with Dataset.create_or_open(tmp_path / 'a', floor=0) as dataset:
        (found,) = dataset.findings
        assert 'belongs to the episode itself' in found.reason
        assert found.path.is_relative_to(tmp_path / 'a' / 'quarantine')
    assert not path.parent.exists()


@pytest.mark.parametrize('name', ['rescue-episode.mcap', 'episode.mcap.damaged'])
def test_a_folder_that_has_a_recoverys_name_blocks_no_dataset(tmp_path, name):
    path = left_behind(tmp_path / 'a')
    path.write_bytes(path.read_bytes()[:-200])  # a torn tail, which is kept beside the rows
    (path.parent / name).mkdir()
    with Dataset.create_or_open(tmp_path / 'a', floor=0) as dataset:
        (found,) = dataset.findings
        assert f"'{name}' is a folder" in found.reason
    assert not path.parent.exists()


def test_a_part_of_another_row_is_damage(tmp_path):
    path = write_messages(tmp_path / 'episode.mcap', own_messages(), sequence=0)
    found = salvage(path)
    assert (len(found.rows), "a part of row 0 stands in row 1's" in found.damage) == (1, True)


def test_the_same_messages_unchanged_are_an_episode(tmp_path):
    path = write_messages(tmp_path / 'episode.mcap', own_messages())
    assert (len(read_episode(path)), read_episode(path).outcome) == (3, 'success')


@pytest.mark.parametrize('kind', ['truncated', 'flipped'])
@pytest.mark.parametrize('file', ['episode.mcap', 'labels.jsonl', 'manifest.jsonl', 'LOCK'])
def test_a_spoiled_file_is_refused_or_read_right_and_nothing_outside_is_touched(
    outside, file, kind
):
    root, _, (first, second) = outside
    dataset = Dataset.open(root)
    dataset.label(first, 'success')
    rows = {item.id: item.rows for item in dataset.episodes()}
    path = next(iter(sorted(root.rglob(file))))
    whole, status = path.read_bytes(), path.stat()
    step = max(1, len(whole) // 40)
    for position in range(0, len(whole), step):
        data = bytearray(whole[:position] if kind == 'truncated' else whole)
        if kind == 'flipped':
            data[position] ^= 1 << position % 8
        path.write_bytes(data)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + position + 1))
        try:
            found = Dataset.open(root)
            for item in found.episodes():
                assert item.rows == rows[item.id], position
                assert item.outcome in ('success', 'unlabelled'), position
                assert (item.id, item.outcome) != (second, 'success'), position
                found.read(item.id)
            if file == 'episode.mcap':
                assert set(rows) - {item.id for item in found.episodes()}, position
            elif file != 'labels.jsonl':
                assert len(found.episodes()) == 2
        except MotoError as error:
            assert len(str(error).splitlines()) == 1
