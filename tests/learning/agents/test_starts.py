import torch

from moto_learning.agents.starts import draw_starts
from moto_learning.model.rssm import State

B, T = 2, 3


def states():
    """Rows numbered 10 * b + t in every part."""
    number = torch.tensor([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]])
    return State(number.unsqueeze(-1), number.unsqueeze(-1) + 100, number.reshape(B, T, 1, 1))


def data():
    number = states().deter
    is_first = torch.zeros(B, T, dtype=torch.bool)
    is_first[1, 2] = True
    return {'action': number + 200, 'reward': number[..., 0] + 300, 'is_first': is_first}


def test_all_starts_pair_each_state_with_the_true_step_that_led_to_it():
    starts = draw_starts(states(), data(), 0, torch.Generator())
    assert starts.state.deter.flatten().tolist() == [0, 1, 2, 10, 11, 12]
    assert starts.action.flatten().tolist() == [200, 201, 202, 210, 211, 212]
    assert starts.reward.tolist() == [300, 301, 302, 310, 311, 312]
    # row 0 has nothing before it; (1, 2) begins an episode
    assert starts.weight.tolist() == [0, 1, 1, 0, 1, 0]
    kept = starts.weight.bool()
    assert starts.before[kept].tolist() == [[0, 100], [1, 101], [10, 110]]


def test_a_drawn_part_has_no_state_twice_and_keeps_the_pairs():
    generator, seen = torch.Generator().manual_seed(0), set()
    for _ in range(20):
        starts = draw_starts(states(), data(), 4, generator)
        drawn = starts.state.deter.flatten()
        assert drawn.unique().shape == (4,)
        assert torch.equal(starts.action.flatten(), drawn + 200)
        kept = starts.weight.bool()
        assert torch.equal(starts.before[kept, 0], drawn[kept] - 1)
        seen |= set(drawn.tolist())
    assert seen == {0, 1, 2, 10, 11, 12}


def test_more_starts_than_states_take_all_of_them():
    assert draw_starts(states(), data(), 99, torch.Generator()).weight.shape == (6,)
