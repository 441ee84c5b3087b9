"""ROS 2 bags: rows take the newest of each topic; what a bag lacks or falsifies is named."""

import shutil
import sys
import tracemalloc

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import Writer

from moto_core.episodes.dataset import Dataset
from moto_core.errors import EpisodeError
from moto_learning.commands.data import main
from moto_learning.exchange.taking import take_episodes
from tests.learning.exchange.bags import (
    ACT,
    BEGIN,
    CAM,
    JOINTS,
    NANO,
    ON,
    SAYS,
    STORAGES,
    acts,
    bag,
    cams,
    change_metadata,
    colours,
    file_of,
    first_joint,
    flag,
    nano,
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


@pytest.mark.parametrize('storage', STORAGES)
def test_each_row_takes_the_newest_of_every_topic_at_or_before_its_time(tmp_path, storage):
    told = [*cams(begin=0.02), *states(), *acts(begin=0.07)]
    place = bag(tmp_path, told, storage=storage)
    for where in (place, file_of(place)):
        found = rows(where)  # at 0.07, 0.17, ..., 0.47: joint states end at 0.5
        assert colours(found) == [0, 10, 20, 30, 40]
        assert first_joint(found) == [1, 3, 5, 7, 9]  # of 0.05, 0.15, ...
        assert [row.requested[0] for row in found] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
        assert [row.stamp for row in found] == [nano(0.07 + 0.1 * k) for k in range(5)]
        assert [row.is_first for row in found] == [True] + [False] * 4 and found[-1].is_last
        assert not any(row.gap for row in found)


def test_a_sample_at_the_very_time_of_a_row_is_taken(tmp_path):
    found = rows(bag(tmp_path, usual()))
    assert colours(found) == [0, 10, 20, 30, 40, 50] and first_joint(found) == [0, 2, 4, 6, 8, 10]


def test_numbers_lie_on_the_line_between_samples_only_if_asked(tmp_path):
    place = bag(tmp_path, [*cams(begin=0.02), *states(), *acts(begin=0.07)])
    found = rows(place, resample='linear')
    assert first_joint(found) == [1.4, 3.4, 5.4, 7.4, 9.4] and colours(found) == [
        0,
        10,
        20,
        30,
        40,
    ]
    assert first_joint(rows(bag(tmp_path, usual(), 'even'), resample='linear')) == [
        *(0, 2, 4, 6, 8, 10)
    ]


def test_rows_without_a_fresh_image_are_left_out_and_the_next_one_has_a_gap(tmp_path):
    told = [*cams(12), *states(23), *acts(12)]
    gone = [one for one in told if one[0] != CAM or not 0.35 < one[1] < 0.85]  # 0.4 to 0.8
    source = opened(bag(tmp_path, gone))
    found = list(source.episode(0).rows)
    # at 0.4 and 0.5 the image of 0.3 is at most 0.2 s old; rows 6, 7 and 8 have none
    assert colours(found) == [0, 10, 20, 30, 30, 30, 90, 100, 110]
    assert [row.gap for row in found] == [False] * 6 + [True, False, False]
    assert source.notes == ["run: '/cam' at 3 of 12 rows is stale; they are left out"]
    assert len(rows(tmp_path / 'run', stale=0.05)) == 7
    assert not any(row.gap for row in rows(tmp_path / 'run', stale=0.6))


def test_a_line_is_drawn_to_a_sample_only_if_that_is_near(tmp_path):
    told = [*cams(12), *states(23), *acts(12)]
    gone = [one for one in told if one[0] != JOINTS or not 0.47 < one[1] < 0.83]
    place = bag(tmp_path, gone)  # no joint states between 0.45 and 0.85
    found = rows(place)  # at 0.7 and 0.8 the sample of 0.45 is stale
    assert first_joint(found) == [0, 2, 4, 6, 8, 9, 9, 18, 20, 22]
    assert [row.gap for row in found] == [False] * 7 + [True, False, False]
    found = rows(place, resample='linear')  # from 0.5 and 0.6 the sample of 0.85 is far as well
    assert first_joint(found) == [0, 2, 4, 6, 8, 18, 20, 22]
    assert [row.gap for row in found] == [False] * 5 + [True, False, False]


def test_topics_that_begin_late_or_end_early_are_told(tmp_path):
    source = opened(bag(tmp_path, [*cams(12), *states(17), *acts(12, begin=0.5)]))
    assert first_joint(source.episode(0).rows) == [10, 12, 14, 16]  # from 0.5 to 0.8
    assert source.notes == [
        "run: '/cmd' begins 0.5 s after the first topic; so do rows",
        "run: '/joint_states' ends 0.8 s before the last topic; so do rows",
        "run: '/cam' ends 0.5 s before the last topic; so do rows",
    ]


def test_joints_are_found_by_name_in_every_message(tmp_path):
    mixed = [
        (
            JOINTS,
            t * 0.1,
            state(t * 0.1, [7, 0.5, t, -t], names=('other', 'grip', 'b', 'a'))
            if t % 2
            else state(t * 0.1, [-t, 0.5, t], names=('a', 'grip', 'b')),
        )
        for t in range(4)
    ]
    found = rows(bag(tmp_path, [*cams(4), *mixed, *acts(4)]))
    assert [list(row.proprioception) for row in found] == [[-t, t, 0.5] for t in range(4)]


def test_messages_that_name_none_of_the_joints_are_other_peoples(tmp_path):
    others = [
        (JOINTS, t * 0.1 + 0.03, state(t * 0.1 + 0.03, [9], names=('wheel',))) for t in range(6)
    ]
    assert first_joint(rows(bag(tmp_path, [*usual(), *others]))) == [0, 2, 4, 6, 8, 10]


def test_a_gripper_may_be_on_topics_of_its_own(tmp_path):
    arm = [(JOINTS, k * 0.1, state(k * 0.1, [k, 2 * k], names=('a', 'b'))) for k in range(6)]
    hand = [('/hand', k * 0.1, state(k * 0.1, [0.3], names=('grip',))) for k in range(6)]
    squeeze = [('/squeeze', k * 0.1, numbers(9, -0.25)) for k in range(6)]
    place = bag(tmp_path, [*cams(), *arm, *hand, *acts(), *squeeze])
    found = rows(
        place,
        action={'key': ACT, 'columns': [1, 0]},
        gripper_action={'key': '/squeeze', 'columns': [1]},
        gripper_position={'key': '/hand'},
    )
    assert found[3].proprioception == pytest.approx([3, 6, 0.3])
    assert found[3].requested == pytest.approx([-0.3, 0.3, -0.25])


def test_columns_take_joints_of_other_names_while_their_order_holds(tmp_path):
    told = [*cams(), *states(names=('x', 'y', 'z')), *acts()]
    columns = {'key': JOINTS, 'columns': [1, 0, 2]}
    assert first_joint(rows(bag(tmp_path, told), position=columns)) == [0, 4, 8, 12, 16, 20]
    told.append((JOINTS, 0.51, state(0.51, [0, 0, 0], names=('y', 'x', 'z'))))
    with pytest.raises(EpisodeError, match="names are .'y', 'x', 'z'., and were .'x', 'y', 'z'"):
        rows(bag(tmp_path, told, 'turned'), position=columns)


@pytest.mark.parametrize(
    ('encoding', 'given', 'expected'),
    [
        ('rgb8', (10, 20, 30), (10, 20, 30)),
        ('bgr8', (10, 20, 30), (30, 20, 10)),
        ('rgba8', (10, 20, 30, 99), (10, 20, 30)),
        ('bgra8', (10, 20, 30, 99), (30, 20, 10)),
        ('mono8', 40, (40, 40, 40)),
    ],
)
def test_images_of_every_encoding_become_rgb(tmp_path, encoding, given, expected):
    told = [(CAM, t / 10, picture(t / 10, given, encoding)) for t in range(3)]
    found = rows(bag(tmp_path, [*told, *states(), *acts()]))
    assert tuple(found[0].images['front'][3, 3]) == expected


@pytest.mark.parametrize('form', ['png', 'jpg'])
def test_compressed_images_become_rgb(tmp_path, form):
    told = [(CAM, t / 10, packed(t / 10, (10, 20, 200), form)) for t in range(3)]
    found = rows(bag(tmp_path, [*told, *states(), *acts()]))
    assert found[1].images['front'][3, 3].tolist() == pytest.approx([200, 20, 10], abs=3)


def test_two_cameras_may_be_cut_of_one_topic(tmp_path):
    cameras = {
        'all': {'key': CAM, 'height': 8, 'width': 8},
        'part': {'key': CAM, 'height': 4, 'width': 4, 'crop': [0, 0, 4, 4]},
    }
    found = rows(bag(tmp_path, usual()), cameras=cameras)
    assert colours(found, 'all') == colours(found, 'part') == [0, 10, 20, 30, 40, 50]
    assert found[0].images['part'].shape == (4, 4, 3)


@pytest.mark.parametrize(
    ('made', 'changes', 'expected'),
    [
        # position k / 10 of 'a', as a share of 2 rad/s; measured it is at 2k
        (lambda t: state(t, [t, 0, 0], [1.0, 0, 0.1]), {'action_means': 'velocity'}, 0.5),
        (lambda t: state(t, [0.3, 0, 0], [9, 9, 9]), {'action_means': 'scaled'}, 0.3),
        (lambda t: state(t, [0.05, 0, 0]), {'action_means': 'displacement'}, 0.25),
        (lambda t: state(t, [20 * t + 0.1, 0, 0]), {'action_means': 'target'}, 0.5),
        (lambda t: trajectory(t, [[0.1, 0, 0], [0.4, 0, 0]]), {}, 0.4),
        (lambda t: trajectory(t, [[0.1, 0, 0], [0.4, 0, 0]]), {'action_point': 'first'}, 0.1),
        (lambda t: trajectory(t, [[0, 0, 0.2]], names=('grip', 'b', 'a')), {}, 0.2),
        (
            lambda t: trajectory(t, [[9, 9, 9]], velocities=[[0.5, 0, 0]]),
            {'action_means': 'velocity'},
            0.25,
        ),
    ],
)
def test_actions_come_from_each_kind_of_message(tmp_path, made, changes, expected):
    told = [(ACT, t / 10, made(t / 10)) for t in range(6)]
    found = rows(bag(tmp_path, [*cams(), *states(), *told]), **changes)
    assert [row.requested[0] for row in found] == pytest.approx([expected] * 6)


def test_without_a_topic_of_actions_they_are_what_the_joints_did(tmp_path):
    place = bag(tmp_path, [*cams(), *states()])
    said = {'action': {}, 'velocity': {'key': JOINTS}}
    found = rows(place, **said, action_means='measured_velocity')
    assert [list(row.requested) for row in found] == [
        pytest.approx([0.05, 0.1, 2 * k / 50]) for k in range(6)
    ]
    scale = {'action_scale': [40.0, 80.0, 4.0]}
    found = rows(place, **said, **scale, action_means='measured_displacement')
    # from row to row 2, 4 and 0.02: 20 / 40, 40 / 80, 0.2 / 4; after the last it is not known
    assert [list(row.requested) for row in found] == [pytest.approx([0.5, 0.5, 0.05])] * 5
    assert found[-1].is_last


def test_no_displacement_is_measured_over_a_gap(tmp_path):
    told = [*cams(12), *states(23)]
    gone = [one for one in told if one[0] != CAM or not 0.35 < one[1] < 0.85]
    found = rows(bag(tmp_path, gone), action={}, action_means='measured_displacement')
    assert colours(found) == [0, 10, 20, 30, 30, 90, 100]  # without 0.5 and 1.1, the last of each
    assert [row.gap for row in found] == [False] * 5 + [True, False]


def test_a_topic_of_bool_says_where_episodes_are(tmp_path):
    told = [*cams(31), *states(61), *acts(31)]
    flags = [(0.0, False), (0.35, True), (0.5, True), (1.05, False), (1.2, False), (2.0, True)]
    place = bag(tmp_path, [*told, *((ON, t, flag(on)) for t, on in flags)])
    source = opened(place, episodes=ON)
    assert source.places == ['run, 0', 'run, 1']
    assert colours(source.episode(0).rows) == [40, 50, 60, 70, 80, 90, 100]
    assert colours(source.episode(1).rows)[0] == 200 and len(rows(place, 1, episodes=ON)) == 11
    done = take_episodes(source, tmp_path / 'data')
    assert [record.rows for record in done.new] == [7, 11]
    never = bag(tmp_path, [*usual(), (ON, 0, flag(False))], 'never')
    with pytest.raises(EpisodeError, match="never': '/recording' is never true"):
        opened(never, episodes=ON)


def test_bags_of_a_folder_come_by_name_and_each_contents_once(tmp_path):
    for name, shift in (('b', 0), ('a', 1)):
        bag(tmp_path / 'all', [*cams(6 + shift), *states(20), *acts(6 + shift)], name)
    shutil.copytree(tmp_path / 'all/a', tmp_path / 'all/copy')
    (tmp_path / 'all/notes.txt').write_text('x')
    source = opened(tmp_path / 'all')
    assert source.places == ['a', 'b', 'copy']
    done = take_episodes(source, tmp_path / 'data')
    assert [record.rows for record in done.new] == [7, 6] and done.present == ['copy']
    moved = shutil.move(tmp_path / 'all/b', tmp_path / 'other')
    again = take_episodes(opened(moved, stale=0.3), tmp_path / 'data')
    assert (len(again.new), again.present) == (0, ['other'])
    changed = [*cams(6, made=lambda t, k: picture(t, k + 1)), *states(20), *acts(6)]
    assert len(take_episodes(opened(bag(tmp_path, changed, 'c')), tmp_path / 'data').new) == 1


def test_files_beside_one_another_are_bags_too(tmp_path):
    (tmp_path / 'files').mkdir()
    for name in ('y', 'x'):
        shutil.copy(file_of(bag(tmp_path, usual(), name)), tmp_path / 'files')
    assert opened(tmp_path / 'files').places == ['x.mcap', 'y.mcap']


def test_a_bag_of_several_files_is_one(tmp_path):
    place = bag(tmp_path, usual())
    ends = [(JOINTS, 1.1, state(1.1, [5, 5, 5])), (ACT, 1.1, numbers(0, 0, 0))]
    more = bag(tmp_path, [*cams(6, 0.6), *ends], 'more')
    shutil.copy(file_of(more), place / 'second.mcap')
    change_metadata(place, relative_file_paths=['run.mcap', 'second.mcap'])
    assert colours(rows(place, stale=5)) == [0, 10, 20, 30, 40, 50, 0, 10, 20, 30, 40, 50]


def test_a_file_without_chunks_is_read_from_its_begin_to_its_end(tmp_path):
    source = file_of(bag(tmp_path, usual()))
    with source.open('rb') as read, (tmp_path / 'plain.mcap').open('wb') as write:
        writer = Writer(write, use_chunking=False)
        writer.start('ros2')
        known = {}
        for schema, channel, message in make_reader(read).iter_messages():
            if channel.id not in known:
                kind = writer.register_schema(schema.name, schema.encoding, schema.data)
                known[channel.id] = writer.register_channel(channel.topic, 'cdr', kind)
            times = message.log_time, message.data, message.publish_time
            writer.add_message(known[channel.id], *times)
        writer.finish()
    assert colours(rows(tmp_path / 'plain.mcap')) == [0, 10, 20, 30, 40, 50]


def test_stamps_that_are_not_set_give_way_to_the_times_of_receipt(tmp_path):
    unset = [(CAM, k * 0.1, picture(None if k == 2 else 50, 10 * k)) for k in range(6)]
    source = opened(bag(tmp_path, [*unset, *states(), *acts()]))
    assert source.episode(0).where == 'run'
    (note,) = source.notes
    assert note == "run: '/cam': 1 stamps are zero; the times of receipt are taken"


def test_topics_of_two_clocks_do_not_meet(tmp_path):
    told = [(CAM, k * 0.1, picture(k * 0.1 - 1000, 10 * k)) for k in range(6)]
    place = bag(tmp_path, [*told, *states(), *acts()])
    with pytest.raises(EpisodeError, match="run: '/cmd' begins at 1700000000.000 s, after "
                       "'/cam' ends at 1699999000.500 s.*stamps=received"):  # fmt: skip
        rows(place)
    assert colours(rows(place, stamps='received')) == [0, 10, 20, 30, 40, 50]


def test_what_comes_a_little_late_is_left_out_and_what_falls_back_is_refused(tmp_path):
    late = [(CAM, 0.345, picture(0.26, 99)), *cams(begin=0.02), *states(), *acts(begin=0.07)]
    source = opened(bag(tmp_path, late))  # rows at 0.07, 0.17, 0.27: after 0.22, and after 0.26
    assert colours(source.episode(0).rows) == [0, 10, 20, 30, 40]
    assert source.notes == ["run: '/cam': 1 messages came late and are left out"]
    back = [*cams(), (CAM, 0.345, picture(0.05, 99)), *states(), *acts()]
    with pytest.raises(EpisodeError, match="run: '/cam': the stamp of message 4 is 1700000000.050 "
                       's, 0.250 s before an earlier one; expected stamps that rise'):  # fmt: skip
        rows(bag(tmp_path / 'back', back))


@pytest.mark.parametrize('resample', ['newest', 'linear'])
def test_of_equal_stamps_the_last_counts(tmp_path, resample):
    twice = [*usual(), (CAM, 0.211, picture(0.2, 77)), (JOINTS, 0.201, state(0.2, [99, 0, 0]))]
    found = rows(bag(tmp_path, twice), resample=resample)
    assert colours(found) == [0, 10, 77, 30, 40, 50] and first_joint(found)[2] == 99


def test_an_image_that_no_row_takes_is_not_unpacked(tmp_path):
    broken = (CAM, 0.06, picture(0.05, 0, data=np.zeros(3, np.uint8)))
    assert colours(rows(bag(tmp_path, [broken, *usual()]))) == [0, 10, 20, 30, 40, 50]


def test_images_are_read_one_at_a_time(tmp_path):
    told = [(CAM, t / 10, picture(t / 10, t, size=(200, 300))) for t in range(60)]  # 11 MB
    source = opened(bag(tmp_path, [*told, *states(120), *acts(60)]))
    tracemalloc.start()
    count = sum(1 for _ in source.episode(0).rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60 and peak < 6e6, peak


def words(place, tmp_path, *more):
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump(SAYS))
    given = ('import', place, '--format', 'rosbag', '--into', tmp_path / 'data')
    return [str(word) for word in (*given, '--mapping', tmp_path / 'map.yaml', *more)]


def test_the_command_takes_a_bag_once_and_says_what_it_left_out(tmp_path, capsys):
    place = bag(tmp_path, [one for one in usual() if one[0] != CAM or not 0.15 < one[1] < 0.35])
    assert main(words(place, tmp_path, 'task=stir', 'stale=0.15')) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert "run: '/cam' at 1 of 6 rows is stale" in out and '1 episodes, 5 rows' in out
    assert main(words(place, tmp_path, 'task=stir', 'stale=0.15')) == 0
    assert '1 were there already' in ' '.join(capsys.readouterr().out.split())
    dataset = Dataset.open(tmp_path / 'data')
    (record,) = dataset.episodes()
    episode = dataset.read(record.id)
    assert (record.task, record.gaps, record.controller) == ('stir', 1, 'teleop')
    assert episode.header.extra['imported'] == 'rosbag' and episode.header.created == BEGIN * NANO
    assert episode.gap.tolist() == [False, False, False, True, False]
    assert episode.images['front'][:, 0, 0, 0].tolist() == [0, 10, 10, 40, 50]
    assert episode.proprioception[:, 0].tolist() == [0, 2, 4, 8, 10]
    assert episode.requested[:, 1] == pytest.approx([0, -0.1, -0.2, -0.4, -0.5])


def test_the_command_says_that_a_mapping_is_needed_and_makes_no_dataset(tmp_path, capsys):
    place = bag(tmp_path, usual())
    assert main(words(place, tmp_path)[:-2]) == 2
    assert 'name a mapping with --mapping FILE' in capsys.readouterr().err
    assert main(words(place, tmp_path, 'action.key=/cmmd')) == 2
    assert "has no topic '/cmmd'. Did you mean '/cmd'" in capsys.readouterr().err
    assert not (tmp_path / 'data').exists()


def test_without_rosbags_the_command_says_what_to_install(tmp_path, capsys, monkeypatch):
    place = bag(tmp_path, usual())
    for name in [*sys.modules]:
        if name.startswith(('rosbags', 'moto_learning.exchange.')):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    assert main(words(place, tmp_path)) == 2
    assert "pip install -c constraints.txt '.[exchange]'" in capsys.readouterr().err
