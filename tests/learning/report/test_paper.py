import pytest

from moto_learning.report.paper import NAMES, published


def test_a_reading_is_the_papers():
    curve = published('metaworld-coffee-push')['moto']
    assert curve.at(10_000) == pytest.approx(0.305)
    assert curve.at(49_700) == pytest.approx(0.351)
    assert published('metaworld-hammer')['dreamer_v2'].at(20_000) == pytest.approx(0.552)


def test_between_two_readings_it_is_on_the_line_and_outside_there_is_none():
    curve = published('metaworld-coffee-push')['moto']
    assert curve.at(15_000) == pytest.approx((0.305 + 0.284) / 2)
    assert curve.at(60_000) is None
    assert published('metaworld-assembly')['moto'].at(500) is None  # the figure hides it


def test_online_decisions_of_the_kitchen_begin_after_the_offline_ones():
    curves = published('kitchen-partial')
    assert curves['no_unc'].at(300_000 - 128_569) == pytest.approx(0.422)
    assert curves['bc'].decisions[0] == 130_000 - 128_569
    assert published('kitchen-mixed')['no_bc_no_unc'].success.min() == 0


def test_there_are_ten_tasks_of_metaworld_with_the_papers_mean_and_two_kitchens():
    tasks = 'assembly bin-picking box-close coffee-push disassemble door-open drawer-open hammer'
    names = [f'metaworld-{name}' for name in f'{tasks} plate-slide window-open'.split()]
    mean = sum(published(name)['moto'].at(10_000) for name in names) / 10
    assert mean == pytest.approx(0.53, abs=0.01)  # as the paper's table says
    assert all(set(published(name)) <= set(NAMES) for name in names)
    assert len(published('kitchen-mixed')) == 8


def test_a_task_that_the_paper_does_not_have_has_no_curve():
    assert published('kitchen-microwave') == {}
