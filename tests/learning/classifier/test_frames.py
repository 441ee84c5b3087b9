import numpy as np
import pytest

from moto_learning.classifier.frames import negative_rows, positive_rows


def marks(rows, *marked):
    found = np.zeros(rows, bool)
    found[list(marked)] = True
    return found


def test_the_last_rows_of_a_success_are_positives_and_no_row_of_a_failure_is():
    assert positive_rows(10, 'success', 3).tolist() == [7, 8, 9]
    assert positive_rows(10, 'failure', 3).tolist() == []


def test_of_an_episode_as_short_as_that_every_row_is_a_positive_and_none_a_negative():
    assert positive_rows(2, 'success', 3).tolist() == [0, 1]
    assert negative_rows(marks(2), 'success', 3, 0).tolist() == []
    assert negative_rows(marks(5), 'success', 3, 4).tolist() == []


def test_the_rows_before_the_margin_of_a_success_are_negatives():
    # rows 0 to 4 | margin: 5, 6 | positives: 7, 8, 9
    assert negative_rows(marks(10), 'success', 3, 2).tolist() == [0, 1, 2, 3, 4]
    assert negative_rows(marks(10), 'success', 3, 0).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_every_row_of_a_failure_is_a_negative_whatever_the_margin():
    assert negative_rows(marks(4), 'failure', 3, 2).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize('first, expected', [(0, []), (2, [0, 1]), (6, [0, 1, 2, 3, 4])])
def test_no_row_of_a_success_from_the_first_one_marked_is_a_negative(first, expected):
    assert negative_rows(marks(10, first, 8), 'success', 3, 2).tolist() == expected


def test_a_marked_row_of_a_failure_is_no_negative():
    assert negative_rows(marks(4, 1), 'failure', 3, 2).tolist() == [0, 2, 3]
