"""A person drives the twin by a joystick: demonstrations, take-overs, what must not move it."""

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from moto_core.guard.reasons import stops
from moto_learning.commands import train
from moto_learning.data.cache import compile_dataset
from tests.ros.hands import ARM, DEADMAN, Hands, way_of_an_expert
from tests.ros.joystick import FAILURE, GIVE_BACK, START, SUCCESS, TAKE_OVER, Pad
from tests.test_help_examples import TINY

pytestmark = [pytest.mark.ros, pytest.mark.slow]
ONE_TO_ONE = {
    'teleop': 'joy',
    'teleop.sticks': 'joints',
    'teleop.speed': '1.0',
    'teleop.dead_zone': '0.0',
}
STILL = 0.03  # [rad/s]


def ended(graph, identity):
    """Waits for the end of an episode; returns its record and rows."""
    graph.wait(
        lambda: any(e.state == 'ended' and e.episode == identity for e in graph.events),
        10,
        'the end of the episode',
    )
    with Dataset.open(graph.dataset) as dataset:
        record = dataset.find(identity)
    return record, read_episode(record.path)


def test_a_demonstration_by_joystick_is_recorded_labelled_and_learned_from(start, tmp_path):
    graph = start(seed='1073741900', **ONE_TO_ONE)
    pad, seed = Pad(graph), graph.latest.task.seed  # nothing has reset the scene it started with
    way, fingers = way_of_an_expert(seed)
    pad.connects()
    pad.press(START)
    pad.until(lambda: graph.latest.recorder.state == 'recording', 'an episode')
    identity = graph.latest.recorder.episode
    assert graph.latest.guard.source == 'teleop'
    pad.until(lambda: graph.latest.guard.state == 'RUNNING', 'a guard that follows', DEADMAN)
    assert graph.speed() < STILL
    pad.follow(Hands(graph.robot.spec, way, fingers), lambda: graph.latest.task.success)
    pad.says((), DEADMAN, seconds=0.4)
    pad.press(SUCCESS)
    pad.until(lambda: graph.latest.task.seed == seed + 1, 'the next scene')
    pad.until(lambda: graph.latest.teleop.said == f'success: {identity}', 'its last word')
    record, episode = ended(graph, identity)
    about = (record.controller, record.policy_hash, record.outcome, record.task, record.source)
    assert about == ('teleop', '', 'success', 'kitchen-microwave', 'sim')
    assert episode.intervention.all() and episode.success.any()
    moving = np.abs(episode.executed[:, :ARM]).max(axis=1) > 0.02
    assert moving.sum() > 20 and np.abs(episode.requested).max() <= 1.0
    # what was asked for at an observation is what was done over the period, but for the ramps
    off = np.abs(episode.requested - episode.executed)[moving][:, :ARM]
    assert np.median(off) < 0.1
    for column in (episode.requested, episode.executed):
        assert column[:, ARM].min() < -0.9 and column[:, ARM].max() > 0.9  # fingers: both ways
    with Dataset.open(graph.dataset) as dataset:
        (cached,) = compile_dataset(dataset).episodes
    np.testing.assert_array_equal(cached.learned['chosen'], episode.executed)
    imitated = cached.learned['bc_mask'].astype(bool)
    assert imitated[moving].mean() > 0.9
    stood = [bool(stops(reasons, 1.0)) for reasons in episode.reasons]
    assert not imitated[stood].any(), 'before the deadman was held nobody asked for anything'
    words = ['--config', 'demo', '--phase', 'offline', '--data', str(graph.dataset)]
    assert train.main([*words, '--out', str(tmp_path / 'run'), *TINY]) == 0


@pytest.fixture(scope='module')
def beside_a_policy(start):
    return start(policy='random', seed='1073742000', **ONE_TO_ONE)


@pytest.fixture
def pad(beside_a_policy):
    pad = Pad(beside_a_policy)
    pad.connects()
    yield pad
    beside_a_policy.node.destroy_publisher(pad.publisher)


def test_a_person_takes_over_in_a_policys_episode_and_gives_back(pad):
    graph = pad.graph
    pad.press(START)
    pad.until(lambda: graph.latest.recorder.state == 'recording', 'an episode')
    identity = graph.latest.recorder.episode
    assert graph.latest.guard.source == 'policy'
    pad.until(lambda: graph.speed() > 0.15, "the policy's motion", DEADMAN)
    pad.says((), DEADMAN, seconds=0.8)
    pad.press(TAKE_OVER, holding=[DEADMAN])
    pad.until(lambda: graph.latest.guard.source == 'teleop', 'the take-over', DEADMAN)
    pad.says((0.0, 0.1, -0.1), DEADMAN, seconds=1.2)
    assert graph.executed[-1].velocity[1:3].tolist() == pytest.approx([0.2, -0.2], abs=0.02)
    pad.press(GIVE_BACK, holding=[DEADMAN])
    pad.until(lambda: graph.latest.guard.source == 'policy', 'the policy', DEADMAN)
    pad.says((), DEADMAN, seconds=1.0)
    pad.press(FAILURE)
    pad.until(lambda: graph.latest.teleop.said.startswith('failure:'), 'the label')
    record, episode = ended(graph, identity)
    assert (record.controller, record.policy_hash) == ('policy', 'random')
    assert (record.outcome, record.interventions) == ('failure', episode.intervention.sum())
    marked = np.flatnonzero(episode.intervention)
    assert 12 <= len(marked) <= 30 and np.ptp(marked) == len(marked) - 1
    assert marked[0] > 5 and marked[-1] < len(episode.intervention) - 6
    driven = slice(marked[6], marked[-1] - 3)
    person = np.zeros(9)
    person[1:3] = 0.1, -0.1
    np.testing.assert_allclose(
        episode.executed[driven], np.tile(person, (driven.stop - driven.start, 1)), atol=0.02
    )
    assert np.abs(episode.requested[driven]).mean() > 0.3, 'what the policy would have done'


def test_a_silent_joystick_stops_the_arm_and_does_not_make_it_jump_when_it_is_back(pad):
    graph = pad.graph
    pad.press(START)
    pad.until(lambda: graph.latest.recorder.state == 'recording', 'an episode')
    pad.press(TAKE_OVER)
    pad.until(lambda: graph.latest.guard.source == 'teleop', 'the take-over')
    pad.says((), DEADMAN, seconds=0.4)
    pad.until(lambda: graph.speed() > 0.3, 'motion', DEADMAN, axes=(0.3,))
    graph.joints.clear()
    silent = graph.now()
    graph.spin(0.9)  # unplugged; shorter than what is a fault
    stamps, _, velocity = graph.motion()
    after = (stamps - silent) * 1e-9
    moving = np.abs(velocity).max(axis=1) > STILL
    assert after[moving].max() < 0.7  # 0.2 s until it is stale, 0.6 rad/s at 5 rad/s^2, creeping
    pad.says((0.3,), DEADMAN, seconds=1.0)  # plugged in again, the stick and the button held
    assert graph.speed() < STILL and not graph.latest.teleop.moves
    pad.says((0.3,), seconds=0.2)
    pad.says((0.3,), DEADMAN, seconds=0.5)
    assert graph.speed() < STILL, 'the stick was never seen at rest'
    assert 'not at rest' in graph.latest.teleop.problem
