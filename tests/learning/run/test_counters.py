from moto_learning.run.counters import Counters, ToCome
from tests.learning import tiny_learner as tiny

CONFIG = tiny.config(
    'train.offline_updates=10',
    'train.online_episodes=7',
    'train.episode_updates=2',
    'evaluate.every=3',
    'evaluate.episodes=4',
    'evaluate.explore=[mode,sample]',
)


def test_a_new_run_has_every_update_episode_and_evaluation_before_it():
    # evaluated after 0, 3, 6 and 7 episodes, in two ways, on 4 starts
    found = Counters().to_come('all', CONFIG, -1)
    assert found == ToCome(updates=10 + 7 * 2, episodes=7, starts=4 * 2 * 4)
    assert Counters().to_come('offline', CONFIG, -1) == ToCome(10, 0, 8)
    assert Counters().to_come('online', CONFIG, -1) == ToCome(14, 7, 32)


def test_what_is_done_is_no_more_to_come():
    counters = Counters(offline=10, episodes=3, online=5, online_goal=6)
    assert counters.to_come('all', CONFIG, 0) == ToCome(1 + 4 * 2, 4, 3 * 8)  # after 3, 6, 7
    assert counters.to_come('all', CONFIG, 3) == ToCome(9, 4, 2 * 8)
    done = Counters(offline=10, episodes=7, online=14, online_goal=14)
    assert done.to_come('all', CONFIG, 7) == ToCome(0, 0, 0)


def test_without_evaluations_or_in_a_round_of_fine_tuning_only_updates_are_to_come():
    without = tiny.config('train.offline_updates=10', 'train.online_episodes=0')
    assert Counters(offline=4).to_come('all', without, -1) == ToCome(6, 0, 0)
    round_ = Counters(finetune=20, finetune_goal=50)
    assert round_.to_come('finetune', CONFIG, -1) == ToCome(30, 0, 0)
