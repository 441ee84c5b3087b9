"""The model's view of an episode: the same states however computed, and no gap crossed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from moto_core.errors import ConfigError
from moto_learning.model.rssm import State
from moto_learning.report.predictions import (
    chosen_actions,
    look_ahead,
    open_loop,
    posterior,
    predict,
    predict_episode,
    world_model_of,
)
from tests.learning import tiny_learner as tiny
from tests.learning.report.written_run import ROWS, read_episodes, record, write_run


@pytest.fixture(scope='module')
def model():
    return tiny.agent().world_model


@pytest.fixture(scope='module')
def episode(tmp_path_factory):
    return read_episodes(record(tmp_path_factory.mktemp('data') / 'data', 1))[0]


def test_a_state_ahead_is_what_single_steps_lead_to(model, episode):
    post = posterior(model, episode)
    ahead = look_ahead(model, episode, post, 3)
    state = State(*(part[4:5] for part in post))
    for k in range(3):
        action = torch.as_tensor(episode.requested[4 + k][None])
        with torch.no_grad():
            state = model.rssm.img_step(state, action)
        assert torch.allclose(ahead.states.feat[4, k], state.feat[0], atol=1e-6)
        assert ahead.rows[4, k] == 5 + k


def test_what_lies_beyond_the_end_or_a_gap_is_not_whole(model, episode):
    gap = np.zeros(ROWS, bool)
    gap[6] = True
    broken = replace(episode, columns={**episode.columns, 'gap': gap})
    whole = look_ahead(model, broken, posterior(model, broken), 3).whole
    assert whole.shape == (ROWS - 1, 3)
    assert whole[2].tolist() == [True, True, True]  # rows 3, 4, 5
    assert whole[4].tolist() == [True, False, False]  # 5, then the gap at 6
    assert whole[5].tolist() == [False, False, False]
    assert whole[6].tolist() == [True, True, True]
    assert whole[9].tolist() == [True, True, False]  # rows 10 and 11 are the last two


def test_the_open_loop_sees_no_frame_after_its_context(model, episode):
    changed = {'front': episode.images['front'].copy()}
    changed['front'][5:] = 0
    seen, blind = (
        open_loop(model, one, 5)['front'] for one in (episode, replace(episode, images=changed))
    )
    assert np.array_equal(seen, blind)
    assert not np.array_equal(
        open_loop(model, episode, 6)['front'],
        open_loop(model, replace(episode, images=changed), 6)['front'],
    )


def test_the_open_loop_goes_on_by_the_actions_chosen_from_the_last_seen_row_on(model, episode):
    post = posterior(model, episode, rows=5)
    last = State(*(part[None, -1] for part in post))
    actions = torch.as_tensor(episode.requested[4:-1])[None]
    with torch.no_grad():
        mean = model.decoder(model.rssm.imagine(actions, last).feat[0])['front']
    frames = ((mean + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    assert np.array_equal(open_loop(model, episode, 5)['front'][5:], frames)


def test_actions_that_are_no_numbers_count_as_none(episode):
    requested = episode.requested.copy()
    requested[0] = np.nan, np.inf
    broken = replace(episode, columns={**episode.columns, 'requested': requested})
    assert chosen_actions(broken)[0].tolist() == [0, 0]


def test_where_the_arm_did_something_else_what_it_did_is_predicted_from(episode):
    reasons = [('not_armed',), *[()] * (len(episode) - 1)]
    columns = {**episode.columns, 'reasons': reasons, 'executed': episode.requested / 2}
    found = chosen_actions(replace(episode, columns=columns))
    np.testing.assert_array_equal(found[0], episode.requested[0] / 2)
    np.testing.assert_array_equal(found[1:], episode.requested[1:])


def test_a_short_episode_is_shown_whole(model, tmp_path):
    short = read_episodes(record(tmp_path / 'data', 1, rows=3))[0]
    found = predict(model, tiny.spec(), short)
    assert (len(found.truth), found.context) == (3, 3)


def test_a_learner_without_a_world_model_predicts_nothing(tmp_path, monkeypatch):
    data = record(tmp_path / 'data', 1)
    run = write_run(tmp_path / 'run')
    [episode] = read_episodes(data)
    assert predict_episode(run, data, episode.header.id).truth.shape == (12, 8, 12, 3)
    monkeypatch.setattr('moto_learning.report.predictions.load_learner', lambda run: bare())
    with pytest.raises(ConfigError, match="agent 'moto', which has no world model"):
        predict_episode(run, data, episode.header.id)
    assert world_model_of(bare()) is None


def bare():
    """A learner's settings without its networks."""

    class Bare:
        config = tiny.config()

    return Bare()
