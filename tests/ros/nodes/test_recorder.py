"""The recorder's node, inside the test process: whose rows it writes, and when it stops."""

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from moto_core.errors import EpisodeError
from moto_ros.messages import GuardReasons
from moto_ros.nodes.recorder import RecorderNode
from moto_ros.wire.convert import from_rgb
from tests.ros.nodes.waiting import wait
from tests.ros.told import decided

SUCCESS = TransitionCallbackReturn.SUCCESS
PERIOD = 80_000_000  # [ns]


def recorder(make, tmp_path, **given):
    """A recorder that has just heard a policy and begun an episode; its id."""
    given = {'record.dataset': tmp_path / 'd', 'record.task': 'door', **given}
    node = make(RecorderNode, **given)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.on_status(None)
    return node, node.start()


def test_an_episode_whose_policy_says_nothing_more_ends_as_policy_died(make, tmp_path):
    node, _ = recorder(make, tmp_path, **{'record.policy_timeout': 0.3})
    node.publish_status()
    assert node.recording.state == 'recording'
    wait(node, lambda: node.recording.state != 'recording')
    assert node.recording._ended == 'policy_died'


@pytest.mark.parametrize(
    'state, reasons, end, ended, outcome',
    [
        ('RUNNING', (), 'time_out', 'timeout', 'failure'),
        ('RUNNING', ('uncertain',), 'stop', 'done', 'unlabelled'),  # slower, not held
        ('HOLD', ('joints_stale',), 'end', 'done', 'failure'),
        ('HOLD', ('uncertain',), 'stop', 'held', 'unlabelled'),
        ('HOLD', ('uncertain',), 'end', 'held', 'failure'),
        ('HOLD', ('uncertain',), 'time_out', 'timeout', 'failure'),
    ],
)
def test_an_episodes_end_says_that_its_time_was_up_or_its_arm_held_for_doubt(
    make, tmp_path, state, reasons, end, ended, outcome
):
    node, identity = recorder(make, tmp_path)
    begin = node.now()
    for told in (('HOLD', ('uncertain',)), (state, reasons)):
        node.on_reasons(GuardReasons(stamp=1, state=told[0], source='policy', reasons=told[1]))
    for number in range(2):
        node.on_image('front', from_rgb(np.zeros((64, 64, 3), np.uint8), begin + number * PERIOD))
        node.on_decision(decided(identity, number, begin + number * PERIOD))
    asked = {'stop': node.stop, 'time_out': node.time_out, 'end': lambda: node.end(False)}
    assert asked[end]() == identity
    wait(node, lambda: node.recording.state == 'idle')
    (record,) = node.recording.dataset.episodes()
    assert (record.ended, record.outcome) == (ended, outcome)
    with pytest.raises(EpisodeError, match='no episode is being recorded'):
        node.time_out()


def test_rows_say_who_drove_and_why_the_guard_changed_them(make, tmp_path):
    node, identity = recorder(make, tmp_path)
    begin = node.now()
    for number in range(3):
        stamp, source = begin + number * PERIOD, 'teleop' if number == 1 else 'policy'
        reasons = ('velocity',) if number == 2 else ()
        told = GuardReasons(stamp=stamp, state='RUNNING', source=source, reasons=reasons)
        node.on_reasons(told)
        node.on_image('front', from_rgb(np.full((64, 64, 3), number, np.uint8), stamp))
        node.on_decision(decided(identity, number, stamp))
    node.end(True)
    wait(node, lambda: node.recording.state == 'idle')
    with Dataset.open(tmp_path / 'd') as dataset:
        episode = read_episode(dataset.find(identity).path)
    assert episode.intervention.tolist() == [False, True, False]
    assert [list(reasons) for reasons in episode.reasons] == [[], [], ['velocity']]
