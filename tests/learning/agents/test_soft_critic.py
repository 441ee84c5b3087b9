"""The losses of LOMPO and COMBO against numbers worked by hand."""

import math

import pytest
import torch

from moto_learning.agents.soft_critic import (
    Temperature,
    conservative_loss,
    log_prob_spread,
    soft_actor_loss,
    soft_critic_loss,
    soft_target,
    temperature_loss,
)

Q = torch.tensor([[1.0, 5.0], [2.0, 3.0]])  # two critics, two steps


def test_the_spread_is_that_of_the_drawn_classes_joint_log_probabilities():
    # two members, two categoricals of two classes: probabilities of class 0
    chances = [[0.5, 0.2], [0.25, 0.4]]
    logits = torch.tensor([[[math.log(p), math.log(1 - p)] for p in row] for row in chances])
    stoch = torch.tensor([1.0, 0.0, 0.0, 1.0])  # class 0 of the first, class 1 of the second
    one, other = math.log(0.5) + math.log(0.8), math.log(0.25) + math.log(0.6)
    free = torch.tensor([3.0, -1.0])[:, None, None]  # a constant changes no probability
    found = log_prob_spread(logits + free, stoch)
    assert found.item() == pytest.approx(abs(one - other) / 2, rel=1e-5)
    found = log_prob_spread(logits, stoch, 'variance')
    assert found.item() == pytest.approx((one - other) ** 2 / 4, rel=1e-5)


def test_one_member_has_no_spread_and_many_steps_have_their_own():
    logits = torch.randn(1, 7, 3, 4)
    stoch = torch.eye(4)[torch.zeros(7, 3, dtype=torch.long)].flatten(-2)
    assert log_prob_spread(logits, stoch).tolist() == [0.0] * 7
    logits = torch.randn(5, 7, 3, 4)
    found = log_prob_spread(logits, stoch)
    assert found[2].item() == pytest.approx(log_prob_spread(logits[:, 2], stoch[2]).item())


def test_the_target_adds_the_least_critic_and_the_entropy_of_what_comes():
    target = soft_target(
        reward=torch.tensor([1.0, -1.0]),
        next_q=Q,
        next_log_prob=torch.tensor([2.0, -4.0]),
        temperature=torch.tensor(0.5),
        discount=0.9,
    )
    assert target.tolist() == pytest.approx([1 + 0.9 * (1 - 1), -1 + 0.9 * (3 + 2)])


def test_the_critics_loss_sums_half_the_mean_squared_errors():
    q, target = Q.clone().requires_grad_(), torch.tensor([3.0, 1.0], requires_grad=True)
    loss = soft_critic_loss(q, target)
    assert loss.item() == pytest.approx((4 + 16) / 2 / 2 + (1 + 4) / 2 / 2)
    loss.backward()
    assert q.grad[0].tolist() == pytest.approx([-2 / 2, 4 / 2])
    assert target.grad is None


def test_the_conservative_term_pushes_imagined_values_down_and_the_datas_up():
    imagined, real = Q.clone().requires_grad_(), torch.ones(2, 4, requires_grad=True)
    loss = conservative_loss(imagined, real)
    assert loss.item() == pytest.approx((3 - 1) + (2.5 - 1))
    loss.backward()
    assert imagined.grad.tolist() == [[0.5, 0.5]] * 2
    assert real.grad.tolist() == [[-0.25] * 4] * 2


@pytest.mark.parametrize('counts', [(0, 3), (3, 0)])
def test_without_steps_of_one_kind_there_is_nothing_to_push(counts):
    imagined, real = (torch.ones(2, count) for count in counts)
    assert conservative_loss(imagined, real).item() == 0


def test_the_actor_weighs_the_least_value_against_its_log_probability():
    q, log_prob = Q.clone().requires_grad_(), torch.tensor([2.0, 4.0], requires_grad=True)
    tau = torch.tensor(0.5, requires_grad=True)
    loss = soft_actor_loss(q, log_prob, tau)
    assert loss.item() == pytest.approx(((1 - 1) + (2 - 3)) / 2)
    loss.backward()
    assert q.grad.tolist() == [[-0.5, 0.0], [0.0, -0.5]]
    assert log_prob.grad.tolist() == [0.25, 0.25]
    assert tau.grad is None


@pytest.mark.parametrize('log_prob, rises', [(3.0, True), (1.0, False)])
def test_the_temperature_rises_where_the_entropy_is_below_its_target(log_prob, rises):
    temperature = Temperature(0.5)
    assert temperature().item() == pytest.approx(0.5)
    loss = temperature_loss(temperature.log, torch.full((4,), log_prob), entropy=-2.0)
    assert loss.item() == pytest.approx(-math.log(0.5) * (log_prob - 2))
    loss.backward()
    assert (temperature.log.grad.item() < 0) == rises, 'a step goes down the gradient'
