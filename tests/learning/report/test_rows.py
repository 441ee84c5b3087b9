"""Which runs are seeds of one row, and which are another row or the same run again."""

import pytest

from moto_core.errors import ConfigError
from moto_learning.report.places import find_runs
from moto_learning.report.report import make_report
from moto_learning.report.rows import row_names
from moto_learning.report.runs import read_run
from tests.learning.report.written_run import TASK, entry, evaluation, record, write_run


def runs_in(*folders):
    places, problems = find_runs(folders)
    return [read_run(place) for place in places], problems


def test_seeds_of_equal_settings_share_a_name_and_others_do_not(tmp_path):
    write_run(tmp_path / 'one' / TASK / 'moto' / 'seed0', 'seed=0')
    write_run(tmp_path / 'one' / TASK / 'moto' / 'seed1', 'seed=1', 'train.online_episodes=5')
    write_run(tmp_path / 'two' / TASK / 'moto' / 'seed0', 'actor_critic.horizon=2')
    write_run(tmp_path / 'two' / TASK / 'no_bc' / 'seed0', 'actor_critic.actor.beta=0')
    runs, _ = runs_in(tmp_path / 'one', tmp_path / 'two')
    assert row_names(runs) == ['moto (one)', 'moto (one)', 'moto (two)', 'no_bc']
    assert row_names(runs[:2]) == ['moto', 'moto']


def test_two_settings_from_one_folder_are_told_apart_by_a_number(tmp_path):
    write_run(tmp_path / 'one' / TASK / 'moto' / 'seed0')
    write_run(tmp_path / 'one' / TASK / 'moto' / 'seed1', 'actor_critic.horizon=2')
    runs, _ = runs_in(tmp_path / 'one')
    assert row_names(runs) == ['moto (one)', 'moto (one) 2']


def test_settings_that_cannot_be_read_are_those_of_the_seeds_beside_them_alone(tmp_path):
    for name in ('sweep/t/moto/seed0', 'sweep/t/moto/seed1', 'a', 'b'):
        write_run(tmp_path / name)
        if name != 'sweep/t/moto/seed0':
            (tmp_path / name / 'config.yaml').write_text('[')
    runs, _ = runs_in(tmp_path / 'sweep', tmp_path / 'a', tmp_path / 'b')
    assert row_names(runs) == ['moto', 'moto', 'unknown (a)', 'unknown (b)']


def swept(root, data, seeds=(0,)):
    """A sweep of MOTO on demonstrations recorded anew into it; `data` says which ones."""
    demonstrations = record(root / 'data' / TASK, **data)
    for seed in seeds:
        write_run(
            root / TASK / 'moto' / f'seed{seed}',
            f'seed={seed}',
            evaluations=[evaluation(0, 4)],
            data=[demonstrations],
        )


def test_runs_of_other_demonstrations_are_rows_named_by_them(tmp_path):
    swept(tmp_path / 'ten', {'episodes': 3, 'starts': 50}, seeds=(0, 1))
    swept(tmp_path / 'again', {'episodes': 3, 'starts': 50}, seeds=(2,))
    swept(tmp_path / 'few', {'episodes': 2, 'starts': 50})
    runs, _ = runs_in(*(tmp_path / name for name in ('ten', 'again', 'few')))
    same, other = runs[0].given, runs[3].given
    assert (same.episodes, other.episodes) == (3, 2) and len(same.hash) == len(other.hash) == 8
    assert row_names(runs) == [f'moto (3 episodes, data {same.hash})'] * 3 + [
        f'moto (2 episodes, data {other.hash})'
    ]
    assert row_names(runs[:3]) == ['moto'] * 3


def test_other_settings_on_other_data_say_both(tmp_path):
    swept(tmp_path / 'one', {'episodes': 1, 'starts': 50})
    data = record(tmp_path / 'two' / 'data' / TASK, episodes=1, starts=60)
    path = tmp_path / 'two' / TASK / 'moto' / 'seed0'
    write_run(path, 'actor_critic.horizon=2', data=[data])
    runs, _ = runs_in(tmp_path / 'one', tmp_path / 'two')
    assert row_names(runs) == [
        f'moto (one, 1 episode, data {runs[0].given.hash})',
        f'moto (two, 1 episode, data {runs[1].given.hash})',
    ]


def test_data_that_nobody_knows_is_that_of_the_seeds_beside_it(tmp_path):
    swept(tmp_path / 'sweep', {'episodes': 1, 'starts': 50})
    write_run(tmp_path / 'sweep' / TASK / 'moto' / 'seed1', 'seed=1', updates=0)
    write_run(tmp_path / 'begun' / TASK / 'moto' / 'seed0', updates=0)
    runs, _ = runs_in(tmp_path / 'sweep', tmp_path / 'begun')
    first = f'moto (1 episode, data {runs[0].given.hash})'
    assert row_names(runs) == [first, first, 'moto (begun)']


def test_the_same_seed_twice_is_refused_by_both_folders(tmp_path):
    for name, settings in (('one', []), ('longer', ['train.online_episodes=9'])):
        write_run(tmp_path / name, 'seed=3', *settings, evaluations=[evaluation(0, 4)])
    with pytest.raises(ConfigError, match='are both seed 3 of moto on metaworld') as error:
        make_report([tmp_path / 'one', tmp_path / 'longer'], starts=1, videos=0)
    assert f"'{tmp_path / 'one'}' and '{tmp_path / 'longer'}'" in str(error.value)


def test_a_runs_own_episodes_are_none_that_it_was_given(tmp_path):
    lines = [entry(0), entry(1)]
    own = [line['id'] for line in lines]
    data = record(tmp_path / 'data', episodes=2)
    path = write_run(tmp_path / 'run', entries=lines, data=[data], own=own)
    [run], _ = runs_in(path)
    assert run.given.episodes == 2
    write_run(tmp_path / 'begun', data=[data])
    [begun], _ = runs_in(tmp_path / 'begun')
    assert begun.given == run.given


def test_episodes_that_no_simulator_made_are_known_by_their_names(tmp_path):
    for name in ('one', 'two'):
        write_run(tmp_path / name / 'run', data=[record(tmp_path / name / 'data', episodes=1)])
    (one, two), _ = runs_in(tmp_path / 'one' / 'run', tmp_path / 'two' / 'run')
    assert one.given.hash != two.given.hash


def test_data_that_cannot_be_read_is_a_line_and_is_known_by_names(tmp_path):
    data = record(tmp_path / 'data', episodes=1, starts=50)
    path = write_run(tmp_path / 'run', data=[data])
    [whole], _ = runs_in(path)
    (data / 'episodes').rename(tmp_path / 'aside')
    (data / 'episodes').symlink_to(tmp_path / 'aside')
    [run], _ = runs_in(path)
    assert run.given.episodes == 1 and run.given.hash != whole.given.hash
    assert any('episodes' in line for line in run.problems)
