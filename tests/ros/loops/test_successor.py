"""The next policy: found, tried in the shadow, swapped in, watched, given up; by numbers."""

import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moto_core.errors import BundleError, ConfigError
from moto_core.observation import Observation
from moto_core.policy.policy import PolicyStep
from moto_core.spec import CameraSpec, Spec
from moto_ros.chaos.tiny_bundle import SPEC as BUNDLE_SPEC
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from moto_ros.config import PolicyParams
from moto_ros.loops.policy import PolicySlot
from moto_ros.loops.shadow import Behaviour, objection
from moto_ros.loops.succession import Succession
from moto_ros.loops.successor import LATER, LEAST, MOST, Successor

SPEC = Spec(
    joints=['a', 'b'],
    action_scale=[2.0, 2.0],
    rate=12.5,
    cameras={'front': CameraSpec(height=2, width=2)},
)


class Saying:
    """A policy that always chooses the same, and counts what its state has seen."""

    spec = SPEC

    def __init__(self, name, action=(0.0, 0.0), doubt=0.0, limit=None, takes=0.0):
        self.hash, self.action, self.doubt, self.takes = name, np.array(action), doubt, takes
        self.disagreement_threshold, self.seen = limit, []

    def initial(self):
        return {'n': np.zeros(1)}

    def step(self, images, proprioception, state):
        self.seen.append(int(state['n'][0]))
        time.sleep(self.takes)
        return PolicyStep(self.action, self.doubt, {'n': state['n'] + 1})


def seen():
    image = np.zeros((2, 2, 3), np.uint8)
    return Observation(images={'front': image}, proprioception=None, stamp=0)


class Trial:
    """A Successor that finds what `named` holds, and the decisions of a policy in use."""

    def __init__(self, *named, shadow=3, probation=20):
        self.named, self.known, self.time = list(named), [], 0.0
        self.written = []  # hash and why of what was given up
        self.kept = []  # hashes, in the order in which they were written
        self.successor = Successor(self.find, shadow, probation, self.name, self.write, self.keep)

    def write(self, policy, why):
        return lambda: self.written.append((policy.hash, why))

    def keep(self, policy):
        return lambda: self.kept.append(policy.hash)

    def find(self, known):
        self.known.append(known)
        found = self.named[0] if self.named else None
        if isinstance(found, Exception):
            raise found
        return None if found is None or found.hash in known else found

    def name(self):
        return self.named[0].hash if self.named else 'old'

    def look(self, used='old', seconds=1.0):
        """Looks as often as it takes to load what is named."""
        self.time += seconds
        for _ in range(2):
            self.successor.look(self.time, used)
            for work in (self.successor._looking, self.successor._naming):
                if work is not None:
                    work.exception()  # waits

    def decide(self, times, action=(0.0, 0.0), doubt=0.0, first=False, **more):
        for number in range(times):
            begins = first and number == 0
            self.successor.see(seen(), begins, np.array(action), doubt, **more)


def shadowed(policy, **settings):
    trial = Trial(policy, **settings)
    trial.look()
    return trial


def test_what_is_named_is_tried_in_the_shadow_and_then_ready():
    new = Saying('new')
    trial = shadowed(new)
    assert trial.successor.standing == 'new in the shadow, 0 of 3'
    trial.decide(2)
    assert trial.successor.next_policy() is None
    trial.decide(1)
    assert trial.successor.next_policy() is new
    assert trial.known == [{'old'}]


def test_the_shadows_state_is_carried_and_begins_anew_with_an_episode():
    new = Saying('new')
    trial = shadowed(new)
    trial.decide(2, first=True)
    trial.decide(1, first=True)
    assert new.seen == [0, 1, 0]


def test_nothing_is_looked_for_while_something_is_tried_or_watched():
    trial = shadowed(Saying('new'))
    trial.look()
    trial.decide(3)
    trial.successor.swapped()
    trial.look()
    assert len(trial.known) == 1


@pytest.mark.parametrize(
    ('new', 'why'),
    [
        (Saying('new', action=(np.nan, 0.0)), 'numbers that are not finite'),
        (Saying('new', doubt=np.inf), 'numbers that are not finite'),
        (Saying('new', action=(1.0, 0.0)), '50% of its actions are at their bounds'),
        (Saying('new', action=(-1.2, 0.0)), 'expected at most 25%'),
        (Saying('new', doubt=0.3, limit=0.2), 'disagreement is 0.3 in the mean; expected at most'),
        (Saying('new', takes=0.045), r'a step takes \d+.\d ms \(p90\); expected at most 40.0'),
    ],
)
def test_a_policy_that_one_should_not_trust_is_refused_and_not_tried_again(new, why):
    trial = shadowed(new)
    trial.decide(3)
    assert trial.successor.next_policy() is None
    told = trial.successor.news()[-1]
    assert told.startswith('policy new is refused: ')
    assert re.search(why, told)
    trial.look()
    assert trial.known[-1] == {'old', 'new'}
    assert trial.successor.standing == ''


def test_one_number_that_is_not_finite_is_enough_at_once():
    trial = shadowed(Saying('new', action=(np.nan, 0.0)))
    trial.decide(1)
    assert trial.successor.shadow is None


@pytest.mark.parametrize(
    'new',
    [
        Saying('new', action=(1.0, 0.0)),  # as the one in use does
        Saying('new', doubt=0.25, limit=0.25),
        Saying('new', doubt=5.0),  # without a threshold nothing is known
    ],
)
def test_a_policy_like_the_one_in_use_is_ready(new):
    trial = shadowed(new)
    trial.decide(3, action=(0.0, 1.0))
    assert trial.successor.next_policy() is new


def test_after_its_probation_a_policy_is_kept():
    trial = shadowed(Saying('new'), probation=20)
    trial.decide(3)
    trial.successor.swapped()
    trial.decide(19)
    assert trial.successor.standing == 'new on probation, 19 of 20'
    trial.decide(1)
    assert trial.successor.standing == ''
    assert trial.successor.news()[-1] == 'policy new is kept'
    trial.successor.fault('late', blamed=True)
    assert trial.successor.objection() == ''


def test_without_a_probation_it_is_kept_at_once():
    trial = shadowed(Saying('new'), probation=0)
    trial.decide(3)
    trial.successor.swapped()
    assert trial.successor.probation is None


def test_a_fault_while_on_probation_is_a_reason_to_go_back_and_it_is_not_tried_again():
    trial = shadowed(Saying('new'))
    trial.decide(3)
    trial.successor.swapped()
    trial.decide(1)
    assert trial.successor.objection() == ''
    trial.successor.fault('the guard is in FAULT: frozen', blamed=True)
    trial.successor.fault('another', blamed=False)
    assert trial.successor.objection() == 'the guard is in FAULT: frozen'
    trial.successor.went_back()
    told = 'policy new is given up: the guard is in FAULT: frozen'
    assert trial.successor.news()[-1] == told
    trial.look()
    assert trial.known[-1] == {'old', 'new'}


def test_a_fault_of_the_policy_before_says_nothing_of_the_next():
    trial = shadowed(Saying('new'))
    trial.successor.fault('earlier', blamed=True)
    trial.decide(3)
    trial.successor.swapped()
    assert trial.successor.objection() == ''


@pytest.mark.parametrize(
    ('action', 'doubt', 'why'),
    [((1.0, 0.0), 0.0, 'at their bounds'), ((0.0, 0.0), 0.5, 'its disagreement is 0.5')],
)
def test_on_probation_it_is_compared_with_the_policy_before(action, doubt, why):
    trial = shadowed(Saying('new', limit=0.4))
    trial.decide(3)
    trial.successor.swapped()
    trial.decide(LEAST - 1, action, doubt)
    assert trial.successor.objection() == ''
    trial.decide(1, action, doubt)
    assert why in trial.successor.objection()


def test_what_cannot_be_loaded_is_looked_at_again_later_and_said_once():
    trial = Trial(BundleError('half a copy'))
    trial.look()
    assert trial.successor.news() == ['the next policy is not used: half a copy']
    trial.look()
    assert len(trial.known) == 1
    trial.look(seconds=LATER)
    assert len(trial.known) == 2
    trial.look(seconds=LATER)
    assert len(trial.known) == 2  # later and later
    assert trial.successor.news() == []
    trial.named = [Saying('new')]
    trial.look(seconds=MOST)
    assert trial.successor.shadow is not None


def test_a_problem_that_differs_by_a_measured_time_alone_is_said_once():
    trial = Trial(BundleError('a step takes 41.2 ms'))
    trial.look()
    trial.named = [BundleError('a step takes 77.0 ms')]
    trial.look(seconds=MOST)
    assert len(trial.known) == 2
    assert trial.successor.news() == ['the next policy is not used: a step takes 41.2 ms']


@pytest.mark.parametrize('error', [RuntimeError('ort'), MemoryError('none'), OSError(5, 'EIO')])
def test_whatever_a_load_raises_the_policy_in_use_goes_on(error):
    trial = Trial(error)
    trial.look()
    assert type(error).__name__ in trial.successor.news()[0]


@pytest.mark.parametrize('error', [RuntimeError('ort'), MemoryError('none')])
def test_whatever_a_shadow_raises_it_is_refused_and_the_one_in_use_goes_on(error):
    def fail(*_):
        raise error

    new = Saying('new')
    new.step = fail
    trial = shadowed(new)
    trial.decide(1)
    assert 'its step fails: ' + type(error).__name__ in trial.successor.news()[-1]
    assert trial.successor.shadow is None


def test_a_shadow_that_delays_the_policy_in_use_is_dropped_long_before_it_is_tried():
    trial = shadowed(Saying('new', takes=0.1), shadow=25)
    trial.decide(3)
    assert '3 of its steps took longer than a period' in trial.successor.news()[-1]


def test_the_shadow_is_told_what_was_done_and_not_what_it_would_have_done():
    class Telling(Saying):
        def initial(self):
            return {'previous_action': np.zeros((1, 2), np.float32)}

        def step(self, images, proprioception, state):
            self.seen.append(state['previous_action'][0].tolist())
            return PolicyStep(self.action, 0.0, {'previous_action': np.ones((1, 2), np.float32)})

    new = Telling('new')
    trial = shadowed(new)
    trial.decide(3, action=(0.5, -0.5))
    assert new.seen == [[0, 0], [0.5, -0.5], [0.5, -0.5]]


def test_what_is_named_no_more_is_dropped_from_the_shadow():
    trial = shadowed(Saying('new'))
    trial.decide(3)
    trial.named = []
    trial.look()
    assert trial.successor.next_policy() is None
    assert trial.successor.news()[-1] == 'policy new is named no more'


def test_a_load_that_ends_after_a_person_swapped_to_the_same_is_no_shadow():
    trial = Trial(Saying('new'))
    trial.successor.look(1.0, 'old')
    trial.successor._looking.exception()
    trial.successor.look(2.0, 'new')
    assert trial.successor.shadow is None


def test_a_load_under_way_when_a_person_swaps_is_begun_anew_beside_the_policy_in_use():
    trial = Trial(Saying('new'))
    trial.time += 1.0
    trial.successor.look(trial.time, 'old')
    trial.successor._looking.exception()
    trial.successor.replaced('limited')
    trial.successor.look(trial.time, 'limited')
    assert trial.successor.shadow is None, 'what was loaded beside another is not tried'
    trial.look(used='limited')
    assert trial.successor.shadow is not None and trial.known == [{'old'}, {'limited'}]


def test_probation_counts_while_the_policy_drives_alone():
    trial = shadowed(Saying('new'), probation=2)
    trial.decide(3)
    trial.successor.swapped()
    trial.decide(5, driving=False)
    assert trial.successor.standing == 'new on probation, 0 of 2'
    trial.decide(2)
    assert trial.successor.standing == ''


@pytest.mark.parametrize(
    ('given', 'why'),
    [
        ({'seconds': 0.06}, r'a step takes 60.0 ms \(p90\)'),
        ({'action': (np.nan, 0.0)}, 'not finite'),
        ({'action': (np.nan, 0.0), 'driving': False}, 'not finite'),
    ],
)
def test_on_probation_slow_steps_and_what_is_no_number_count(given, why):
    trial = shadowed(Saying('new'))
    trial.decide(3)
    trial.successor.swapped()
    trial.decide(LEAST, **given)
    assert re.search(why, trial.successor.objection())


def test_after_a_fault_that_is_nobodys_the_policy_is_swapped_out_and_tried_again():
    trial = shadowed(Saying('new'))
    trial.decide(3)
    trial.successor.swapped()
    trial.successor.fault('the guard is in ESTOP: estop', blamed=False)
    assert trial.successor.objection()
    trial.successor.went_back()
    assert trial.successor.news()[-1].startswith('policy new was swapped out, and is tried again')
    trial.look()
    assert trial.successor.shadow is not None


def test_closing_waits_for_no_load():
    held = threading.Event()
    trial = Trial()
    trial.find = lambda known: held.wait(30)
    trial.successor._find = trial.find
    trial.successor.look(1.0, 'old')
    began = time.monotonic()
    trial.successor.close()
    assert time.monotonic() - began < 5
    held.set()


def test_what_a_person_went_back_from_is_not_tried_again_after_its_probation_too():
    trial = shadowed(Saying('new'), probation=0)
    trial.decide(3)
    trial.successor.swapped()
    trial.successor.replaced('old', Saying('new'))
    trial.look()
    assert trial.known[-1] == {'old', 'new'}
    assert trial.successor.told == 'new is given up: a person went back from it'


def test_a_person_who_swaps_ends_trial_and_probation():
    trial = shadowed(Saying('new'))
    trial.decide(3)
    trial.successor.swapped()
    trial.successor.replaced('old')
    assert (trial.successor.shadow, trial.successor.probation) == (None, None)
    trial.look()
    assert trial.known[-1] == {'old', 'new'}  # whoever went back did not want it


def test_a_step_is_slow_from_half_a_period_on_by_its_ninetieth_percentile():
    new = Behaviour()
    for seconds in (*[0.001] * 95, *[0.2] * 5):
        new.take(np.zeros(2), 0.0, seconds)
    assert objection(Saying('new'), new, Behaviour()) == ''


def written(trial):
    """What was kept, once it is written."""
    if trial.successor._keeping is not None:
        trial.successor._keeping.result()
    return trial.kept


def test_a_policy_is_kept_once_its_probation_is_over_and_not_before():
    trial = shadowed(Saying('new'), probation=20)
    trial.decide(3)
    trial.successor.swapped()
    trial.decide(19)
    assert written(trial) == []
    trial.decide(1)
    assert written(trial) == ['new']


def test_without_a_probation_a_policy_is_kept_as_it_is_swapped_in():
    trial = shadowed(Saying('new'), probation=0)
    trial.decide(3)
    assert written(trial) == []
    trial.successor.swapped()
    assert written(trial) == ['new']


def test_what_is_kept_last_is_written_last():
    trial, order = Trial(), []

    def slowly(policy):
        def write():
            time.sleep(0.2 * (policy.hash == 'first'))
            order.append(policy.hash)

        return write

    trial.successor._kept = slowly
    trial.successor.keep(Saying('first'))
    trial.successor.keep(Saying('second'))
    trial.successor._keeping.result()
    assert order == ['first', 'second']


@pytest.fixture
def followed(tmp_path):
    """A name-file, two bundles and what a robot that follows the file begins with."""
    one = write_tiny_bundle(tmp_path / 'bundles')
    other = write_tiny_bundle(tmp_path / 'bundles', training={'seed': 2})
    name = tmp_path / 'use'
    name.write_text(f'{one}\n')
    params = PolicyParams(bundle=str(name), follow=True, wait_for_episode=True)

    def begun(**changes):
        slot = PolicySlot(replace(params, **changes), BUNDLE_SPEC)
        if slot._params.follow:
            Succession(slot, slot._params)._successor._keeping.result()
        return slot

    return name, one, other, begun


def test_a_node_that_is_started_again_begins_with_what_was_kept_and_tries_what_is_named(followed):
    name, one, other, begun = followed
    assert begun().policy.hash == one.name  # nothing was kept: what is named
    name.write_text(f'{other}\n')
    again = begun()
    assert again.policy.hash == one.name
    assert again.find(frozenset({one.name})).hash == other.name
    assert begun(follow=False).policy.hash == other.name


def test_what_a_person_swaps_in_is_begun_with_again(followed):
    name, one, other, begun = followed
    slot = begun()
    succession = Succession(slot, slot._params)
    name.write_text(f'{other}\n')
    slot.reload(busy=False)
    succession.replaced()
    succession._successor._keeping.result()
    assert begun().policy.hash == other.name
    left = slot.policy
    slot.rollback(busy=False)
    succession.replaced(left)
    succession._successor._keeping.result()
    assert begun().policy.hash == one.name


def test_what_was_kept_and_is_gone_is_no_reason_to_drive_with_what_was_never_tried(followed):
    name, one, other, begun = followed
    begun()
    name.write_text(f'{other}\n')
    shutil.rmtree(one)
    with pytest.raises(BundleError, match=f"delete '{name}.kept' to begin with what '{name}'"):
        begun()
    Path(f'{name}.kept').unlink()
    assert begun().policy.hash == other.name


def test_the_slot_finds_what_the_name_file_names_unless_it_is_known(tmp_path):
    one = write_tiny_bundle(tmp_path / 'bundles')
    other = write_tiny_bundle(tmp_path / 'bundles', training={'seed': 2})
    name = tmp_path / 'use'
    name.write_text(f'{one}\n')
    slot = PolicySlot(PolicyParams(bundle=str(name)), BUNDLE_SPEC)
    assert slot.find(frozenset({slot.policy.hash})) is None
    name.write_text(f'{other}\n')
    found = slot.find(frozenset({slot.policy.hash}))
    assert found.hash == other.name
    assert slot.policy.hash == one.name
    assert slot.swap(found) == other.name
    assert slot.rollback(busy=False) == one.name


@pytest.mark.parametrize('bundle', ['zero', 'random', 'folder', 'missing'])
def test_only_a_name_file_can_be_followed(tmp_path, bundle, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'folder').mkdir()
    with pytest.raises(ConfigError, match=f"policy.bundle is '{bundle}'; expected a file that"):
        Succession(None, PolicyParams(bundle=bundle, follow=True, wait_for_episode=True))
