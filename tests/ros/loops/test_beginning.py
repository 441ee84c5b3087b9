"""A beginning, whatever its controller holds: what one at 1 kHz makes of it, to the reflexes."""

import itertools

import numpy as np
import pytest

from moto_core.guard.limits import load_robot, resolve
from moto_core.guard.state import (
    FAULT,
    READY,
    RUNNING,
    GuardConfig,
    GuardMemory,
    GuardRefusal,
    JointIntake,
    Measured,
)
from moto_ros.loops.beginning import APART, BLEND, Beginning
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.loops.leading import Leader
from moto_sim.reflexes import Reflexes
from moto_sim.trajectory_controller import Points, TrajectoryController
from tests.ros.loops.arm import DELAY, FR3, HOME, LED, NAMES, TICK, Arm

ROBOTS = [*itertools.product(['fr3', 'panda'], ['commissioning', 'normal', 'ceiling'])]
TRANSPORT = 0.012  # [s] that a message takes: the latest that the delay allows
PERIOD = 0.001  # [s]


class Bench:
    """A guard, a controller at 1 kHz, and joints that stand `beside` where that leads them."""

    def __init__(self, robot='fr3', profile='normal', home=None, settings=LED):
        self.robot, self.limits = load_robot(robot), resolve(load_robot(robot), profile)
        self.guard = ArmGuard(self.robot, profile, GuardConfig(latency=DELAY + 0.01), settings)
        self.home = np.array(self.robot.home if home is None else home)
        self.beside, self.blocked, self.step = np.zeros(7), False, 0
        self.underway, self.sent, self.path, self.reflexes = [], [], [], []
        self.judge = Reflexes(self.robot.limits, PERIOD)
        self.activate(self.home)
        self.guard.activate(True)

    @property
    def now(self):
        return self.step * PERIOD

    def activate(self, position):
        """A controller that is activated holds the arm where its joints are, as a message."""
        self.controller = TrajectoryController(position, PERIOD)
        at = np.array([self.now + PERIOD])
        self.controller.receive(Points(at, position[None], np.zeros((1, 7))), self.now)
        self.beside = np.zeros(7)
        self.judge.begin(position, np.zeros(7))
        self.path.clear()

    def go(self, seconds, ask=None, until=lambda: False):
        end = self.step + round(seconds / PERIOD)
        while self.step < end and not until():
            self._millisecond(ask)
            self.step += 1

    def _millisecond(self, ask):
        now = self.now
        joints = self.controller.position + self.beside
        if self.blocked is not False:
            joints[0] = self.blocked
        if self.step % 8 == 0:
            self.guard.inbox.measured(self.robot.spec.joints, joints, np.zeros(7), 0.0, now)
        if ask is not None and self.step % 80 == 0:
            asked = np.zeros(len(self.robot.spec.names))
            asked[0] = ask
            self.guard.inbox.request(self.robot.spec.names, asked, 0.0, now)
        if self.step % 4 == 0:
            self.guard.tick(now)
            if knots := self.guard.trajectory(125.0):
                self.sent.append(knots)
                points = Points(
                    np.array([knot.time + DELAY for knot in knots]),
                    np.array([knot.position for knot in knots]),
                    np.array([knot.velocity for knot in knots]),
                )
                self.underway.append((now + TRANSPORT, points))
        while self.underway and self.underway[0][0] <= now:
            assert self.controller.receive(self.underway.pop(0)[1], now) == ''
        told, _ = self.controller.update(now)
        self.reflexes += self.judge.judge(told)
        self.path.append(told.copy())

    def most(self):
        """The largest speed, acceleration and jerk of the path, of the profile's."""
        path = np.array(self.path)
        speed = (np.abs(np.diff(path, axis=0)) / PERIOD / self.limits.dq).max()
        own = max(self.limits.acceleration, self.limits.brake)
        acceleration = np.abs(np.diff(path, 2, axis=0)).max() / PERIOD**2 / own
        return (
            speed,
            acceleration,
            np.abs(np.diff(path, 3, axis=0)).max() / PERIOD**3 / self.limits.jerk,
        )


def led_once(robot='fr3', profile='normal', **more):
    """A bench whose guard has led the arm, and left it at rest, disarmed."""
    bench = Bench(robot, profile, **more)
    bench.go(0.1)
    bench.guard.arm()
    bench.go(1.5, ask=0.05)
    assert bench.controller.velocity[0] == pytest.approx(0.05, rel=0.01)
    bench.guard.disarm()
    bench.go(0.6)
    assert bench.guard.resting
    bench.path.clear()
    bench.sent.clear()
    return bench


def stopped_by_an_obstacle(robot='fr3', profile='normal', **more):
    """A bench whose arm an obstacle holds, after the fault and its reset."""
    bench = Bench(robot, profile, **more)
    bench.go(0.1)
    bench.guard.arm()
    bench.go(1.5, ask=1.0)
    bench.blocked = bench.controller.position[0]
    bench.go(3.0, ask=1.0, until=lambda: bench.guard.state.mode == FAULT)
    bench.go(1.0)
    assert bench.guard.reset_fault() == 'disarmed' and bench.guard.resting
    bench.path.clear()
    bench.sent.clear()
    return bench


@pytest.mark.parametrize('robot, profile', ROBOTS)
def test_what_the_controller_kept_it_keeps_and_the_arm_does_not_move(robot, profile):
    bench = led_once(robot, profile)
    bench.beside[0] = APART - 1e-4
    bench.go(0.2)
    bench.guard.arm()
    bench.go(1.2, ask=0.0)
    assert bench.guard.state.mode == RUNNING and bench.sent
    assert np.ptp(bench.path, axis=0).max() < 1e-12


@pytest.mark.parametrize('robot, profile', ROBOTS)
def test_a_controller_that_was_activated_at_the_joints_goes_there_within_the_profile(
    robot, profile
):
    bench = led_once(robot, profile)
    end = bench.controller.position
    bench.activate(end + (APART - 1e-4))
    bench.go(0.2)
    bench.guard.arm()
    bench.go(1.2, ask=0.0)
    assert bench.guard.state.mode == RUNNING
    assert bench.controller.position == pytest.approx(end), 'where it was led last'
    speed, acceleration, jerk = bench.most()
    assert speed < 0.4 and acceleration < 0.55 and 0.8 < jerk <= 1.002
    assert bench.reflexes == []


@pytest.mark.parametrize('robot, profile', ROBOTS)
def test_no_way_home_throws_an_arm_that_an_obstacle_held(robot, profile):
    bench = stopped_by_an_obstacle(robot, profile)
    for ask in (bench.guard.arm, bench.guard.home):
        with pytest.raises(GuardRefusal, match='joint1 stands at .* and was led to .*begin_anew'):
            ask()
    assert bench.guard.refusal.endswith('and call begin_anew')
    bench.go(0.5, ask=0.1)
    assert bench.sent == [] and np.ptp(bench.path, axis=0).max() < 1e-12
    place = bench.controller.position.copy()
    place[0] = bench.blocked
    bench.activate(place)
    bench.blocked = False
    bench.go(0.3)
    bench.guard.begin_anew()
    bench.guard.home()
    bench.go(9.0, until=lambda: bench.guard.source != 'home')
    assert bench.guard.from_home < 0.02 and bench.reflexes == []
    assert max(bench.most()) <= 1.002


def test_a_word_that_is_not_true_moves_the_arm_at_half_its_cap_and_an_fr3_stops_itself():
    bench = stopped_by_an_obstacle()  # and its controller is not activated anew
    way = bench.controller.position[0] - bench.blocked
    assert 0.15 < way < 0.25
    bench.guard.begin_anew()
    bench.guard.home()
    bench.go(0.9)
    speed, acceleration, jerk = bench.most()
    # a way d in T = 0.693 s: 1.5 d / T of 1 rad/s, 12 d / T^2 of 5 rad/s^2, a period's jerk
    assert 0.4 < speed == pytest.approx(1.5 * way / 0.693, rel=0.02)
    assert 1.0 < acceleration == pytest.approx(12.0 * way / 0.693**2 / 5.0, rel=0.02)
    assert 8.0 < jerk == pytest.approx(12000.0 * way / 0.693**2 / 500.0, rel=0.02)
    assert bench.reflexes == ['joint_motion_generator_acceleration_discontinuity']


def test_an_estop_on_the_way_home_brakes_along_the_curve():
    bench = Bench(home=HOME + [0.8, 0, 0, 0, 0, 0, 0])
    bench.go(0.1)
    bench.guard.home()
    bench.go(1.5)
    assert abs(bench.controller.velocity[0]) == pytest.approx(0.5, rel=0.01)
    bench.guard.inbox.stop()
    begin = bench.controller.position[0]
    bench.go(0.8)
    # the delay and what a message takes at 0.5 rad/s, then v^2 / 2b + v b / 2j
    assert begin - bench.path[-1][0] < 0.5 * (DELAY + 0.012) + 0.025 + 0.0025
    assert max(bench.most()) <= 1.002 and not bench.controller.velocity.any()


def test_an_estop_in_a_beginning_leaves_what_a_beginning_may_move():
    bench = led_once()
    end = bench.controller.position
    bench.activate(end - [APART - 1e-4, 0, 0, 0, 0, 0, 0])
    bench.go(0.2)
    bench.guard.arm()
    bench.go(0.3, ask=0.3)
    bench.guard.inbox.stop()
    bench.go(1.5, ask=0.3)
    assert np.ptp(bench.path, axis=0).max() <= APART and max(bench.most()) <= 1.002
    assert bench.controller.position == pytest.approx(end)


def test_where_it_led_is_known_to_the_guard_that_takes_its_place():
    bench = stopped_by_an_obstacle()
    after = ArmGuard(FR3, 'commissioning', GuardConfig(), LED, before=bench.guard)
    after.activate(True)
    after.inbox.measured(NAMES, [bench.blocked, *HOME[1:]], np.zeros(7), 0.0, bench.now)
    with pytest.raises(GuardRefusal, match='was led to'):
        after.home()
    other = ArmGuard(load_robot('panda'), 'normal', GuardConfig(), LED, before=bench.guard)
    assert other._leader.beginning.led is None, 'other joints'


def test_what_is_only_shown_begins_anywhere_and_changes_nothing():
    arm = Arm()
    arm.guard.disarm()
    arm.guard.sends = False
    arm.position = HOME + 0.3
    arm.go(0.2)
    arm.guard.arm()
    for _ in range(50):
        arm.now += TICK
        arm.guard.inbox.measured(NAMES, HOME + 0.3, np.zeros(7), 0.0, arm.now)
        arm.guard.inbox.request(NAMES, np.zeros(7), 0.0, arm.now)
        arm.guard.tick(arm.now)
    assert arm.guard.state.mode == RUNNING
    assert arm.guard.reference.at(arm.now).position == pytest.approx(HOME + 0.3)
    assert arm.guard._leader.beginning.led == pytest.approx(HOME)


def test_nobody_begins_anew_under_an_arm_that_is_led():
    arm = Arm()
    with pytest.raises(GuardRefusal, match='disarm it first'):
        arm.guard.begin_anew()
    arm.go(0.6, ask=0.2)
    arm.guard.disarm()
    arm.go(TICK)
    with pytest.raises(GuardRefusal, match='let it come to rest'):
        arm.guard.begin_anew()
    arm.go(0.5)
    assert arm.guard.begin_anew() == 'the next trajectory begins at the joints'
    assert Arm(delay=0.0).guard.state.mode == READY


@pytest.mark.parametrize('delay', [DELAY, 0.0])
def test_a_process_that_is_new_to_its_arm_moves_nothing_before_a_persons_word(delay):
    settings = ArmSettings(delay=delay, begins_by_word=True)
    arm = Arm(delay, settings=settings, home=HOME + 0.0)
    for ask in (arm.guard.arm, arm.guard.home):
        with pytest.raises(GuardRefusal, match='just started.*look at the arm.*call begin_anew'):
            ask()
    assert 'just started' in arm.guard.refusal
    assert 'just started' in arm.guard.home_refusal and arm.guard.unfit == ''
    arm.guard.sends = False  # a dry run moves nothing
    assert arm.guard.arm() == 'armed'
    arm.guard.disarm()
    arm.guard.sends = True
    again = ArmGuard(FR3, 'normal', GuardConfig(), settings, before=arm.guard)
    again.activate(True)
    arm.guard, first = again, arm.guard
    arm.go(0.1)
    assert 'just started' in again.refusal, 'configured anew without the word'
    arm.guard = first
    first.begin_anew()
    arm.go(0.1)
    assert first.refusal == '' and first.arm() == 'armed'
    arm.go(1.0, ask=0.2)
    assert first.state.mode == RUNNING and arm.position[0] > HOME[0]
    arm.guard = ArmGuard(FR3, 'normal', GuardConfig(), settings, before=first)
    arm.guard.activate(True)
    arm.go(0.5)
    assert 'just started' not in arm.guard.refusal, 'the word is kept while the process lives'


def test_a_beginning_takes_as_long_as_its_way_needs():
    normal = Beginning(resolve(FR3, 'normal'), 0.022)
    assert normal.blend(tuple(HOME)) == pytest.approx(np.sqrt(12 * 0.02 / (0.001 * 500)) - 0.022)
    assert normal.place(tuple(HOME + 0.1)) == pytest.approx(HOME + 0.1)
    normal.led = HOME
    assert normal.blend(tuple(HOME)) == BLEND == 0.2
    assert normal.blend(tuple(HOME - 0.01)) == pytest.approx(np.sqrt(0.24) - 0.022)
    assert normal.place(tuple(HOME - 0.01)) == pytest.approx(HOME)
    assert normal.apart(tuple(HOME - 0.0199)) == ''
    said = normal.apart(tuple(HOME - [0, 0, 0.03, 0.021, 0, 0, 0]))
    assert said.startswith('fr3_joint3 stands at -0.030 rad and was led to +0.000 rad')


def standing(speed, told, times):
    beginning = Beginning(resolve(FR3, 'normal'), 0.022)
    for time in times:
        beginning.see(JointIntake(position=tuple(HOME + speed * time), stamp=time))
    velocity = np.full(7, told) if told is not None else np.zeros(0)
    return beginning.stands(Measured(NAMES, HOME, velocity, 0.0, 0.0))


@pytest.mark.parametrize(
    'speed, told, times, stands',
    [
        (0.0, 0.0, np.arange(0, 0.2, 0.008), True),
        (0.0, 0.06, np.arange(0, 0.2, 0.008), False),
        (0.0, None, np.arange(0, 0.2, 0.008), True),
        (0.04, None, np.arange(0, 0.2, 0.008), True),
        (0.06, None, np.arange(0, 0.2, 0.008), False),
        (0.3, None, np.arange(0, 0.2, 0.008), False),
        (0.3, 0.0, np.arange(0, 0.2, 0.008), False),  # speeds that are always told as zero
        (0.0, 0.0, np.arange(0, 0.2, 1 / 30), True),
        (0.0, 0.0, [0.0], False),  # not known yet
        (0.0, 0.0, [0.0, 0.049], False),
        (0.0, 0.0, [0.0, 0.050], True),
        (0.0, 0.0, [0.0, 0.2], False),  # what lies between is not known
        (0.0, 0.0, [], False),
    ],
)
def test_the_arm_stands_if_neither_its_speeds_nor_its_positions_say_that_it_moves(
    speed, told, times, stands
):
    assert standing(speed, told, times) == stands


def test_what_was_measured_in_another_time_says_nothing():
    beginning = Beginning(resolve(FR3, 'normal'), 0.022)
    for time in (5.0, 5.05, 1.0, 1.06):
        beginning.see(JointIntake(position=tuple(HOME + 0.1 * (time > 4)), stamp=time))
    assert beginning.stands(Measured(NAMES, HOME, np.zeros(7), 0.0, 0.0))


def test_an_arm_that_is_carried_without_telling_its_speed_is_not_led():
    settings = ArmSettings(delay=DELAY, home_tolerance=9.0)
    arm, sent = Arm(settings=settings, known=False), []
    for tick in range(200):
        arm.now += TICK
        arm.position = arm.position + [0.3 * TICK * (tick < 100), 0, 0, 0, 0, 0, 0]
        arm.guard.inbox.measured(NAMES, arm.position, [], 0.0, arm.now)
        if tick > 20:
            arm.guard.inbox.request(NAMES, np.zeros(7), 0.0, arm.now)
        arm.guard.tick(arm.now)
        sent += arm.guard.trajectory(125.0)
        if tick == 100:
            assert arm.guard.state.mode == RUNNING and arm.guard.reference is None and not sent
    assert sent and sent[0].position == pytest.approx(arm.position)


def test_nothing_begins_while_what_was_sent_goes_on_whatever_the_joints_say():
    leader = Leader(resolve(FR3, 'normal'), TICK, DELAY)
    leader.free = 10.5  # [s] the stop of the last message is over, and the arm stands
    for now in (10.4, 10.44, 10.49, 10.5):
        joints = JointIntake(position=tuple(HOME), stamp=now)
        state = GuardMemory(mode=RUNNING, armed=True, joints=joints)
        measured = Measured(NAMES, HOME, np.zeros(7), now, now)
        assert leader.lead(state, np.zeros(7), measured, True, True, now) == ''
        assert (leader.reference is not None) == (now >= 10.5), now


@pytest.mark.parametrize('robot, profile', ROBOTS)
@pytest.mark.parametrize('way', [0.015, 0.03, 0.09])
def test_a_controller_that_is_activated_anew_while_a_policy_asks_for_rest_steps_nowhere(
    robot, profile, way
):
    """As between two episodes: the arm is moved by hand, its controller off, and comes back."""
    bench = led_once(robot, profile)
    bench.guard.arm()
    bench.go(1.5, ask=0.05)
    bench.go(1.2, ask=0.0)
    assert bench.guard.state.mode == RUNNING and bench.guard.reference is None
    bench.sent.clear()
    for share in np.linspace(0.0, 1.0, 20):
        bench.beside[0] = share * way
        bench.go(0.08, ask=0.0)
    bench.activate(bench.controller.position + [way, 0, 0, 0, 0, 0, 0])
    bench.go(2.0, ask=0.0)
    assert bench.sent == [] and np.ptp(bench.path, axis=0).max() < 1e-12
    bench.go(2.0, ask=0.05)
    assert bench.reflexes == [] and max(bench.most()) <= 1.002
    mode, cause = bench.guard.state.mode, bench.guard.state.cause
    assert (mode == FAULT and cause == ('led_elsewhere',)) == (way > APART)
    assert bool(bench.sent) == (way < APART)


def test_after_an_arm_did_not_follow_nothing_more_is_sent():
    bench = Bench()
    bench.go(0.1)
    bench.guard.arm()
    bench.go(1.5, ask=1.0)
    bench.blocked = bench.controller.position[0]
    bench.go(3.0, ask=1.0, until=lambda: bench.guard.state.mode == FAULT)
    assert bench.guard.state.cause == ('following_error',) and bench.guard.reference is None
    last = len(bench.sent)
    bench.go(1.0)
    assert len(bench.sent) == last and max(bench.most()) <= 1.002
    assert not bench.controller.velocity.any()


def test_a_policy_that_pauses_goes_on_with_a_beginning_of_its_own():
    bench = led_once()
    bench.guard.arm()
    for _ in range(3):
        bench.go(1.2, ask=0.1)
        assert bench.controller.velocity[0] == pytest.approx(0.1, rel=0.01)
        bench.go(1.0, ask=0.0)
        assert bench.guard.state.mode == RUNNING and bench.guard.reference is None
        assert 'beginning' not in bench.guard.output.reasons
    assert bench.reflexes == [] and max(bench.most()) <= 1.002


def test_what_has_just_begun_is_led_though_the_arm_has_stood_for_long():
    bench = led_once()
    bench.go(3.0)
    bench.guard.arm()
    bench.go(0.45, ask=0.0)
    assert bench.guard.reference is not None and bench.guard.output.reasons == ()
    bench.go(0.1, ask=0.1)
    assert 'beginning' not in bench.guard.output.reasons and bench.guard.state.velocity[0] > 0.0
