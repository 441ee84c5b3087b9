from collections import Counter

import pytest

from moto_core.errors import DatasetError
from moto_learning.classifier.draws import Draws
from moto_learning.classifier.settings import ClassifierSettings
from tests.learning.classifier.by_name import episode

SETTINGS = ClassifierSettings(last=3, margin=2, batch=8)


def rows_drawn(draws, batches=40):
    """Which rows came with which label: an image is full of its row's number."""
    found = {0.0: Counter(), 1.0: Counter()}
    for _ in range(batches):
        batch = draws.draw()
        for image, label in zip(batch.images['front'], batch.labels):
            found[float(label)][int(image[0, 0, 0])] += 1
    return found


def test_half_a_batch_are_positives_a_quarter_earlier_frames_and_a_quarter_failures():
    draws = Draws([episode('S', 'success', 10), episode('F', 'failure', 100)], SETTINGS)
    found = rows_drawn(draws)
    assert set(found[1.0]) == {7, 8, 9} and sum(found[1.0].values()) == 40 * 4
    assert sum(found[0.0].values()) == 40 * 4
    assert not set(found[0.0]) & {7, 8, 9} or max(found[0.0]) > 9  # those are of the failure
    batch = draws.draw()
    assert batch.images['front'].shape == (8, 4, 4, 3)
    assert batch.labels.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert {int(image[0, 0, 0]) for image in batch.images['front'][4:6]} <= {0, 1, 2, 3, 4}


def test_without_earlier_frames_the_failures_have_their_share():
    draws = Draws([episode('S', 'success', 5), episode('F', 'failure', 2)], SETTINGS)
    found = rows_drawn(draws)
    assert set(found[0.0]) == {0, 1} and sum(found[0.0].values()) == 40 * 4


def test_a_long_episode_counts_no_more_than_a_short_one():
    long, short = episode('A', 'failure', 200), episode('B', 'failure', 2, marked=[0])
    found = rows_drawn(Draws([episode('S', 'success', 5), long, short], SETTINGS), 100)
    assert 130 <= found[0.0][1] <= 270  # row 1 is half of all: that of B, and rarely that of A


def test_no_negative_at_all_is_refused():
    with pytest.raises(DatasetError, match='nothing shows what is none'):
        Draws([episode('S', 'success', 5), episode('F', 'failure', 2, marked=[0, 1])], SETTINGS)
