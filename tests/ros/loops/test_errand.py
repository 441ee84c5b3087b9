"""What a button begins, step by step: what stops it, and what is undone then."""

from dataclasses import replace

import pytest

from moto_ros.loops.acts import steps_of
from moto_ros.loops.errand import ON_ITS_WAY, PATIENCE, Errand
from moto_ros.loops.watch import SILENCE, Watch
from moto_ros.services import GUARD, RECORDER, SWITCHES, TRIGGERS
from tests.ros.test_messages import GUARD as TOLD

READY = replace(TOLD, state='READY', at_rest=True, disarms=7)


class Said:
    """An answer, of a service that has answered or will."""

    def __init__(self, success=True, message='well', there=True):
        self.success, self.message, self.there = success, message, there

    def done(self):
        return self.there

    def result(self):
        assert self.there
        return self


class Under:
    """An act's errand, with services that answer and a guard that says its state at 10 Hz."""

    def __init__(self, act, answers=(), absent=(), word=READY, **kind):
        self.calls, self.answers, self.absent = [], dict(answers), absent
        self.now, self.word, self.speaks = 10.0, word, True
        self.watch = Watch(lambda now: self.speaks)
        self.hear()
        steps = steps_of(act, **{'sim': True, 'demonstrates': True, **kind})
        self.errand = Errand(act, steps, self.ask, self.watch)

    def ask(self, call):
        if call.service in self.absent:
            return None
        self.calls.append((call.service, call.flag) if call.flag is not None else call.service)
        if call.service == 'disarm':
            self.disarm()
        return self.answers.get(call.service, Said())

    def disarm(self):
        """Anybody's: the errand's own, or a person's Stop."""
        self.word = self.word and replace(self.word, disarms=self.word.disarms + 1)

    def hear(self):
        if self.word is not None:
            self.watch.hear(self.word, self.now)

    def go(self, seconds=1.0):
        """Lets time go by, until it is over."""
        for _ in range(round(seconds / 0.1)):
            self.errand.step(self.now)
            if self.errand.over and not self.errand.waits:
                break
            self.now += 0.1
            self.hear()
        return self


def over(act, *given, **known):
    """Has an errand come to its end; returns it, and what was called."""
    under = Under(act, *given, **known).go()
    assert under.errand.over
    return under.errand, under.calls


BEGUN = [('set_intervention', True), 'start_episode', 'arm']


def test_a_demonstration_is_begun_labelled_and_followed_by_the_next_scene():
    made, calls = over('start', {'start_episode': Said(message='01ABC')})
    assert calls == BEGUN
    assert (made.failed, made.told) == (False, 'start: 01ABC')
    assert over('start', demonstrates=False)[1] == ['start_episode', 'arm']
    made, calls = over('success', {'end_episode': Said(message='01ABC')})
    assert calls == ['disarm', ('end_episode', True), 'reset', 'begin_anew']
    assert made.told == 'success: 01ABC'
    assert over('failure', sim=False)[1] == ['disarm', ('end_episode', False)]
    made, calls = over('home', {'home': Said(message='on its way home')})
    assert (calls, made.told) == (['disarm', 'home'], 'home: on its way home')


def test_the_scene_is_not_reset_while_the_arm_moves():
    under = Under('discard', word=replace(READY, at_rest=False)).go(PATIENCE)
    assert under.calls == ['disarm', 'discard_episode'] and not under.errand.over
    under.go(0.5)
    told = 'discard: rest of the arm did not come about within 10 s'
    assert under.errand.failed and under.errand.told == told


def test_an_episode_that_may_not_be_armed_is_thrown_away_and_the_refusal_is_told():
    made, calls = over('start', {'arm': Said(False, 'the e-stop is pressed')})
    assert calls == [*BEGUN, 'discard_episode']
    assert made.failed and made.told == 'start: moto_guard/arm was refused: the e-stop is pressed'
    made, calls = over('start', {'start_episode': Said(False, 'one runs')})
    assert calls == BEGUN[:2], 'what runs is left alone'


def test_a_start_in_an_episode_arms_a_guard_that_was_disarmed_and_leaves_the_episode():
    made, calls = over('start', {'arm': Said(False, 'no')}, recording=True)
    assert calls == [('set_intervention', True), 'arm'] and made.failed


def test_a_service_that_is_not_there_is_named():
    under = Under('start', absent=('start_episode',)).go()
    assert not under.errand.over
    under.go(PATIENCE)
    told = 'start: moto_recorder/start_episode did not come about within 10 s'
    assert under.errand.over and under.errand.told == told


def test_every_act_calls_services_that_there_are():
    there = {
        (node, one) for table in (TRIGGERS, SWITCHES) for node in table for one in table[node]
    }
    for act in ('take_over', 'give_back', 'start', 'success', 'failure', 'discard', 'home'):
        for step in steps_of(act, True, True):
            if hasattr(step, 'service'):
                assert (step.node, step.service) in there
                assert (step.service in SWITCHES.get(step.node, ())) == (step.flag is not None)
                assert step.undo is None or step.undo in there
    assert {GUARD, RECORDER} <= {node for node, _ in there}


# ---- what stops it


def disarms(under):
    under.disarm()


def faults(under):
    under.word = replace(under.word, state='FAULT', cause=('two_masters',))


def presses_the_estop(under):
    under.word = replace(under.word, state='ESTOP', cause=('estop',))


def unplugs(under):
    under.speaks = False


def falls_silent(under):
    under.word = None


def starts_anew(under):
    under.word = replace(under.word, disarms=0)


STOPS = pytest.mark.parametrize(
    'stop, words',
    [
        (disarms, 'somebody disarmed the guard meanwhile'),
        (faults, 'the guard is in FAULT (two_masters)'),
        (presses_the_estop, 'the guard is in ESTOP (estop)'),
        (unplugs, 'the joystick fell silent'),
        (falls_silent, 'nothing is heard of the guard'),
        (starts_anew, 'somebody disarmed the guard meanwhile'),
    ],
)


@STOPS
def test_a_way_home_that_waits_for_rest_is_ended_by_whatever_stops_the_arm(stop, words):
    under = Under('home', word=replace(READY, at_rest=False)).go(0.3)
    assert under.calls == ['disarm'] and not under.errand.over
    stop(under)
    under.go(SILENCE + 0.3)
    if under.word is not None:
        under.word = replace(under.word, state='READY', at_rest=True)
    under.speaks = True
    under.go()
    assert under.calls == ['disarm'], 'the arm stays where it is'
    assert under.errand.over and under.errand.told == f'home: {words}'


@STOPS
def test_between_its_episode_and_its_arming_a_start_is_undone_by_whatever_stops_the_arm(
    stop, words
):
    under = Under('start', absent=('arm',)).go(0.3)
    assert under.calls == BEGUN[:2]
    stop(under)
    under.go(SILENCE + 0.3)
    under.absent = ()
    under.go()
    assert under.calls == [*BEGUN[:2], 'discard_episode']
    assert under.errand.told == f'start: {words}'


@pytest.mark.parametrize(
    'act, undone', [('start', ['disarm', 'discard_episode']), ('home', ['disarm'])]
)
def test_a_stop_that_the_guard_tells_after_the_arm_may_move_is_obeyed_then(act, undone):
    under = Under(act)
    for _ in range(3):  # the guard's word of the Stop is still on its way
        under.errand.step(under.now)
        under.watch.hear(replace(under.word, disarms=READY.disarms), under.now + ON_ITS_WAY / 2)
    assert under.calls[-1] in ('arm', 'home') and not under.errand.over
    under.disarm()
    before = list(under.calls)
    under.now += 0.2
    under.hear()
    under.go()
    assert under.calls == [*before, *undone]
    assert under.errand.told == f'{act}: somebody disarmed the guard meanwhile'


@pytest.mark.parametrize('act', ['success', 'failure', 'discard', 'give_back', 'take_over'])
def test_what_moves_nothing_is_done_though_the_arm_was_stopped(act):
    under = Under(act, word=replace(READY, state='FAULT'), sim=False)
    under.disarm()
    unplugs(under)
    under.go()
    assert under.errand.over and not under.errand.failed and under.calls


def test_an_arming_that_does_not_answer_is_undone_at_once_and_again_once_it_does():
    waits = Said(there=False)
    under = Under('start', {'arm': waits}).go(PATIENCE + 0.5)
    assert under.calls == [*BEGUN, 'disarm', 'discard_episode']
    told = 'start: moto_guard/arm did not come about within 10 s'
    assert (under.errand.over, under.errand.waits, under.errand.told) == (True, True, told)
    waits.there = True
    under.go()
    assert under.calls == [*BEGUN, 'disarm', 'discard_episode', 'disarm']
    assert under.errand.told == f'{told}; it answered late: moto_guard/disarm'
    assert under.errand.over and not under.errand.waits


def test_a_late_refusal_has_nothing_undone():
    waits = Said(False, there=False)
    under = Under('home', {'home': waits}).go(PATIENCE + 0.5)
    assert under.calls == ['disarm', 'home', 'disarm']
    waits.there = True
    under.go()
    assert under.calls == ['disarm', 'home', 'disarm'] and not under.errand.waits


def test_an_episode_that_may_or_may_not_have_begun_is_thrown_away_once_it_has():
    waits = Said(there=False)
    under = Under('start', {'start_episode': waits}).go(PATIENCE + 0.5)
    assert under.calls == BEGUN[:2], 'the last episode may be another one'
    waits.there = True
    under.go()
    assert under.calls == [*BEGUN[:2], 'discard_episode']


def test_what_cannot_be_undone_leaves_the_rest_to_be_undone():
    answers = {'arm': Said(there=False), 'disarm': Said(False, 'no')}
    under = Under('start', answers).go(PATIENCE + 0.5)
    assert under.calls == [*BEGUN, 'disarm', 'discard_episode']
    assert under.errand.told == 'start: moto_guard/arm did not come about within 10 s'
