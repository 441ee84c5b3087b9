"""The twin in simulated time: what is due when, and what a command becomes."""

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_ros.config import load_ros_config, recorded_setup
from moto_ros.loops.twin import Frame, TwinLoop, TwinSim
from moto_sim.setups import choose_setup
from moto_sim.tasks import make
from moto_sim.trajectory_controller import Points


class Still:
    """A simulation that counts its ticks."""

    def __init__(self):
        self.ticks, self.given, self.led = 0, [], []
        self.position = self.velocity = np.zeros(9)

    def set_velocity(self, velocity):
        self.given.append(velocity)

    def lead(self, position, velocity):
        self.led.append((position, velocity.copy()))

    def advance(self, ticks):
        self.ticks += ticks

    def render(self, camera, height, width):
        return np.full((height, width, 3), 9, np.uint8)

    def reward(self):
        return 0.0

    def success(self):
        return False

    def in_place(self):
        return {'door': np.bool_(True), 'light': np.bool_(False)}


@pytest.fixture
def twin():
    loop = TwinLoop(Still(), load_robot('kitchen_sim').spec, 125.0, 0.0, 0.1)
    loop.start(10.0)
    return loop


def test_the_twin_gives_a_frame_every_period_whatever_the_calls(twin):
    times = []
    for now in (10.0, 10.013, 10.1, 10.18, 10.25):
        times += [seen.time for seen in twin.advance(now) if isinstance(seen, Frame)]
    assert times == pytest.approx([10.0, 10.08, 10.16, 10.24])
    assert twin.sim.ticks == 63  # 0.25 s and the tick at 10.248


def test_the_twin_leaves_time_behind_that_it_cannot_make_good(twin):
    list(twin.advance(10.0))
    list(twin.advance(11.0))
    assert twin.overruns == 1 and twin.sim.ticks == 27
    assert twin.time == pytest.approx(11.004)


def test_an_array_command_holds_until_the_watchdog(twin):
    twin.command(np.full(7, 0.5), 10.0)
    twin.gripper(np.full(2, 0.1), 10.0)
    assert twin.wanted(10.09).tolist() == [0.5] * 7 + [0.1] * 2
    assert not twin.wanted(10.11).any()


def points(*rows):
    """A trajectory of all joints alike: (time, position, velocity) each."""
    times, positions, velocities = np.array(rows).T
    columns = [np.repeat(values[:, None], 7, axis=1) for values in (positions, velocities)]
    return Points(times, *columns)


def test_the_drives_follow_the_positions_of_a_trajectory_to_its_rest(twin):
    refused = twin.trajectory(points((10.1, 0.0, 0.0), (10.2, 0.05, 0.5), (10.3, 0.1, 0.0)))
    assert refused == ''
    for now in np.arange(10.05, 10.41, 0.05):
        list(twin.advance(now))
    position, velocity = (np.array(values) for values in zip(*twin.sim.led))
    assert position.shape == (101, 7) and velocity.shape == (101, 9)
    times = 10.0 + 0.004 * np.arange(101) + 0.004  # led to where it is at the end of the tick
    assert position[np.abs(times - 10.2).argmin()] == pytest.approx(0.05, abs=1e-3)
    assert velocity[np.abs(times - 10.2).argmin(), 0] == pytest.approx(0.5, abs=0.02)
    assert position[-1] == pytest.approx(0.1) and not velocity[-1].any()
    assert twin.sim.given == []


def test_a_trajectory_that_is_over_is_refused_and_an_array_ends_one(twin):
    assert 'ended' in twin.trajectory(points((9.0, 0.0, 0.1), (9.5, 0.1, 0.0)))
    twin.trajectory(points((10.1, 0.0, 0.0), (10.3, 0.1, 0.0)))
    twin.command(np.full(7, 0.5), 10.0)
    list(twin.advance(10.01))
    assert twin.sim.led == [] and twin.sim.given[0][0] == 0.5


def test_a_frame_says_which_parts_of_the_task_are_in_place(twin):
    frame = next(seen for seen in twin.advance(10.0) if isinstance(seen, Frame))
    assert frame.parts == {'door': True, 'light': False}
    assert all(type(done) is bool for done in frame.parts.values())  # JSON knows no numpy


@pytest.mark.parametrize('view', ['front', 'paper'])
def test_the_twin_sees_what_the_training_environment_sees_under_the_same_views(view):
    robot, task = load_robot('kitchen_sim'), 'kitchen-microwave'
    config = load_ros_config('franka_kitchen', {'twin.views.front': view, 'record.source': 'sim'})
    setup = recorded_setup(config, robot)
    env, twin = make(task, setup=setup), TwinSim(task, robot, config.twin.views)
    seen, _ = env.reset(seed=3)
    twin.start(3)
    assert np.array_equal(twin.render('front', 64, 64), seen['front'])
    assert setup == choose_setup(task, view=view)
    env.close()
    twin.close()


@pytest.mark.parametrize('views', [{'front': 'papr'}, {'side': 'paper'}])
def test_a_view_or_a_camera_that_is_not_there_is_refused(views):
    with pytest.raises(ConfigError, match='unknown camera'):
        TwinSim('kitchen-microwave', load_robot('kitchen_sim'), views)
