"""A document is filled from results, and only between its marks."""

import pytest

from moto_core.errors import ConfigError
from moto_learning.report import figures
from moto_learning.report.document import KINDS, fill, new_document
from tests.learning.report.written_run import evaluation, kept

TEXT = """# Ours
moto-results gather a --out results/one.json; moto-results gather b --out results/two.json
<!-- results: success moto from one two -->
whatever stood here
<!-- end -->
between
<!-- results: runs -->
<!-- end -->
after
"""


@pytest.fixture
def results():
    return {
        'one': [kept(evaluation(0, 4), seed=0)],
        'two': [kept(evaluation(0, 5), seed=1)],
        'three': [kept(evaluation(0, 20), seed=2)],
    }


def test_a_block_is_made_from_the_results_that_it_names(results):
    text, pictures = fill(TEXT, results)
    assert '9 of 40' in text and 'whatever' not in text
    assert list(pictures) == ['success-moto-from-one-two.svg']
    assert '](images/results/success-moto-from-one-two.svg)\n\n<!-- end -->\nbetween' in text
    assert '| moto | 1 | 3 |' in text  # the other block takes all
    assert [line for line in text.splitlines() if line in TEXT.splitlines() and line] == [
        line for line in TEXT.splitlines() if 'whatever' not in line
    ]


def test_filling_again_changes_nothing(results):
    text, _ = fill(TEXT, results)
    assert fill(text, results)[0] == text


def test_a_number_that_is_changed_by_hand_is_made_right_again(results):
    text, _ = fill(TEXT, results)
    assert fill(text.replace('9 of 40', '39 of 40'), results)[0] == text


def test_results_that_are_not_there_are_not_measured_yet():
    text, pictures = fill(TEXT, {})
    assert text.count('Not measured yet.') == 2 and not pictures


def test_a_new_document_has_a_block_of_every_kind(results):
    text, pictures = fill(new_document(), results)
    assert text.count('<!-- end -->') == len(KINDS) == 8
    assert set(pictures) == {'success.svg', 'rows.svg', 'less-data.svg'}


def test_a_block_says_which_of_its_results_are_not_there(results):
    block = '<!-- results: success moto from one two four -->\n<!-- end -->\n'
    text = 'moto-results gather x --out results/four.json\n' + block
    filled, _ = fill(text, results)
    assert '9 of 40' in filled
    assert filled.count('Not measured yet: results/four.json.') == 1
    assert fill(filled, results)[0] == filled
    assert 'Not measured' not in fill(text, results | {'four': results['three']})[0]


def test_a_picture_says_what_its_height_is_a_share_of(results):
    assert '>success, a share of 20 starts<' in drawn(results)
    results['two'] = [kept(evaluation(0, 5, starts=10), seed=1)]
    assert '>success<' in drawn(results)


def drawn(results):
    """The one picture of the document, as SVG."""
    (figure,) = {id(one): one for one in fill(TEXT, results)[1].values()}.values()
    return figures.svg(figure).decode()


@pytest.mark.parametrize(
    'text, says',
    [
        (
            '<!-- results: sucess -->\n<!-- end -->',
            "document, line 1: unknown .* Did you mean 'success'",
        ),
        (TEXT.replace('moto from', 'mto from'), "line 3: unknown row 'mto'. Did you mean 'moto'"),
        (TEXT.replace('from one', 'from oen'), "line 3: unknown file of results 'oen'. Did you"),
        (TEXT.replace('runs -->', 'runs all -->'), "line 7: the block 'runs' takes no words"),
        ('\n<!-- results: rows kitchn -->\n<!-- end -->', "line 2: unknown task 'kitchn'"),
        (TEXT.replace('<!-- end -->\nbetween', 'between'), "'success moto from one two' has no"),
        ('<!-- results: success -->\n', "has no '<!-- end -->' after it"),
    ],
)
def test_a_block_that_is_none_is_one_line(text, says, results):
    with pytest.raises(ConfigError, match=says):
        fill(text, results)


def test_results_that_contradict_each_other_are_refused(results):
    results['two'] = [kept(evaluation(0, 5), seed=0, origin='two')]
    with pytest.raises(ConfigError, match='leave one of them out'):
        fill(TEXT, results)
