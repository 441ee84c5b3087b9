"""The one episode loop: which row holds what, where it ends, what it came to."""

import time

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.policy.policy import PolicyStep, ZeroPolicy
from moto_core.spec import Setup
from moto_sim.episode import (
    DEMONSTRATION,
    LEARNED,
    ONLINE,
    learning_seed,
    run_episode,
    simulated_header,
)
from moto_sim.noise import NoisyPolicy
from tests.sim.counting_task import SPEC, counting_env


class Counter:
    """Acts 0.1 times the number that it sees in the image; its disagreement counts its steps."""

    hash, spec = 'counter', SPEC

    def initial(self):
        return {'count': np.zeros(1)}

    def step(self, images, proprioception, state):
        action = np.full(2, images['front'][0, 0, 0] / 10, np.float32)
        return PolicyStep(action, float(state['count'][0]), {'count': state['count'] + 1})


def rows_of(env, policy=None, seed=5, **options):
    rows = []
    result = run_episode(env, policy or Counter(), seed, rows.append, **options)
    return result, rows


def test_a_row_holds_an_observation_its_reward_and_the_action_chosen_at_it(tmp_path):
    env = counting_env()
    header = simulated_header(env, 5, controller='policy')
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        with dataset.new_episode(header) as writer:
            result = run_episode(env, Counter(), 5, writer.append, start=header.created)
            writer.close(result.outcome)
        episode = dataset.read(header.id)
    assert result == (4, 0 + 1 + 2 + 3 + 4, True, pytest.approx(2.0), 2)
    assert episode.images['front'][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert episode.reward.tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(episode.requested[:, 0], [0, 0.1, 0.2, 0.3, 0.4])
    assert np.allclose(episode.executed[:, 0], [0, 0.05, 0.1, 0.15, 0])  # the last moves nothing
    assert episode.success.tolist() == [False, False, False, True, False]
    # parts early, late
    assert episode.done_parts.tolist() == [[0, 0], [0, 0], [1, 0], [1, 1], [1, 0]]
    assert episode.is_first.tolist() == [True, False, False, False, False]
    assert episode.is_last.tolist() == [False, False, False, False, True]
    assert episode.disagreement.tolist() == [0, 1, 2, 3, 4]
    assert episode.reasons == [('r1',), ('r2',), ('r3',), ('r4',), ()]
    assert episode.outcome == 'success'


def test_a_simulated_header_holds_task_setup_seed_and_parts():
    header = simulated_header(counting_env(), 5, controller='scripted', extra={'noise': '0'})
    assert (header.task, header.source, header.controller) == ('counting', 'sim', 'scripted')
    assert header.spec == SPEC and header.seed == 5 and header.parts == ('early', 'late')
    assert header.setup == Setup(robot='counter', profile='slow')
    assert header.extra == {'rendering': '2 x 2 samples a pixel', 'noise': '0'}


def test_stamps_begin_now_and_count_periods():
    before = time.time_ns()
    _, rows = rows_of(counting_env())
    assert before <= rows[0].stamp <= time.time_ns()
    assert [row.stamp - rows[0].stamp for row in rows] == [80_000_000 * t for t in range(5)]
    assert rows_of(counting_env(), start=7)[1][0].stamp == 7


def test_an_episode_ends_at_its_limit_and_without_success_it_is_a_failure():
    result, rows = rows_of(counting_env(length=99), max_steps=2)
    assert (result.decisions, result.success, result.outcome) == (2, False, 'failure')
    assert [row.is_last for row in rows] == [False, False, True]
    assert result.disagreement == pytest.approx((0 + 1 + 2) / 3)


@pytest.mark.parametrize('after, rows', [(0, 4), (2, 6), (None, 10), (99, 10)])
def test_an_episode_runs_on_after_its_first_success_as_told(after, rows):
    result, found = rows_of(counting_env(length=9), after_success=after)
    assert len(found) == rows and result.decisions == rows - 1
    assert found[-1].is_last and not any(row.is_last for row in found[:-1])
    assert not np.any(found[-1].executed) and np.any(found[-2].executed)


def test_decisions_after_a_success_that_lasts_count_from_its_first_row(monkeypatch):
    env = counting_env(length=9)
    monkeypatch.setattr(env.task, 'success', lambda: env.task.t >= 3)
    _, rows = rows_of(env, after_success=2)
    assert [row.success for row in rows] == [False, False, False, True, True, True]


def test_every_episode_starts_the_policy_anew():
    env, policy = counting_env(), Counter()
    for _ in range(2):
        assert [row.disagreement for row in rows_of(env, policy)[1]] == [0, 1, 2, 3, 4]
    assert env.task.resets == 2


def test_noise_is_recorded_as_requested_and_stays_inside_the_range():
    env = counting_env(length=400, at=999)
    noisy = NoisyPolicy(ZeroPolicy(SPEC), 0.7, np.random.default_rng(1))
    assert (noisy.spec, noisy.hash) == (SPEC, 'zero')
    _, rows = rows_of(env, noisy)
    requested = np.array([row.requested for row in rows])
    assert requested.dtype == np.float32
    assert requested.max() == 1.0 and requested.min() == -1.0
    inside = requested[np.abs(requested) < 1]
    assert 0.1 < 1 - len(inside) / requested.size < 0.2  # 15.3 % of a normal lie beyond 1 / 0.7
    assert np.array_equal(env.task.actions, requested[:-1])


def test_starts_that_are_learned_from_are_their_own_and_never_those_of_an_evaluation():
    keys = [
        (stream, seed, i) for stream in (DEMONSTRATION, ONLINE) for seed in (0, 1) for i in (0, 1)
    ]
    seeds = [learning_seed(*key) for key in keys]
    assert len(set(seeds)) == len(seeds)
    assert all(LEARNED <= seed < 2**31 for seed in seeds)
    assert seeds == [learning_seed(*key) for key in keys]
