from pathlib import Path

import numpy as np
import pytest

from moto_sim.kitchen import KitchenSim

DEMOS = Path(__file__).parents[3] / 'shared' / 'data' / 'kitchen_complete_demos.npz'
OBJECTS = ('microwave', 'kettle', 'light_switch', 'slide_cabinet')


@pytest.mark.skipif(not DEMOS.is_file(), reason=f'the human demonstrations are not at {DEMOS}')
def test_replaying_human_actions_open_loop_solves_what_it_solves_in_franka_kitchen():
    data = np.load(DEMOS)
    ends, actions = data['episode_ends'], data['actions']
    sim = KitchenSim(OBJECTS, actuation='d4rl')
    solved = 0
    for begin, end in zip([0, *ends[:-1]], ends):
        sim.reset()
        for action in actions[begin:end]:
            sim.set_velocity(2.0 * action)
            sim.advance(20)
            if sim.success():
                solved += 1
                break
    assert (solved, len(ends)) == (18, 19)  # the data's README: 18 of 19
