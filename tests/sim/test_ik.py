import numpy as np
import pytest

from moto_sim.ik import InverseKinematics, Pose
from moto_sim.kitchen_model import ARM, HOME, kitchen_model


@pytest.fixture(scope='module')
def solver():
    model = kitchen_model()
    low, high = model.jnt_range[:ARM].T
    return InverseKinematics(model, low + 0.1, high - 0.1)


def test_poses_that_the_arm_can_have_are_reached(solver):
    rng = np.random.default_rng(0)
    middle = 0.5 * (solver.low + solver.high)
    missed = []
    for _ in range(20):
        wanted = np.clip(middle + rng.uniform(-0.7, 0.7, ARM), solver.low, solver.high)
        pose = solver.pose(wanted)
        found = solver.pose(solver.solve(pose, middle, middle, iterations=200))
        missed.append(np.linalg.norm(found.position - pose.position))
        assert np.abs(found.rotation - pose.rotation).max() < 0.1
    assert max(missed) < 0.01


def test_a_solution_lies_inside_the_limits_even_for_a_pose_out_of_reach(solver):
    far = Pose(np.array([3.0, 3.0, 3.0]), np.eye(3))
    start = HOME[:ARM]
    q = solver.solve(far, start, start)
    assert np.isfinite(q).all()
    assert (q >= solver.low).all() and (q <= solver.high).all()
    near = np.linalg.norm(solver.pose(q).position - far.position)
    assert near < np.linalg.norm(solver.pose(start).position - far.position) - 0.3


def test_the_solution_keeps_to_the_rest_posture_where_it_can(solver):
    q = np.clip(HOME[:ARM], solver.low, solver.high)
    assert np.abs(solver.solve(solver.pose(q), q, q) - q).max() < 1e-3


def test_a_pose_is_a_copy_that_a_later_call_leaves_alone(solver):
    first = solver.pose(HOME[:ARM])
    kept = first.position.copy()
    solver.pose(HOME[:ARM] + 0.2)
    assert np.array_equal(first.position, kept)
    assert first.rotation.T @ first.rotation == pytest.approx(np.eye(3), abs=1e-9)
