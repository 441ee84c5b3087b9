"""What moves in an episode, found where it is."""

import numpy as np

from moto_learning.report.demo_drives import Drive
from moto_learning.report.prediction_section import (
    Region,
    cropped,
    moving_region,
    prediction_section,
    words,
)
from moto_learning.report.predictions import Prediction


def moving():
    """A dark image in which one pixel flickers at row 7, column 2, and one a little at 1, 10."""
    frames = np.zeros((6, 9, 12, 3), np.uint8)
    frames[::2, 7, 2] = 200
    frames[::2, 1, 10] = 50
    return frames


def test_the_region_holds_what_moves_most():
    region = moving_region(moving())
    assert (region.height, region.width) == (3, 4)
    assert region.top <= 7 < region.top + 3 and region.left <= 2 < region.left + 4
    assert region.top + 3 <= 9, 'inside the image'


def test_of_two_that_move_the_region_holds_both_if_it_can():
    frames = moving()
    frames[::2, 8, 5] = 200
    assert moving_region(frames) == Region(top=6, left=2, height=3, width=4)


def test_a_still_or_a_tiny_image_has_a_region_too():
    assert moving_region(np.zeros((1, 9, 12, 3), np.uint8)) == Region(
        top=0, left=0, height=3, width=4
    )
    assert moving_region(np.zeros((3, 2, 2, 3), np.uint8))[2:] == (1, 1)


def test_a_crop_is_every_second_frame_of_the_region():
    found = Prediction(truth=moving(), predicted=moving() + 1, context=3, period=0.4)
    close = cropped(found, Region(top=6, left=1, height=3, width=4))
    assert close.truth.shape == close.predicted.shape == (3, 3, 4, 3)
    assert (close.truth[:, 1, 1] == 200).all()
    assert (close.context, close.period) == (2, 0.8)  # frames 0 and 2 of 0, 1, 2


def test_the_words_are_the_errors():
    truth = np.zeros((4, 2, 2, 3), np.uint8)
    predicted = truth.copy()
    predicted[3] = 51
    said = words(Prediction(truth=truth, predicted=predicted, context=2, period=0.1))
    assert 'mean error 0.000 of the range of the 2 that the model saw; 0.100 of the 2' in said


def test_a_drive_without_rows_says_so(tmp_path):
    said, strip = prediction_section(tmp_path, Drive(name='after', data=tmp_path))
    assert 'No episode was recorded' in said and strip == b''
