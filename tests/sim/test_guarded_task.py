import numpy as np
import pytest

from moto_core.guard.limits import resolve
from moto_core.spec import Setup
from moto_sim import tasks
from moto_sim.actuation import TICK
from moto_sim.kitchen_model import ARM


@pytest.fixture
def watched():
    """A guarded environment and the list of every velocity that reaches the robot."""
    env = tasks.make('kitchen-microwave', size=16)
    sent, original = [], env.task.sim.set_velocity

    def note(velocity):
        sent.append(velocity.copy())
        original(velocity)

    env.task.sim.set_velocity = note
    return env, sent


@pytest.mark.parametrize('kind', ['flip', 'full', 'random'])
def test_what_reaches_the_robot_never_exceeds_the_profiles_limits(watched, kind):
    env, sent = watched
    limits = resolve(env.task.robot, 'normal')
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    positions = []
    for step in range(40):
        action = {
            'flip': np.full(9, 1.0 if step % 2 else -1.0),
            'full': np.ones(9),
            'random': rng.uniform(-1, 1, 9),
        }[kind]
        *_, info = env.step(action)
        positions.append(env.task.sim.position[:ARM])
        assert info['executed'].shape == (9,) and np.isfinite(info['executed']).all()
    velocity = np.array(sent)[:, :ARM]
    assert len(velocity) == 40 * 20
    assert (np.abs(velocity) <= limits.dq + 1e-9).all()
    assert np.abs(velocity).max() > 0.3 * limits.dq.max()
    change = np.diff(np.vstack((np.zeros(ARM), velocity)), axis=0) / TICK
    assert np.abs(change).max() <= limits.acceleration + 1e-6
    jerk = np.diff(np.vstack((np.zeros(ARM), change)), axis=0) / TICK
    assert np.abs(jerk).max() <= limits.jerk + 1e-6
    assert (np.array(positions) >= limits.q_min - 0.02).all()
    assert (np.array(positions) <= limits.q_max + 0.02).all()


def test_executed_is_the_mean_of_what_was_let_out_over_the_scale(watched):
    env, sent = watched
    env.reset(seed=0)
    *_, info = env.step(np.full(9, 0.3))
    assert info['executed'] == pytest.approx(np.mean(sent, 0) / env.spec.scale, abs=1e-6)
    assert np.abs(info['executed'][:ARM]).max() < 0.3  # it accelerates from rest
    assert 'acceleration' in info['reasons']


def test_a_nan_holds_the_arm_and_says_why(watched):
    env, sent = watched
    env.reset(seed=0)
    for _ in range(5):
        env.step(np.full(9, 0.2))
    for _ in range(8):
        *_, info = env.step(np.full(9, np.nan))
    assert 'request_nonfinite' in info['reasons'] or 'request_rejects' in info['reasons']
    assert np.isfinite(sent).all()
    assert np.abs(env.task.sim.velocity[:ARM]).max() < 0.02
    env.reset(seed=0)  # an episode starts without faults
    env.step(np.full(9, 0.2))
    assert np.abs(sent[-1][:ARM]).max() > 0.0


def test_without_a_guard_executed_is_the_action_itself():
    env = tasks.make('kitchen-microwave', Setup(robot='kitchen_sim'), size=16)
    env.reset(seed=0)
    *_, info = env.step(np.full(9, 3.0))
    assert info['executed'].tolist() == [1.0] * 9 and info['reasons'] == ()
