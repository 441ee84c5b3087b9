"""Every fault of the document is made to happen, in the document's words."""

import re
from pathlib import Path

import pytest

from moto_core.errors import ConfigError
from moto_ros.chaos.bench import KINDS
from moto_ros.chaos.registry import ALL, FAULTS, chosen
from moto_ros.chaos.run import in_order

SAFETY = Path(__file__).parents[3] / 'docs/safety.md'


def stated():
    """{number: (fault, what happens)} of the document, without its marks."""
    found = {}
    for line in SAFETY.read_text().splitlines():
        cells = [re.sub(r'\*\*|`', '', cell).strip() for cell in line.strip('|').split('|')]
        if line.startswith('|') and len(cells) == 4 and cells[0].isdigit():
            found[int(cells[0])] = cells[1:3]
    return found


def test_there_are_45_faults_each_with_a_function_of_its_own():
    assert [fault.number for fault in ALL] == list(range(1, 46))
    assert len({fault.act for fault in ALL}) == 45


@pytest.mark.parametrize('number', range(1, 46))
def test_a_fault_and_what_is_expected_are_the_documents(number):
    name, happens = stated()[number]
    assert FAULTS[number].name == name
    assert FAULTS[number].expected in happens


def test_a_function_says_the_number_of_its_fault():
    for fault in ALL:
        assert fault.act.__doc__.startswith(f'Fault {fault.number}: '), fault.number


def test_faults_of_one_kind_of_graph_follow_each_other_and_those_of_two_end_it():
    assert all(set(fault.graphs) <= KINDS.keys() for fault in ALL)
    kinds = [fault.graphs[0] if fault.graphs else '' for fault in in_order(ALL)]
    assert kinds == sorted(kinds, key=['', *KINDS].index)
    led = [fault.graphs for fault in in_order(ALL) if fault.graphs[:1] == ('led',)]
    assert led == sorted(led, key=len) and len(led[-1]) == 2


def test_faults_are_chosen_once_each_and_an_unknown_one_is_refused():
    assert [fault.number for fault in chosen([18, 3, 18])] == [18, 3]
    with pytest.raises(ConfigError, match='no fault 46; expected 1 to 45'):
        chosen([46])
