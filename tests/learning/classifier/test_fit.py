import numpy as np
import pytest
import torch

from moto_core.config import load_config
from moto_core.errors import ConfigError
from moto_core.spec import Spec
from moto_learning.classifier import fit as module
from moto_learning.classifier.fit import ClassifierError, fit_classifier, shifted
from moto_learning.classifier.judgement import success_probability
from moto_learning.classifier.network import SuccessClassifier
from moto_learning.classifier.settings import ClassifierNetworkConfig, ClassifierSettings
from moto_learning.data.sources import read_episodes
from tests.learning.classifier.squares import SETTINGS, record_labelled, square_spec


def settings(*overrides):
    return load_config(ClassifierSettings, overrides=[*SETTINGS, *overrides])


@pytest.fixture(scope='module')
def episodes(tmp_path_factory):
    root = tmp_path_factory.mktemp('squares')
    record_labelled(root, 6)
    return read_episodes([root]).episodes


def weights(network):
    return torch.cat([value.flatten() for value in network.state_dict().values()])


def test_it_learns_what_the_end_of_a_success_looks_like(episodes):
    losses = []
    network = fit_classifier(
        episodes[:8], square_spec(), settings(), lambda done, loss: losses.append((done, loss))
    )
    assert [done for done, _ in losses] == list(range(1, 121))
    assert losses[-1][1] < 0.2 < losses[0][1]
    for one in episodes[8:]:  # that it never saw
        probability = success_probability(network, one.images, 2)
        assert (probability > 0.8) if one.outcome == 'success' else (probability < 0.2)


def test_the_same_seed_gives_the_same_weights_and_another_one_others(episodes):
    before = torch.random.get_rng_state()
    first, again, other = (
        weights(fit_classifier(episodes, square_spec(), settings('updates=5', f'seed={seed}')))
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_each_frame_is_shifted_by_itself_and_no_further_than_it_may_be():
    image = torch.zeros(50, 9, 9, 3, dtype=torch.uint8)
    image[:, 4, 4] = 255
    found = shifted({'front': image}, 2, torch.Generator().manual_seed(0))['front']
    places = [tuple(np.argwhere(one[..., 0].numpy())[0] - 4) for one in found]
    assert len(set(places)) > 15
    assert max(abs(move) for place in places for move in place) == 2
    assert shifted({'front': image}, 0, torch.Generator())['front'] is image


class Overflown(SuccessClassifier):
    """A network one of whose weights has left the numbers."""

    def __init__(self, *given):
        super().__init__(*given)
        torch.nn.init.constant_(self.head.out.weight, float('inf'))


def test_a_gradient_that_is_not_finite_is_an_error(episodes, monkeypatch):
    monkeypatch.setattr(module, 'SuccessClassifier', Overflown)
    with pytest.raises(ClassifierError, match='of update 1 is not finite; take a lower optimizer'):
        fit_classifier(episodes, square_spec(), settings())


@pytest.mark.parametrize('key', ['held_out=0', 'held_out=0.6', 'threshold=0.4', 'threshold=1'])
def test_a_setting_out_of_range_is_refused_by_name(key):
    with pytest.raises(ConfigError, match=f'{key.partition("=")[0]} is .*; expected'):
        settings(key)


def test_a_batch_that_cannot_be_quartered_is_refused():
    with pytest.raises(ConfigError, match='batch is 6; expected a multiple of 4'):
        settings('batch=6')


def test_a_spec_without_a_camera_and_images_that_are_too_small_are_refused():
    blind = Spec(joints=['a'], action_scale=[1.0], proprioception=['position'])
    with pytest.raises(ConfigError, match='the spec has no camera'):
        SuccessClassifier(blind, ClassifierNetworkConfig())
    with pytest.raises(ConfigError, match=r'use fewer model\.encoder\.channels'):
        SuccessClassifier(square_spec(8), ClassifierNetworkConfig())
