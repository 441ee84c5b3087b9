"""A fault is met by what was seen alone; whatever breaks is that fault not met."""

import time

import pytest

from moto_core.errors import MotoError
from moto_ros.chaos.fault import Fault, Findings, Seen
from moto_ros.chaos.run import run

MET = Seen(met=True, text='as expected')


class Shelf:
    """A bench that counts the graphs it starts."""

    def __init__(self):
        self.kind, self.started = '', []

    def graph(self, kind):
        if kind != self.kind:
            self.kind = kind
            self.started.append(kind)

    def undisturb(self):
        pass

    def drop(self):
        self.kind = ''


def fault(number, act, *graphs, limit=5.0):
    return Fault(number=number, name='n', expected='e', act=act, graphs=graphs, limit=limit)


def breaks(error):
    def act(bench):
        raise error

    return act


@pytest.mark.parametrize(
    'error, text',
    [
        (MotoError('waited 5 s in vain for rest'), 'waited 5 s in vain for rest'),
        (ZeroDivisionError('by zero'), 'ZeroDivisionError: by zero'),
        (AssertionError(), 'AssertionError: '),
    ],
)
def test_a_function_that_breaks_is_not_met_and_the_next_gets_a_fresh_graph(error, text):
    bench, told = Shelf(), []
    acts = (lambda bench: MET), breaks(error), (lambda bench: MET)
    faults = [fault(number + 1, act, 'led') for number, act in enumerate(acts)]
    results = run(faults, bench, told.append)
    assert [result.seen.met for result in results] == [True, False, True]
    assert results[1].seen.text == text and results[1].seen.missed == (text,)
    assert bench.started == ['led', 'led'] and told == results


def test_a_function_that_does_not_return_is_ended_by_its_limit():
    begin = time.monotonic()
    (result,) = run([fault(1, lambda bench: time.sleep(60), limit=0.2)], Shelf(), id)
    assert time.monotonic() - begin < 5.0
    assert result.seen.missed == ('it took longer than 0 s',)


def test_a_graph_that_does_not_start_fails_its_fault_and_no_other():
    class Broken(Shelf):
        def graph(self, kind):
            raise MotoError('moto_guard did not become active')

    results = run([fault(1, None, 'led'), fault(2, lambda bench: MET)], Broken(), id)
    assert [result.seen.met for result in results] == [False, True]
    assert results[0].seen.text == 'moto_guard did not become active'


def test_one_expectation_that_fails_is_enough_and_is_named():
    found = Findings()
    found.expect(True, 'braking after {hold_s:.2f} s', hold_s=0.2)
    assert found.seen().met
    found.expect(False, '{n} rows lost {{sic}}', n=3)
    found.note('and on')
    seen = found.seen()
    assert not seen.met and seen.missed == ('3 rows lost {sic}',)
    assert seen.text == 'braking after 0.20 s; 3 rows lost {sic}; and on'
    assert seen.numbers == {'hold_s': 0.2, 'n': 3.0}


@pytest.mark.parametrize(
    'act, missed',
    [
        (breaks(MotoError('still pressed: let it go')), ()),
        (breaks(MotoError('another reason')), ('another reason',)),
        (lambda bench: 'armed', ("not refused, but answered 'armed'",)),
    ],
)
def test_a_refusal_is_one_that_says_why(act, missed):
    found = Findings()
    found.refused(lambda: act(None), 'still pressed', 'let it go')
    assert found.seen().missed == missed
