"""Latent replay: what a step is, which ones are kept, what a checkpoint brings back."""

import pytest
import torch

from moto_learning.agents.latent_replay import LatentReplay, joined, real_steps
from moto_learning.config import RSSMConfig
from moto_learning.model.rssm import State
from tests.learning import tiny_learner as tiny

RSSM = RSSMConfig(deter=2, stoch=2, classes=3)
H, ACTION = 2, 1


def make(capacity=6, horizon=H):
    return LatentReplay(capacity, horizon, ACTION, RSSM, torch.device('cpu'))


def rollouts(*names, horizon=H):
    """A rollout for each number n: deter (n, t), classes (t, 2), action n + t / 10, reward -n."""
    steps = range(horizon + 1)
    deter = torch.tensor([[[n, t] for n in names] for t in steps], dtype=torch.float32)
    classes = torch.tensor([[[t % 3, 2] for _ in names] for t in steps])
    stoch = torch.nn.functional.one_hot(classes, 3).flatten(-2)
    action = torch.tensor([[[n + t / 10] for n in names] for t in range(horizon)])
    reward = torch.tensor([[-float(n) for n in names] for _ in range(horizon)])
    return torch.cat([deter, stoch], -1), action, reward


def kept(replay):
    """The rollouts' numbers that draws come from."""
    return set(replay.draw(400, torch.Generator().manual_seed(1)).feat[:, 0].tolist())


def test_a_drawn_step_is_one_of_the_rollouts_with_its_own_next_state():
    replay = make()
    replay.add(*rollouts(5, 7))
    assert len(replay) == 4
    steps = replay.draw(200, torch.Generator().manual_seed(0))
    seen = set()
    for feat, action, reward, following in zip(*steps):
        n, t = int(feat[0]), int(feat[1])
        seen.add((n, t))
        assert feat[2:].tolist() == [*(float(i == t) for i in range(3)), 0, 0, 1]
        assert action.item() == pytest.approx(n + t / 10) and reward.item() == -n
        assert following[:2].tolist() == [n, t + 1]
        assert following[2:5].tolist() == [float(i == t + 1) for i in range(3)]
    assert seen == {(5, 0), (5, 1), (7, 0), (7, 1)}, 's^H begins no step'


def test_the_oldest_rollouts_make_room():
    replay = make(capacity=6)  # three rollouts
    replay.add(*rollouts(1, 2))
    replay.add(*rollouts(3, 4))
    assert kept(replay) == {2, 3, 4}
    replay.add(*rollouts(5, 6, 7, 8, 9))
    assert kept(replay) == {7, 8, 9} and len(replay) == 6


def test_a_capacity_below_one_rollout_keeps_one():
    replay = make(capacity=1)
    replay.add(*rollouts(1, 2))
    assert kept(replay) == {2}


def test_a_restored_replay_draws_the_same_steps_and_goes_on_alike():
    one, other = make(), make()
    for names in ((1, 2), (3, 4)):  # the second one wraps around
        one.add(*rollouts(*names))
    other.load_state_dict(one.state_dict())
    for _ in range(2):
        first, second = (
            replay.draw(50, torch.Generator().manual_seed(3)) for replay in (one, other)
        )
        assert all(torch.equal(a, b) for a, b in zip(first, second))
        for replay in (one, other):
            replay.add(*rollouts(8, 9))


def test_a_checkpoint_holds_no_more_than_what_is_there():
    replay = make(capacity=1000)
    assert sum(value.numel() for value in replay.state_dict().values()) == 0
    replay.add(*rollouts(1))
    state = replay.state_dict()
    assert state['deter'].shape == (1, H + 1, 2) and state['reward'].shape == (1, H)
    assert sum(value.untyped_storage().nbytes() for value in state.values()) < 100


def test_less_room_keeps_the_newest_and_another_horizon_begins_anew():
    replay, small, longer = make(), make(capacity=4), make(horizon=3)
    replay.add(*rollouts(1, 2, 3))
    small.load_state_dict(replay.state_dict())
    assert kept(small) == {2, 3}
    longer.add(*rollouts(4, horizon=3))
    longer.load_state_dict(replay.state_dict())
    assert len(longer) == 0


def test_states_of_another_size_are_an_error():
    state = make().state_dict()
    with pytest.raises(ValueError, match='deter is'):
        make().load_state_dict({**state, 'deter': torch.zeros(0, H + 1, 5)})
    with pytest.raises(KeyError):
        make().load_state_dict({'reward': state['reward']})


def posterior(data):
    """A posterior whose deter is (sequence, row)."""
    shape = data['reward'].shape
    deter = torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing='ij'), -1).float()
    return State(deter, torch.zeros(*shape, 6), torch.zeros(*shape, 2, 3))


def test_real_steps_are_the_datas_own_with_the_true_reward():
    data = tiny.tensors()  # 3 x 5 rows; an episode begins at row 2 of sequence 0
    steps = real_steps(posterior(data), data, 300, torch.Generator().manual_seed(0))
    seen = set()
    for feat, action, reward, following in zip(*steps):
        b, t = map(int, following[:2])
        seen.add((b, t))
        assert feat[:2].tolist() == [b, t - 1]
        assert torch.equal(action, data['action'][b, t]) and reward == data['reward'][b, t]
    assert seen == {(b, t) for b in range(3) for t in range(1, 5)} - {(0, 2)}


def test_a_batch_without_a_pair_of_rows_gives_no_real_step():
    data = tiny.tensors()
    data['is_first'][:] = True
    steps = real_steps(posterior(data), data, 7, torch.Generator().manual_seed(0))
    assert [len(part) for part in steps] == [0] * 4
    replay = LatentReplay(6, H, tiny.ACTION, RSSM, torch.device('cpu'))
    feat, action, reward = rollouts(1)
    replay.add(feat, action.expand(-1, -1, 2), reward)
    both = joined(replay.draw(3, torch.Generator().manual_seed(0)), steps)
    assert [len(part) for part in both] == [3] * 4
