import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError
from moto_learning.data.sources import dataset_roots, read_episodes
from tests.recorded import record, tiny_header, tiny_row


def record_parts(root, done_by_row, parts=('kettle', 'light', 'door')):
    """Records an episode whose row t has the parts of done_by_row[t] in place."""
    with Dataset.create_or_open(root, floor=0) as dataset:
        writer = dataset.new_episode(tiny_header(parts=parts))
        for t, done in enumerate(done_by_row):
            writer.append(tiny_row(t, done_parts=tuple(done.split())))
        writer.close('failure')


def test_success_by_parts_is_those_parts_and_not_any_as_many(tmp_path):
    """Two of three are wanted, by name: kettle and door."""
    record_parts(tmp_path, ['', 'kettle', 'kettle door'])
    record_parts(tmp_path, ['', 'kettle', 'kettle light'])
    record_parts(tmp_path, ['kettle', 'door'])
    episodes = read_episodes([tmp_path], ['kettle', 'door'])
    assert [episode.successful for episode in episodes] == [True, False, False]
    assert [episode.learned['bc_mask'].all() for episode in episodes] == [True, False, False]
    assert [episode.successful for episode in read_episodes([tmp_path])] == [False] * 3


def test_a_part_that_the_task_does_not_have_is_named(tmp_path):
    record_parts(tmp_path, ['kettle'])
    with pytest.raises(ConfigError, match="'top_burner'.*Valid: door, kettle, light"):
        read_episodes([tmp_path], ['kettle', 'top_burner'])


def test_a_runs_own_dataset_is_read_once_it_has_an_episode(tmp_path):
    data, run = tmp_path / 'data', tmp_path / 'run'
    record(data, [3])
    assert dataset_roots([data], run) == [data]
    Dataset.create_or_open(run / 'dataset').close()
    assert dataset_roots([data], run) == [data]  # killed in its first episode
    record(run / 'dataset', [4])
    roots = dataset_roots([data], run)
    assert [len(episode) for episode in read_episodes(roots)] == [3, 4]
    with pytest.raises(DatasetError, match='no dataset at'):
        read_episodes([tmp_path / 'nothing'])
