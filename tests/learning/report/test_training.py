import numpy as np
import pytest

from moto_learning.report.training import (
    cpu_time,
    loss_names,
    moving_mean,
    online_episodes,
    series,
    thinned,
    wall_time,
)
from moto_learning.run.journal import Entry
from tests.learning.report.written_run import entry


def test_a_moving_mean_is_over_the_last_values_and_over_fewer_at_first():
    assert moving_mean(np.array([1.0, 0.0, 0.0, 1.0]), window=2).tolist() == [1, 0.5, 0, 0.5]
    assert moving_mean(np.array([2.0, 4.0]), window=20).tolist() == [2, 3]
    assert moving_mean(np.array([])).tolist() == []
    gone = moving_mean(np.array([np.nan, 2.0, np.nan, np.nan, 4.0]), window=2)
    assert np.isnan(gone[[0, 3]]).all() and gone[[1, 2, 4]].tolist() == [2, 2, 4]


def test_a_series_leaves_out_what_is_no_finite_number():
    rows = [
        {'update': 1, 'model/kl': 3.0},
        {'update': 2},
        {'update': 3, 'model/kl': None},
        {'update': 4, 'model/kl': '5'},
        {'update': 5, 'model/kl': 6},
    ]
    updates, values = series(rows, 'model/kl')
    assert (updates.tolist(), values.tolist()) == ([1, 5], [3, 6])


def test_losses_of_another_learner_are_drawn_after_the_known_ones():
    names = loss_names(
        [{'update': 1, 'q/td_loss': 1.0}, {'critics/data_loss': 1.0, 'q/norm': 2.0}]
    )
    assert list(names) == ['critics/data_loss', 'q/td_loss']
    assert names['q/td_loss'] == 'q: td loss'


def test_online_episodes_come_in_order_and_the_last_line_of_one_counts():
    lines = [entry(1, success=1.0), entry(0, decisions=50.0), entry(1, success=0.0, return_=4.0)]
    found = online_episodes(Entry(**line) for line in lines)
    assert found.decisions.tolist() == [50, 150]
    assert found.success.tolist() == [0, 0]
    assert found.return_.tolist() == [1, 4]


def test_a_long_line_keeps_its_ends():
    x, y = thinned(np.arange(1000), np.arange(1000) * 2, most=3)
    assert x.tolist() == [0, 500, 999] and y.tolist() == [0, 1000, 1998]


def test_the_time_of_a_run_is_without_the_pauses():
    times = [0, 10, 20, 2000, 2010, 2020]  # 1980 s without a line: it was stopped
    assert wall_time([{'time': t} for t in times]) == pytest.approx((40, 1980))
    assert wall_time([{'time': t} for t in (0, 590, 1180)]) == (1180, 0)
    assert wall_time([{'time': 3.0}, {}]) == (0, 0)


def test_the_processors_time_is_of_all_processes_of_a_run():
    # the second process was at 2.5 with its first line and at 7 with its last
    assert cpu_time([{'cpu': seconds} for seconds in (3.0, 10.0, 2.5, 7.0)]) == 17
    # the second was stopped early, and the third's first line is later than its only one
    lines = [(1.0, 9.0), (2.0, 4.0), (3.0, 6.0), (3.0, 8.0)]
    assert cpu_time([{'began': began, 'cpu': seconds} for began, seconds in lines]) == 21
    assert cpu_time([{'cpu': 3.0}, {}]) is None and cpu_time([]) is None
