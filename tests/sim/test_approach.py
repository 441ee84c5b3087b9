from types import SimpleNamespace

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_sim import tasks
from moto_sim.approach import MOVED, NOISE, SETTLED, approach


@pytest.fixture(scope='module')
def env():
    env = tasks.make('metaworld-door-open', size=8)
    yield env
    env.close()


def test_an_approach_ends_where_the_object_has_moved(env):
    rows, true = [], []
    for seen in approach(env, 3):
        rows.append(seen)
        true.append(env.task.observed[4:7].copy())
    objects = np.array([row.places['object'] for row in rows])
    assert np.array_equal(objects, true), 'the simulator waits at the row that is given'
    lay = objects[SETTLED]
    assert np.linalg.norm(objects[SETTLED:] - lay, axis=1).max() <= MOVED
    assert np.linalg.norm(env.task.places()['object'] - lay) > MOVED
    assert SETTLED < len(rows) < 30


def test_an_approach_is_the_experts_with_noise_and_is_repeated_by_its_seed(env):
    rows, apart = [], []
    expert = tasks.demonstrator(env)
    for seen in approach(env, 4):
        rows.append(seen)
        apart.append(seen.action - expert.step({}, None, {}).action)
    inside = np.abs([row.action for row in rows]) < 1
    assert 0.5 * NOISE < np.array(apart)[inside].std() < 2 * NOISE
    again = list(approach(env, 4))
    assert np.array_equal([row.action for row in again], [row.action for row in rows])
    images = [[row.observation['front'] for row in some] for some in (rows, again)]
    assert np.array_equal(*images)
    other = next(approach(env, 5))
    assert not np.array_equal(other.places['object'], rows[0].places['object'])


def test_a_task_that_does_not_say_where_its_object_is_is_refused():
    own = SimpleNamespace(task=SimpleNamespace(name='my-task'))
    with pytest.raises(ConfigError, match=r"'my-task' does not say .* a task of MetaWorld"):
        next(approach(own, 0))
