"""What was discarded is no episode, though a copy of it lies in episodes/ (two computers)."""

import shutil

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.merge import merge
from moto_core.episodes.quarantine import discarded
from moto_core.errors import DatasetError
from tests.recorded import record


def synced(source, target):
    """Copies what is there, as `rsync -a` does: nothing of the target is deleted."""
    shutil.copytree(source, target, dirs_exist_ok=True)


def ids(root):
    return [one.id for one in Dataset.open(root).episodes()]


def damage(path, place):
    data = bytearray(path.read_bytes())
    data[place:] = bytes(len(data) - place)
    path.write_bytes(data)


@pytest.mark.parametrize('lock', [False, True])
def test_an_episode_that_was_discarded_after_a_copy_is_none_of_the_copy_s(tmp_path, lock):
    robot, learner = tmp_path / 'robot', tmp_path / 'learner'
    kept, left = record(robot, [2, 3], outcome='success')
    synced(robot, learner)
    assert ids(learner) == [kept, left]
    with Dataset.open(robot, lock=True) as dataset:
        dataset.quarantine(left, 'discarded by the\noperator')
    synced(robot, learner)
    with Dataset.open(learner, lock=lock) as dataset:
        assert [one.id for one in dataset.episodes()] == [kept]
        (why,) = dataset.left_out.values()
        assert list(dataset.left_out) == [left] and dataset.left_out == {
            item.id: item.reason for item in dataset.verify()
        }
    place = learner / 'quarantine' / left
    assert why.startswith('it was discarded (discarded by the operator) and is not used: ')
    assert f"it lies in '{place}' too" in why and "'moto-data remove'" in why
    with Dataset.open(learner, lock=True) as dataset:
        dataset.quarantine(left, 'as on the robot')
    synced(robot, learner)
    assert ids(learner) == [kept] and not Dataset.open(learner).left_out


def test_one_that_is_taken_back_from_the_quarantine_is_an_episode_again(tmp_path):
    (name,) = record(tmp_path, [2])
    with Dataset.open(tmp_path, lock=True) as dataset:
        place = dataset.quarantine(name, 'a mistake')
        shutil.copytree(place, tmp_path / 'episodes' / name)
        dataset.refresh()
        assert dataset.episodes() == []
    shutil.rmtree(place)
    assert ids(tmp_path) == [name] and not Dataset.open(tmp_path).left_out


def test_a_repaired_episode_stays_whose_damaged_file_lies_in_quarantine(tmp_path):
    (name,) = record(tmp_path, [20])
    path = tmp_path / 'episodes' / name / 'episode.mcap'
    path.with_name('episode.mcap.active').write_bytes(path.read_bytes())
    damage(path, path.stat().st_size // 2)
    with Dataset.open(tmp_path, lock=True) as dataset:  # the unfinished file goes there too
        dataset.verify(repair=True)
    assert len(list((tmp_path / 'quarantine').iterdir())) == 2
    assert ids(tmp_path) == [name] and not Dataset.open(tmp_path).left_out
    with Dataset.open(tmp_path, lock=True) as dataset:
        assert dataset.quarantine(name, 'and now discarded').name == f'{name}-2'
    assert list(discarded(tmp_path)) == [name]


def test_a_sound_copy_of_what_no_recovery_could_use_is_an_episode(tmp_path):
    (name,) = record(tmp_path / 'a', [5])
    synced(tmp_path / 'a', tmp_path / 'b')
    damage(tmp_path / 'a' / 'episodes' / name / 'episode.mcap', 100)
    with Dataset.open(tmp_path / 'a', lock=True) as dataset:
        (found,) = dataset.verify(repair=True)
        assert found.rows == 0 and (found.path / 'episode.mcap.damaged').is_file()
        assert merge(Dataset.open(tmp_path / 'b'), dataset).copied == [name]
    synced(tmp_path / 'a', tmp_path / 'b')
    assert ids(tmp_path / 'a') == ids(tmp_path / 'b') == [name]


def test_a_copy_under_a_name_like_a_second_place_takes_nothing_out(tmp_path):
    (name,) = record(tmp_path, [2])
    shutil.copytree(tmp_path / 'episodes' / name, tmp_path / 'episodes' / f'{name}-1')
    with Dataset.open(tmp_path, lock=True) as dataset:
        assert dataset.quarantine(f'{name}-1', 'a copy').name == f'{name}-1-copy'
    assert ids(tmp_path) == [name]


def test_what_was_discarded_does_not_come_back_by_a_merge(tmp_path):
    (name,) = record(tmp_path / 'a', [2])
    synced(tmp_path / 'a', tmp_path / 'b')
    with Dataset.open(tmp_path / 'b', lock=True) as dataset:
        dataset.quarantine(name, 'discarded')
        (refused,) = merge(Dataset.open(tmp_path / 'a'), dataset).refused
    assert 'it was discarded (discarded)' in refused.reason
    assert not (tmp_path / 'b' / 'episodes' / name).exists()


def test_a_quarantine_that_cannot_be_read_is_said(tmp_path):
    record(tmp_path, [2])
    (tmp_path / 'quarantine').rmdir()
    assert len(ids(tmp_path)) == 1  # a copy without it
    (tmp_path / 'quarantine').write_text('')
    with pytest.raises(DatasetError, match='cannot read .*quarantine'):
        ids(tmp_path)
