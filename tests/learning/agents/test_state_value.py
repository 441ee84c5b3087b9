"""DreamerV2's losses against numbers worked by hand: two steps, two rollouts."""

import pytest
import torch

from moto_learning.agents.state_value import (
    StateValue,
    dreamer_actor_loss,
    state_value_loss,
    step_weights,
)
from moto_learning.config import HeadConfig

TARGET = torch.tensor([[1.0, 2.0], [3.0, 5.0]])


def test_a_step_counts_as_much_as_its_reward_is_discounted():
    weight = step_weights(3, 0.5, TARGET)
    assert weight.tolist() == [[1.0], [0.5], [0.25]] and weight.dtype == TARGET.dtype
    assert step_weights(2, 1.0, TARGET).tolist() == [[1.0], [1.0]]


def test_the_actors_loss_weighs_values_and_entropies_alike():
    entropy = torch.tensor([[10.0, 20.0], [30.0, 40.0]])
    loss = dreamer_actor_loss(TARGET, entropy, torch.tensor([[1.0], [0.5]]), eta=0.1)
    # -(1 * (1 + 1) + 1 * (2 + 2) + 0.5 * (3 + 3) + 0.5 * (5 + 4)) / 4
    assert loss.item() == pytest.approx(-(2 + 4 + 3 + 4.5) / 4)


def test_the_critics_loss_is_half_the_weighted_squared_error():
    value = torch.tensor([[0.0, 4.0], [3.0, 1.0]], requires_grad=True)
    target = TARGET.clone().requires_grad_()
    loss = state_value_loss(value, target, torch.tensor([[1.0], [0.5]]))
    assert loss.item() == pytest.approx((1 + 4 + 0 + 0.5 * 16) / 2 / 4)
    loss.backward()
    assert value.grad[0].tolist() == pytest.approx([-1 / 4, 2 / 4])
    assert target.grad is None, 'the target carries no gradient'


def test_a_state_has_one_value():
    assert StateValue(5, HeadConfig(layers=1, units=3))(torch.zeros(4, 2, 5)).shape == (4, 2)
