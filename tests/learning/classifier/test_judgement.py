import numpy as np
import pytest
import torch

from moto_learning.classifier.judgement import (
    Count,
    Judged,
    accuracy,
    confusion,
    decide,
    decided,
    success_probability,
)
from moto_learning.classifier.network import SuccessClassifier
from moto_learning.classifier.settings import ClassifierNetworkConfig, ConvolutionConfig
from tests.learning.classifier.squares import square_spec

JUDGED = [
    Judged('A', 'success', 0.95),
    Judged('B', 'success', 0.6),  # right at 0.5, doubtful at 0.9
    Judged('C', 'success', 0.02),  # wrong, and sure of it
    Judged('D', 'failure', 0.1),
    Judged('E', 'failure', 0.5),  # a tie is a success
]


@pytest.mark.parametrize(
    'probability, threshold, expected',
    [
        (0.75, 0.75, 'success'),
        (0.74, 0.75, 'doubtful'),
        (0.26, 0.75, 'doubtful'),
        (0.25, 0.75, 'failure'),
        (0.5, 0.5, 'success'),
        (0.49, 0.5, 'failure'),
        (float('nan'), 0.5, 'doubtful'),
    ],
)
def test_the_threshold_decides_on_either_side(probability, threshold, expected):
    assert decide(probability, threshold) == expected


def test_what_was_right_is_counted_for_each_label():
    assert accuracy(JUDGED) == Count(3, 5)
    assert accuracy(JUDGED, 'success') == Count(2, 3)
    assert accuracy(JUDGED, 'failure') == Count(1, 2)
    assert decided(JUDGED, 0.9) == Count(2, 3)
    found = confusion(JUDGED, 0.9)
    assert found['success', 'success'] == found['success', 'doubtful'] == 1
    assert found['success', 'failure'] == found['failure', 'failure'] == 1
    assert found['failure', 'success'] == 0


def test_an_episode_is_judged_by_the_mean_of_its_last_rows():
    torch.manual_seed(0)
    config = ClassifierNetworkConfig(encoder=ConvolutionConfig(channels=[4, 4]), units=4)
    network = SuccessClassifier(square_spec(), config)
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    with torch.no_grad():
        single = [
            network({'front': torch.from_numpy(image[None])}).sigmoid().item() for image in images
        ]
    assert max(single) - min(single) > 1e-3
    found = success_probability(network, {'front': images}, 2)
    assert found == pytest.approx((single[4] + single[5]) / 2, abs=1e-6)
    assert success_probability(network, {'front': images[:1]}, 2) == pytest.approx(single[0])
