"""Rows in pictures: the same looks in every panel, the paper's dashed."""

import pytest

from moto_learning.report.result_success import _groups
from moto_learning.report.row_marks import MARKS, row_marks
from moto_learning.report.run_figures import loss_panels, success_panels
from moto_learning.report.tables import paper_curves
from tests.learning.report.written_run import TASK, evaluation, kept

HAMMER = 'metaworld-hammer'
OPEN = 'metaworld-drawer-open'


@pytest.fixture
def figure():
    """Panels of other rows in another order; the first has one, the last two of the paper's."""
    there = {TASK: ['bc', 'moto'], HAMMER: ['moto', 'bc'], OPEN: ['sac', 'bc']}
    runs = [
        kept(evaluation(0, 4), evaluation(20_000, 8), row=row, task=task)
        for task, rows in there.items()
        for row in rows
    ]
    paper = {task: paper_curves(task, rows) for task, rows in there.items()}
    return success_panels(_groups(runs), paper)


def looks(figure, label):
    """The colour, mark and style of the lines with a name, in all panels."""
    lines = [line for axis in figure.axes for line in axis.lines if line.get_label() == label]
    return [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines]


@pytest.mark.parametrize('row, name, panels', [('moto', 'MOTO', 2), ('bc', 'BC', 3)])
def test_a_row_has_one_colour_and_mark_in_all_panels_and_the_papers_is_dashed(
    figure, row, name, panels
):
    assert looks(figure, row) == [(*MARKS[row], '-')] * panels
    theirs = looks(figure, f'paper: {name}')
    assert theirs and set(theirs) == {(*MARKS[row], '--')}


def test_a_dashed_line_stands_where_all_runs_began_to_be_fine_tuned():
    losses = {'model/kl': {'updates': [1, 9], 'values': [2.0, 1.0]}}
    one = {'row': 'moto', 'losses': losses, 'fine_tuned_from': 4}

    def dashed(*runs):
        figure = loss_panels(runs, row_marks(['moto']))
        lines = [line for line in figure.axes[0].lines if line.get_linestyle() == '--']
        return [line.get_xdata()[0] for line in lines], figure.get_supxlabel()

    assert dashed(one, one) == ([4], 'updates (dashed: fine-tuning begins)')
    assert dashed(one, {**one, 'fine_tuned_from': 5}) == ([], 'updates')


def test_curves_of_training_look_as_those_of_success():
    run = {'losses': {'model/kl': {'updates': [1, 2], 'values': [2.0, 1.0]}}}
    run['fine_tuned_from'] = None
    marks = row_marks(['bc', 'moto'])
    assert looks(loss_panels([{'row': 'moto', **run}], marks), 'moto') == [(*MARKS['moto'], '-')]
