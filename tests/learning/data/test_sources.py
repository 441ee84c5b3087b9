import shutil

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.merge import merge
from moto_core.errors import ConfigError, DatasetError
from moto_core.spec import Setup
from moto_learning.data.sources import dataset_roots, read_episodes
from tests.recorded import record, tiny_header, tiny_row, tiny_spec


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
    episodes = read_episodes([tmp_path], ['kettle', 'door']).episodes
    assert [episode.successful for episode in episodes] == [True, False, False]
    assert [episode.learned['bc_mask'].all() for episode in episodes] == [True, False, False]
    assert [episode.successful for episode in read_episodes([tmp_path]).episodes] == [False] * 3


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
    assert [len(episode) for episode in read_episodes(roots).episodes] == [3, 4]
    with pytest.raises(DatasetError, match='no dataset at'):
        read_episodes([tmp_path / 'nothing'])


def test_parts_decide_whatever_an_episodes_label_says(tmp_path):
    record_parts(tmp_path, ['', 'kettle door'])
    (record_,) = Dataset.open(tmp_path).episodes()
    for label in ('failure', 'success', 'unlabelled'):
        Dataset.open(tmp_path).label(record_.id, label)
        for parts, expected in ((['kettle'], True), (['light'], False)):
            (episode,) = read_episodes([tmp_path], parts).episodes
            assert (episode.outcome, episode.successful) == (label, expected)


def test_datasets_of_two_robots_are_an_error_that_names_both(tmp_path):
    normal, slow = (Setup(robot='franka', profile=name) for name in ('normal', 'slow'))
    for name, setup in (('a', normal), ('b', Setup()), ('c', normal), ('d', slow)):
        record(tmp_path / name, [3], setup=setup)
    roots = [tmp_path / name for name in 'abcd']
    found = read_episodes(roots[:3])
    assert (len(found.episodes), found.setup) == (3, normal)  # b's is not known
    assert read_episodes(roots[1:2]).setup == Setup()
    with pytest.raises(
        DatasetError, match="a' and '.*d' are of two robots: .*'normal' and 'slow'"
    ):
        read_episodes(roots)


def test_datasets_of_two_views_are_an_error_whichever_of_them_is_the_own_one(tmp_path):
    record(tmp_path / 'own', [3])
    record(tmp_path / 'wide', [3], setup=Setup(views={'front': 'wide'}))
    for names in (('own', 'wide'), ('wide', 'own')):
        with pytest.raises(DatasetError, match='are of two robots: views (none|front=wide) and'):
            read_episodes([tmp_path / name for name in names])


def test_datasets_of_two_specs_are_an_error_that_names_what_differs(tmp_path):
    record(tmp_path / 'a', [3])
    record(tmp_path / 'b', [3], tiny_spec(rate=10.0))
    with pytest.raises(DatasetError, match="a' and '.*b' are of two robots: rate 12.5 and 10.0"):
        read_episodes([tmp_path / 'a', tmp_path / 'b'])
    assert read_episodes([tmp_path / 'b']).spec == tiny_spec(rate=10.0)


def test_what_is_read_is_told_and_what_cannot_be_used_is_named(tmp_path):
    names, seen = record(tmp_path / 'a', [3, 4]), []
    record(tmp_path / 'b', [2])
    path = tmp_path / 'a' / 'episodes' / names[0] / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-50])
    roots = [tmp_path / 'a', tmp_path / 'b']
    found = read_episodes(roots, reading=lambda *told: seen.append(told))
    assert [len(episode) for episode in found.episodes] == [4, 2]
    assert list(found.skipped) == names[:1]
    assert seen == [(roots[0], 1, 1), (roots[1], 1, 1)]


def copied(root, lengths=(3, 4)):
    """Records dataset a and copies it to b; returns both and the ids."""
    ids = record(root / 'a', lengths)
    shutil.copytree(root / 'a', root / 'b')
    return root / 'a', root / 'b', ids


def test_an_episode_that_two_datasets_hold_alike_comes_once(tmp_path):
    a, b, ids = copied(tmp_path)
    new = record(b, [5])
    for root in (a, b):
        Dataset.open(root).label(ids[0], 'success')
    found = read_episodes([a, b, a])
    assert [episode.id for episode in found.episodes] == [*ids, *new]
    assert [episode.outcome for episode in found.episodes][0] == 'success'


def test_copies_of_an_episode_with_two_labels_are_an_error_that_names_both(tmp_path):
    a, b, ids = copied(tmp_path)
    Dataset.open(a).label(ids[1], 'success')
    Dataset.open(b).label(ids[1], 'failure')
    with pytest.raises(
        DatasetError,
        match=f"{ids[1]} is 'success' in '{a}' and 'failure' in '{b}'.*moto-data merge",
    ):
        read_episodes([a, b])
    merge(Dataset.open(b), Dataset.create_or_open(a))
    assert [one.outcome for one in read_episodes([a]).episodes] == ['unlabelled', 'failure']


def test_two_recordings_under_one_id_are_an_error_that_names_both(tmp_path):
    header = tiny_header()
    for name, rows in (('a', 3), ('b', 4)):
        with Dataset.create_or_open(tmp_path / name, floor=0) as dataset:
            writer = dataset.new_episode(header)
            for t in range(rows):
                writer.append(tiny_row(t))
            writer.close('failure')
    with pytest.raises(DatasetError, match=f"a' and '.*b' hold two recordings .*{header.id}"):
        read_episodes([tmp_path / 'a', tmp_path / 'b'])
