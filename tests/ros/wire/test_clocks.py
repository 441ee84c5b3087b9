"""Two clocks beside each other: a ROS clock that stands or steps is noticed."""

import numpy as np
import pytest

from moto_core.guard.limits import load_robot
from moto_core.guard.state import GuardConfig
from moto_ros.chaos.twin_link import DELAY, PERIOD
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.wire.clocks import ClockOffset, StandingClock
from moto_sim.reflexes import Reflexes
from moto_sim.trajectory_controller import Points, TrajectoryController

TICK, EPOCH = 4_000_000, 1_700_000_000 * 10**9  # [ns]


class Clocks:
    """A steady clock that takes `reading` [ns] to be read, and one that is `ahead` [ns] of it."""

    def __init__(self, ahead=EPOCH, reading=200, simulated=False):
        self.now, self.ahead, self.reading = 5 * 10**9, ahead, reading
        self.offset = ClockOffset(lambda: self.steady() + self.ahead, self.steady, simulated)

    def steady(self):
        self.now += self.reading
        return self.now

    def tick(self, ahead=None):
        """Reads the clocks a tick later; returns how far what is followed is from the truth."""
        self.now += TICK
        self.ahead = self.ahead if ahead is None else ahead
        return self.offset.read() - self.ahead


def test_the_first_reading_is_taken_whole_and_is_no_step():
    clocks = Clocks()
    assert abs(clocks.tick()) < 500 and not clocks.offset.stepped


@pytest.mark.parametrize('step', [200_000, -200_000, 4_900_000, -4_900_000, 10**9, -3600 * 10**9])
def test_a_step_of_the_clock_is_followed_at_once_and_said(step):
    clocks = Clocks()
    clocks.tick()
    assert abs(clocks.tick(EPOCH + step)) < 500
    assert clocks.offset.stepped == pytest.approx(step, abs=1000)
    assert abs(clocks.tick()) < 500 and not clocks.offset.stepped


def test_the_noise_of_readings_is_followed_slowly_and_is_no_step():
    clocks = Clocks()
    clocks.tick()
    followed = clocks.tick(EPOCH + 20_000), clocks.tick(EPOCH)
    assert followed[0] == pytest.approx(-19_600, abs=500)  # a fiftieth of it
    assert abs(followed[1]) < 900 and not clocks.offset.stepped


def test_a_reading_that_took_long_says_less():
    clocks = Clocks(reading=400_000)
    clocks.tick()
    clocks.tick(EPOCH + 300_000)
    assert not clocks.offset.stepped


@pytest.mark.parametrize('rate', [0.005, -0.005, 0.02])
def test_a_clock_that_is_slewed_is_followed_evenly(rate):
    """Its controllers go by it too: what is the same at every message is no step of a curve."""
    clocks = Clocks()
    clocks.tick()
    found = []
    for tick in range(1, 500):
        found.append(clocks.tick(EPOCH + round(rate * TICK * tick)))
        assert not clocks.offset.stepped
    late = rate * TICK * (1 / 0.02 - 1)  # 0.2 s of it
    assert found[-1] == pytest.approx(-late, rel=0.02)
    assert np.abs(np.diff(found[-100:])).max() < 500


def test_a_simulated_clock_comes_in_steps_and_none_is_said():
    clocks = Clocks(simulated=True)
    clocks.tick()
    for message in range(1, 50):  # at 100 Hz: between them it stands
        for _ in range(2):
            clocks.ahead -= TICK
            clocks.tick()
        clocks.tick(EPOCH + message * 1000)
        assert not clocks.offset.stepped and abs(clocks.offset.read() - clocks.ahead) < 5_000_000


@pytest.mark.parametrize('step', [1e-3, -1e-3, 4.9e-3, -4.9e-3, 0.02, -0.02, 3600.0, -3600.0])
def test_an_arm_that_is_led_goes_on_where_the_clock_of_its_controller_steps(step):
    """No message is on its way then; one that is goes astray: its stamps are of another time."""
    robot, at = load_robot('fr3'), 2.4995
    guard = ArmGuard(robot, 'normal', GuardConfig(latency=DELAY + 0.01), ArmSettings(delay=DELAY))
    now = 0.0
    offset = ClockOffset(
        lambda: round(1e9 * (now + (step if now >= at else 0.0))) + EPOCH, lambda: round(1e9 * now)
    )
    controller = TrajectoryController(np.array(robot.home), PERIOD)
    reflexes = Reflexes(robot.limits, PERIOD)
    reflexes.begin(controller.position, np.zeros(7))
    guard.activate(True)
    speeds, asked = [], [0.8] + [0.0] * (len(robot.spec.names) - 1)
    for period in range(3500):
        now = period * PERIOD
        seen = now + (step if now >= at else 0.0)  # [s] the controller's clock, since EPOCH
        if period % 4 == 0:
            measured = controller.position.tolist(), controller.velocity.tolist()
            guard.inbox.measured(robot.spec.joints, *measured, 0.0, now)
            if period % 80 == 0:
                guard.inbox.request(robot.spec.names, asked, 0.0, now)
            if period == 400:
                guard.arm()
            guard.tick(now + 1e-6)
            ahead = (offset.read() - EPOCH) * 1e-9 + DELAY
            if knots := guard.trajectory(125.0):
                times = np.array([knot.time for knot in knots]) + ahead
                lists = ([knot.position for knot in knots], [knot.velocity for knot in knots])
                assert not controller.receive(Points(times, *map(np.array, lists)), seen)
        position, _ = controller.update(seen)
        assert not reflexes.judge(position), (now, guard.state.mode)
        if now > 2.0:
            speeds.append(controller.velocity[0])
    assert np.ptp(speeds) < 1e-3 and speeds[0] == pytest.approx(0.8, abs=1e-3)


def test_a_clock_that_goes_however_slowly_is_none_that_stands():
    clock = StandingClock()
    assert [clock.look(stamp, now) for stamp, now in ((0, 5.0), (1, 6.9), (2, 8.8))] == [''] * 3


@pytest.mark.parametrize(
    ('stamp', 'says'),
    [(0, '/clock says nothing: no decision'), (9, '/clock stands still: no dec')],
)
def test_a_clock_that_says_the_same_for_two_seconds_stands_until_it_goes(stamp, says):
    clock = StandingClock()
    assert clock.look(stamp, 5.0) == clock.look(stamp, 6.9) == ''
    assert clock.look(stamp, 7.0).startswith(says)
    assert clock.look(stamp + 1, 7.1) == ''
    assert clock.look(stamp + 1, 9.0) == ''
    assert clock.look(stamp + 1, 9.2).startswith('/clock stands still')
