"""Starts side by side come to what they come to one by one."""

import numpy as np
import pytest

from moto_core.policy.policy import PolicyStep
from moto_learning.run.evaluate import evaluate
from moto_learning.run.heldout import HeldOut, read_evaluations
from moto_learning.run.side_by_side import SideBySide
from moto_learning.run.simulator import Simulator, remaking
from tests.learning import tiny_learner as tiny

tasks = pytest.importorskip('moto_sim.tasks')


class Turning:
    """A policy that draws nothing and acts by what it sees: a pixel that differs shows."""

    hash = 'turning'

    def __init__(self, spec):
        self.spec = spec

    def initial(self):
        return {'n': np.zeros(1, np.float32)}

    def step(self, images, proprioception, state):
        seen = images['front'].astype(float).mean((0, 1)) / 255
        action = np.resize(np.sin(20 * seen + state['n']), self.spec.action_size)
        following = {'n': state['n'] + 1}
        return PolicyStep(action.astype(np.float32), float(seen[0]), following)


class Learned:
    updates = 5

    def __init__(self, spec):
        self.spec = spec

    def policy(self, exploration):
        return Turning(self.spec)


@pytest.fixture(scope='module', params=['metaworld-door-open', 'kitchen-microwave'])
def env(request):
    env = tasks.make(request.param, size=16)
    yield env
    env.close()


def untimed(scores):
    return [score._replace(step_ms=0.0) for score in scores]


def test_every_start_comes_to_what_it_comes_to_alone(env):
    policy = Turning(env.spec)
    alone = untimed(evaluate(env, policy, 3, seed=100, max_steps=9))
    side = SideBySide(remaking(env), env.spec, 2)
    try:
        found = side.evaluate(policy, [100, 101], max_steps=9)
        found += side.evaluate(policy, [102], max_steps=9)  # the other process idles
    finally:
        side.close()
    assert untimed(found) == alone
    assert len({score.disagreement for score in alone}) == 3


class Kept(Simulator):
    """A simulator of an environment that is there."""

    def __init__(self, env):
        self._env, self._beside = env, None

    def env(self):
        return self._env


@pytest.mark.parametrize('env', ['metaworld-door-open'], indirect=True)
def test_an_evaluation_is_the_same_with_workers_and_without(env, tmp_path, monkeypatch):
    simulator, asked = Kept(env), []
    beside = Simulator.beside
    monkeypatch.setattr(
        Simulator, 'beside', lambda self, count: (asked.append(count), beside(self, count))[1]
    )
    found = {}
    for workers, explore in ((1, 'mode'), (2, 'mode'), (2, 'sample')):
        settings = [f'evaluate.workers={workers}', f'evaluate.explore=[{explore}]']
        config = tiny.config('evaluate.episodes=3', 'collect.max_steps=6', *settings)
        run = tmp_path / f'{workers}{explore}'
        run.mkdir()
        HeldOut(config, Learned(env.spec), simulator, run, ('mine',)).measure(0, 0)
        [one] = read_evaluations(run)
        found[workers, explore] = (one.successes, one.return_, one.length, one.disagreement)
    assert found[1, 'mode'] == found[2, 'mode']
    assert asked == [2]  # the third start is alone; one that draws has its starts one by one
    simulator._beside.close()
