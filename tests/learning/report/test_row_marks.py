from moto_learning.report.paper import NAMES
from moto_learning.report.row_marks import MARKS, OTHERS, row_marks


def test_every_row_of_the_paper_has_a_colour_and_a_mark_that_no_other_has():
    assert list(MARKS) == list(NAMES)
    assert len({mark.colour for mark in MARKS.values()}) == 11
    assert len({mark.marker for mark in MARKS.values()}) == 11


def test_a_row_looks_the_same_whatever_stands_beside_it():
    assert row_marks(['bc', 'moto'])['moto'] == row_marks(['moto'])['moto'] == MARKS['moto']
    found = row_marks(['moto (second)', 'bc', 'moto (first)', 'moto (second)'])
    assert found == {'moto (second)': OTHERS[0], 'bc': MARKS['bc'], 'moto (first)': OTHERS[1]}


def test_other_rows_have_no_mark_of_the_papers_and_begin_anew_after_the_last():
    assert not set(OTHERS) & set(MARKS.values()) and len(set(OTHERS)) == 24
    found = row_marks(str(number) for number in range(25))
    assert found['24'] == found['0'] != found['23']
