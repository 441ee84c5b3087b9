import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.episodes.messages import encode_string
from moto_core.episodes.reader import read_episode, salvage
from moto_core.episodes.recovery import recover
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import EpisodeError
from tests.recorded import tiny_header, tiny_row

ROOT = Path(__file__).parents[3]
COUNT = 6
RECORDER = """
import sys
from moto_core.episodes.writer import EpisodeWriter
from tests.recorded import tiny_header, tiny_row
{before}
writer = EpisodeWriter(sys.argv[1], tiny_header(), floor=0)
for t in range(100000):
    writer.append(tiny_row(t))
    print(t + 1, flush=True)
"""


def spawn(folder, before=''):
    return subprocess.Popen(
        [sys.executable, '-c', RECORDER.format(before=before), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    """The bytes of an unfinished and of a closed file, and the size after each step."""
    folder = tmp_path_factory.mktemp('recorded')
    writer = EpisodeWriter(folder, tiny_header(), floor=0)
    sizes = []
    for t in range(COUNT):
        writer.append(tiny_row(t))
        sizes.append(writer.active.stat().st_size)
    active = writer.active.read_bytes()
    return active, writer.close('success').read_bytes(), sizes


@pytest.fixture(scope='module')
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp('scratch')


def assert_same_steps(steps):
    for t, step in enumerate(steps):
        wanted = tiny_row(t)
        assert step.stamp == wanted.stamp
        np.testing.assert_array_equal(step.requested, wanted.requested)
        for name, image in wanted.images.items():
            np.testing.assert_array_equal(step.images[name], image)


@pytest.mark.parametrize('kill_after', [1, 7, 40])
def test_a_killed_recorder_loses_at_most_one_step(tmp_path, kill_after):
    confirmed = 0
    with spawn(tmp_path) as process:
        for line in process.stdout:
            confirmed = int(line)
            if confirmed >= kill_after:
                break
        process.send_signal(signal.SIGKILL)
        confirmed = max([confirmed, *map(int, process.stdout.read().split())])
    episode = read_episode(recover(tmp_path / 'episode.mcap.active'))
    assert confirmed >= kill_after
    assert confirmed <= len(episode) <= confirmed + 1
    assert (episode.outcome, episode.ended) == ('unlabelled', 'recovered')
    assert episode.reward.tolist() == list(range(len(episode)))
    np.testing.assert_array_equal(episode.requested[-1], tiny_row(len(episode) - 1).requested)
    assert not (tmp_path / 'episode.mcap.active').exists()


@settings(max_examples=60, deadline=None)
@given(where=st.floats(0, 1))
def test_a_truncated_file_keeps_every_whole_step(recorded, scratch, where):
    for data, name in ((recorded[0], 'e.mcap.active'), (recorded[1], 'e.mcap')):
        length = int(where * (len(data) - 1))
        path = scratch / name
        path.write_bytes(data[:length])
        found = salvage(path)
        whole = sum(size <= length for size in recorded[2])
        assert found.damage
        assert whole <= len(found.rows) <= COUNT
        assert_same_steps(found.rows)


@settings(max_examples=150, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found_and_the_steps_before_it_are_kept(
    recorded, scratch, where, bit
):
    data = bytearray(recorded[1])
    position = int(where * len(data))
    data[position] ^= 1 << bit
    path = scratch / 'flipped.mcap'
    path.write_bytes(data)
    found = salvage(path)
    assert found.damage, position
    assert len(found.rows) >= sum(size <= position for size in recorded[2])
    assert_same_steps(found.rows)


@pytest.mark.parametrize('bit', range(64))
def test_a_damaged_offset_of_the_summary_is_damage_and_loses_no_step(recorded, scratch, bit):
    data = bytearray(recorded[1])
    data[len(data) - 8 - 20 + bit // 8] ^= 1 << bit % 8  # before the magic: the footer
    path = scratch / 'footer.mcap'
    path.write_bytes(data)
    found = salvage(path)
    assert found.damage
    assert len(found.rows) == COUNT
    assert_same_steps(found.rows)


def test_every_byte_of_the_end_of_a_file_is_watched(recorded, scratch):
    data, first = recorded[1], recorded[2][-1]
    path = scratch / 'tail.mcap'
    for position in range(first, len(data), 23):
        broken = bytearray(data)
        broken[position] ^= 0xFF
        path.write_bytes(broken)
        found = salvage(path)
        assert found.damage, position
        assert len(found.rows) == COUNT
    assert len(data) - first > 700


def test_noise_in_the_middle_costs_only_what_follows(recorded, tmp_path):
    data = bytearray(recorded[1])
    middle = recorded[2][2] + 50
    data[middle : middle + 8] = b'\xff' * 8
    path = tmp_path / 'episode.mcap'
    path.write_bytes(data)
    with pytest.raises(EpisodeError, match='3 whole rows before it can be kept'):
        read_episode(path)
    assert recover(path) == path
    assert len(read_episode(path)) == 3
    assert (tmp_path / 'episode.mcap.damaged').read_bytes() == data


def test_recovery_keeps_raw_messages_and_may_be_repeated(tmp_path):
    writer = EpisodeWriter(tmp_path, tiny_header(), floor=0)
    for t in range(3):
        writer.raw(
            '/moto/guard/state',
            'std_msgs/msg/String',
            encode_string(f'{t}'),
            tiny_row(t).stamp - 1,
        )
        writer.append(tiny_row(t))
    writer.abandon()
    (tmp_path / 'rescue-episode.mcap.active').write_bytes(b'of a recovery that was killed')
    found = salvage(recover(writer.active), raw=True)
    assert not found.damage
    assert [m.cdr for m in found.raw] == [encode_string(f'{t}') for t in range(3)]
    assert len(found.rows) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ['episode.mcap', 'metadata.yaml']


def test_a_closed_file_that_was_not_yet_renamed_is_only_renamed(recorded, tmp_path):
    path = tmp_path / 'episode.mcap.active'
    path.write_bytes(recorded[1])
    episode = read_episode(recover(path))
    assert (len(episode), episode.outcome, episode.ended) == (COUNT, 'success', 'done')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['episode.mcap', 'metadata.yaml']


def test_a_torn_tail_is_kept_beside_what_was_recovered(recorded, tmp_path):
    path = tmp_path / 'episode.mcap.active'
    torn = recorded[0][: recorded[2][-2] + 300]
    path.write_bytes(torn)
    assert len(read_episode(recover(path))) == COUNT - 1
    assert (tmp_path / 'episode.mcap.damaged').read_bytes() == torn


def test_actions_survive_the_change_of_units_to_the_last_bit(tmp_path):
    actions = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    with EpisodeWriter(tmp_path, tiny_header(), floor=0) as writer:
        for t, action in enumerate(actions):
            writer.append(tiny_row(t, requested=action, executed=action[::-1]))
    episode = read_episode(writer.path)
    np.testing.assert_array_equal(episode.requested, actions)
    np.testing.assert_array_equal(episode.executed, actions[:, ::-1])


def test_a_file_without_its_first_record_is_left_as_it_is(tmp_path):
    path = tmp_path / 'episode.mcap.active'
    path.write_bytes(b'')
    with pytest.raises(EpisodeError, match='cannot be recovered'):
        recover(path)
    assert path.read_bytes() == b''


def test_a_disk_that_refuses_a_step_loses_none_of_those_before(tmp_path):
    limit = 40_000
    process = spawn(
        tmp_path, f'import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))'
    )
    out, error = process.communicate(timeout=60)
    confirmed = int(out.split()[-1])
    assert confirmed > 5
    assert process.returncode == 1
    assert f'its {confirmed} whole rows are kept' in error.splitlines()[-1]
    assert 'File too large' in error.splitlines()[-1]
    kept = len(read_episode(recover(tmp_path / 'episode.mcap.active')))
    assert confirmed <= kept <= confirmed + 1, 'the refused row itself may be whole on disk'


def test_a_full_file_system_loses_no_whole_step(tmp_path):
    mount = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', str(tmp_path)], capture_output=True
    )
    if mount.returncode:
        pytest.skip('no permission to mount a small file system')
    try:
        writer, written = EpisodeWriter(tmp_path / 'e', tiny_header(), floor=0), 0
        with pytest.raises(EpisodeError, match='No space left'):
            for t in range(1000):
                writer.append(tiny_row(t))
                written += 1
        data = writer.active.read_bytes()
    finally:
        subprocess.run(['umount', str(tmp_path)], check=True)
    (tmp_path / 'episode.mcap.active').write_bytes(data)
    assert written > 5
    kept = len(read_episode(recover(tmp_path / 'episode.mcap.active')))
    assert kept in (written, written + 1)  # the refused row may lie there whole


FULL = """
import resource, sys
from moto_core.episodes.dataset import Dataset
from moto_core.errors import MotoError
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    Dataset.create_or_open(sys.argv[1])
except MotoError as error:
    print(type(error).__name__, error)
"""


def open_on_full_disk(root, limit):
    """What opening says where no file may grow over `limit` bytes."""
    done = subprocess.run(
        [sys.executable, '-c', FULL.format(limit=limit), str(root)],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith('DatasetError ')
    return line


def test_a_dataset_that_cannot_be_made_leaves_nothing(tmp_path):
    assert 'cannot lock' in open_on_full_disk(tmp_path / 'new' / 'data', 0)
    assert list(tmp_path.iterdir()) == []


def test_a_recovery_that_the_disk_refuses_leaves_the_file_as_it_was(recorded, tmp_path):
    name = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
    with EpisodeWriter(tmp_path / 'other', tiny_header(id=name), floor=0) as writer:
        for t in range(COUNT):
            writer.append(tiny_row(t))
    folder = tmp_path / 'data' / 'episodes' / name
    folder.mkdir(parents=True)
    active = folder / 'episode.mcap.active'
    data = writer.path.read_bytes()[:-2000]
    active.write_bytes(data)
    assert f"'{name}' stays as it was" in open_on_full_disk(tmp_path / 'data', 5_000)
    assert [p.name for p in folder.iterdir()] == ['episode.mcap.active']
    assert active.read_bytes() == data


def test_a_manifest_that_the_disk_refuses_is_one_line_and_the_old_one_stays(tmp_path):
    from tests.recorded import record

    record(tmp_path, [2, 2, 2])
    path = tmp_path / 'manifest.jsonl'
    path.write_text(path.read_text()[:900])
    before = path.read_bytes()
    assert 'cannot write' in open_on_full_disk(tmp_path, 500)
    assert path.read_bytes() == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith('.')]
