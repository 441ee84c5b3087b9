"""Lines, JSON, page and document say what was seen, and nothing else."""

import json
from html.parser import HTMLParser

import numpy as np

from moto_ros.chaos.fault import Fault, Findings
from moto_ros.chaos.page import page
from moto_ros.chaos.report import fill, gathered, lines, summary, table, to_json
from moto_ros.chaos.run import Result


def result(number, met, rest=None):
    found = Findings()
    found.rest = rest
    found.expect(met, 'rest after {rest_s:.2f} s <b>', rest_s=np.inf if met else 0.123456)
    fault = Fault(number=number, name='guard & twin', expected='e' * 120, act=None, where='files')
    return Result(fault=fault, seen=found.seen(), seconds=1.26)


BOTH = [result(1, True, 0.25), result(2, False)]


def test_lines_name_what_was_missed_and_fit_a_terminal():
    met, missed = map(lines, BOTH)
    assert met.startswith(' 1 met     guard & twin, at rest after 0.250 s\n')
    assert (
        missed.startswith(' 2 NOT MET guard & twin\n') and 'missed   rest after 0.12 s' in missed
    )
    assert max(map(len, missed.splitlines())) <= 132  # a word of 120 is not broken
    first, second = gathered(BOTH)['results']
    assert summary([first, second]) == '1 of 2 met; not met: 2'
    assert summary([first]) == '1 of 1 met'


def test_the_json_holds_every_number_and_no_infinity():
    data = json.loads(to_json(gathered(BOTH)))
    first, second = data['results']
    assert (data['about']['met'], data['about']['faults']) == (1, 2)
    assert (first['rest_s'], first['numbers'], first['met']) == (0.25, {'rest_s': None}, True)
    assert (second['rest_s'], second['numbers']) == (None, {'rest_s': 0.12346})
    assert second['missed'] == ['rest after 0.12 s <b>'] and second['seconds'] == 1.3


def test_what_was_found_before_of_other_faults_is_kept():
    before = gathered([result(1, False), result(3, True)])
    data = gathered(BOTH, before)
    assert [(one['number'], one['met']) for one in data['results']] == [
        (1, True),
        (2, False),
        (3, True),
    ]
    assert (data['about']['met'], data['about']['faults']) == (2, 3)


def test_what_is_shown_needs_no_temporary_folder_and_no_whole_hash():
    found = Findings()
    found.note(f"'/tmp/moto-chaos-ab_1/7/{'0a' * 32}/policy.onnx' is cut; of {'0b' * 32}")
    fault = Fault(number=1, name='n', expected='e', act=None)
    data = gathered([Result(fault=fault, seen=found.seen(), seconds=1.0)])
    assert data['results'][0]['seen'] == "'.../policy.onnx' is cut; of 0b0b0b0b"


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.tags, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ('src', 'href')]
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.rows[-1].append('')

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_the_page_is_whole_in_itself_and_escapes_what_it_shows():
    cells = Cells()
    cells.feed(page(gathered(BOTH)))
    heads, met, missed = cells.rows
    assert heads[:4] == ['#', 'fault', 'expected', 'seen']
    assert met == ['1', 'guard & twin', 'e' * 120, 'rest after inf s <b>', '0.25', 'met']
    assert missed[3:5] == ['rest after 0.12 s <b>missed: rest after 0.12 s <b>', '']
    assert missed[5].startswith('not met')
    assert not cells.links and 'script' not in cells.tags


def test_the_table_of_a_document_is_made_anew_from_the_json():
    data = json.loads(to_json(gathered(BOTH)))
    rows = table(data)
    assert '| 1 | rest after inf s &lt;b> | 0.25 |' in rows
    assert '| 2 | **not met**: rest after 0.12 s &lt;b> |  |' in rows
    text = 'before\n<!-- chaos -->\nold\n<!-- end -->\nafter\n'
    once = fill(text, data)
    assert once.startswith('before\n') and once.endswith('after\n') and 'old' not in once
    assert fill(once, data) == once and rows in once
