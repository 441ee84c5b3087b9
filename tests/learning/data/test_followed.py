"""Which rows' actions the arm did, and what is learned from those that it did not."""

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError
from moto_core.guard.reasons import LETS_THROUGH, REASONS
from moto_learning.data.cache import compile_dataset
from moto_learning.data.followed import let_through, not_followed
from tests.recorded import tiny_header, tiny_row

REQUESTED = np.float32([0.5, -0.5, 1.0])
EXECUTED = np.float32([0.125, 0.0, -0.25])


def recorded(root, rows, outcome='success'):
    """Records an episode whose rows ask for REQUESTED, and the arm did EXECUTED; its rows."""
    with Dataset.create_or_open(root, floor=0) as dataset:
        writer = dataset.new_episode(tiny_header())
        for t, changes in enumerate(rows):
            given = {'reasons': (), 'requested': REQUESTED, 'executed': EXECUTED, **changes}
            writer.append(tiny_row(t, is_last=t == len(rows) - 1, **given))
        writer.close(outcome)
    with Dataset.open(root) as dataset:
        return dataset.read(writer.header.id)


MIXED = (
    {},
    {'reasons': ('velocity', 'jerk')},
    {'reasons': ('request_stale', 'velocity')},
    {'reasons': ('uncertain',), 'speed_scale': 0.5},  # slower
    {'reasons': ('uncertain',)},  # held
    {'intervention': True},
    {'reasons': ('not_armed',), 'intervention': True},
    {'reasons': ('guard_silent',)},
    {},
)


def test_an_arm_does_what_is_asked_but_in_a_hold_unarmed_or_unheard_of(tmp_path):
    found = let_through(recorded(tmp_path, MIXED)).tolist()
    assert found == [True, True, False, True, False, True, False, False, True]


def test_the_codes_that_let_through_are_the_guards():
    assert REASONS.keys() > LETS_THROUGH
    assert LETS_THROUGH.isdisjoint({'coming_to_rest', 'beginning', 'joints_stale', 'uncertain'})
    assert LETS_THROUGH.isdisjoint({'dry_run', 'guard_silent', 'homing', 'not_armed', 'estop'})


def test_where_the_arm_did_something_else_what_it_did_is_learned_from(tmp_path):
    recorded(tmp_path, MIXED)
    (cached,) = compile_dataset(Dataset.open(tmp_path)).episodes
    asked = [True, True, False, True, False, False, False, False, True]
    assert cached.followed.tolist() == asked
    chosen = np.where(np.array(asked)[:, None], REQUESTED, EXECUTED)
    np.testing.assert_array_equal(cached.learned['chosen'], chosen)
    np.testing.assert_array_equal(cached.learned['action'][1:], chosen[:-1])
    assert not cached.learned['action'][0].any()
    assert cached.learned['chosen'].dtype == np.float32


def test_what_nobody_asked_for_is_not_imitated_and_what_a_person_did_is(tmp_path):
    for outcome in ('success', 'failure'):
        recorded(tmp_path / outcome, MIXED, outcome)
        (cached,) = compile_dataset(Dataset.open(tmp_path / outcome)).episodes
        imitated = [1, 1, 0, 1, 0, 1, 0, 0, 1] if outcome == 'success' else [0] * 9
        assert cached.learned['bc_mask'].tolist() == imitated
        assert cached.learned['bc_mask'].dtype == np.float32


def test_of_an_episode_in_which_the_arm_did_nothing_that_was_asked_nothing_is_learned(tmp_path):
    episode = recorded(tmp_path, [{'reasons': ('dry_run', 'velocity')}] * 4)
    with pytest.raises(DatasetError, match='learned from it: in 3 of 3 rows .*: dry_run 3'):
        compile_dataset(Dataset.open(tmp_path))
    recorded(tmp_path / 'one', [{'reasons': ('estop',)}])
    with pytest.raises(DatasetError, match='what was asked at its one row'):
        compile_dataset(Dataset.open(tmp_path / 'one'))
    recorded(tmp_path, MIXED)
    result = compile_dataset(Dataset.open(tmp_path))
    assert len(result.episodes) == 1 and list(result.skipped) == [episode.header.id]


def test_it_says_in_how_many_rows_the_arm_did_something_else_and_why(tmp_path):
    assert not_followed(recorded(tmp_path / 'a', [{}, {}, {'reasons': ('not_armed',)}])) == ''
    assert not_followed(recorded(tmp_path / 'b', MIXED)) == (
        'in 5 of 8 rows the arm did not do what was asked: '
        'intervention 2, guard_silent 1, not_armed 1, request_stale 1, 1 more'
    )
