"""D4RL's human demonstrations replay in our Kitchen as they do in FrankaKitchen-v1."""

from pathlib import Path

import numpy as np
import pytest

from moto_core.policy.policy import PolicyStep
from moto_sim import tasks
from moto_sim.episode import run_episode
from moto_sim.kitchen import VIEWS, Variation
from moto_sim.setups import choose_setup

FILE = Path('shared', 'data', 'kitchen_complete_demos.npz')
DEMOS = next((p / FILE for p in Path(__file__).parents if (p / FILE).is_file()), FILE)
TASK = 'kitchen-mixed'  # microwave, kettle, light switch, slide cabinet


class Replay:
    """A Policy that repeats recorded actions open loop."""

    hash = 'replay'

    def __init__(self, spec, actions):
        self.spec, self.actions = spec, actions

    def initial(self):
        return {'t': np.zeros(1, int)}

    def step(self, images, proprioception, state):
        t = min(int(state['t'][0]), len(self.actions) - 1)
        return PolicyStep(self.actions[t], 0.0, {'t': state['t'] + 1})


@pytest.mark.skipif(not DEMOS.is_file(), reason=f'the human demonstrations are not at {DEMOS}')
def test_replaying_human_actions_open_loop_solves_what_it_solves_in_franka_kitchen():
    data = np.load(DEMOS)
    ends, actions = data['episode_ends'], data['actions']
    setup = choose_setup(TASK, actuation='d4rl', view='paper')
    env = tasks.make(TASK, setup, size=8, variation=Variation(arm=0, kettle=0, door=0))
    assert (env.setup.profile, env.setup.actuation, env.setup.views) == (
        '',
        'd4rl',
        {'front': 'paper'},
    )
    assert VIEWS['paper'] == (1.86, 90.0, -60.0, (-0.3, 0.5, 2.0))
    assert np.array_equal(env.reset(seed=0)[0]['front'], env.task.sim.render('paper', 8, 8))
    env.task.sim.render = lambda view, h, w: np.zeros((h, w, 3), np.uint8)  # for speed
    results = [
        run_episode(
            env,
            Replay(env.spec, actions[begin:end]),
            seed=0,
            max_steps=int(end - begin),
            after_success=0,
        )
        for begin, end in zip([0, *ends[:-1]], ends)
    ]
    assert max(ends[0], *np.diff(ends)) <= env.max_steps
    assert sum(result.success for result in results) == 18  # of 19, as the data's README says
    assert len(results) == 19
