import pytest
from hypothesis import given
from hypothesis import strategies as st

from moto_core.errors import DatasetError
from moto_learning.classifier.split import LEAST, split_by_episode
from tests.learning.classifier.by_name import episodes


def names(found):
    return sorted(one.id for one in found)


@pytest.mark.parametrize(
    'successes, failures, share, held_out',
    [(8, 4, 0.25, (2, 1)), (4, 4, 0.01, (1, 1)), (20, 10, 0.5, (10, 5))],
)
def test_the_share_of_each_kind_is_held_out_and_at_least_one(successes, failures, share, held_out):
    split = split_by_episode(episodes(successes, failures), share, seed=0)
    counts = [[one.outcome for one in split.held_out].count(k) for k in ('success', 'failure')]
    assert tuple(counts) == held_out
    assert len(split.learned) == successes + failures - sum(held_out)


@given(st.permutations(range(12)), st.integers(0, 100))
def test_no_episode_is_in_both_and_the_order_does_not_count(order, seed):
    found = episodes(7, 5)
    split = split_by_episode(found, 0.25, seed)
    assert names(split.learned + split.held_out) == names(found)  # each once
    again = split_by_episode([found[place] for place in order], 0.25, seed)
    assert names(again.held_out) == names(split.held_out)


def test_another_seed_holds_out_others():
    found = episodes(10, 10)
    assert len({tuple(names(split_by_episode(found, 0.25, s).held_out)) for s in range(5)}) > 1


@pytest.mark.parametrize('successes, failures', [(0, 0), (LEAST - 1, 9), (9, LEAST - 1)])
def test_too_few_of_a_kind_are_counted_in_the_refusal(successes, failures):
    said = f'{successes} episodes are labelled success and {failures} failure; .* at least 4 of'
    with pytest.raises(DatasetError, match=said):
        split_by_episode(episodes(successes, failures), 0.25, 0)
