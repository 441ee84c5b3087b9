"""Whether anybody stopped the arm since something began, and words of the guard that are old."""

from types import SimpleNamespace

import pytest

from moto_core.errors import MotoError
from moto_ros.loops import stops
from moto_ros.loops.stops import ON_ITS_WAY, SILENCE, Stops, hear
from tests.ros.console.played import guard


class Clocked:
    """A graph whose guard speaks every tenth of a second, and a process that may stand still."""

    def __init__(self, monkeypatch, silent=False):
        self.now, self.silent, self.stands = 5.0, silent, {}
        self.latest = SimpleNamespace(guard=guard(disarms=0))
        monkeypatch.setattr(stops, 'time', SimpleNamespace(monotonic=lambda: self.now))

    def spin(self, seconds=0.05):
        self.now += 0.02
        tick = round(self.now / 0.02)
        self.now += self.stands.pop(tick, 0.0)
        if tick % 5 == 0 and not self.silent:
            self.latest.guard = guard(disarms=tick)

    def wait(self, condition, seconds, what):
        end = self.now + seconds
        while not condition():
            if self.now > end:
                raise MotoError(f'in vain for {what}')
            self.spin()


def test_a_word_that_was_on_its_way_is_not_the_one_that_is_waited_for(monkeypatch):
    graph = Clocked(monkeypatch)
    hear(graph)
    assert graph.now - 5.0 == pytest.approx(ON_ITS_WAY + 0.1, abs=0.03)


def test_a_process_that_stood_still_while_it_listened_listens_once_more(monkeypatch):
    graph = Clocked(monkeypatch)
    graph.stands = {253: 6.0}  # it finds words of then: the next one may be 6 s old
    hear(graph)
    assert graph.now - (5.06 + 6.0) >= 2 * ON_ITS_WAY


def test_a_guard_that_is_silent_is_an_error_and_no_consent(monkeypatch):
    graph = Clocked(monkeypatch, silent=True)
    with pytest.raises(MotoError, match="the guard's word"):
        hear(graph)
    assert graph.now - 5.0 >= SILENCE


def test_others_disarms_are_told_from_ones_own_and_a_word_that_is_missing_changes_nothing():
    told = [guard(disarms=7)]
    found = Stops(lambda: told[0])
    found.own()
    for count in (7, 8):  # its own is told, or not yet
        told[0] = guard(disarms=count)
        assert found.why() == ''
    told[0] = None
    assert found.why() == ''
    for count in (9, 0):  # somebody's; another guard
        told[0] = guard(disarms=count)
        with pytest.raises(MotoError, match='somebody disarmed the guard meanwhile'):
            found.check()
    told[0] = guard('ESTOP', disarms=8, cause=('estop',))
    assert found.why() == 'the guard is in ESTOP (estop)'
