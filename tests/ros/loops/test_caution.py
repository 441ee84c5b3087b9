"""The policy's surprise, from its loop through the inbox to what the guard lets out."""

from dataclasses import replace

import numpy as np
import pytest

from moto_core.guard.state import HOLD, RUNNING
from moto_core.observation import GateLimits
from moto_core.policy.policy import PolicyStep, ZeroPolicy
from moto_core.policy.surprise import SurpriseLimits
from moto_core.spec import CameraSpec, Spec
from moto_ros.loops.caution import follows, holds, surprised
from moto_ros.loops.policy import PolicyLoop
from moto_ros.messages import GuardReasons
from tests.ros.loops.arm import NAMES, Arm
from tests.ros.told import policy_status

MS = 1_000_000
SPEC = Spec(['a'], [1.0], rate=12.5, cameras={'front': CameraSpec(height=2, width=2)})
LIMITS = SurpriseLimits(slow=4.0, hold=8.0, window=4, quantile=0.95, episodes=20, decisions=900)
TOLD = GuardReasons(stamp=0, state=RUNNING, source='policy', reasons=('velocity',))
STATUS = policy_status(decisions=7, surprise=6.0, slow=4.0, hold=8.0, speed_scale=0.625)


class Surprised:
    """A policy that counts its steps since it began, and is as surprised as it is told."""

    hash, spec, surprise_limits = 'surprised', SPEC, LIMITS

    def __init__(self, surprise=9.0):
        self.surprise = surprise

    def initial(self):
        return {'n': np.zeros(1)}

    def step(self, images, proprioception, state):
        first = state['n'][0] == 0
        return PolicyStep(
            action=np.array(state['n'], np.float32),
            disagreement=0.5,
            state={'n': state['n'] + 1},
            surprise=0.0 if first else self.surprise,
        )


@pytest.fixture
def loop():
    return PolicyLoop(Surprised(), GateLimits())


def decide(loop, count):
    """The next decisions of a loop, one a period."""
    made = []
    for _ in range(count):
        now = (loop.decisions + 1) * 80 * MS
        loop.joints(np.zeros(1), np.zeros(1), now)
        loop.frame('front', np.full((2, 2, 3), loop.decisions % 250, np.uint8), now, now)
        decided = loop.step(now, now * 1e-9)
        assert decided is not None, loop.reasons
        made.append(decided.decision)
    return made


def scales(decisions):
    return [decision.speed_scale for decision in decisions]


def test_each_decision_carries_its_surprise_and_the_scale_that_comes_of_it(loop):
    made = decide(loop, 6)  # the first counts for nothing, four fill the window
    assert [one.surprise for one in made] == [0.0, *[9.0] * 5]
    assert scales(made) == [1.0] * 4 + [0.0] * 2
    loop.policy.surprise = 2.0
    assert scales(decide(loop, 2)) == [0.390625, 0.71875]  # means 7.25 and 5.5


def test_an_episode_begins_without_a_past(loop):
    assert scales(decide(loop, 5))[-1] == 0.0
    loop.start_episode('next')
    assert scales(decide(loop, 5)) == [1.0] * 4 + [0.0]


def test_while_it_is_held_nothing_is_judged_and_then_it_begins_anew(loop):
    assert scales(decide(loop, 5))[-1] == 0.0
    loop.follow(False, True)  # a person looks, and the guard hears no doubt that bars the way
    assert scales(decide(loop, 6)) == [1.0] * 6
    assert (loop.caution.mean, loop.caution.scale) == (9.0, 0.0), 'still shown'
    loop.follow(True)
    made = decide(loop, 5)
    assert [one.action for one in made] == [(0.0,), (1.0,), (2.0,), (3.0,), (4.0,)]
    assert scales(made) == [1.0] * 4 + [0.0], 'what is still there holds again'
    assert [one.number for one in made] == [11, 12, 13, 14, 15], 'the episode goes on'


def test_after_another_pause_the_state_goes_on_and_the_surprise_is_judged_anew(loop):
    loop.policy.surprise = 5.0
    slowed = scales(decide(loop, 5))[-1]
    assert 0.0 < slowed < 1.0
    loop.policy.surprise = 9.0
    loop.follow(False)
    decide(loop, 1)
    loop.follow(True)
    made = decide(loop, 6)
    assert [one.action for one in made[:2]] == [(6.0,), (7.0,)]
    assert scales(made) == [slowed] * 4 + [0.0] * 2, 'as slow as before, until it is judged anew'


def test_short_pauses_do_not_make_a_slowed_arm_fast(loop):
    loop.policy.surprise = 5.0
    slowed = scales(decide(loop, 5))[-1]
    for _ in range(5):
        loop.follow(False)
        decide(loop, 1)
        loop.follow(True)
        assert scales(decide(loop, 3)) == [slowed] * 3


def test_a_loop_that_hears_twice_that_the_arm_follows_goes_on(loop):
    loop.follow(True)
    decide(loop, 2)
    loop.follow(True)
    assert [one.action for one in decide(loop, 1)] == [(2.0,)]


def test_another_policy_comes_with_its_own_limits(loop):
    decide(loop, 5)
    loop.use(ZeroPolicy(SPEC))
    assert loop.caution.limits is None
    assert scales(decide(loop, 6)) == [1.0] * 6
    loop.use(Surprised())
    assert scales(decide(loop, 5)) == [1.0] * 4 + [0.0]


@pytest.mark.parametrize(
    'changes, does',
    [
        ({}, True),
        ({'state': HOLD, 'reasons': ('uncertain',)}, False),
        ({'source': 'teleop'}, False),
        ({'reasons': ('beginning',)}, False),
        ({'reasons': ('velocity', 'dry_run')}, False),
        ({'reasons': ('uncertain',)}, True),  # slowed
    ],
)
def test_the_arm_follows_a_policy_that_drives_a_running_guard(changes, does):
    assert follows(replace(TOLD, **changes)) is does


@pytest.mark.parametrize(
    'state, reason, does',
    [(HOLD, 'uncertain', True), (RUNNING, 'uncertain', False), (HOLD, 'request_stale', False)],
)
def test_a_hold_for_doubt_is_told_from_a_slower_arm_and_from_other_holds(state, reason, does):
    assert holds(replace(TOLD, state=state, reasons=('position', reason))) is does


def test_a_surprised_policy_says_what_people_may_do():
    assert surprised(STATUS) == (
        'surprised by what it sees, 6 nats (slower above 4, held from 8): slower'
    )
    held = surprised(replace(STATUS, speed_scale=0.0))
    assert held.endswith('held: look, then press the deadman anew, or arm')
    assert surprised(replace(STATUS, speed_scale=1.0)) == ''
    assert surprised(replace(STATUS, waiting=True)) == ''


def test_a_scale_with_the_request_slows_the_arm_and_zero_holds_it_until_it_is_armed_anew():
    arm = Arm(delay=0.0)

    def ask(scale, seconds):
        for _ in range(round(seconds * 250)):
            arm.guard.inbox.request(NAMES, np.full(7, 2.0), 0.0, arm.now, speed_scale=scale)
            arm.tick()

    ask(1.0, 1.0)
    whole = arm.velocity[0]
    ask(0.5, 1.0)
    assert arm.velocity[0] == pytest.approx(whole / 2, rel=1e-3)
    assert 'uncertain' in arm.outputs[-1].reasons
    ask(0.0, 1.0)
    assert arm.guard.state.mode == HOLD and arm.guard.state.cause == ('uncertain',)
    ask(1.0, 1.0)
    assert arm.guard.state.mode == HOLD and not arm.velocity.any()
    arm.guard.arm()
    ask(1.0, 1.0)
    assert arm.guard.state.mode == RUNNING and arm.velocity[0] > 0.1
