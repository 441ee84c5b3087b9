import numpy as np
import pytest
import torch

from moto_learning.agents.transitions import cut_transitions, frame_rows, stack_frames

#   row         0  1  2  3  4  5
FIRST = [[0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0]]


def data(first=FIRST, proprioception=False):
    """Row t of sequence b is n = 10 b + t: pixels 3 n + channel, action n, reward 100 + n."""
    first = torch.tensor(first).bool()
    number = 10 * torch.arange(len(first))[:, None] + torch.arange(first.shape[1])
    pixels = (3 * number[..., None, None, None] + torch.arange(3)).expand(*number.shape, 2, 4, 3)
    found = {
        'images': {'front': pixels.to(torch.uint8)},
        'chosen': number[..., None].float(),
        'reward': 100.0 + number,
        'is_first': first,
        'bc_mask': (number < 10).float(),
    }
    if proprioception:
        found['proprioception'] = number[..., None].float() / 2
    return found


def cut(count=100, frames=3, seed=0, **kinds):
    return cut_transitions(data(**kinds), frames, count, torch.Generator().manual_seed(seed))


def test_frames_go_back_to_the_first_of_the_episode_and_not_beyond():
    rows, whole = frame_rows(torch.tensor(FIRST).bool(), 3)
    assert rows[0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [3, 3, 3], [3, 3, 4], [3, 4, 5]]
    assert whole[0].tolist() == [False, False, True, True, True, True]
    assert rows[1].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    assert whole[1].all()


def test_one_frame_is_always_there():
    rows, whole = frame_rows(torch.tensor(FIRST).bool(), 1)
    assert rows[0].tolist() == [[0], [1], [2], [3], [4], [5]] and whole.all()


def test_transitions_are_the_steps_of_one_episode_whose_frames_are_there():
    found = cut()
    # sequence 0: 2 -> 3 leads into another episode, frames of 0 and 1 are missing
    now = [3, 4, 10, 11, 12, 13, 14]
    assert found.action[:, 0].tolist() == now
    assert found.reward.tolist() == [101 + n for n in now]
    assert found.successful.tolist() == [1, 1, 0, 0, 0, 0, 0]
    oldest_first = [[3, 3, 3], [3, 3, 4], [10, 10, 10], [10, 10, 11], [10, 11, 12]]
    after = [[3, 3, 4], [3, 4, 5], [10, 10, 11], [10, 11, 12], [11, 12, 13]]
    for seen, expected in ((found.now, oldest_first), (found.then, after)):
        stack = seen.stacks['front']
        assert stack.shape == (7, 2, 4, 9) and stack.dtype == torch.uint8
        channels = [[3 * n + c for n in frames for c in range(3)] for frames in expected]
        assert stack[:5, 0, 0].tolist() == channels
        assert (stack == stack[:, :1, :1]).all()
        assert seen.proprioception is None


def test_a_transition_is_to_be_imitated_if_the_row_is_at_which_it_was_chosen():
    marked = data()
    marked['bc_mask'][0, 4] = 0  # nothing of row 4 was let through
    found = cut_transitions(marked, 3, 100, torch.Generator().manual_seed(0))
    assert found.action[:2, 0].tolist() == [3, 4]
    assert found.successful[:2].tolist() == [1, 0]


def test_a_sequence_without_a_beginning_gives_its_last_rows_alone():
    found = cut(first=[[0, 0, 0, 0]])
    assert found.action[:, 0].tolist() == [2] and found.reward.tolist() == [103]
    assert found.then.stacks['front'][0, 0, 0, ::3].tolist() == [3, 6, 9]


def test_a_row_between_two_beginnings_gives_none():
    assert len(cut(first=[[0, 1, 1, 1]]).reward) == 0


def test_proprioception_is_the_newest_rows():
    found = cut(proprioception=True)
    assert found.now.proprioception[:, 0].tolist() == [n / 2 for n in (3, 4, 10, 11, 12, 13, 14)]
    assert found.then.proprioception[:, 0].tolist() == [n / 2 for n in (4, 5, 11, 12, 13, 14, 15)]


def test_some_are_drawn_each_at_most_once():
    drawn = [cut(count=5, seed=seed).action[:, 0].tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    times = np.zeros(20)
    for seed in range(300):
        found = cut(count=5, seed=seed)
        assert len(set(found.action[:, 0].tolist())) == 5
        assert (found.reward == found.action[:, 0] + 101).all()
        times[found.action[:, 0].long().numpy()] += 1
    assert times[[3, 4, 10, 11, 12, 13, 14]] / 300 == pytest.approx(np.full(7, 5 / 7), abs=0.1)


def test_frames_lie_side_by_side_in_the_channels():
    frames = torch.arange(2 * 2 * 1 * 1 * 3).reshape(2, 2, 1, 1, 3)  # (N, F, h, w, 3)
    assert stack_frames(frames)[:, 0, 0].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
