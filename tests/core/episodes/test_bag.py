import numpy as np
import pytest
import yaml

from moto_core.episodes.dataset import Dataset
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
