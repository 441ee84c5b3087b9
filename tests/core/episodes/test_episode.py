import json

import numpy as np
import pytest
from mcap.reader import make_reader

from moto_core.episodes.episode import header_from_dict, header_to_dict
from moto_core.episodes.messages import encode_string
from moto_core.episodes.reader import read_episode, salvage
from moto_core.episodes.recovery import recover
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import EpisodeError
from tests.recorded import tiny_header, tiny_row, tiny_spec


def write(folder, steps, spec=None, outcome='success', **known):
    with EpisodeWriter(folder, tiny_header(spec, **known), floor=0) as writer:
        for step in steps:
            writer.append(step)
        writer.close(outcome)
    return writer.path


@pytest.mark.parametrize('proprioception', [(), ('position',), ('velocity', 'position')])
def test_an_episode_comes_back_exactly(tmp_path, proprioception):
    spec = tiny_spec(proprioception)
    steps = [tiny_row(t, spec, success=t == 3, intervention=t == 2) for t in range(5)]
    path = write(tmp_path, steps, spec, policy_hash='abc', extra={'operator': 'anna'})
    episode = read_episode(path)
    assert path == tmp_path / 'episode.mcap'
    assert len(episode) == 5
    assert episode.header.spec == spec
    assert (episode.header.policy_hash, episode.header.extra) == ('abc', {'operator': 'anna'})
    assert (episode.outcome, episode.ended) == ('success', 'done')
    for t, step in enumerate(steps):
        assert episode.stamp[t] == step.stamp
        for name in spec.cameras:
            np.testing.assert_array_equal(episode.images[name][t], step.images[name])
        np.testing.assert_array_equal(episode.requested[t], step.requested)
        np.testing.assert_array_equal(episode.executed[t], step.executed)
        if proprioception:
            np.testing.assert_array_equal(episode.proprioception[t], step.proprioception)
        assert (episode.reasons[t], episode.latency[t]) == (step.reasons, step.latency)
        assert episode.disagreement[t] == step.disagreement
    assert episode.reward.tolist() == [0, 1, 2, 3, 4]
    assert episode.success.tolist() == [False, False, False, True, False]
    assert episode.intervention.tolist() == [False, False, True, False, False]
    assert episode.is_first.tolist() == [True, False, False, False, False]
    assert episode.is_last.tolist() == [False, False, False, False, True]
    assert (episode.proprioception is None) == (not proprioception)


def test_the_header_comes_back_from_its_json():
    header = tiny_header(config_hash='c')
    assert header_from_dict(json.loads(json.dumps(header_to_dict(header)))) == header
    with pytest.raises(EpisodeError, match='format is 99; expected one of'):
        header_from_dict({**header_to_dict(header), 'format': 99})


def test_a_source_whose_reward_nobody_knows_is_refused_when_written_and_when_read(tmp_path):
    words = "unknown source in the header 'twim'. Did you mean 'twin'. Valid: robot, sim, twin"
    with pytest.raises(EpisodeError, match=words):
        tiny_header(source='twim')
    header = tiny_header()
    object.__setattr__(header, 'source', 'twim')  # as a version wrote it that took any
    with EpisodeWriter(tmp_path, header, floor=0) as writer:
        writer.append(tiny_row(0, header.spec))
        writer.close('success')
    with pytest.raises(EpisodeError, match=words):
        read_episode(writer.path)


@pytest.mark.parametrize('source', ['sim', 'robot', 'twin'])
def test_every_source_that_there_ever_was_is_read(source):
    header = header_to_dict(tiny_header(source=source))
    for version in (1, 2):
        assert header_from_dict({**header, 'format': version}).source == source


def test_each_step_is_on_file_as_soon_as_it_is_appended(tmp_path):
    writer = EpisodeWriter(tmp_path, tiny_header(), floor=0)
    for t in range(4):
        writer.append(tiny_row(t))
        assert len(salvage(writer.active).rows) == t + 1
    assert not writer.path.exists()
    writer.close()
    assert writer.path.exists()
    assert not writer.active.exists()


def test_rosbags_reads_the_channels_as_stock_messages(tmp_path):
    highlevel = pytest.importorskip('rosbags.highlevel')
    path = write(tmp_path, [tiny_row(t) for t in range(3)])
    with highlevel.AnyReader([path]) as reader:
        kinds = {c.topic: c.msgtype for c in reader.connections}
        rows = [(c.topic, reader.deserialize(raw, c.msgtype)) for c, _, raw in reader.messages()]
    assert kinds == {
        '/moto/episode': 'std_msgs/msg/String',
        '/moto/episode/end': 'std_msgs/msg/String',
        '/moto/step/image/front': 'sensor_msgs/msg/Image',
        '/moto/step/image/wrist': 'sensor_msgs/msg/Image',
        '/moto/step/proprioception': 'sensor_msgs/msg/JointState',
        '/moto/step/requested': 'sensor_msgs/msg/JointState',
        '/moto/step/executed': 'sensor_msgs/msg/JointState',
        '/moto/step/info': 'std_msgs/msg/String',
    }
    assert rows[0][0] == '/moto/episode'
    assert json.loads(rows[0][1].data)['spec_hash'] == tiny_spec().hash
    requested = [message for topic, message in rows if topic == '/moto/step/requested']
    assert requested[2].name == ['j1', 'j2', 'finger']
    np.testing.assert_allclose(requested[2].velocity, [0.04, 0.042, 0.0011], rtol=1e-6)
    wrist = next(message for topic, message in rows if topic == '/moto/step/image/wrist')
    assert (wrist.height, wrist.width, wrist.encoding) == (8, 16, 'rgb8')


@pytest.mark.parametrize(
    'change, message',
    [
        ({'images': {}}, 'images are {}; expected'),
        (
            {
                'images': {
                    'front': np.zeros((8, 8, 3), np.uint8),
                    'wrist': np.zeros((8, 8, 3), np.uint8),
                }
            },
            r'\(8, 16, 3\)',
        ),
        (
            {
                'images': {
                    'front': np.zeros((8, 8, 3), np.float32),
                    'wrist': np.zeros((8, 16, 3), np.uint8),
                }
            },
            'float32',
        ),
        ({'requested': np.zeros(2, np.float32)}, r'requested is \(2,\); expected \(3,\)'),
        ({'executed': np.zeros(4, np.float32)}, r'executed is \(4,\); expected \(3,\)'),
        ({'proprioception': None}, r'proprioception is \(0,\); expected \(6,\)'),
        ({'stamp': -1}, 'stamp is -1'),
    ],
)
def test_a_step_that_does_not_fit_is_refused_and_the_episode_goes_on(tmp_path, change, message):
    writer = EpisodeWriter(tmp_path, tiny_header(), floor=0)
    writer.append(tiny_row(0))
    with pytest.raises(EpisodeError, match=message):
        writer.append(tiny_row(1, **change))
    writer.append(tiny_row(1))
    assert len(read_episode(writer.close())) == 2


def test_numbers_that_are_not_finite_are_kept_and_the_json_stays_valid(tmp_path):
    wild = np.array([np.nan, np.inf, -1e30], np.float32)
    path = write(tmp_path, [tiny_row(0, requested=wild, disagreement=float('nan'))])
    episode = read_episode(path)
    np.testing.assert_array_equal(episode.requested[0], wild)
    assert np.isnan(episode.disagreement[0])
    with path.open('rb') as stream:
        infos = [m.data for _, c, m in make_reader(stream).iter_messages(['/moto/step/info'])]
    assert len(infos) == 1
    assert b'"disagreement": null' in infos[0]


def test_record_order_stays_monotonic_when_the_clock_jumps_back_an_hour(tmp_path):
    hour, start = 3_600_000_000_000, tiny_row(0).stamp
    stamps = [start, start + 1, start - hour, start - hour + 1]
    path = write(tmp_path, [tiny_row(t, stamp=stamp) for t, stamp in enumerate(stamps)])
    with path.open('rb') as stream:
        times = [m.log_time for _, _, m in make_reader(stream).iter_messages(log_time_order=False)]
    assert times == sorted(times)
    assert len(times) > 20
    assert read_episode(path).stamp.tolist() == stamps


def test_simulated_time_may_start_at_zero(tmp_path):
    path = write(tmp_path, [tiny_row(t, stamp=t * 80_000_000) for t in range(3)])
    assert read_episode(path).stamp.tolist() == [0, 80_000_000, 160_000_000]
    with path.open('rb') as stream:
        assert make_reader(stream).get_summary().statistics.message_end_time == 160_000_000


def test_raw_messages_lie_beside_the_steps(tmp_path):
    with EpisodeWriter(tmp_path, tiny_header(), floor=0) as writer:
        stamp = tiny_row(0).stamp
        writer.raw('/moto/guard/state', 'std_msgs/msg/String', encode_string('READY'), stamp)
        writer.append(tiny_row(0))
        writer.raw('/odd', 'my_msgs/msg/Odd', b'\0\1\0\0\x07', stamp + 1, 'uint8 value\n')
    found = salvage(writer.path, raw=True)
    assert len(found.rows) == 1
    assert [(m.topic, m.message_type) for m in found.raw] == [
        ('/moto/guard/state', 'std_msgs/msg/String'),
        ('/odd', 'my_msgs/msg/Odd'),
    ]
    assert found.raw[0].cdr == encode_string('READY')
    assert found.raw[1].definition == 'uint8 value\n'


def test_raw_refuses_the_episode_s_own_topics_and_unknown_types(tmp_path):
    with EpisodeWriter(tmp_path, tiny_header(), floor=0) as writer:
        with pytest.raises(EpisodeError, match='belongs to the episode'):
            writer.raw('/moto/step/info', 'std_msgs/msg/String', encode_string(''), 1)
        with pytest.raises(EpisodeError, match='give its definition'):
            writer.raw('/odd', 'my_msgs/msg/Odd', b'', 1)
        for stamp in (-1, 1 << 61, 1 << 64):
            with pytest.raises(EpisodeError, match=f'stamp is {stamp}; expected'):
                writer.raw('/state', 'std_msgs/msg/String', encode_string(''), stamp)
        with pytest.raises(EpisodeError, match='bytes at once'):
            writer.raw('/odd', 'my_msgs/msg/Odd', b'', 1, ' ' * (1 << 28))
        writer.append(tiny_row(0))
    assert len(read_episode(writer.path)) == 1


def test_an_exception_closes_the_episode_and_says_so(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        EpisodeWriter(tmp_path, tiny_header(), floor=0) as writer,
    ):
        writer.append(tiny_row(0))
        _ = 1 / 0
    episode = read_episode(tmp_path)
    assert (episode.outcome, episode.ended, len(episode)) == ('unlabelled', 'exception', 1)


def test_recording_stops_cleanly_before_the_disk_is_full(tmp_path):
    left = iter([300, 250, 201, 199])
    writer = EpisodeWriter(tmp_path, tiny_header(), floor=200, free=lambda _: next(left))
    for t in range(3):
        writer.append(tiny_row(t))
    with pytest.raises(EpisodeError, match='3 rows are kept; free some space'):
        writer.append(tiny_row(3))
    episode = read_episode(tmp_path)
    assert (len(episode), episode.ended, episode.outcome) == (3, 'disk_full', 'unlabelled')
    with pytest.raises(EpisodeError, match="is closed .ended 'disk_full'"):
        writer.append(tiny_row(3))


def test_an_episode_is_never_written_over_another(tmp_path):
    path = write(tmp_path, [tiny_row(0)])
    before = path.read_bytes()
    with pytest.raises(EpisodeError, match='exists'):
        EpisodeWriter(tmp_path, tiny_header(), floor=0)
    assert path.read_bytes() == before
    writer = EpisodeWriter(tmp_path / 'other', tiny_header(), floor=0)
    with pytest.raises(EpisodeError, match='cannot start'):
        EpisodeWriter(tmp_path / 'other', tiny_header(), floor=0)
    writer.close()


def test_a_folder_that_cannot_be_made_is_an_episode_error(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(EpisodeError, match='cannot start an episode'):
        EpisodeWriter(tmp_path / 'file' / 'folder', tiny_header(), floor=0)


def test_an_unknown_outcome_and_a_missing_file_are_named(tmp_path):
    writer = EpisodeWriter(tmp_path, tiny_header(), floor=0)
    with pytest.raises(EpisodeError, match="unknown outcome 'sucess'. Did you mean 'success'"):
        writer.close('sucess')
    writer.close()
    with pytest.raises(EpisodeError, match='holds no rows'):
        read_episode(tmp_path)
    with pytest.raises(EpisodeError, match='no episode file'):
        read_episode(tmp_path / 'none.mcap')


BEYOND = {
    'reward': -1e39,
    'disagreement': 1e39,
    'requested': np.array([0.0, 1e39, 0.0]),
    'executed': np.array([0.0, 0.0, -1e39]),
    'proprioception': np.full(6, 1e39),
}


@pytest.mark.parametrize('name', BEYOND)
def test_a_number_beyond_float32_is_refused_at_writing(tmp_path, name):
    with EpisodeWriter(tmp_path, tiny_header(), floor=0) as writer:
        writer.append(tiny_row(0))
        with pytest.raises(EpisodeError, match=f'{name} is .*e.39.*what float32 holds'):
            writer.append(tiny_row(1, **{name: BEYOND[name]}))
        writer.append(tiny_row(1, reward=float(np.finfo(np.float32).max)))
        writer.close('failure')
    assert len(read_episode(writer.path)) == 2


@pytest.mark.parametrize('name', BEYOND)
def test_a_number_beyond_float32_in_a_file_is_read_as_infinite(tmp_path, name, monkeypatch):
    """As an earlier version wrote it: read, and read again once recovered, without a warning."""
    with monkeypatch.context() as patched:
        patched.setattr('moto_core.episodes.codec.check_numbers', lambda row: None)
        path = write(tmp_path, [tiny_row(0), tiny_row(1, **{name: BEYOND[name]})])
    value = getattr(read_episode(path), name)
    assert np.isfinite(value[0]).all() and np.isinf(value[1]).any()
    path.rename(tmp_path / 'episode.mcap.active')
    again = getattr(read_episode(recover(tmp_path / 'episode.mcap.active')), name)
    assert np.isfinite(again[0]).all() and not np.isfinite(again[1]).all()


@pytest.mark.parametrize(
    'changes',
    [
        {'reasons': ('\ud800x',)},
        {'reasons': ('\x1b[2J',)},
        {'done_parts': ('a\nb',)},
        {'latency': {'x\ud800': 1.0}},
        {'latency': {'\x07': 1.0}},
        {'reasons': (3,)},
    ],
)
def test_a_name_that_is_no_plain_text_is_not_written_and_the_episode_goes_on(tmp_path, changes):
    (name,) = changes
    with EpisodeWriter(tmp_path, tiny_header(), floor=0) as writer:
        writer.append(tiny_row(0))
        with pytest.raises(EpisodeError, match=f"a row's {name}: .*expected"):
            writer.append(tiny_row(1, **changes))
        writer.append(tiny_row(1))
    assert len(read_episode(writer.path)) == 2


@pytest.mark.parametrize('compression', ['zstd', 'lz4', 'none'])
def test_an_episode_is_read_the_same_however_it_is_compressed(tmp_path, compression):
    with EpisodeWriter(tmp_path, tiny_header(), floor=0, compression=compression) as writer:
        for t in range(3):
            writer.append(tiny_row(t))
    assert compression == 'none' or compression.encode() in writer.path.read_bytes()
    episode = read_episode(tmp_path)
    np.testing.assert_array_equal(episode.images['front'][2], tiny_row(2).images['front'])


def test_free_space_is_looked_at_before_each_row_and_each_megabyte_of_raw_messages(tmp_path):
    looks = []
    writer = EpisodeWriter(tmp_path, tiny_header(), floor=5, free=lambda _: looks.append(1) or 9)
    for number in range(20):
        writer.raw('/a', 'std_msgs/msg/String', bytes(300_000), number)
    assert len(looks) == 1 + 19 // 4
    writer.append(tiny_row(0))
    writer.append(tiny_row(1))
    assert len(looks) == 7
    writer.close()
