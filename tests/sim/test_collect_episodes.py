import numpy as np
import pytest

from moto_core.episodes.reader import read_episode
from moto_core.episodes.writer import EpisodeWriter
from moto_sim import tasks
from moto_sim.collect import collect


@pytest.fixture(scope='module')
def env():
    return tasks.make('kitchen-microwave', guard='normal', size=16, proprioception=['position'])


@pytest.fixture(scope='module')
def episodes(env):
    return list(collect(env, tasks.demonstrator(env), 2, 0.05, np.random.default_rng(0)))


def test_a_demonstration_has_first_and_last_rows_and_runs_on_after_success(env, episodes):
    for header, steps, outcome in episodes:
        assert outcome == 'success'
        assert (header.task, header.source, header.controller) == (
            'kitchen-microwave',
            'sim',
            'scripted',
        )
        assert header.spec == env.spec and header.extra['noise'] == '0.05'
        assert [i for i, step in enumerate(steps) if step.is_first] == [0]
        assert [i for i, step in enumerate(steps) if step.is_last] == [len(steps) - 1]
        success = [step.success for step in steps]
        assert len(steps) == success.index(True) + 16
        assert [step.reward for step in steps] == [float(s) for s in success]
        assert steps[1].stamp - steps[0].stamp == 80_000_000
        assert not np.any(steps[-1].executed) and np.any(steps[-2].executed)


def test_rows_hold_the_observation_that_the_action_was_chosen_at(env, episodes):
    header, steps, _ = episodes[0]
    observation, _ = env.reset(seed=int(header.extra['seed']))
    for step, following in zip(steps[:5], steps[1:6]):
        assert np.array_equal(step.images['front'], observation['front'])
        assert np.array_equal(step.proprioception, observation['proprioception'])
        observation, reward, _, _, info = env.step(step.requested)
        assert (following.reward, following.success) == (reward, info['success'])
        assert np.array_equal(step.executed, info['executed'])
        assert step.reasons == info['reasons']


def test_episodes_differ_and_the_same_generator_repeats_them(env, episodes):
    again = next(collect(env, tasks.demonstrator(env), 1, 0.05, np.random.default_rng(0)))
    assert np.array_equal([s.requested for s in again[1]], [s.requested for s in episodes[0][1]])
    assert not np.array_equal(episodes[0][1][0].images['front'], episodes[1][1][0].images['front'])
    assert again[0].id != episodes[0][0].id


def test_noise_reaches_the_request_and_stays_inside_the_range(env):
    ((_, steps, _),) = collect(
        env, lambda: np.ones(9, np.float32), 1, 0.5, np.random.default_rng(1), linger=0
    )
    requested = np.array([step.requested for step in steps])
    assert requested.dtype == np.float32 and requested.max() == 1.0
    assert 0.3 < (requested < 1.0).mean() < 0.7
    assert len(steps) == env.max_steps + 1 and not any(step.success for step in steps)


def test_a_demonstration_is_written_and_read_back(episodes, tmp_path):
    header, steps, outcome = episodes[0]
    with EpisodeWriter(tmp_path / 'one', header, floor=0) as writer:
        for step in steps:
            writer.append(step)
        writer.close(outcome)
    episode = read_episode(writer.path)
    assert np.array_equal(episode.images['front'], [s.images['front'] for s in steps])
    assert np.allclose(episode.requested, [s.requested for s in steps], atol=1e-6)
    assert episode.outcome == 'success'
