import cv2
import numpy as np
import pytest

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


def test_an_empty_latency_list_still_draws():
    assert decoded(figures.latency_histogram(np.zeros(0), 0.08)).shape[2] == 3


def test_the_third_row_of_the_strip_is_black_where_the_model_is_right():
    truth = np.full((2, 8, 8, 3), 200, np.uint8)
    predicted = truth.copy()
    predicted[1] = 0
    image = decoded(figures.prediction_strip(truth, predicted, context=1, period=0.08)).astype(int)
    none = (image == (0, 0, 3)).all(-1)  # the first colour of the scale, and its last
    most = (image[..., 0] > 245) & (image[..., 1] > 245) & (image[..., 2] < 200)
    assert none.sum() > 500 and 0.8 < most.sum() / none.sum() < 1.25
    assert np.nonzero(none)[1].mean() < np.nonzero(most)[1].mean(), 'right frame, wrong frame'
    assert np.nonzero(none)[0].min() > len(image) / 2, 'below camera and model'


def test_names_of_others_are_drawn_as_words():
    assert figures.plain_name('_a$x^$\n\\alpha') == r'a\$x^\$?/alpha'
    assert figures.plain_name('ä' * 3 + 'b' * 60) == '???' + 'b' * 34 + '...'
    line = figures.Line(x=np.zeros(1), y=np.zeros(1), label='$\\frac{')
    assert decoded(figures.lines_plot([line], 'x', 'y', title='$_{')).shape[2] == 3


def test_a_band_and_its_line_are_in_the_colour_of_the_row():
    x = np.array([0.0, 1.0])
    line = figures.Line(x=x, y=x, colour='#ff0000', width=3.0, low=x - 0.4, high=x + 0.4)
    image = decoded(figures.lines_plot([line], 'x', 'y', share=True)).astype(int)
    strong, faint = ((image[..., 0] > 200) & (image[..., 1] < top) for top in (60, 235))
    assert faint.sum() > 5 * strong.sum() > 0


@pytest.mark.parametrize('count', [1, 4])
def test_the_one_legend_names_each_label_once_and_covers_nothing(count):
    x = np.arange(40.0)
    lines = [
        figures.Line(x=x, y=x + n, label=f'a row of {n} episodes', marker='o') for n in range(11)
    ]
    plots = dict.fromkeys('abcd'[:count], lines)
    drawn = figures.panels(plots, 'x') if count > 1 else figures.lines_plot(lines, 'x', 'y')
    [legend] = drawn.legends
    assert [one.get_text() for one in legend.get_texts()] == [line.label for line in lines]
    assert all(axis.get_legend() is None for axis in drawn.axes)
    drawn.canvas.draw()
    place = legend.get_window_extent()
    others = [axis.get_tightbbox() for axis in drawn.axes if axis.lines] + [
        text.get_window_extent() for text in [drawn._supxlabel] if text is not None
    ]
    assert not any(place.overlaps(one) for one in others)
    assert place.width <= drawn.bbox.width
    marked = drawn.axes[0].lines[0]
    assert (marked.get_marker(), marked.get_markevery()) == ('o', 5)  # 8 of 40 points


def test_panels_are_drawn_for_every_group_and_for_none():
    line = figures.Line(x=np.arange(3.0), y=np.arange(3.0))
    one = decoded(figures.panels({'a': [line]}, 'updates', boundary=1.0))
    four = decoded(figures.panels(dict.fromkeys('abcd', [line]), 'updates'))
    assert len(four) > 1.5 * len(one)
    assert decoded(figures.panels({}, 'updates')).shape[2] == 3
