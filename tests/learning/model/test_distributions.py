import math

import pytest
import torch

from moto_learning.model.distributions import (
    TruncatedNormal,
    balanced_kl,
    categorical_kl,
    gumbel,
    one_hot_sample,
    reward_bins,
    truncated_normal,
    two_hot,
    uniform,
)


def logits(*probabilities):
    return torch.tensor(probabilities).log()


def test_the_kl_of_two_categoricals_is_the_hand_made_sum_over_both():
    p = logits([0.5, 0.5], [0.9, 0.1]).unsqueeze(0)  # (1, S=2, K=2)
    q = logits([0.25, 0.75], [0.9, 0.1]).unsqueeze(0)
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert categorical_kl(p, q).tolist() == pytest.approx([expected])


def test_balance_divides_the_gradient_and_not_the_value():
    post = logits([0.5, 0.5]).unsqueeze(0).requires_grad_()
    prior = logits([0.25, 0.75]).unsqueeze(0).requires_grad_()
    kl = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    loss, value = balanced_kl(post, prior, balance=0.8, free=0.0, free_average=True)
    loss.backward()
    assert loss.item() == pytest.approx(kl) and value.item() == pytest.approx(kl)
    # d KL / d prior logit = q - p; d KL / d post logit = p (ln p/q - KL)
    assert prior.grad.flatten().tolist() == pytest.approx([0.8 * -0.25, 0.8 * 0.25])
    slope = 0.5 * (math.log(2) - kl)
    assert post.grad.flatten().tolist() == pytest.approx([0.2 * slope, -0.2 * slope])


def test_free_nats_of_the_mean_and_of_each_step_differ():
    post = logits([[0.5, 0.5]], [[1 - 1e-7, 1e-7]])  # (2, 1, 2): KL ln 1 and ~ln 2
    prior = logits([[0.5, 0.5]], [[0.5, 0.5]])
    mean, _ = balanced_kl(post, prior, 0.8, free=0.3, free_average=True)
    each, _ = balanced_kl(post, prior, 0.8, free=0.3, free_average=False)
    assert mean.item() == pytest.approx(math.log(2) / 2, abs=1e-4)  # 0.3466 > 0.3
    assert each.item() == pytest.approx((0.3 + math.log(2)) / 2, abs=1e-4)


def test_below_the_free_nats_nothing_is_trained():
    post = logits([0.5, 0.5]).unsqueeze(0).requires_grad_()
    prior = logits([0.4, 0.6]).unsqueeze(0).requires_grad_()
    loss, value = balanced_kl(post, prior, 0.8, free=1.0, free_average=True)
    loss.backward()
    assert loss.item() == pytest.approx(1.0) and value.item() < 0.1
    assert not post.grad.any() and not prior.grad.any()


def test_a_sample_is_one_hot_and_carries_the_gradient_of_its_probabilities():
    logit = torch.tensor([[0.0, math.log(3.0)]], requires_grad=True)  # p = 0.25, 0.75
    sample = one_hot_sample(logit, noise=torch.tensor([[10.0, 0.0]]))
    assert sample.tolist() == [[1.0, 0.0]]
    (sample * torch.tensor([[2.0, 0.0]])).sum().backward()
    # d p_0 / d logit = p_0 (1 - p_0), -p_0 p_1
    assert logit.grad.flatten().tolist() == pytest.approx([2 * 0.1875, -2 * 0.1875])


def test_without_noise_the_sample_is_the_mode():
    assert one_hot_sample(torch.tensor([[1.0, 3.0, 2.0]]), None).tolist() == [[0.0, 1.0, 0.0]]


def test_gumbel_noise_draws_classes_by_their_probabilities():
    noise = gumbel((20_000, 2), torch.Generator().manual_seed(0))
    drawn = one_hot_sample(logits([0.25, 0.75]).expand(20_000, 2), noise).mean(0)
    assert drawn.tolist() == pytest.approx([0.25, 0.75], abs=0.01)


@pytest.mark.parametrize('loc, scale', [(0.0, 0.5), (0.9, 0.1), (-0.99, 2.0)])
def test_the_truncated_normal_integrates_to_one_with_its_mean_log_as_entropy(loc, scale):
    dist = TruncatedNormal(torch.tensor([loc]).double(), torch.tensor([scale]).double())
    x = torch.linspace(-1, 1, 200_001, dtype=torch.float64).unsqueeze(-1)
    log_p = dist.log_prob(x)
    assert torch.trapezoid(log_p.exp(), dx=1e-5).item() == pytest.approx(1.0, abs=1e-6)
    entropy = -torch.trapezoid(log_p.exp() * log_p, dx=1e-5)
    assert dist.entropy().item() == pytest.approx(entropy.item(), abs=1e-5)


def test_the_log_probability_is_the_hand_made_one():
    dist = TruncatedNormal(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0]))
    mass = math.erf(1 / math.sqrt(2))  # within one deviation, 0.6827
    one = -0.5 * 0.25 - 0.5 * math.log(2 * math.pi) - math.log(mass)
    other = -0.5 * 1.0 - 0.5 * math.log(2 * math.pi) - math.log(mass)
    value = torch.tensor([0.5, -1.0])
    assert dist.log_prob(value).item() == pytest.approx(one + other, abs=1e-6)


def test_a_value_outside_counts_as_the_bound_next_to_it():
    dist = TruncatedNormal(torch.tensor([0.2]), torch.tensor([0.5]))
    for outside, bound in ((1.5, 1.0), (-7.0, -1.0)):
        found, expected = (dist.log_prob(torch.tensor([x])).item() for x in (outside, bound))
        assert found == expected
    assert dist.log_prob(torch.tensor([0.9])).item() > dist.log_prob(torch.tensor([1.0])).item()


def test_a_sample_at_the_bound_is_moved_inside_and_keeps_its_gradient():
    loc = torch.tensor([1.0]).double().requires_grad_()
    scale = torch.tensor([0.1]).double().requires_grad_()
    sample = TruncatedNormal(loc, scale).sample(torch.tensor([1.0]).double())
    # the noise is taken as u = 1 - 1e-6 and half of the mass lies inside: p = u / 2, and
    # z = -5e-7 sqrt(2 pi) gives 1 - 1.25e-7, which is nearer than 1e-6
    z = -5e-7 * math.sqrt(2 * math.pi)
    assert sample.item() == 1 - 1e-6 < 1 + 0.1 * z
    sample.backward()
    # d sample / d loc = 1 - u density(0) / density(z), d sample / d scale = z
    assert loc.grad.item() == pytest.approx(1e-6, rel=1e-3)
    assert scale.grad.item() == pytest.approx(z, rel=1e-3)


def test_samples_stay_inside_and_have_the_mean_and_its_gradient():
    loc = torch.full((50_000, 1), 0.8, requires_grad=True)
    dist = TruncatedNormal(loc, torch.full((50_000, 1), 0.3))
    sample = dist.sample(uniform((50_000, 1), torch.Generator().manual_seed(1)))
    assert sample.abs().max() <= 1
    phi = [math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) for z in (-6.0, 2 / 3)]
    cdf = [0.5 * (1 + math.erf(z / math.sqrt(2))) for z in (-6.0, 2 / 3)]
    mean = 0.8 + 0.3 * (phi[0] - phi[1]) / (cdf[1] - cdf[0])
    assert sample.mean().item() == pytest.approx(mean, abs=0.005)
    sample.mean().backward()
    # d mean / d loc = variance / scale^2
    variance = sample.detach().var().item()
    assert loc.grad.sum().item() == pytest.approx(variance / 0.09, abs=0.02)


def test_extreme_noise_gives_finite_samples_and_gradients():
    out = torch.tensor([[20.0, -50.0], [-20.0, 50.0]], requires_grad=True)
    dist = truncated_normal(out, min_std=0.1)
    for noise in (0.0, 1.0):
        sample = dist.sample(torch.full((2, 1), noise))
        assert sample.isfinite().all() and sample.abs().max() <= 1
    (
        dist.sample(torch.ones(2, 1)).sum()
        + dist.entropy().sum()
        + dist.log_prob(torch.tensor([[1.0], [-1.0]])).sum()
    ).backward()
    assert out.grad.isfinite().all()


def test_the_head_gives_a_tanh_mean_and_a_deviation_above_its_least():
    dist = truncated_normal(torch.tensor([[0.5, 0.0]]), min_std=0.1)
    assert dist.loc.item() == pytest.approx(math.tanh(0.5))
    assert dist.scale.item() == pytest.approx(2 * 0.5 + 0.1)
    assert truncated_normal(torch.tensor([[0.0, -99.0]]), 0.1).scale.item() == pytest.approx(0.1)
    assert dist.mode().item() == pytest.approx(math.tanh(0.5))


def test_two_hot_weights_lie_on_the_two_bins_about_a_value_and_have_it_as_mean():
    bins = torch.tensor([-2.0, 0.0, 1.0, 4.0])
    values = torch.tensor([[0.25, 4.0], [-1.5, 0.0], [9.0, -7.0]])
    assert two_hot(values, bins).tolist() == [
        [[0, 0.75, 0.25, 0], [0, 0, 0, 1]],
        [[0.75, 0.25, 0, 0], [0, 1, 0, 0]],
        [[0, 0, 0, 1], [1, 0, 0, 0]],
    ]
    exact = torch.tensor([0.0, 1.0, 2.5, 4.0, -20.0])
    assert torch.allclose(two_hot(exact, reward_bins()) @ reward_bins(), exact, atol=1e-4)


def test_the_bins_are_symmetric_about_0_and_reach_beyond_any_reward_of_an_episode():
    bins = reward_bins()
    assert (
        bins.shape == (63,)
        and abs(bins[31]) < 1e-6
        and bins[-1].item() == pytest.approx(147.41, 1e-4)
    )
    assert torch.allclose(bins, -bins.flip(0), atol=1e-5) and (bins.diff() > 0).all()
