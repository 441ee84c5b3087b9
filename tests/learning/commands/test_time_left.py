from moto_learning.commands.time_left import TimeLeft
from moto_learning.run.counters import ToCome


def test_the_time_left_is_what_each_kind_took_times_what_is_to_come():
    now = [100.0]
    left = TimeLeft(lambda: now[0])

    def happened(kind, seconds):
        now[0] += seconds
        left.happened(kind)

    happened('updates', 1.0)
    happened('updates', 3.0)
    assert left.text(ToCome(updates=30, episodes=0, starts=0)) == '0:01:00 left'
    assert left.text(ToCome(updates=30, episodes=2, starts=0)) == 'over 0:01:00 left'
    happened('episodes', 10.0)
    happened('starts', 5.0)
    # 30 x 2 s, 2 x 10 s, 40 x 5 s
    assert left.text(ToCome(updates=30, episodes=2, starts=40)) == '0:04:40 left'
    assert left.text(ToCome(updates=0, episodes=0, starts=0)) == '0:00:00 left'


def test_only_the_last_hundred_of_a_kind_count():
    now = [0.0]
    left = TimeLeft(lambda: now[0])
    for seconds in [1000.0] * 5 + [1.0] * 100:
        now[0] += seconds
        left.happened('updates')
    assert left.text(ToCome(updates=60, episodes=0, starts=0)) == '0:01:00 left'
