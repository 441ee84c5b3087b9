"""What drove, read from files that may be missing; where another bundle begins."""

import shutil
from pathlib import Path

import pytest

from moto_core.errors import ConfigError
from moto_learning.report.demo_drives import (
    Drive,
    Swap,
    demonstrations,
    read_drive,
    read_drives,
    swaps,
)
from tests.learning.report.written_demo import driven


def drives(before, logged, after):
    """Drives of bundles that are letters."""
    found = {
        'before': Drive(name='before', data=Path(), bundle=before),
        'rounds': Drive(name='rounds', data=Path(), episodes=[driven(one) for one in logged]),
    }
    return found | {'after': Drive(name='after', data=Path(), bundle=after)}


def test_logged_episodes_are_those_of_the_dataset_that_are_no_demonstrations(written):
    found = read_drives(written)
    logged = found['rounds'].episodes
    assert [one.outcome for one in logged] == ['failure', 'failure', 'success', 'success']
    assert [one.seed for one in logged] == [7000, 7001, 7002, 7003]
    assert [one.id for one in logged] == sorted(one.id for one in logged)
    assert demonstrations(written) == 2
    assert logged[0].bundle == logged[1].bundle == found['before'].bundle
    assert logged[3].bundle == found['after'].bundle
    assert [one.index for one in swaps(found)] == [2, 3]
    assert all(one.recorded for drive in found.values() for one in drive.episodes)


def test_a_drive_that_left_no_file_still_has_its_logged_episodes(written, tmp_path):
    shutil.copytree(written / 'dataset', tmp_path / 'dataset')
    found = read_drive(tmp_path, 'rounds')
    assert found.outcomes == ['failure', 'failure', 'success', 'success']
    assert [one.seed for one in found.episodes] == [None] * 4
    assert {one.decisions for one in found.episodes} == {8}
    assert found.latency_ms == []


def test_a_folder_without_drives_has_empty_ones(tmp_path):
    assert all(not drive.episodes for drive in read_drives(tmp_path).values())
    assert swaps(read_drives(tmp_path)) == []
    assert demonstrations(tmp_path) == 0


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / 'after.json').write_text('{')
    with pytest.raises(ConfigError, match='after.json. is damaged'):
        read_drives(tmp_path)


@pytest.mark.parametrize(
    'logged, after, found',
    [
        ('aab', 'b', [(2, 'b')]),
        ('aaa', 'b', [(3, 'b')]),  # it drove the held-out starts alone
        ('aba', 'a', [(1, 'b'), (2, 'a')]),  # rolled back
        (['a', '', 'a'], 'a', []),  # not known
        ('bb', 'b', [(0, 'b')]),
    ],
)
def test_a_swap_is_where_another_bundle_drives(logged, after, found):
    assert swaps(drives('a', logged, after)) == [Swap(*one) for one in found]
    assert swaps(drives('', [], '')) == []
