import base64

import cv2
import numpy as np

from moto_learning.report import figures


def decoded(figure):
    image = cv2.imdecode(np.frombuffer(figures.png(figure), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return image


def test_the_strip_holds_the_frames_it_was_given():
    truth = np.zeros((3, 8, 8, 3), np.uint8)
    truth[..., 0] = 255
    predicted = np.zeros_like(truth)
    predicted[..., 1] = 255
    image = decoded(figures.prediction_strip(truth, predicted, context=1, period=0.08))
    red = (image == (255, 0, 0)).all(-1)
    green = (image == (0, 255, 0)).all(-1)
    assert red.sum() > 500
    assert abs(int(red.sum()) - int(green.sum())) < 0.2 * red.sum()
    assert np.nonzero(red)[0].mean() < np.nonzero(green)[0].mean(), 'camera above, model below'


def test_an_empty_latency_list_and_no_reason_still_draw():
    assert decoded(figures.latency_histogram(np.zeros(0), 0.08)).shape[2] == 3
    assert decoded(figures.reason_bars({}, 0)).shape[2] == 3


def test_more_successes_draw_a_longer_bar():
    def green(k):
        image = decoded(figures.success_bars([('policy', k, 10, (0.1, 0.9))])).astype(int)
        return ((image[..., 1] - image[..., 0]) > 40).sum()

    assert green(9) > 2.5 * green(3) > 0


def test_a_data_address_holds_the_bytes():
    uri = figures.data_uri(b'abc', 'image/png')
    assert uri.startswith('data:image/png;base64,')
    assert base64.b64decode(uri.split(',')[1]) == b'abc'
