"""The policy's node, inside the test process: what it asks for, and when it asks for rest."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn

from moto_core.errors import BundleError, ObservationError
from moto_core.guard.limits import load_robot
from moto_core.policy.given_up import read_given_up, take_back
from moto_core.policy.name_file import write_name
from moto_core.policy.policy import PolicyStep
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from moto_ros.messages import Decision, EpisodeEvent, from_json
from moto_ros.nodes.policy import PolicyNode
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.joints import asked, joint_state
from tests.ros.told import guarded

SUCCESS = TransitionCallbackReturn.SUCCESS
PERIOD = 80_000_000  # [ns]


class Saying:
    """A policy that always chooses the same action."""

    hash = 'saying'

    def __init__(self, spec, action):
        self.spec, self.action = spec, np.array(action, np.float32)

    def initial(self):
        return {}

    def step(self, images, proprioception, state):
        return PolicyStep(self.action, 0.0, state)


class Asking:
    """An active policy's node whose policy chooses `action`, and what it asked for."""

    def __init__(self, node, action):
        self.node, self.asked, self.time = node, [], node.now()
        assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
        if action is not None:
            node.loop.policy = Saying(node.robot.spec, action)
        node.now = lambda: self.time
        node.requests.publish = self.asked.append

    def frame(self):
        """Lets it see the next frame; returns its newest request, None if it made none."""
        self.time += PERIOD
        node, count, spec = self.node, len(self.asked), self.node.robot.spec
        node.inputs.on_joints(joint_state(spec.names, self.time, np.zeros(9), np.zeros(9)))
        for camera in spec.cameras:
            image = np.full((64, 64, 3), count % 256, np.uint8)
            node.inputs.on_image(camera, node.inputs.to_rgb, from_rgb(image, self.time, camera))
        return np.array(self.asked[-1].velocity[:9]) if len(self.asked) > count else None


def test_an_action_beyond_one_asks_for_its_scale_and_no_more(make):
    policy = Asking(make(PolicyNode), [5.0, -5.0, 0.5, *[0.0] * 6])
    scale = policy.node.robot.spec.scale
    assert policy.frame() == pytest.approx(scale * [1.0, -1.0, 0.5, *[0.0] * 6])


@pytest.mark.parametrize('column', ['position', 'velocity'])
def test_joints_that_are_no_numbers_are_named_and_not_seen(make, column):
    asking = Asking(make(PolicyNode, **{'policy.bundle': 'zero'}), np.zeros(9))
    node = asking.node
    asking.frame()
    before = node.loop._joints
    told = joint_state(node.robot.spec.names, asking.time, np.zeros(9), np.zeros(9))
    getattr(told, column)[3] = float('nan')
    node.inputs.on_joints(told)
    assert f'the {column} [0.0, 0.0, 0.0, nan' in node.problem
    assert node.loop._joints is before
    assert asking.frame() is not None


def test_what_cannot_be_observed_as_it_decides_is_a_problem_and_ends_nothing(make, monkeypatch):
    asking = Asking(make(PolicyNode, **{'policy.bundle': 'zero'}), np.zeros(9))

    def step():
        raise ObservationError('no place of joint 3')

    monkeypatch.setattr(asking.node.inputs, '_step', step)
    assert asking.frame() is None and asking.node.problem == 'no place of joint 3'


def test_what_its_doubt_leaves_of_the_speed_goes_with_the_request(make):
    policy = Asking(make(PolicyNode), [1.0] * 9)
    step = policy.node.loop.step

    def doubting(*clocks):
        decided = step(*clocks)
        return decided._replace(decision=replace(decided.decision, speed_scale=0.25))

    policy.node.loop.step = doubting
    policy.frame()
    names, _, scale = asked(policy.asked[-1])
    assert (names, scale) == (list(policy.node.robot.spec.names), 0.25)


def test_an_action_that_is_no_number_is_no_request_and_a_problem(make):
    policy = Asking(make(PolicyNode), [np.nan, *[0.0] * 8])
    assert policy.frame() is None
    assert 'the policy gave [nan, 0.0' in policy.node.problem


def test_between_episodes_it_asks_for_rest_whatever_the_policy_chooses(make):
    policy = Asking(make(PolicyNode, **{'policy.wait_for_episode': 'true'}), [1.0] * 9)
    assert not policy.frame().any()
    policy.node.on_episode(EpisodeEvent(state='started', episode='E'))
    assert policy.frame() == pytest.approx(policy.node.robot.spec.scale)
    policy.node.on_episode(EpisodeEvent(state='stopping', episode='E'))
    assert not policy.frame().any()


def test_in_an_episode_no_policy_is_swapped(make):
    policy = Asking(make(PolicyNode, **{'policy.wait_for_episode': 'true'}), [0.0] * 9)
    node = policy.node
    node.on_episode(EpisodeEvent(state='started', episode='E'))
    with pytest.raises(BundleError, match='stop the episode'):
        node.swap(node.slot.reload)
    node.on_episode(EpisodeEvent(state='stopping', episode='E'))
    assert node.swap(node.slot.reload) == node.slot.policy.hash


def test_a_request_dies_on_its_way_after_two_and_a_half_periods(make):
    node = make(PolicyNode)
    assert node.trigger_configure() == SUCCESS
    assert node.requests.qos_profile.lifespan.nanoseconds == 200_000_000


class Following:
    """A policy's node that follows a name-file, and bundles for its robot to write into that."""

    def __init__(self, make, folder, **settings):
        self.folder, self.name = folder / 'bundles', folder / 'use'
        spec = load_robot('kitchen_sim').spec
        self.bundles = [
            write_tiny_bundle(self.folder, spec, training={'seed': seed}) for seed in range(3)
        ]
        self.use(0)
        given = {
            'policy.wait_for_episode': 'true',
            'policy.follow': 'true',
            'policy.bundle': str(self.name),
            'policy.shadow': 3,
            'policy.probation': 5,
            **settings,
        }
        self.policy = Asking(make(PolicyNode, **given), None)
        self.node, self.shown = self.policy.node, []
        self.node.manifest.publish = self.shown.append

    def use(self, index):
        write_name(self.name, self.bundles[index])

    def look(self):
        """Lets the node look, and waits for what it loads and writes."""
        successor = self.node.succession._successor
        successor._next = 0.0
        for _ in range(2):
            self.node.publish_status()
            for work in (successor._looking, successor._naming, *successor._writing):
                if work is not None:
                    work.exception()

    def episode(self, decisions):
        self.node.on_episode(EpisodeEvent(state='started', episode='E'))
        for _ in range(decisions):
            self.policy.frame()
            self.node.publish_status()

    def swap(self):
        """Lets another bundle be tried and swapped in: it is on probation."""
        self.use(1)
        self.look()
        self.episode(4)
        self.end()
        assert self.used == 1

    def end(self):
        self.node.on_episode(EpisodeEvent(state='stopping', episode='E'))
        self.node.publish_status()

    @property
    def used(self):
        return self.bundles.index(self.folder / self.node.loop.policy.hash)


def test_what_the_name_file_names_next_is_swapped_in_after_the_episode_of_its_shadow(
    make, tmp_path
):
    following = Following(make, tmp_path)
    following.use(1)
    following.look()
    following.episode(4)
    assert following.used == 0
    following.end()
    assert following.used == 1
    assert following.bundles[1].name in following.shown[-1].data
    following.episode(6)
    following.end()
    assert following.used == 1
    assert following.node.succession.standing == ''


def test_too_few_decisions_in_the_shadow_swap_nothing(make, tmp_path):
    following = Following(make, tmp_path)
    following.use(1)
    following.look()
    following.episode(2)
    following.end()
    assert following.used == 0


@pytest.mark.parametrize(
    ('told', 'again'),
    [
        (guarded('FAULT', ['request_rejects']), False),
        (guarded('HOLD', ['uncertain']), False),
        (guarded('FAULT', ['joints_timeout']), True),  # a sensor's
        (guarded('ESTOP', ['estop']), True),  # a person's
    ],
)
def test_a_fault_on_probation_brings_the_policy_before_back(make, tmp_path, told, again):
    following = Following(make, tmp_path)
    following.swap()
    following.episode(1)
    following.node.on_guard(guarded())
    following.node.on_guard(told)
    following.node.publish_status()
    assert following.used == 1  # never within an episode
    following.end()
    assert following.used == 0
    following.look()
    assert (following.node.succession._successor.shadow is not None) == again
    assert (read_given_up(following.bundles[1]) is None) == again
    if not again:
        assert 'is given up' in following.node.succession.standing
        following.use(2)
        following.look()
        assert following.node.succession._successor.shadow is not None


def test_a_fault_that_is_heard_after_the_recorders_stop_is_still_the_episodes(make, tmp_path):
    following = Following(make, tmp_path)
    following.swap()
    following.episode(1)
    following.node.on_guard(guarded())
    following.node.on_episode(EpisodeEvent(state='stopping', episode='E'))
    following.node.on_guard(guarded('FAULT', ['request_timeout']))
    following.node.publish_status()
    assert following.used == 0


@pytest.mark.parametrize(
    'heard',
    [
        [guarded('FAULT', ['request_rejects'])],  # an old one, told ten times a second
        [guarded(source='teleop'), guarded('FAULT', ['request_rejects'], source='teleop')],
        [guarded(), guarded('HOLD', ['request_timeout'])],
    ],
)
def test_what_a_policy_did_not_do_is_not_held_against_it(make, tmp_path, heard):
    following = Following(make, tmp_path)
    following.swap()
    following.node.on_guard(heard[0])
    following.episode(1)
    for told in heard:
        following.node.on_guard(told)
    following.end()
    assert following.used == 1


def test_a_fault_between_episodes_is_not_the_policys(make, tmp_path):
    following = Following(make, tmp_path)
    following.swap()
    node = following.node
    node.steady_now = lambda: time.monotonic() + 10.0  # long after the episode
    node.on_guard(guarded())
    node.on_guard(guarded('FAULT', ['request_rejects']))
    node.publish_status()
    assert following.used == 1


def test_after_it_went_back_by_itself_a_person_cannot_go_back_to_what_was_given_up(make, tmp_path):
    following = Following(make, tmp_path)
    following.swap()
    following.episode(1)
    following.node.on_guard(guarded())
    following.node.on_guard(guarded('FAULT', ['request_rejects']))
    following.end()
    assert following.used == 0
    with pytest.raises(BundleError, match='no policy before'):
        following.node.swap(following.node.slot.rollback, back=True)


def test_an_episode_of_another_policy_than_the_one_in_use_has_no_decision(make, tmp_path):
    following = Following(make, tmp_path)
    node = following.node
    node.on_episode(EpisodeEvent(state='started', episode='E', policy=following.bundles[2].name))
    assert node.waiting and 'makes no decision' in node.problem
    node.on_episode(EpisodeEvent(state='started', episode='F', policy=following.bundles[0].name))
    assert not node.waiting


def test_the_swap_comes_with_the_word_that_the_episode_stops(make, tmp_path):
    following = Following(make, tmp_path)
    following.use(1)
    following.look()
    following.episode(4)
    following.node.on_episode(EpisodeEvent(state='stopping', episode='E'))  # and no tick
    assert following.used == 1


def test_every_second_action_that_is_no_number_on_probation_is_one_too_many(make, tmp_path):
    following = Following(make, tmp_path)
    following.swap()
    step, count = following.node.loop.policy.step, itertools.count()

    def odd(*given):
        found = step(*given)
        return found._replace(action=found.action * np.nan) if next(count) % 2 else found

    following.node.loop.policy.step = odd
    following.episode(9)
    following.end()
    assert following.used == 0


def test_a_half_copied_bundle_leaves_the_one_in_use_and_is_taken_once_it_is_whole(make, tmp_path):
    following = Following(make, tmp_path)
    policy = following.bundles[1] / 'policy.onnx'
    whole = policy.read_bytes()
    policy.write_bytes(whole[:-7])
    following.use(1)
    following.look()
    assert following.node.succession._successor.shadow is None
    policy.write_bytes(whole)
    following.look()
    assert following.node.succession._successor.shadow is not None


@pytest.mark.parametrize('decisions', [0, 8], ids=['on probation', 'kept'])
def test_a_person_who_goes_back_is_not_overruled(make, tmp_path, decisions):
    following = Following(make, tmp_path)
    following.swap()
    following.episode(decisions)
    following.end()
    node = following.node
    assert node.swap(node.slot.rollback, back=True) == following.bundles[0].name
    following.look()
    following.episode(4)
    following.end()
    assert following.used == 0


def test_what_was_given_up_is_not_begun_with_when_it_is_configured_anew(make, tmp_path):
    following = Following(make, tmp_path)
    following.swap()
    node = following.node
    node.swap(node.slot.rollback, back=True)
    following.look()
    assert 'a person went back' in read_given_up(following.bundles[1]).why
    for change in (node.trigger_deactivate, node.trigger_cleanup, node.trigger_configure):
        change()
    assert following.used == 0
    take_back(following.bundles[1])
    for change in (node.trigger_cleanup, node.trigger_configure, node.trigger_activate):
        change()
    assert following.used == 0, 'what was kept is begun with'
    following.look()
    assert node.succession._successor.shadow.policy.hash == following.bundles[1].name


def test_a_swap_by_hand_is_logged_as_the_others_are(make, tmp_path, monkeypatch):
    following, logged = Following(make, tmp_path), []
    following.swap()
    node, (one, other) = following.node, (path.name[:12] for path in following.bundles[:2])
    logger = type(node.get_logger())
    monkeypatch.setattr(logger, 'info', lambda self, text, **_: logged.append(text))
    node.swap(node.slot.rollback, back=True)
    assert f'policy {one} is in use, a person went back to it from {other}' in logged
    node.swap(node.slot.reload)
    assert f'policy {other} is in use, a person had it loaded' in logged


@pytest.mark.parametrize('way', ['rollback', 'reload'])
def test_a_person_may_have_back_what_was_given_up(make, tmp_path, way):
    following = Following(make, tmp_path)
    following.swap()
    node = following.node
    node.swap(node.slot.rollback, back=True)
    following.look()
    node.swap(getattr(node.slot, way), back=way == 'rollback')
    following.look()
    assert following.used == 1
    assert read_given_up(following.bundles[1]) is None


def test_what_cannot_be_written_down_is_said(make, tmp_path, monkeypatch):
    following = Following(make, tmp_path)
    following.swap()
    following.bundles[1].with_name(f'{following.bundles[1].name}.given_up').mkdir()
    node, warned = following.node, []
    node.swap(node.slot.rollback, back=True)
    for level in ('info', 'warn'):
        logger = type(node.get_logger())
        monkeypatch.setattr(logger, level, lambda self, text, **_: warned.append(text))
    following.look()
    assert any('cannot write' in text and 'after a restart' in text for text in warned)


@pytest.mark.parametrize(
    'given',
    [
        {'policy.wait_for_episode': 'true'},
        {'policy.wait_for_episode': 'false', 'policy.bundle': 'use'},
    ],
    ids=['zero', 'no episodes'],
)
def test_where_nothing_could_be_swapped_in_it_does_not_follow(make, tmp_path, given, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = load_robot('kitchen_sim').spec
    write_name(tmp_path / 'use', write_tiny_bundle(tmp_path / 'bundles', spec))
    node = make(PolicyNode, **given, **{'policy.follow': 'true'})
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE


class Remembering(Saying):
    """A policy that remembers which action it was told led to what it sees."""

    def __init__(self, spec, action):
        super().__init__(spec, action)
        self.told = []

    def initial(self):
        return {'previous_action': np.zeros((1, 9), np.float32)}

    def step(self, images, proprioception, state):
        self.told.append(state['previous_action'][0].tolist())
        return PolicyStep(self.action, 0.0, {'previous_action': self.action[None]})


def test_after_a_take_over_the_policy_goes_on_from_what_the_person_did(make):
    policy = Asking(make(PolicyNode), None)
    node, scale = policy.node, policy.node.robot.spec.scale
    node.loop.use(Remembering(node.robot.spec, [0.25] * 9))

    def period(source, velocity):
        node.on_guard(guarded(stamp=policy.time, source=source))
        for tick in range(1, 20):
            stamp = policy.time + tick * 4_000_000
            node.on_executed(joint_state(node.robot.spec.names, stamp, np.full(9, velocity)))
        policy.frame()

    policy.frame()
    for source, velocity in (('policy', 0.1), ('teleop', -1.0), ('teleop', 0.5), ('policy', 0.1)):
        period(source, velocity)
    own, person = [0.25] * 9, [(np.full(9, v) / scale).tolist() for v in (-1.0, 0.5)]
    expected = [[0.0] * 9, own, *person, own]
    np.testing.assert_allclose(node.loop.policy.told, expected, atol=1e-6)


def test_the_policy_of_a_demonstration_says_what_the_person_asks_for_and_asks_for_rest(make):
    policy = Asking(make(PolicyNode, **{'policy.bundle': 'teleop'}), None)
    node, logged = policy.node, []
    node.decisions.publish = logged.append
    asks = np.linspace(-1.0, 1.0, 9)
    node.inputs.on_person(joint_state(node.robot.spec.names, node.now(), asks))
    assert not policy.frame().any()
    decision = from_json(Decision, logged[-1].data)
    assert decision.action == pytest.approx(asks / node.robot.spec.scale, abs=1e-6)
