"""The controller of the simulated arm does what a JointTrajectoryController does."""

import numpy as np
import pytest

from moto_sim.trajectory_controller import Points, TrajectoryController, cubic

STEP = Points(
    times=np.array([1.0, 1.1, 1.3]),
    positions=np.array([[0.0], [0.1], [0.1]]),
    velocities=np.array([[0.0], [0.0], [0.0]]),
)


def follow(controller, begin, end):
    return np.array([controller.update(t)[0][0] for t in np.arange(begin, end, 0.001)])


def test_it_stands_until_a_message_comes():
    controller = TrajectoryController(np.array([0.3]))
    assert controller.update(0.0)[0].tolist() == [0.3]


def test_between_points_it_goes_by_a_cubic_and_sends_one_period_ahead():
    controller = TrajectoryController(np.array([0.0]))
    assert controller.receive(STEP, 1.0) == ''
    position, velocity = controller.update(1.049)  # 1.05: half way up
    assert position[0] == pytest.approx(0.05)
    assert velocity[0] == pytest.approx(1.5)  # 3/2 of the mean speed
    assert follow(controller, 1.05, 1.2)[-1] == pytest.approx(0.1)


def test_to_a_first_point_ahead_it_goes_from_its_last_command():
    controller = TrajectoryController(np.array([0.2]))
    assert controller.receive(STEP, 0.9) == ''
    path = follow(controller, 0.9, 1.0)
    assert path[0] == pytest.approx(0.2, abs=1e-3) and path[-1] == pytest.approx(0.0, abs=1e-6)
    assert (np.diff(path) <= 1e-12).all()
    x = 0.5 + 0.01  # one period ahead, of 0.1 s
    assert path[50] == pytest.approx(0.2 * (1 - 3 * x**2 + 2 * x**3))


def test_a_message_in_the_middle_is_led_up_to_from_the_time_of_the_last_command():
    controller = TrajectoryController(np.array([0.0]))
    controller.receive(STEP, 0.9)
    for now in (1.0, 1.048):
        position, velocity = controller.update(now)
    later = STEP._replace(times=STEP.times + 0.1)  # its first point is at 1.1
    controller.receive(later, 1.048)
    begin = 1.048, position, velocity
    there, _ = cubic(begin, (1.1, np.zeros(1), np.zeros(1)), 1.049 + 0.001)
    assert controller.update(1.049)[0] == pytest.approx(there)


def test_a_first_point_that_has_passed_is_met_where_it_would_be_without_going_back():
    controller = TrajectoryController(np.array([0.7]))
    controller.receive(STEP, 1.0)
    assert controller.update(1.199)[0][0] == pytest.approx(0.1)  # at once: nothing is blended


def test_the_same_curve_sent_again_changes_nothing():
    once, again = (TrajectoryController(np.array([0.0])) for _ in range(2))
    once.receive(STEP, 0.95)
    for t in np.arange(0.95, 1.3, 0.001):
        again.receive(STEP, t)
        assert again.update(t)[0] == pytest.approx(once.update(t)[0], abs=1e-6)


@pytest.mark.parametrize(
    'change, says',
    [
        ({'times': np.array([1.0, 1.0, 1.3])}, 'do not increase'),
        ({'velocities': np.array([[0.0], [0.0], [0.1]])}, 'ends at a velocity'),
        ({'times': np.array([0.1, 0.2, 0.3])}, 'it ended 0.700 s ago'),
        ({'positions': np.array([[0.0], [np.nan], [0.1]])}, 'not finite'),
        ({'times': np.array([]), 'positions': np.empty((0, 1))}, 'no points'),
    ],
)
def test_what_the_real_one_refuses_is_refused_and_the_last_message_stays(change, says):
    controller = TrajectoryController(np.array([0.0]))
    controller.receive(STEP, 1.0)
    assert says in controller.receive(STEP._replace(**change), 1.0)
    assert controller.update(1.099)[0][0] == pytest.approx(0.1)
