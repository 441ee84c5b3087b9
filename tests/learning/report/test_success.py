import numpy as np
import pytest

from moto_learning.report.success import (
    Curve,
    Point,
    make_curve,
    mean_over_tasks,
    pool,
    pooled_curve,
    table_points,
)
from moto_learning.run.heldout import Evaluation
from moto_learning.run.statistics import wilson_interval
from tests.learning.report.written_run import evaluation


def made(*lines):
    return [Evaluation(**line) for line in lines]


def curve(*points):
    decisions, successes, starts = map(np.array, zip(*points))
    return Curve(decisions, successes / starts, starts)


def test_a_curve_is_of_one_way_to_act_in_order_and_the_last_of_a_place_counts():
    found = make_curve(
        made(
            evaluation(5000, 9),
            evaluation(0, 4),
            evaluation(0, 2, explore='sample'),
            evaluation(5000, 10, starts=40),
        ),
        'mode',
    )
    assert found.decisions.tolist() == [0, 5000]
    assert found.share.tolist() == [0.2, 0.25]
    assert found.starts.tolist() == [20, 40]
    assert make_curve([], 'mode') is None


def test_between_two_evaluations_a_curve_is_on_the_line_with_the_fewer_starts():
    one = curve((0, 4, 20), (1000, 10, 10))
    assert one.at(250) == (pytest.approx(0.2 + 0.25 * 0.8), 10.0)
    assert curve((0, 4, 10), (1000, 10, 20)).at(250)[1] == 10.0
    assert one.at(0) == (0.2, 20.0)
    assert one.at(1000) == (1.0, 10.0)
    assert one.at(1001) is None and one.at(-1) is None


def test_seeds_are_pooled_over_their_starts():
    point = pool([curve((0, 8, 20)), curve((0, 10, 20))], 0)
    assert (point.mean, point.starts, point.measured) == (0.45, 40, 2)
    assert point.by_seed == [0.4, 0.5]
    # variance .005, by chance .45 x .55 / 20 = .0124: the seeds differ by chance alone
    assert (point.low, point.high) == pytest.approx(wilson_interval(18, 40))


def test_where_one_seed_was_not_evaluated_it_is_read_between_its_own():
    steady, rising = (
        curve((0, 5, 10), (100, 5, 10), (200, 5, 10)),
        curve((0, 0, 10), (200, 10, 10)),
    )
    point = pool([steady, rising], 100)
    assert (point.mean, point.measured) == (0.5, 1)
    assert point.by_seed == [0.5, 0.5]


def test_a_pooled_curve_ends_where_the_slowest_seed_is():
    points = pooled_curve(
        [curve((0, 1, 2), (50, 1, 2), (100, 2, 2)), curve((0, 1, 2), (50, 2, 2))]
    )
    assert [point.decisions for point in points] == [0, 50]
    assert [point.mean for point in points] == [0.5, 0.75]


def test_a_table_has_the_first_and_the_last_point_and_some_between():
    assert table_points([5, 0, 5]) == [0, 5]
    assert table_points(range(0, 55_000, 5000)) == [0, 10_000, 20_000, 30_000, 40_000, 50_000]


def test_the_mean_over_tasks_is_narrower_than_each():
    def point(mean, half):
        return Point(
            decisions=0,
            mean=mean,
            low=mean - half,
            high=mean + half,
            by_seed=[],
            starts=20,
            measured=1,
        )

    # half a width of sqrt(.06^2 + .08^2) / 2 = .05
    assert mean_over_tasks([point(0.4, 0.06), point(0.6, 0.08)]) == pytest.approx(
        (0.5, 0.45, 0.55)
    )
