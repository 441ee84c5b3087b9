import numpy as np
import pytest

from moto_learning.report.roc import area_under, curve

ORDINARY, UNUSUAL = np.array([2.0, 1.0, 3.0]), np.array([4.0, 2.0, 3.0])


def test_the_area_is_the_share_of_pairs_in_order_ties_counted_half():
    # 4 is above all three; 3 above two and beside one; 2 above one and beside one: 3 + 2.5 + 1.5
    assert area_under(ORDINARY, UNUSUAL) == pytest.approx(7 / 9)
    assert area_under(UNUSUAL, ORDINARY) == pytest.approx(2 / 9)
    assert area_under(ORDINARY, ORDINARY) == pytest.approx(0.5)


def test_the_curve_has_a_point_for_every_threshold():
    alarms, hits = curve(ORDINARY, UNUSUAL)
    assert alarms.tolist() == pytest.approx([0, 0, 1 / 3, 2 / 3, 1])
    assert hits.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])


def test_the_area_is_the_one_under_the_curve():
    random = np.random.default_rng(0)
    ordinary, unusual = random.integers(0, 9, 40).astype(float), random.integers(3, 12, 30) * 1.0
    alarms, hits = curve(ordinary, unusual)
    trapezia = (np.diff(alarms) * (hits[1:] + hits[:-1]) / 2).sum()
    assert area_under(ordinary, unusual) == pytest.approx(trapezia)
