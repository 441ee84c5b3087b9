import numpy as np
import pytest
import torch

from moto_learning.model.distributions import categorical_kl
from moto_learning.report.predictions import posterior
from moto_learning.report.shifts import SHIFTS, alarms, compare_shifts, cover, darken, move
from tests.learning import tiny_learner as tiny
from tests.learning.report.written_run import ROWS, read_episodes, record

PENALTY = tiny.config().actor_critic.penalty


@pytest.fixture(scope='module')
def model():
    return tiny.agent().world_model


@pytest.fixture(scope='module')
def episodes(tmp_path_factory):
    return read_episodes(record(tmp_path_factory.mktemp('data') / 'data', 2))


def test_images_are_moved_darkened_and_covered_as_said():
    image = np.arange(1, 17, dtype=np.uint8).reshape(1, 1, 16, 1).repeat(4, 1).repeat(3, 3)
    assert move(image)[0, 0, :4, 0].tolist() == [1, 1, 2, 3]
    assert darken(image)[0, 0, :4, 0].tolist() == [0, 1, 1, 2]
    covered = cover(image)[0, :, :, 0]
    assert covered[0].tolist() == covered[3].tolist() == list(range(1, 17))
    assert covered[1].tolist() == covered[2].tolist() == [1, 2, 3, 4, *[0] * 8, 13, 14, 15, 16]
    assert image.min() == 1, 'the images themselves stay as they are'


def test_surprise_is_the_kl_from_the_posterior_to_the_mean_of_the_priors(model, episodes):
    found = alarms(model, PENALTY, episodes[0])
    post = posterior(model, episodes[0])
    with torch.no_grad():
        prior = model.rssm.prior_logits(post.deter)  # (M, T, S, K)
    expected = categorical_kl(post.logit[3], sum(prior[i, 3] for i in range(3)) / 3)
    assert found.surprise.shape == found.disagreement.shape == (ROWS - 1,)
    assert found.surprise[2] == pytest.approx(float(expected), abs=1e-5)


def test_the_disagreement_is_about_what_the_chosen_action_leads_to(model, episodes):
    post = posterior(model, episodes[0])
    action = torch.as_tensor(episodes[0].requested)
    with torch.no_grad():
        logits = model.rssm.prior_logits(model.rssm.img_step(post, action).deter)
    deviation = logits[:, 3].std(0, unbiased=False).mean()
    found = alarms(model, PENALTY, episodes[0]).disagreement
    assert found[2] == pytest.approx(float(deviation), abs=1e-6)


def test_images_as_they_were_are_told_from_themselves_by_nothing(model, episodes, monkeypatch):
    monkeypatch.setitem(SHIFTS, 'as it was', lambda image: image)
    found = compare_shifts(model, PENALTY, episodes)
    assert (found['episodes'], found['rows']) == (2, 2 * (ROWS - 1))
    same = found['shifts']['as it was']
    for name in ('disagreement', 'surprise'):
        assert same[name]['row_area'] == same[name]['first_area'] == 0.5
        assert same[name]['mean'] == found['ordinary'][name]
    changed = found['shifts']['half as bright']['surprise']
    assert changed['mean'] != found['ordinary']['surprise']
    assert (changed['false_alarms'][-1], changed['hits'][-1]) == (1, 1)
