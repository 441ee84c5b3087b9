import math

import pytest
import torch

from moto_learning.agents.actor_critic import (
    Actor,
    Critics,
    actor_loss,
    behaviour_prior,
    data_critic_loss,
    model_critic_loss,
    penalised_reward,
    prior_weight,
)
from moto_learning.config import ActorConfig, CriticConfig, HeadConfig

HEAD = HeadConfig(layers=1, units=4)


def test_the_penalty_is_alpha_times_the_disagreement():
    found = penalised_reward(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.1, 0.3]]), 10.0)
    assert found[0].tolist() == pytest.approx([0.0, -1.0], abs=1e-6)
    assert penalised_reward(torch.tensor([1.0]), torch.tensor([9.0]), 0.0).tolist() == [1.0]


def test_the_model_loss_is_equation_7_for_both_critics():
    q = torch.tensor([[1.0, 2.0], [3.0, 5.0]])  # (members, N)
    value = torch.tensor([2.0, 4.0], requires_grad=True)
    # critic 1: (1 + 4) / 2, critic 2: (1 + 1) / 2
    loss = model_critic_loss(q.requires_grad_(), value)
    assert loss.item() == 3.5
    loss.backward()
    assert value.grad is None and q.grad is not None


def test_the_model_loss_of_no_horizon_is_nothing():
    assert model_critic_loss(torch.zeros(2, 0), torch.zeros(0)).item() == 0


def test_the_data_loss_is_equation_8_over_true_pairs_alone():
    q = torch.tensor([[1.0, 7.0, 0.0], [2.0, 7.0, 0.0]])  # (members, N)
    reward, weight = torch.tensor([1.0, 5.0, 1.0]), torch.tensor([1.0, 0.0, 1.0])
    after = torch.tensor([4.0, 9.0, 2.0], requires_grad=True)
    # gamma = 0.5, targets 3, -, 2: critic 1 ((3-1)^2 + 2^2) / 2, critic 2 ((3-2)^2 + 2^2) / 2
    loss = data_critic_loss(q.requires_grad_(), reward, after, weight, 0.5)
    assert loss.item() == 4.0 + 2.5
    loss.backward()
    assert after.grad is None and q.grad[:, 1].tolist() == [0.0, 0.0]


def test_a_batch_without_a_true_pair_costs_nothing():
    loss = data_critic_loss(torch.ones(2, 2), torch.ones(2), torch.ones(2), torch.zeros(2), 0.5)
    assert loss.item() == 0


def test_the_behaviour_prior_is_the_mean_over_successful_steps_alone():
    log_prob = torch.tensor([[-1.0, -3.0], [-50.0, -70.0]], requires_grad=True)
    mask = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    loss = behaviour_prior(log_prob, mask)
    assert loss.item() == 2.0
    loss.backward()
    assert log_prob.grad.tolist() == [[-0.5, -0.5], [0.0, 0.0]]
    assert behaviour_prior(log_prob.detach(), torch.zeros(2, 2)).item() == 0


def test_the_actors_loss_is_equation_10_with_an_entropy_bonus():
    value, entropy = torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[0.5], [1.5]])
    config = ActorConfig(entropy=0.1)
    assert actor_loss(value, torch.tensor(2.0), entropy, 10.0, config).item() == pytest.approx(
        -4.0 + 10 * 2.0 - 0.1 * 1.0
    )


def test_the_weight_of_the_prior_halves_from_an_update_on_down_to_a_floor():
    config = ActorConfig(beta=8.0, beta_from=100, beta_half=50, beta_final=0.125)
    found = [prior_weight(update, config) for update in (0, 100, 125, 150, 200, 250, 10_000)]
    assert found == pytest.approx([8, 8, 8 * 0.5**0.5, 4, 2, 1, 1])
    assert prior_weight(10_000, ActorConfig(beta=8.0)) == 8


def test_critics_may_begin_at_zero_and_still_differ_in_their_hidden_layers():
    critics = Critics(3, 2, CriticConfig(head=HEAD, zero_start=True))
    assert not critics(torch.randn(4, 3), torch.randn(4, 2)).any()
    assert critics.net.layers[0].weight.any()
    critics(torch.randn(4, 3), torch.randn(4, 2)).sum().backward()
    gradient = critics.net.layers[-1].weight.grad
    assert gradient.any() and not torch.equal(gradient[0], gradient[1])


def test_the_value_is_the_least_of_the_critics():
    critics = Critics(3, 2, CriticConfig(head=HEAD))
    feat, action = torch.randn(4, 5, 3), torch.randn(4, 5, 2)
    q = critics(feat, action)
    assert q.shape == (2, 4, 5) and not torch.equal(q[0], q[1])
    assert torch.equal(critics.value(feat, action), torch.minimum(q[0], q[1]))
    assert torch.allclose(critics(feat[1, 2], action[1, 2]), q[:, 1, 2], atol=1e-6)


@pytest.mark.parametrize('std', [1.1, 0.3])
def test_the_policy_begins_with_its_initial_deviation(std):
    actor = Actor(3, 2, ActorConfig(head=HEAD, initial_std=std))
    assert actor(torch.zeros(3)).scale.tolist() == pytest.approx([std, std])


def test_the_policy_is_a_truncated_normal_of_dreamers_head():
    actor = Actor(3, 2, ActorConfig(head=HEAD, min_std=0.1))
    with torch.no_grad():
        actor.net.out.weight.zero_()
        actor.net.out.bias.copy_(torch.tensor([0.3, -0.3, 0.0, 2.0]))
    policy = actor(torch.randn(5, 3))
    assert policy.loc[0].tolist() == pytest.approx([math.tanh(0.3), -math.tanh(0.3)])
    assert policy.scale[0].tolist() == pytest.approx([1.1, 2 / (1 + math.exp(-1)) + 0.1])


def test_a_capped_mean_keeps_a_gradient_where_behaviour_is_cloned_at_a_bound():
    found = []
    for cap in (0.0, 2.0):
        actor = Actor(3, 1, ActorConfig(head=HEAD, mean_cap=cap))
        with torch.no_grad():
            actor.net.out.weight.zero_()
            actor.net.out.bias.copy_(torch.tensor([5.0, 0.0]))
        loc = actor(torch.zeros(3)).loc
        loc.backward()
        found.append((loc.item(), actor.net.out.bias.grad[0].item()))
    capped = 2 * math.tanh(2.5)
    slope = (1 - math.tanh(capped) ** 2) * (1 - math.tanh(2.5) ** 2)
    assert found[0][0] == pytest.approx(math.tanh(5)) and found[0][1] < 2e-4
    assert found[1] == pytest.approx((math.tanh(capped), slope), rel=1e-4)
    assert found[1][1] > 5 * found[0][1]
