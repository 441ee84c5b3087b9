"""The moving mean that an update divides by."""

import pytest
import torch

from moto_learning.agents.moving_mean import MovingMean


def followed(*found):
    mean = MovingMean(torch.device('cpu'))
    for value in found:
        mean.follow(torch.tensor(value))
    return mean.value.item()


def test_the_first_number_is_taken_whole_and_the_next_by_a_hundredth():
    assert followed(4.0) == 4
    assert followed(4.0, 104.0) == pytest.approx(5)
    assert followed(4.0, 104.0, 5.0) == pytest.approx(5)


def test_what_is_not_finite_moves_nothing_not_even_at_first():
    assert followed(float('nan'), 4.0, float('inf'), 104.0) == pytest.approx(5)


def test_a_restored_one_goes_on_and_a_spoilt_one_begins_anew():
    mean = MovingMean(torch.device('cpu'))
    mean.restore(4.0)
    mean.follow(torch.tensor(104.0))
    assert mean.value.item() == pytest.approx(5)
    mean.restore(float('inf'))
    mean.follow(torch.tensor(7.0))
    assert mean.value.item() == 7
