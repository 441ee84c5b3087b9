import pytest
import torch

from moto_learning.agents.returns import lambda_return, largest_value, value_expansion

REWARD = torch.tensor([1.0, 2.0, 3.0])  # r^1, r^2, r^3 (H = 3)
VALUE = torch.tensor([10.0, 20.0, 30.0, 40.0])  # V_0 at s^0..s^3


def k_step_value(reward, value, k, discount):
    """V_K (H - K + 1, ...): K rewards, then V_0, for every t that has them."""
    steps = reward.shape[0] - k + 1
    total = discount**k * value[k : k + steps]
    for i in range(k):
        total = total + discount**i * reward[i : i + steps]
    return total


def test_k_step_values_are_the_hand_made_ones():
    # gamma = 0.5: V_1(s^t) = r^{t+1} + 0.5 V_0(s^{t+1})
    assert k_step_value(REWARD, VALUE, 1, 0.5).tolist() == [11.0, 17.0, 23.0]
    # V_2(s^0) = 1 + 0.5 * 2 + 0.25 * 30, V_2(s^1) = 2 + 0.5 * 3 + 0.25 * 40
    assert k_step_value(REWARD, VALUE, 2, 0.5).tolist() == [9.5, 13.5]
    # V_3(s^0) = 1 + 1 + 0.75 + 0.125 * 40
    assert k_step_value(REWARD, VALUE, 3, 0.5).tolist() == [7.75]
    assert k_step_value(REWARD, VALUE, 0, 0.5).tolist() == VALUE.tolist()


def test_the_mixture_is_equation_5_by_hand():
    # lambda = 0.5: V(s^0) = 0.5 (V_1 + 0.5 V_2) + 0.25 V_3, V(s^1) = 0.5 V_1 + 0.5 V_2
    found = lambda_return(REWARD, VALUE, 0.5, 0.5)
    assert found.tolist() == [0.5 * (11 + 0.5 * 9.5) + 0.25 * 7.75, 0.5 * 17 + 0.5 * 13.5, 23.0]


@pytest.mark.parametrize('lambda_', [0.0, 0.3, 0.95, 1.0])
def test_the_recursion_is_the_sum_of_equation_5_for_long_rollouts(lambda_):
    generator = torch.Generator().manual_seed(0)
    reward = torch.randn(15, 4, generator=generator, dtype=torch.float64)
    value = torch.randn(16, 4, generator=generator, dtype=torch.float64)
    horizon, discount = 15, 0.99
    for t, found in enumerate(lambda_return(reward, value, discount, lambda_)):
        left = horizon - t
        expected = lambda_ ** (left - 1) * k_step_value(reward, value, left, discount)[t]
        for k in range(1, left):
            step = k_step_value(reward, value, k, discount)[t]
            expected = expected + (1 - lambda_) * lambda_ ** (k - 1) * step
        assert torch.allclose(found, expected)


def test_the_plain_q_is_in_the_mixture_v_hat():
    expansion = value_expansion(REWARD, VALUE, 0.5, 0.25)
    expected = 0.25 * expansion.value + 0.75 * VALUE[:3]
    assert expansion.mixed.tolist() == pytest.approx([*expected.tolist(), 40.0])


def test_one_step_of_reward_and_v_hat_of_the_next_state_is_the_value():
    expansion = value_expansion(REWARD, VALUE, 0.9, 0.7)
    assert torch.allclose(expansion.value, REWARD + 0.9 * expansion.mixed[1:])


def test_without_a_horizon_v_hat_is_the_plain_q():
    expansion = value_expansion(torch.zeros(0, 2), torch.tensor([[3.0, 4.0]]), 0.99, 0.95)
    assert expansion.value.shape == (0, 2)
    assert expansion.mixed.tolist() == [[3.0, 4.0]]


def test_gradients_run_through_every_reward_and_the_last_value():
    reward, value = REWARD.clone().requires_grad_(), VALUE.clone().requires_grad_()
    value_expansion(reward, value, 0.5, 1.0).mixed[0].backward()
    assert reward.grad.tolist() == [1.0, 0.5, 0.25]
    assert value.grad.tolist() == [0.0, 0.0, 0.0, 0.125]


def test_a_value_is_at_most_the_largest_reward_over_one_minus_gamma():
    imagined, true = torch.tensor([[1.0, -3.0]]), torch.tensor([2.0])
    assert largest_value(0.75, imagined, true) == 12  # 3 + 3 * 0.75 + ...
    assert largest_value(0.5, imagined[:0], true) == 4
    assert largest_value(0.5, imagined * 0.1, true * 0) == 2  # a reward of 1 at least
    assert largest_value(0.5, true[:0]) == 2
    assert largest_value(0.75, imagined, true, raised=0.5) == 14
    assert largest_value(1.0, imagined, true) == torch.inf
