import json

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError
from moto_core.row import ARRAYS
from moto_learning.data.batch import learned_columns
from moto_learning.data.cache import CachedEpisode, compile_dataset
from moto_learning.data.replay import Replay
from tests.recorded import record, tiny_header, tiny_row, tiny_spec


def episode(name, length, successful=False, base=0, spec_hash='s', gaps=(), outcome='failure'):
    """An episode whose row t has image base + t, chosen action base + t + 1, reward base + t."""
    rows = np.arange(base, base + length)
    action = np.float32(rows + 1)[:, None].repeat(2, 1)
    columns = {
        column.name: np.zeros(length, column.dtype) for column in ARRAYS if not column.shape
    }
    columns |= {'requested': action, 'executed': action / 2, 'reward': np.float32(rows)}
    columns |= {'proprioception': None, 'let_through': np.ones(length, bool)}
    columns['is_first'][0] = columns['is_last'][-1] = True
    columns['gap'][list(gaps)] = True
    return CachedEpisode(
        id=name,
        spec_hash=spec_hash,
        source='sim',
        parts=(),
        outcome=outcome,
        successful=successful,
        images={'front': np.uint8(rows % 256)[:, None, None, None].repeat(3, 3)},
        columns=columns,
        learned=learned_columns(columns, columns['reward'], successful),
    )


def replay_of(root, batch, length, seed=0):
    return Replay(compile_dataset(Dataset.open(root)).episodes, batch, length, seed)


def assert_equal(one, two):
    assert one.keys() == two.keys()
    for key, value in one.items():
        pairs = value.items() if isinstance(value, dict) else [(key, value)]
        for name, array in pairs:
            other = two[key][name] if isinstance(value, dict) else two[key]
            np.testing.assert_array_equal(array, other)


def test_the_action_that_led_to_a_row_is_the_one_chosen_at_the_row_before():
    """row 0 1 2 3: chosen 1 2 3 4, so action 0 1 2 3; the first row of an episode has zeros."""
    batch = Replay([episode('a', 4)], batch=1, length=4).sample()
    assert batch['images']['front'][0, :, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert batch['reward'][0].tolist() == [0, 1, 2, 3]
    assert batch['chosen'][0, :, 0].tolist() == [1, 2, 3, 4]
    assert batch['action'][0, :, 0].tolist() == [0, 1, 2, 3]
    assert batch['is_first'][0].tolist() == [True, False, False, False]


def test_a_window_in_mid_episode_starts_with_its_true_previous_action():
    replay = Replay([episode('a', 30)], batch=64, length=3)
    batch = replay.sample()
    starts = batch['reward'][:, 0]
    assert {0.0, 27.0} < set(starts)
    assert len(set(starts)) > 10
    for row, start in enumerate(starts):
        assert batch['action'][row, :, 1].tolist() == [start, start + 1, start + 2]
        assert batch['is_first'][row].tolist() == [start == 0, False, False]


def test_a_drawn_row_may_be_at_any_position_of_its_window():
    """Rows 0, 1, 2 in windows of two rows that begin at 0 or 1, the row first or last:
    0 0, 1 0, and 2 moved inside to 1, 1. Half of them begin at 1.
    """
    batch = Replay([episode('a', 3)], batch=4000, length=2).sample()
    assert batch['reward'][:, 0].mean() == pytest.approx(1 / 2, abs=0.03)


def test_a_share_of_a_batch_is_drawn_from_successful_episodes_uniformly_over_their_rows():
    episodes = [
        episode('a', 900),
        episode('b', 30, successful=True, base=1000),
        episode('c', 60, successful=True, base=2000),
    ]
    batch = Replay(episodes, batch=400, length=3, successful=0.5).sample()
    starts = batch['reward'][:, 0]
    assert batch['bc_mask'][:200].all() and 0.02 < batch['bc_mask'][200:, 0].mean() < 0.2
    assert 0.55 < (starts[:200] >= 2000).mean() < 0.78  # two thirds of the successful rows
    assert len(set(starts[:200])) > 60


def test_without_a_success_the_whole_batch_is_drawn_from_all_and_one_that_comes_is_found():
    replay = Replay([episode('a', 9)], batch=8, length=3, successful=0.5)
    assert not replay.sample()['bc_mask'].any()
    replay.add(episode('b', 2, successful=True, base=100))
    batch = replay.sample()
    assert batch['bc_mask'][:4].all()  # a short one is followed by successful ones, too


def test_the_first_data_have_a_share_of_a_batch_that_halves_once_others_came():
    replay = Replay(
        [episode('a', 20), episode('b', 10, base=20)],
        batch=400,
        length=3,
        demonstrations=0.5,
        demonstrations_half=2,
    )
    first = replay.sample()['reward'][:, 0]
    assert 0.2 < (first >= 20).mean() < 0.45, 'all there is'
    replay.add(episode('c', 3000, base=1000))
    shares = [(replay.sample()['reward'][:, 0] < 1000).sum() for _ in range(5)]
    halved = [0.5 * 400 * 0.5 ** (n / 2) for n in range(5)]  # beside 1 % of what is drawn from all
    assert np.all(np.array(shares) >= np.floor(halved))
    assert np.all(np.array(shares) < np.array(halved) + 12), shares
    assert (replay.sample()['reward'][:, 0] >= 1000).mean() > 0.85
    state = json.loads(json.dumps(replay.state_dict()))
    later = Replay([episode('a', 20), episode('b', 10, base=20), episode('c', 3000, base=1000)])
    later.batch, later.length, later.demonstrations, later.demonstrations_half = 400, 3, 0.5, 2
    later.load_state_dict(state)
    assert_equal(later.sample(), replay.sample())


def test_successful_and_first_data_share_a_batch():
    replay = Replay(
        [episode('a', 9), episode('b', 9, successful=True, base=100)],
        batch=3,
        length=3,
        successful=0.5,
        demonstrations=0.5,
    )
    replay.add(episode('c', 900, base=1000))
    for _ in range(50):
        starts = replay.sample()['reward'][:, 0]
        assert len(starts) == 3 and np.all(starts[:2] >= 100) and np.all(starts[:2] < 200)
        assert starts[2] < 200


def test_a_batch_says_how_many_successful_episodes_it_is_drawn_from():
    replay = Replay([episode('a', 4), episode('b', 4, successful=True)], batch=1, length=3)
    assert replay.sample()['successes'] == 1
    replay.add(episode('c', 4, successful=True))
    assert replay.sample()['successes'] == 2
    replay.update([episode('b', 4, successful=False)])
    assert replay.sample()['successes'] == 1


def test_a_short_episode_is_followed_by_another_from_its_beginning():
    replay = Replay([episode('a', 2, base=10), episode('b', 3, base=20)], batch=50, length=4)
    batch = replay.sample()
    rows = {tuple(row) for row in batch['reward'].astype(int).tolist()}
    assert rows == {(10, 11, 10, 11), (10, 11, 20, 21), (20, 21, 22, 10), (20, 21, 22, 20)}
    for row in range(50):
        reward, first = batch['reward'][row], batch['is_first'][row]
        np.testing.assert_array_equal(first, np.isin(reward, [10, 20]))
        np.testing.assert_array_equal(batch['action'][row, :, 0], np.where(first, 0, reward))


def test_every_window_is_contiguous_in_one_episode_and_both_ends_are_seen():
    replay = Replay([episode('a', 60), episode('b', 57, base=100)], batch=32, length=50)
    seen = np.zeros(200, int)
    for _ in range(60):
        reward = replay.sample()['reward'].astype(int)
        assert (np.diff(reward, axis=1) == 1).all()
        np.add.at(seen, reward.ravel(), 1)
    counts = np.concatenate([seen[:60], seen[100:157]])
    assert counts.sum() == 32 * 50 * 60
    assert counts.min() > counts.max() / 4


def test_sampling_is_uniform_over_rows_whichever_phase_they_come_from():
    replay = Replay([episode('offline', 300)], batch=50, length=10)
    replay.add(episode('online', 100, base=1000))
    share = np.mean([(replay.sample()['reward'][:, 0] >= 1000).mean() for _ in range(80)])
    assert abs(share - 0.25) < 0.03


def test_episodes_of_one_row_begin_a_sequence_equally_often():
    replay = Replay([episode(str(i), 1, base=i) for i in range(4)], batch=100, length=2)
    first = np.concatenate([replay.sample()['reward'][:, 0] for _ in range(20)]).astype(int)
    np.testing.assert_allclose(np.bincount(first, minlength=4) / 2000, 0.25, atol=0.04)


def test_the_behaviour_mask_is_one_in_successful_trajectories_only():
    replay = Replay([episode('a', 2, True, 10), episode('b', 2, False, 20)], batch=50, length=4)
    batch = replay.sample()
    np.testing.assert_array_equal(batch['bc_mask'], batch['reward'] < 20)
    assert batch['bc_mask'].dtype == np.float32
    assert 0 < batch['bc_mask'].mean() < 1


def test_a_gap_in_the_recording_is_an_edge_as_an_episodes_first_row_is():
    """Rows are missing before row 2: no action led from row 1 to it."""
    batch = Replay([episode('a', 5, gaps=[2])], batch=1, length=5).sample()
    assert batch['is_first'][0].tolist() == [True, False, True, False, False]
    assert batch['action'][0, :, 0].tolist() == [0, 1, 0, 3, 4]
    assert batch['chosen'][0, :, 0].tolist() == [1, 2, 3, 4, 5]


def test_a_batch_shares_no_memory_with_the_data_or_the_next_batch():
    replay = Replay([episode('a', 4)], batch=2, length=4)
    one = replay.sample()
    one['images']['front'][:] = 99
    one['chosen'][:] = 99
    assert replay.sample()['images']['front'][0, :, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_the_same_seed_gives_the_same_batches_and_another_does_not():
    data = [episode('a', 90), episode('b', 70, base=100)]
    one, two, other = (Replay(data, 4, 10, seed) for seed in (1, 1, 2))
    first = one.sample()
    assert_equal(first, two.sample())
    assert not np.array_equal(first['reward'], other.sample()['reward'])


def test_a_resumed_replay_gives_bit_equal_batches(tmp_path):
    record(tmp_path, [12, 7], success=True)
    replay = replay_of(tmp_path, 4, 6, seed=3)
    replay.sample()
    online = record(tmp_path, [9])
    replay.add(compile_dataset(Dataset.open(tmp_path)).episodes[-1])
    assert replay.episodes[-1] == online[0]
    replay.sample()
    state = json.loads(json.dumps(replay.state_dict()))
    wanted = [replay.sample() for _ in range(5)]
    later = record(tmp_path, [8])
    resumed = replay_of(tmp_path, 4, 6, seed=77)
    assert len(resumed.episodes) == 4
    assert resumed.load_state_dict(state) == later
    assert resumed.episodes == replay.episodes
    for batch in wanted:
        assert_equal(resumed.sample(), batch)


def test_resuming_without_an_episode_of_the_checkpoint_is_refused():
    replay = Replay([episode('a', 9), episode('b', 9)], 2, 4)
    state = replay.state_dict()
    with pytest.raises(DatasetError, match='1 episodes of the checkpoint are gone, .* b;'):
        Replay([episode('a', 9)], 2, 4).load_state_dict(state)


def test_an_episode_joins_once(tmp_path):
    record(tmp_path, [8])
    replay = replay_of(tmp_path, 2, 4)
    record(tmp_path, [5])
    cached = compile_dataset(Dataset.open(tmp_path)).episodes[-1]
    replay.add(cached)
    assert replay.episodes[-1] == cached.id
    assert replay.rows == 13
    with pytest.raises(DatasetError, match='is in the replay already'):
        replay.add(cached)


def test_an_episode_that_was_labelled_again_is_replaced_in_its_place():
    replay = Replay([episode('a', 9), episode('b', 9, base=20)], 4, 4)
    changed = episode('a', 9, True, outcome='success')
    assert replay.update([episode('c', 9), changed, episode('b', 9, base=20)]) == (1, 1)
    assert replay.episodes == ('a', 'b', 'c')
    batches = [replay.sample() for _ in range(20)]
    learned = np.concatenate([b['bc_mask'][b['reward'] < 9] for b in batches])
    assert 0 < learned.mean() < 1  # of a, not of c
    assert not any(b['bc_mask'][b['reward'] >= 20].any() for b in batches)


def test_a_replay_says_whether_it_has_any_reward():
    bare = episode('a', 9)
    bare.learned['reward'] = np.zeros(9, np.float32)
    replay = Replay([bare], 2, 4)
    assert not replay.rewarded
    replay.add(episode('b', 2))
    assert replay.rewarded


def test_a_batch_of_a_dataset_has_all_cameras_and_joints(tmp_path):
    record(tmp_path, [8], spec=tiny_spec())
    batch = replay_of(tmp_path, 3, 4).sample()
    assert {name: x.shape for name, x in batch['images'].items()} == {
        'front': (3, 4, 8, 8, 3),
        'wrist': (3, 4, 8, 16, 3),
    }
    np.testing.assert_array_equal(batch['images']['front'][:, :, 0, 0, 0], batch['reward'])
    np.testing.assert_array_equal(batch['proprioception'][:, :, 0], batch['reward'])
    assert batch['proprioception'].shape == (3, 4, 6)
    np.testing.assert_allclose(batch['chosen'][:, :, 0], batch['reward'] / 100)


def test_bad_input_is_named_with_the_next_step():
    with pytest.raises(DatasetError, match="no episodes; record some with 'moto-data collect'"):
        Replay([])
    with pytest.raises(DatasetError, match='12 rows in 2 episodes; expected at least 50'):
        Replay([episode('a', 5), episode('b', 7)], 4, 50)
    with pytest.raises(DatasetError, match='one replay takes one spec'):
        Replay([episode('a', 50), episode('b', 50, spec_hash='other')], 4, 50)
    with pytest.raises(DatasetError, match='one replay takes one spec'):
        Replay([episode('a', 50)], 4, 50).add(episode('b', 50, spec_hash='other'))
    with pytest.raises(ConfigError, match='batch 0 x length 50'):
        Replay([episode('a', 50)], batch=0)


def test_nothing_led_to_the_first_row_whatever_its_log_says(tmp_path):
    with (
        Dataset.create_or_open(tmp_path, floor=0) as dataset,
        dataset.new_episode(tiny_header()) as writer,
    ):
        for t in range(3):
            writer.append(tiny_row(t, is_first=False))
    (episode,) = compile_dataset(Dataset.open(tmp_path)).episodes
    assert episode.learned['is_first'].tolist() == [True, False, False]
    assert not episode.learned['action'][0].any()


def test_an_episode_comes_into_a_replay_once():
    a, b = episode('a', 4), episode('b', 4, base=50)
    with pytest.raises(DatasetError, match='1 episodes are in the replay twice, the first is b'):
        Replay([a, b, episode('b', 4, outcome='success')], 1, 2)
    replay = Replay([a], 1, 2)
    with pytest.raises(DatasetError, match='twice, the first is b'):
        replay.update([b, b])
    state = replay.state_dict() | {'episodes': ['a', 'a'], 'outcomes': ['failure', 'failure']}
    with pytest.raises(DatasetError, match='twice, the first is a.*start a new run'):
        replay.load_state_dict(state)
    assert replay.episodes == ('a',)
