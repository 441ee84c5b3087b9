from dataclasses import replace

import numpy as np
import pytest
import torch

from moto_learning.report.predictions import posterior
from moto_learning.report.probe import (
    Known,
    Rewards,
    by_distance,
    frame_errors,
    reliability,
    rewards_ahead,
)
from tests.learning import tiny_learner as tiny
from tests.learning.report.written_run import ROWS, read_episodes, record


@pytest.fixture(scope='module')
def model():
    return tiny.agent().world_model


@pytest.fixture(scope='module')
def known(tmp_path_factory):
    data = record(tmp_path_factory.mktemp('data') / 'data', 2)
    return [Known(one, one.reward) for one in read_episodes(data)]


def test_reliability_is_the_mean_true_reward_of_each_bin_of_the_predicted():
    found = reliability(
        Rewards(predicted=np.array([0.0, 0.05, 1.0, 0.95, 0.5]), true=np.array([0.0, 1, 1, 1, 0]))
    )
    assert found['bins'] == [
        {'rows': 2, 'predicted': pytest.approx(0.025), 'true': 0.5},
        {'rows': 1, 'predicted': 0.5, 'true': 0},
        {'rows': 2, 'predicted': pytest.approx(0.975), 'true': 1},
    ]
    assert found['mean_error'] == pytest.approx((0 + 0.95 + 0 + 0.05 + 0.5) / 5)
    assert found['area'] == pytest.approx(5 / 6)  # of 3 x 2 pairs .05 below .5 alone is wrong
    assert (found['rows'], found['mean_true']) == (5, 0.6)


def test_without_a_reward_there_is_no_area():
    found = reliability(Rewards(predicted=np.array([0.1, 0.1]), true=np.zeros(2)))
    assert found['area'] is None
    assert found['bins'] == [{'rows': 2, 'predicted': pytest.approx(0.1), 'true': 0}]


def test_rewards_are_those_of_the_rows_that_were_predicted(model, known):
    found = rewards_ahead(model, known)
    assert {k: len(one.true) for k, one in found.items()} == {0: 24, 1: 22, 5: 14, 15: 0}
    assert found[0].true.tolist() == [*known[0].reward, *known[1].reward]
    assert found[5].true[: ROWS - 5].tolist() == known[0].reward[5:].tolist()
    with torch.no_grad():
        seen = model.reward(posterior(model, known[0].episode).feat)[:, 0]
    assert found[0].predicted[:ROWS] == pytest.approx(seen.numpy(), abs=1e-6)
    assert [one['ahead'] for one in by_distance(found)] == [0, 1, 5]


def test_a_frame_that_stands_still_is_held_without_error(model, known):
    episode = known[0].episode
    still = np.broadcast_to(episode.images['front'][:1], episode.images['front'].shape).copy()
    found = frame_errors(
        model, [Known(replace(episode, images={'front': still}), known[0].reward)]
    )
    assert found['steps'] == list(range(ROWS))  # from row 0 to row 11
    assert found['held'] == [0] * ROWS
    assert all(error > 0 for error in found['model'])
