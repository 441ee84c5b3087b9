import struct
import zlib

import numpy as np
import pytest
import yaml
from mcap.opcode import Opcode

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.merge import merge
from tests.recorded import record, tiny_row, tiny_spec


def test_rosbags_opens_an_episode_s_folder_as_a_bag(tmp_path):
    highlevel = pytest.importorskip('rosbags.highlevel')
    (name,) = record(tmp_path, [3])
    with highlevel.AnyReader([tmp_path / 'episodes' / name]) as reader:
        assert reader.message_count == 20
        assert reader.duration == 2 * 80_000_000 + 1
        assert reader.topics['/moto/step/image/front'].msgcount == 3
        read = [(c.topic, reader.deserialize(raw, c.msgtype)) for c, _, raw in reader.messages()]
    images = [message for topic, message in read if topic == '/moto/step/image/front']
    joints = [message for topic, message in read if topic == '/moto/step/proprioception']
    np.testing.assert_array_equal(images[1].data.reshape(8, 8, 3), tiny_row(1).images['front'])
    assert joints[2].name == tiny_spec().names
    np.testing.assert_array_equal(joints[2].position, [2, 3, 4])


def test_the_metadata_is_what_rosbag2_writes(tmp_path):
    (name,) = record(tmp_path, [3])
    text = (tmp_path / 'episodes' / name / 'metadata.yaml').read_text()
    about = yaml.safe_load(text)['rosbag2_bagfile_information']
    assert (about['version'], about['storage_identifier']) == (5, 'mcap')
    assert about['relative_file_paths'] == ['episode.mcap']
    assert about['starting_time'] == {'nanoseconds_since_epoch': tiny_row(0).stamp}
    assert '&' not in text
    counts = {
        t['topic_metadata']['name']: t['message_count'] for t in about['topics_with_message_count']
    }
    assert counts['/moto/episode/end'] == 1
    assert sum(counts.values()) == about['message_count'] == 20


def test_a_folder_that_is_no_bag_is_whole_and_recover_makes_it_one(tmp_path):
    (name,) = record(tmp_path, [3])
    path = tmp_path / 'episodes' / name / 'metadata.yaml'
    before = path.read_text()
    path.unlink()
    assert Dataset.open(tmp_path).verify() == []
    assert not path.exists()
    with Dataset.create_or_open(tmp_path) as dataset:
        dataset.verify(repair=True)
    assert path.read_text() == before


def spoil_summary(path, missing):
    """Writes a summary without the records of one opcode; every checksum fits."""
    data = path.read_bytes()
    end = len(data) - 8
    start, _, _ = struct.unpack('<QQI', data[end - 20 : end])
    summary, place = b'', start
    while place < end - 29:
        opcode, size = struct.unpack_from('<BQ', data, place)
        summary += data[place : place + 9 + size] if opcode != missing else b''
        place += 9 + size
    footer = struct.pack('<BQQQ', Opcode.FOOTER, 20, start, 0)
    crc = struct.pack('<I', zlib.crc32(summary + footer))
    path.write_bytes(data[:start] + summary + footer + crc + data[-8:])


SPOILED = {
    'a channel without schema': (Opcode.SCHEMA, 'has no schema'),
    'no statistics': (Opcode.STATISTICS, 'no statistics'),
}


@pytest.mark.parametrize('name', SPOILED)
def test_a_summary_that_makes_no_bag_is_damage_that_is_found_refused_and_mended(tmp_path, name):
    missing, said = SPOILED[name]
    bad, good = record(tmp_path / 'a', [3, 2])
    folder = tmp_path / 'a' / 'episodes' / bad
    spoil_summary(folder / 'episode.mcap', missing)
    (folder / 'metadata.yaml').unlink()
    (found,) = [item for item in Dataset.open(tmp_path / 'a').verify() if item.id == bad]
    assert (found.damaged, found.rows) == (True, 3) and said in found.reason
    with Dataset.create_or_open(tmp_path / 'b', floor=0) as target:
        done = merge(Dataset.open(tmp_path / 'a'), target)
    assert (done.copied, [item.id for item in done.refused]) == ([good], [bad])
    with Dataset.create_or_open(tmp_path / 'a') as held:
        held.verify(repair=True)
        assert [item.rows for item in held.episodes()] == [3, 2]
        assert held.verify() == []
    assert (folder / 'metadata.yaml').exists()
    assert [p.name for p in (tmp_path / 'a' / 'quarantine').iterdir()] == [bad]
