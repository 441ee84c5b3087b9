"""The policy's node, inside the test process: what it asks for, and when it asks for rest."""

from dataclasses import replace

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn

from moto_core.errors import BundleError
from moto_core.policy.policy import PolicyStep
from moto_ros.messages import EpisodeEvent
from moto_ros.nodes.policy import PolicyNode
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.joints import asked, joint_state

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
        node.loop.policy = Saying(node.robot.spec, action)
        node.now = lambda: self.time
        node.requests.publish = self.asked.append

    def frame(self):
        """Lets it see the next frame; returns its newest request, None if it made none."""
        self.time += PERIOD
        node, count, spec = self.node, len(self.asked), self.node.robot.spec
        node.on_joints(joint_state(spec.names, self.time, np.zeros(9), np.zeros(9)))
        for camera in spec.cameras:
            image = np.full((64, 64, 3), count % 256, np.uint8)
            node.on_image(camera, node.to_rgb, from_rgb(image, self.time, camera))
        return np.array(self.asked[-1].velocity[:9]) if len(self.asked) > count else None


def test_an_action_beyond_one_asks_for_its_scale_and_no_more(make):
    policy = Asking(make(PolicyNode), [5.0, -5.0, 0.5, *[0.0] * 6])
    scale = policy.node.robot.spec.scale
    assert policy.frame() == pytest.approx(scale * [1.0, -1.0, 0.5, *[0.0] * 6])


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
