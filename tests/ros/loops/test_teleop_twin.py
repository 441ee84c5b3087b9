"""A person drives the twin in simulated time: joystick, guard, twin, decisions, rows; no ROS."""

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.guard.limits import load_robot
from moto_core.guard.state import RUNNING
from moto_core.observation import GateLimits
from moto_core.policy.policy import PolicyStep
from moto_learning.commands import train
from moto_learning.data.cache import compile_dataset
from moto_ros.config import TeleopParams, load_ros_config, recorded_setup
from moto_ros.loops.configured import arm_guard
from moto_ros.loops.done import DoneInstead
from moto_ros.loops.guard_log import Executed
from moto_ros.loops.person import PersonPolicy
from moto_ros.loops.policy import PolicyLoop, requested_at
from moto_ros.loops.recorder import Recording
from moto_ros.loops.teleop import Teleop
from moto_ros.loops.twin import TICK, Images, Joints, TwinLoop
from moto_ros.loops.twin_scene import TwinSim
from moto_ros.messages import GuardReasons, TaskState
from tests.ros.hands import ARM, DEADMAN, PERIOD, Hands, way_of_an_expert
from tests.test_help_examples import TINY

SEED = 2**30 + 76
SIM = {
    'command.mode': 'velocity_array',
    'record.source': 'sim',
    'guard.deadman_required': True,
    'twin.task': 'kitchen-microwave',
}


class Scene:
    """The graph's loops around one twin, at the ticks of the twin."""

    def __init__(self, folder, policy=None):
        self.robot = load_robot('kitchen_sim')
        self.config, self.now = load_ros_config('franka_kitchen', SIM), 10.0
        self.spec, names = self.robot.spec, self.robot.spec.names
        self.sim = TwinSim('kitchen-microwave', self.robot)
        self.sim.start(SEED)
        self.twin = TwinLoop(self.sim, self.robot, self.config.twin)
        self.twin.start(self.now)
        self.guard = arm_guard(self.config, self.robot)
        self.guard.activate(True)
        params = TeleopParams(sticks='joints', speed=1.0, dead_zone=0.0)
        self.teleop = Teleop(self.robot, params, DEADMAN)
        self.person = PersonPolicy(self.spec, lambda: self.now)
        self.policy = PolicyLoop(policy or self.person, GateLimits())
        self.done, self.names = DoneInstead(self.spec), names
        self.recording = Recording(
            folder, self.spec, lambda event: None, recorded_setup(self.config, self.robot)
        )
        self.speeds = []
        self.position = self.sim.position

    def begin(self, controller):
        """Begins an episode, the guard armed."""
        header = EpisodeHeader(
            task='kitchen-microwave',
            source='sim',
            spec=self.spec,
            setup=recorded_setup(self.config, self.robot),
            controller=controller,
            parts=('microwave',),
        )
        self.policy.start_episode(self.recording.start(header))
        self.guard.arm()

    def says(self, axes=(), buttons=()):
        """Lets the joystick speak and 40 ms go by."""
        down = [int(place in buttons) for place in range(11)]
        filled = [*axes, *[0.0] * (8 - len(axes))]
        self.teleop.hear(filled, down, self.now)
        self.guard.inbox.deadman(bool(down[DEADMAN]), self.now)
        asked = self.teleop.request(self.position[:ARM], self.now)
        self.guard.inbox.request(self.names, asked, 0.0, self.now, 'teleop')
        self.person.hear(self.names, asked)
        for _ in range(round(PERIOD / TICK)):
            self.tick()

    def tick(self):
        self.now += TICK
        for seen in self.twin.advance(self.now):
            self.see(seen)
        output = self.guard.tick(self.now)
        if output is None:
            return
        velocity, stamp = np.concatenate([output.velocity, output.gripper]), self.stamp
        self.twin.command(output.velocity, self.now)
        self.twin.gripper(output.gripper, self.now)
        self.speeds.append(float(np.abs(output.velocity).max()))
        told = GuardReasons(
            stamp=stamp, state=output.state, source=self.guard.source, reasons=output.reasons
        )
        for log in (self.recording.joiner, self.done):
            log.executed(Executed(stamp, velocity))
            log.reasons(told)

    def see(self, seen):
        stamp = round(seen.time * 1e9)
        if isinstance(seen, Joints):
            self.position = seen.position
            joints = (self.names, seen.position, seen.velocity, self.now - seen.time, self.now)
            self.guard.inbox.measured(*joints)
            self.policy.joints(seen.position, seen.velocity, stamp)
        elif isinstance(seen, Images):
            self.decide(seen.images['front'], stamp)
        else:
            state = TaskState(
                stamp=stamp, reward=seen.reward, success=seen.success, parts=seen.parts, seed=SEED
            )
            self.recording.joiner.task(state)

    def decide(self, image, stamp):
        self.policy.frame('front', image, stamp, self.stamp)
        decided = self.policy.step(self.stamp, self.now, self.done.action(self.stamp))
        if decided is None:
            return
        decision = requested_at(decided.decision, self.stamp)
        if not isinstance(self.policy.policy, PersonPolicy):
            velocity = np.array(decision.action) * self.spec.scale
            self.guard.inbox.request(self.names, velocity, 0.0, self.now)
        self.done.asked(self.stamp, 1.0)
        self.recording.joiner.image('front', decision.stamp, image)
        self.recording.joiner.decision(decision)
        self.recording.append()

    @property
    def stamp(self):
        return round(self.now * 1e9)

    def end(self, success):
        """Ends and labels the episode; returns its record's rows."""
        self.guard.disarm()
        identity = self.recording.end(success, self.now)
        self.recording.finish()
        return self.recording.dataset.read(identity)


@pytest.mark.slow
def test_a_demonstration_opens_the_microwave_and_is_learned_from(tmp_path):
    scene = Scene(tmp_path / 'data')
    hands = Hands(scene.spec, *way_of_an_expert(SEED))
    scene.guard.intervene(True)
    scene.says()
    scene.begin('teleop')
    scene.says((), [DEADMAN])
    words = 0
    while not scene.sim.success():
        scene.says(*hands.next(scene.position[:ARM]))
        words += 1
        assert scene.guard.state.mode == RUNNING and words < 400, (scene.guard.output, hands.at)
    for _ in range(10):
        scene.says((), [DEADMAN])
    scene.says()
    episode = scene.end(True)
    assert episode.intervention.all() and episode.success.any() and not episode.gap.any()
    assert np.abs(episode.requested).max() <= 1.0
    moving = np.abs(episode.executed[:, :ARM]).max(axis=1) > 0.02
    assert moving.sum() > 20
    off = np.abs(episode.requested - episode.executed)[moving][:, :ARM]
    assert np.median(off) < 0.05, 'what is asked for at a row is what was done over its period'
    for column in (episode.requested, episode.executed):
        assert column[:, ARM].min() < -0.9 and column[:, ARM].max() > 0.9  # fingers: both ways
    (cached,) = compile_dataset(scene.recording.dataset).episodes
    np.testing.assert_array_equal(cached.learned['chosen'], episode.executed)
    assert cached.learned['bc_mask'][moving].mean() > 0.9
    scene.recording.close()
    words = ['--config', 'demo', '--phase', 'offline', '--data', str(tmp_path / 'data')]
    assert train.main([*words, '--out', str(tmp_path / 'run'), *TINY]) == 0
    assert Dataset.open(tmp_path / 'data').episodes()[0].controller == 'teleop'


class Remembering:
    """A policy that turns joint 3, and remembers what it was told that was done."""

    hash = 'remembering'

    def __init__(self, spec):
        self.spec, self.told = spec, []
        self.action = np.float32([0, 0, 0.1, 0, 0, 0, 0, 0, 0])

    def initial(self):
        return {'previous_action': np.zeros((1, 9), np.float32)}

    def step(self, images, proprioception, state):
        self.told.append(state['previous_action'][0])
        return PolicyStep(self.action, 0.0, {'previous_action': self.action[None]})


@pytest.mark.slow
@pytest.mark.parametrize('success', [True, False])
def test_a_take_over_is_marked_learned_from_and_told_to_the_policy(tmp_path, success):
    policy = Remembering(load_robot('kitchen_sim').spec)
    scene = Scene(tmp_path / 'data', policy)
    scene.says()
    scene.begin('policy')
    for _ in range(25):
        scene.says((), [DEADMAN])
    assert scene.guard.source == 'policy' and scene.speeds[-1] == pytest.approx(0.2, abs=0.01)
    scene.guard.intervene(True)
    for _ in range(25):
        scene.says((0.0, 0.0, -0.1), [DEADMAN])
    scene.guard.intervene(False)
    for _ in range(25):
        scene.says((), [DEADMAN])
    episode = scene.end(success)
    marked = np.flatnonzero(episode.intervention)
    assert 12 <= len(marked) <= 15 and np.ptp(marked) == len(marked) - 1
    own, person = policy.action, -policy.action
    np.testing.assert_allclose(episode.requested, np.tile(own, (len(episode), 1)))
    np.testing.assert_allclose(
        episode.executed[marked[3] : marked[-1]], np.tile(person, (len(marked) - 4, 1)), atol=0.01
    )
    (cached,) = compile_dataset(scene.recording.dataset).episodes
    imitated = cached.learned['bc_mask'].astype(bool)
    assert imitated[marked].all() == imitated[marked].any() == success
    np.testing.assert_array_equal(cached.learned['chosen'][marked], episode.executed[marked])
    # the policy was told what training takes as the action that led to each row
    told = np.array(policy.told[-len(episode) :])
    np.testing.assert_allclose(told, cached.learned['action'], atol=0.02)
    scene.recording.close()
