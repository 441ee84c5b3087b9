"""The first picture: what is drawn is what was given."""

import numpy as np
import pytest

from moto_learning.report import figures
from moto_learning.report.demo_summary import success
from moto_learning.report.improvement_figure import (
    improvement_figure,
    improvement_words,
    moving_share,
)

BEFORE, AFTER = (success(['success'] * k + ['failure'] * (4 - k)) for k in (1, 3))
LOGGED = ['failure', 'success', 'unlabelled', 'success']


def marks(axis):
    """What is drawn by the name that the legend gives it."""
    return {line.get_label(): line for line in axis.lines}


def test_successes_and_failures_differ_in_place_mark_and_colour():
    found = marks(improvement_figure(LOGGED, [(1, 'round 1')], BEFORE, AFTER).axes[0])
    assert list(found['success'].get_xdata()) == [2, 4]
    assert list(found['failure'].get_xdata()) == [1]
    assert list(found['not judged'].get_xdata()) == [3]
    for what in ('get_marker', 'get_color'):
        assert len({getattr(found[name], what)() for name in ('success', 'failure')}) == 2
    assert found['success'].get_ydata()[0] > 1 > 0 > found['failure'].get_ydata()[0]
    assert found['share of the last 10'].get_ydata() == pytest.approx([0, 1 / 2, 1 / 2, 2 / 3])


def test_the_share_is_of_the_last_ten():
    share = moving_share(['failure'] * 10 + ['success'] * 10)
    assert share[[0, 9, 10, 14, 19]] == pytest.approx([0, 0, 0.1, 0.5, 1.0])
    assert np.isnan(moving_share(['unlabelled'])[0])
    assert len(moving_share([])) == 0


def test_a_swap_stands_between_the_episodes_and_is_named():
    axis = improvement_figure(LOGGED, [(1, 'round 1'), (4, 'round 2')], BEFORE, AFTER).axes[0]
    places = [line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == '--']
    assert places == [1.5, 4.5]
    assert {'round 1', 'round 2', '1 of 4', '3 of 4'} <= {one.get_text() for one in axis.texts}


def test_the_held_out_starts_stand_outside_with_their_intervals():
    axis = improvement_figure(LOGGED, [], BEFORE, AFTER).axes[0]
    squares = [line for line in axis.lines if line.get_marker() == 's']
    assert [line.get_ydata()[0] for line in squares] == [0.25, 0.75]
    assert squares[0].get_xdata()[0] < 1 and squares[1].get_xdata()[0] > len(LOGGED)
    drawn = [list(line.get_ydata()) for line in axis.lines]
    assert list(BEFORE['interval']) in drawn and list(AFTER['interval']) in drawn


def test_the_words_are_the_numbers():
    said = improvement_words(LOGGED, [(1, 'round 1')], BEFORE, AFTER)
    assert 'before: 1 of 4 (95 % interval 0.05 to 0.70); after: 3 of 4' in said
    assert '4 logged episodes, of which 2 succeeded and 1 failed' in said
    assert 'round 1 begins to drive after 1 of them' in said


def test_nothing_to_draw_is_a_picture_too():
    none = success([])
    drawn = improvement_figure([], [], none, none)
    assert [one.get_text() for one in drawn.axes[0].texts] == ['none', 'none']
    assert figures.png(drawn).startswith(b'\x89PNG')
    said = improvement_words([], [], none, none)
    assert 'before: none was driven' in said and 'No episode was logged' in said
