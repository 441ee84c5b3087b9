"""The published parameters of the arm against the model of it that MuJoCo has."""

import mujoco
import numpy as np
import pytest

from moto_core.guard.limits import load_robot
from moto_sim.kitchen_model import ARM, SITE, kitchen_model

ZERO = 2e-3  # of unit axes, and [m]: the model's base and joints 6 and 7 are turned to 1.57 rad


@pytest.mark.parametrize('name', ['kitchen_sim', 'kitchen_wrist', 'kitchen_fr3'])
def test_pose_and_jacobian_are_those_of_the_models_hand(name):
    model, robot = kitchen_model(), load_robot(name)
    data, chain = mujoco.MjData(model), robot.chain()
    random = np.random.default_rng(0)
    low, high = model.jnt_range[:ARM].T
    for _ in range(20):
        q = random.uniform(low, high)
        data.qpos[:ARM] = q
        mujoco.mj_forward(model, data)
        base = data.body('panda0_link0')
        turn = base.xmat.reshape(3, 3)
        wanted = np.zeros((6, model.nv))
        mujoco.mj_jacSite(model, data, wanted[:3], wanted[3:], model.site(SITE).id)
        found = chain.jacobian(q)
        np.testing.assert_allclose(turn @ found[:3], wanted[:3, :ARM], atol=ZERO)
        np.testing.assert_allclose(turn @ found[3:], wanted[3:, :ARM], atol=ZERO)
        place = base.xpos + turn @ chain.pose(q).position
        np.testing.assert_allclose(place, data.site(SITE).xpos, atol=ZERO)
        along = turn @ chain.pose(q).rotation[:, 2]
        np.testing.assert_allclose(along, data.site(SITE).xmat.reshape(3, 3)[:, 2], atol=ZERO)
