"""ROS 2 bags that are damaged, hostile or not what the mapping says: each is named."""

import os
import re
import shutil
import sqlite3
import tracemalloc

import numpy as np
import pytest
import zstandard

from moto_core.errors import ConfigError, DatasetError, EpisodeError, MotoError
from moto_learning.exchange.taking import take_episodes
from tests.learning.exchange.bags import (
    ACT,
    CAM,
    JOINTS,
    STORAGES,
    acts,
    bag,
    cams,
    change_metadata,
    file_of,
    numbers,
    opened,
    packed,
    picture,
    rows,
    state,
    states,
    trajectory,
    usual,
)


def replaced(topic, made):
    """The usual messages, that at 0.2 s another."""
    return [
        (name, t, made(0.2)) if name == topic and 0.18 < t < 0.22 else (name, t, one)
        for name, t, one in usual()
    ]


@pytest.mark.parametrize(
    ('told', 'says', 'message'),
    [
        (
            replaced(CAM, lambda t: picture(t, 0, shape=(1_000_000, 1_000_000), step=3_000_000)),
            {},
            "run: '/cam', message received at 1700000000.210 s: image of 1000000 x 1000000 px "
            "'rgb8' has step 3000000 and 960 bytes",
        ),
        (replaced(CAM, lambda t: picture(t, 0, data=np.zeros(959, np.uint8))), {}, '959 bytes'),
        (replaced(CAM, lambda t: picture(t, 0, step=59)), {}, 'has step 59'),
        (replaced(CAM, lambda t: picture(t, 0, '16UC1')), {}, "encoding is '16UC1'; expected one"),
        (replaced(CAM, lambda t: picture(t, 0, shape=(0, 20))), {}, 'image of 20 x 0 px'),
        (replaced(JOINTS, lambda t: state(t, [0, np.nan, 0])), {}, "is nan for 'b' at row 2"),
        (replaced(JOINTS, lambda t: state(t, [0, 0, -1e39])), {}, "is -1e.39 for 'grip' at row 2"),
        (replaced(ACT, lambda t: numbers(0, 0, np.inf)), {}, "'/cmd' is inf for 'grip' at row 2"),
        (
            replaced(JOINTS, lambda t: state(t, [0, 0], names=('a', 'grp'))),
            {},
            "lacks a joint of the mapping: unknown joint 'b'",
        ),
        (
            replaced(JOINTS, lambda t: state(t, [0, 0, 0], names=('a', 'a', 'b'))),
            {},
            "repeats a name: .'a', 'a', 'b'",
        ),
        (replaced(JOINTS, lambda t: state(t, [0, 0])), {}, 'holds 3 names and 2 position values'),
        (replaced(ACT, lambda t: numbers(0, 0)), {}, 'holds 2 numbers; expected 3, one for each'),
        (usual(), {'action': {'key': ACT, 'columns': [0, 1, 7]}}, 'asks for entry 7'),
        (
            [*cams(), *states(names=('x', 'y', 'gripp')), *acts()],
            {},
            "'/joint_states': none names a joint: unknown joint 'a'.* There: gripp, x, y",
        ),
        (
            [*cams(), *states(), *[(ACT, t / 10, trajectory(t / 10, [])) for t in range(6)]],
            {},
            'its trajectory has no points',
        ),
        (replaced(JOINTS, lambda t: state(-1.8e9, [0, 0, 0])), {}, 'its stamp is -1000000000000'),
        (
            [
                *usual(),
                (ACT, 3e8, numbers(0, 0, 0)),
                (CAM, 3e8, picture(3e8, 0)),
                (JOINTS, 3e8, state(3e8, [0, 0, 0])),
            ],
            {},
            'it would have 3000000001 rows; expected at most 262144',
        ),
        ([*cams(1), *states(), *acts()], {}, '1 rows of 1 have what they need; expected at least'),
    ],
)
def test_what_a_message_holds_is_checked_and_named(tmp_path, told, says, message):
    with pytest.raises(MotoError, match=message):
        rows(bag(tmp_path, told), **says)


@pytest.mark.parametrize('size', [(40_000, 40_000), (0, 20)])
def test_a_compressed_image_is_not_unpacked_beyond_what_an_image_has(tmp_path, size):
    data = packed(0, 0).data.copy()
    data[16:24] = np.frombuffer(b''.join(n.to_bytes(4, 'big') for n in size[::-1]), np.uint8)
    told = [(CAM, t / 10, packed(t / 10, 0, data=data)) for t in range(3)]
    with pytest.raises(EpisodeError, match=f'is {size[1]} x {size[0]} px of 8 bits; expected 8'):
        rows(bag(tmp_path, [*told, *states(), *acts()]))


@pytest.mark.parametrize(
    'data', [b'', b'\xff\xd8\xff\xe0', b'GIF89a', bytes(packed(0, 0).data)[:40]]
)
def test_a_compressed_image_that_is_none_is_named(tmp_path, data):
    told = [(CAM, t / 10, packed(t / 10, 0, data=np.frombuffer(data, np.uint8))) for t in range(3)]
    with pytest.raises(EpisodeError, match="run: '/cam'.*cannot be decoded; expected JPEG or PNG"):
        rows(bag(tmp_path, [*told, *states(), *acts()]))


def test_bytes_that_are_no_message_are_named(tmp_path):
    place = bag(tmp_path, usual(), raw=lambda topic, data: data[:30] if topic == JOINTS else data)
    with pytest.raises(EpisodeError, match="'/joint_states', message received at .* its bytes are "
                       'no sensor_msgs/msg/JointState'):  # fmt: skip
        rows(place)


def test_a_topic_that_is_not_there_or_of_another_kind_is_named_with_those_that_are(tmp_path):
    place = bag(tmp_path, usual())
    with pytest.raises(EpisodeError) as error:
        opened(place, position={'key': '/joint_state'})
    assert str(error.value) == (
        f"'{place}' has no topic '/joint_state'. Did you mean '/joint_states'? There: "
        '/cam (sensor_msgs/msg/Image), /cmd (std_msgs/msg/Float64MultiArray), '
        '/joint_states (sensor_msgs/msg/JointState)'
    )
    for says, message in (
        ({'position': {'key': ACT}}, "'/cmd' is std_msgs/msg/Float64MultiArray; expected sensor"),
        ({'action': {'key': CAM}}, "'/cam' is sensor_msgs/msg/Image; expected .* or std_msgs"),
        ({'cameras': {'c': {'key': JOINTS}}}, 'expected sensor_msgs/msg/Image or sensor_msgs'),
        ({'episodes': ACT}, 'expected std_msgs/msg/Bool'),
    ):
        with pytest.raises(EpisodeError, match=message):
            opened(place, **says)


@pytest.mark.parametrize(
    ('says', 'message'),
    [
        ({'rate': 0}, 'says no rate'),
        ({'action': {}}, 'no action.key.*measured_velocity or measured_displacement'),
        ({'action_means': 'measured_velocity'}, "action.key is '/cmd'; leave one of them out"),
        ({'action': {}, 'action_means': 'measured_velocity'}, 'it needs velocity.key, a topic'),
        ({'reward': '/reward'}, 'no rewards are taken from a bag'),
        ({'gripper': [], 'gripper_action': {'key': '/x'}}, 'the mapping says no gripper'),
        ({'gripper_velocity': {'key': '/x'}}, 'the mapping says no velocity.key'),
        ({'action': {'key': ACT, 'columns': [0, 1]}}, "'/cmd' has 2 columns in the mapping; exp"),
        ({'stale': 0}, 'stale is 0; expected above 0'),
        ({'stall': 0.1}, "Did you mean 'stale'"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(tmp_path, says, message):
    with pytest.raises(ConfigError, match=message):
        opened(bag(tmp_path, usual()), **says)


@pytest.mark.parametrize(
    'names',
    [
        *(['../../x.mcap'], ['../run.mcap'], ['/etc/x.mcap'], ['a/b/run.mcap'], ['..']),
        *([3], [], 'x'),
    ],
)
def test_metadata_that_lead_out_of_the_folder_are_refused(tmp_path, names):
    place = bag(tmp_path, usual())
    shutil.copy(file_of(place), tmp_path / 'x.mcap')
    change_metadata(place, relative_file_paths=names)
    with pytest.raises(EpisodeError, match='lies in the folder|expected a list'):
        opened(place)


def test_a_file_that_is_a_link_or_missing_is_refused(tmp_path):
    place = bag(tmp_path, usual())
    moved = shutil.move(file_of(place), tmp_path / 'moved.mcap')
    with pytest.raises(EpisodeError, match="run.mcap' is missing, or a link"):
        opened(place)
    (place / 'run.mcap').symlink_to(moved)
    with pytest.raises(EpisodeError, match="run.mcap' is missing, or a link"):
        opened(place)
    (tmp_path / 'all').mkdir()
    (tmp_path / 'all/run').symlink_to(place)
    with pytest.raises(EpisodeError, match="all/run' is a link"):
        opened(tmp_path / 'all')


def test_a_bag_whose_metadata_are_missing_or_damaged_says_what_makes_them(tmp_path):
    place = bag(tmp_path, usual())
    (place / 'metadata.yaml').write_text('{[')
    with pytest.raises(EpisodeError, match='cannot read .*metadata.yaml'):
        opened(place)
    (place / 'metadata.yaml').unlink()
    with pytest.raises(EpisodeError, match='has no metadata.yaml.*ros2 bag reindex'):
        opened(place)
    assert len(rows(place / 'run.mcap')) == 6


def test_a_place_without_a_bag_says_what_is_expected(tmp_path):
    (tmp_path / 'empty').mkdir()
    for place, message in (('empty', 'no bag in'), ('nothing', 'no bag at')):
        with pytest.raises(DatasetError, match=f'{message} .*; expected a folder with metadata'):
            opened(tmp_path / place)
    (tmp_path / 'old.bag').write_bytes(b'#ROSBAG V2.0')
    with pytest.raises(DatasetError, match='rosbags-convert --src .*old.bag'):
        opened(tmp_path / 'old.bag')


@pytest.mark.parametrize('mode', ['FILE', 'MESSAGE'])
def test_a_bag_that_was_compressed_as_a_whole_is_to_be_unpacked_first(tmp_path, mode):
    place = bag(tmp_path, usual(), storage='sqlite3', compress=mode)
    with pytest.raises(EpisodeError, match=f"compressed by '{mode.lower()}'; unpack it with `ros"):
        opened(place)


def test_a_storage_that_compresses_its_own_chunks_is_read(tmp_path):
    assert len(rows(bag(tmp_path, usual(), compress='STORAGE'))) == 6


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('share', [0.0, 0.3, 0.9])
def test_a_file_that_was_cut_off_leaves_nothing_behind(tmp_path, storage, share):
    place = bag(tmp_path, [*cams(60), *states(120), *acts(60)], storage=storage)
    path = file_of(place)
    os.truncate(path, int(path.stat().st_size * share))
    assert re.match(f"cannot read '{path}'.*may save what is whole", refusal(place, tmp_path))


def refusal(place, tmp_path):
    """Why the one bag at a place was refused, at once or when its turn came."""
    try:
        done = take_episodes(opened(place), tmp_path / 'data')
    except EpisodeError as error:
        assert not (tmp_path / 'data').exists()
        return str(error)
    assert not done.new and not os.listdir(tmp_path / 'data/episodes')
    return done.refused[place.name]


def test_a_damaged_bag_is_refused_by_name_and_the_others_come(tmp_path):
    (tmp_path / 'all').mkdir()
    for n, name in enumerate(['bad', 'good', 'worse']):
        bag(tmp_path / 'all', [*usual(), *acts(n, 0.61)], name, compress='STORAGE')
    path = file_of(tmp_path / 'all/bad')
    data = bytearray(path.read_bytes())
    begin, size = chunk_of(data)
    data[begin + size // 2 : begin + size] = bytes(size - size // 2)
    path.write_bytes(data)
    file_of(tmp_path / 'all/worse').unlink()
    done = take_episodes(opened(tmp_path / 'all'), tmp_path / 'data')
    assert len(done.new) == 1 and list(done.refused) == ['bad', 'worse']
    assert done.refused['bad'].startswith(f"cannot read '{path}'")


def chunk_of(data):
    """Where the first chunk's compressed bytes begin, and how long they are."""
    begin = data.index(b'\x04\0\0\0zstd') + 8
    return begin + 8, int.from_bytes(data[begin : begin + 8], 'little')


def test_a_chunk_that_unpacks_to_more_than_it_says_is_refused(tmp_path):
    place = bag(tmp_path, usual(), compress='STORAGE')
    path = file_of(place)
    data = path.read_bytes()
    begin, size = chunk_of(data)
    bomb = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    bomb = bomb.compress(bytes(1 << 24)) + bomb.flush()
    assert len(bomb) < size
    path.write_bytes(data[:begin] + bomb.ljust(size, b'\0') + data[begin + size :])
    with pytest.raises(EpisodeError, match=f"cannot read '{path}'"):
        tracemalloc.start()
        try:
            rows(place)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 1 << 23


def test_a_database_whose_blobs_are_made_up_is_refused(tmp_path):
    place = bag(tmp_path, usual(), storage='sqlite3')
    with sqlite3.connect(file_of(place)) as base:
        base.execute('ALTER TABLE messages RENAME COLUMN data TO old')
        base.execute('ALTER TABLE messages ADD COLUMN data GENERATED ALWAYS AS (zeroblob(9e8))')
    base.close()
    with pytest.raises(EpisodeError, match='too big'):
        rows(place)


def test_a_database_that_was_not_closed_is_refused(tmp_path):
    place = bag(tmp_path, usual(), storage='sqlite3')
    (place / 'run.db3-wal').write_bytes(b'x')
    with pytest.raises(EpisodeError, match='its recorder did not end.*wal_checkpoint'):
        opened(place)


def test_a_chunk_that_claims_more_than_the_file_has_is_refused(tmp_path):
    place = bag(tmp_path, usual())
    path = file_of(place)
    data = bytearray(path.read_bytes())
    at = data.index(b'\x06', 9 + int.from_bytes(data[9:17], 'little'))  # after the header
    data[at + 1 : at + 9] = (1 << 40).to_bytes(8, 'little')
    path.write_bytes(data)
    with pytest.raises(EpisodeError, match=f'there is no whole chunk at byte {at}'):
        rows(place)


def test_messages_in_another_encoding_than_cdr_are_refused(tmp_path):
    place = bag(tmp_path, usual())
    path = file_of(place)
    path.write_bytes(path.read_bytes().replace(b'\x03\0\0\0cdr', b'\x03\0\0\0xml'))
    with pytest.raises(EpisodeError, match='is .* in xml; expected'):
        opened(place)


def test_a_topic_of_two_types_in_the_files_of_a_bag_is_refused(tmp_path):
    place = bag(tmp_path, usual())
    other = bag(tmp_path, [(CAM, 1, packed(1, 0))], 'other')
    shutil.copy(file_of(other), place / 'second.mcap')
    change_metadata(place, relative_file_paths=['run.mcap', 'second.mcap'])
    with pytest.raises(EpisodeError, match="'/cam' is .*/Image and .*/CompressedImage; expected"):
        opened(place)


@pytest.mark.parametrize('storage', STORAGES)
def test_a_time_of_receipt_that_no_clock_has_is_refused(tmp_path, storage):
    place = bag(tmp_path, [*usual(), (CAM, 1e9, picture(0.6, 0))], storage=storage)
    with pytest.raises(EpisodeError, match="'/cam' was received at 2700000000000000000 ns"):
        rows(place)


def test_a_database_whose_name_would_be_read_as_options_is_refused(tmp_path):
    place = file_of(bag(tmp_path, usual(), storage='sqlite3'))
    place = shutil.move(place, tmp_path / 'run?mode=rwc&x=.db3')
    with pytest.raises(EpisodeError, match='has one of .*, # and % in its name; rename it'):
        opened(place)
