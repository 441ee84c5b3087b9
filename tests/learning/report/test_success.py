from moto_learning.report.success import make_curve, mean_over_tasks, pooled_curve, table_points
from moto_learning.run.heldout import Evaluation
from moto_learning.run.statistics import mean_interval, pooled_interval
from tests.learning.report.written_run import evaluation


def curve(*points, **changes):
    """A curve of (episodes, successes, starts)."""
    lines = [evaluation(100 * place, k, n) | changes for place, k, n in points]
    return make_curve([Evaluation(**line) for line in lines], 'mode')


def test_a_curve_is_of_one_way_to_act_in_order_and_the_last_of_a_place_counts():
    lines = [
        evaluation(5000, 9),
        evaluation(0, 4),
        evaluation(0, 2, explore='sample'),
        evaluation(5000, 10, starts=40),
    ]
    found = make_curve([Evaluation(**line) for line in lines], 'mode')
    assert [(episodes, one.successes) for episodes, one in found.items()] == [(0, 4), (50, 10)]
    assert make_curve([], 'mode') == {}


def test_seeds_are_pooled_over_their_starts():
    [point] = pooled_curve([curve((0, 8, 20)), curve((0, 10, 40))])
    assert (point.mean, point.successes, point.starts) == (0.3, [8, 10], [20, 40])
    assert (point.low, point.high) == pooled_interval([8, 10], [20, 40])


def test_a_point_is_only_where_every_seed_was_evaluated():
    points = pooled_curve(
        [
            curve((0, 1, 2), (50, 1, 2), (100, 2, 2), (150, 1, 2)),
            curve((0, 1, 2), (75, 2, 2), (100, 1, 2)),
        ]
    )
    assert [(point.episodes, point.mean) for point in points] == [(0, 0.5), (100, 0.75)]


def test_seeds_meet_after_equal_episodes_however_long_those_were():
    short, long = (
        curve((0, 1, 2)) | curve((50, k, 2), decisions=d) for k, d in ((1, 40), (2, 51))
    )
    assert [(p.episodes, p.decisions) for p in pooled_curve([short, long])] == [(0, 0), (50, 46)]


def test_parts_are_counted_if_every_seed_counted_them():
    one, other = (curve((0, k, 4), parts=parts) for k, parts in ((1, [2, 1, 1]), (2, [0, 2, 2])))
    assert pooled_curve([one, other])[0].parts == [2, 3, 3]
    assert pooled_curve([one, curve((0, 1, 4))])[0].parts == []


def test_a_table_has_the_first_and_the_last_point_and_some_between():
    assert table_points([5, 0, 5]) == [0, 5]
    assert table_points(range(0, 55_000, 5000)) == [0, 10_000, 20_000, 30_000, 40_000, 50_000]


def test_the_mean_over_tasks_is_of_their_shares_and_narrower_than_each():
    easy, hard = pooled_curve([curve((0, 10, 20))]), pooled_curve([curve((0, 20, 20))])
    mean, low, high = mean_over_tasks([*easy, *hard])
    assert mean == 0.75
    assert (low, high) == mean_interval([([10], [20]), ([20], [20])])
    assert high - low < easy[0].high - easy[0].low
