"""The tables of docs/safety.md, their profiles, and what a bad robot file is told."""

import math

import numpy as np
import pytest

from moto_core.config import config_file
from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot, resolve
from tests.core.guard.published import velocity_limits

ROBOTS = ('fr3', 'panda', 'kitchen_sim')
PROFILES = ('commissioning', 'normal', 'ceiling')


def test_fr3_has_the_published_table():
    limits = load_robot('fr3').limits
    assert limits.q_min == [-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159]
    assert limits.q_max == [2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159]
    assert limits.dq_max == [2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26]
    assert limits.dq_recommended == [2, 1, 1.5, 1.25, 3, 1.5, 3]
    assert limits.ddq_max == [10] * 7
    assert limits.dddq_max == [5000] * 7
    assert limits.velocity_offset == [0.30, 0.20, 0.20, 0.30, 0.35, 0.35, 0.35]
    assert limits.velocity_slope == [12.0, 5.17, 7.00, 8.00, 34.0, 11.0, 34.0]
    assert limits.q_high == [2.75010, 1.79180, 2.90650, -0.1458, 2.81010, 4.52050, 3.01960]
    assert limits.q_low == [-2.75010, -1.79180, -2.90650, -3.0481, -2.81010, 0.54092, -3.01960]


def test_panda_has_the_published_table():
    limits = load_robot('panda').limits
    assert limits.q_min == [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]
    assert limits.q_max == [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]
    assert limits.dq_max == [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]
    assert limits.ddq_max == [15, 7.5, 10, 12.5, 15, 20, 20]
    assert limits.dddq_max == [7500, 3750, 5000, 6250, 7500, 10000, 10000]
    assert not limits.velocity_slope


def test_kitchen_home_lies_inside_the_normal_margin_at_joint_two():
    robot = load_robot('kitchen_sim')
    assert robot.home[1] - robot.limits.q_min[1] == pytest.approx(0.064114)
    assert robot.home[1] - robot.limits.q_min[1] < resolve(robot, 'normal').margin
    assert robot.spec.action_size == 9
    assert robot.spec.action_scale == [2.0] * 9
    assert robot.spec.rate == 12.5


@pytest.mark.parametrize('name', ROBOTS)
@pytest.mark.parametrize('profile', PROFILES)
def test_every_profile_stays_under_the_published_limits(name, profile):
    robot = load_robot(name)
    limits = resolve(robot, profile)
    assert limits.size == 7
    assert (limits.dq > 0).all()
    assert (limits.dq < robot.limits.dq_max).all()
    assert limits.acceleration < min(robot.limits.ddq_max)
    assert limits.brake == 5.0
    assert limits.brake < min(robot.limits.ddq_max)
    assert limits.jerk < min(robot.limits.dddq_max)
    assert (limits.q_min + limits.margin < limits.q_max - limits.margin).all()


def test_profiles_take_their_share_of_the_right_speed():
    robot = load_robot('fr3')
    assert resolve(robot, 'commissioning').dq[:2] == pytest.approx([0.5, 0.25])  # 25 % of 2, 1
    assert resolve(robot, 'normal').dq[4:6] == pytest.approx([1.5, 0.75])  # 50 % of 3
    assert resolve(robot, 'ceiling').dq[:2] == pytest.approx([2.489, 2.489])  # 95 % of 2.62
    assert (resolve(robot, 'normal').acceleration, resolve(robot, 'normal').jerk) == (5.0, 500.0)
    assert resolve(robot, 'commissioning').margin == 0.15


def test_pandas_ceiling_is_bounded_by_its_weakest_joint():
    limits = resolve(load_robot('panda'), 'ceiling')
    assert limits.acceleration == pytest.approx(7.125)  # 95 % of joint 2's 7.5, not 9.5
    assert limits.jerk == pytest.approx(3562.5)  # 95 % of joint 2's 3750, not 4750


def test_fr3_velocity_depends_on_position_as_published():
    limits = resolve(load_robot('fr3'), 'ceiling')
    position = np.array([2.5, 0.0, 2.9065, -3.0, 0.0, 0.5, 0.0])
    lower, upper = velocity_limits(limits, position)
    assert upper[0] == pytest.approx(-0.30 + math.sqrt(12.0 * 0.2501))  # 1.4324
    assert lower[0] == pytest.approx(-2.489)  # far from q_lo
    assert upper[1] == pytest.approx(2.489)  # the cap: 2.84 > it
    assert upper[2] == 0.0  # at q_hi
    assert lower[3] == pytest.approx(-(-0.30 + math.sqrt(8.0 * 0.0481)))  # -0.3203
    assert lower[5] == 0.0  # beyond q_lo


def test_panda_velocity_does_not_depend_on_position():
    limits = resolve(load_robot('panda'), 'normal')
    lower, upper = velocity_limits(limits, np.full(7, 2.0))
    assert upper == pytest.approx(limits.dq)
    assert lower == pytest.approx(-limits.dq)


def test_a_robot_can_be_a_file_of_ones_own(tmp_path):
    text = config_file('robot', 'fr3').read_text()
    path = tmp_path / 'mine.yaml'
    path.write_text(text.replace('name: fr3', 'name: mine'))
    assert load_robot(str(path)).name == 'mine'


@pytest.mark.parametrize(
    ('overrides', 'says'),
    [
        (['limits.q_maxx=[1]'], "Did you mean 'limits.q_max'"),
        (['profiles.normal.marginn=0.1'], "Did you mean 'profiles.normal.margin'"),
        (['spec.cameras.front.hieght=64'], "Did you mean 'spec.cameras.front.height'"),
        (['home=[0,-45,0,-135,0,90,45]'], 'home of fr3_joint2 is -45.0.*-0.7854 rad'),
        (['limits.dq_max=[150,150,150,150,300,240,300]'], 'dq_max of fr3_joint1.*2.618 rad/s'),
        (['limits.q_max=[157,102,166,-9,161,259,173]'], 'q_max of fr3_joint1.*In degrees'),
        (
            ['profiles.normal.margin=5.7'],
            'margin is 5.7; expected at least 0.01 and at most 0.5 rad',
        ),
        (
            ['profiles.normal.velocity_fraction=50'],
            'velocity_fraction is 50.0; expected .* at most 1',
        ),
        (['profiles.normal.brake=0'], 'brake is 0'),
        (['profiles.normal.margin=0'], 'margin is 0.0; expected at least 0.01'),
        (  # 0.5 * 3 / 0.3 + 0.3 / 500
            ['profiles.normal.brake=0.3'],
            'stop from 1.5 rad/s at brake 0.3 and jerk 500 takes 5 s; expected at most 1.2 s',
        ),
        (['profiles.normal.jerk=1e-200'], r'takes 5e\+200 s; expected at most 1.2 s'),
        (
            ['limits.q_high=[2.76,1.8,2.91,-0.14,2.82,-4.52,3.02]'],
            'q_max of fr3_joint6 is 4.5169, above its q_high of -4.52',
        ),
        (
            ['limits.q_low=[-2.76,-1.8,-2.91,3.0481,-2.82,0.54,-3.02]'],
            'q_low of fr3_joint4 is 3.0481, above its q_min of -3.0421',
        ),
        (['spec.rate=0.08'], r'rate is 0.08; expected at least 2'),
        (['profiles.normal.of=offical'], "Did you mean 'official'"),
        (['limits.q_min=[0,0]'], 'q_min has 2 entries; expected 7'),
        (['home=[0,0,0,0,0,1.5,0]'], 'home of fr3_joint4 is 0.0, above its q_max of -0.1518'),
        (
            ['limits.ddq_max=[10,10,10,nan,10,10,10]'],
            r'limits.ddq_max\[3\] is nan; expected a finite number',
        ),
        (['limits.velocity_slope=[]'], 'velocity_slope has 0 entries'),
        (['spec.action_scale=[2,1,1.5,1.25,3,1.5,6]'], 'action_scale of fr3_joint7 is 6.0, above'),
        (['home=[a,b]'], "'a'"),
        (['limits=5'], 'limits=5'),
        (
            ['limits.velocity_slope=[120,51.7,70,80,340,110,340]'],
            'velocity_slope of fr3_joint1 is 120.0; expected at most 50 rad/s',
        ),
        (['limits.velocity_offset=[3,2,2,3,3,3,3]'], 'velocity_offset of fr3_joint1 is 3.0'),
        (['name="a b"'], "name is 'a b'; expected letters"),
        (['name=a/b'], "name is 'a/b'; expected letters"),
        (['controllers.trajectory=""'], "controllers.trajectory is ''; expected letters"),
        (['controllers.trajectory=my-ctl'], "controllers.trajectory is 'my-ctl'; expected"),
        (['controllers.velocity=1abc'], "controllers.velocity is '1abc'; expected"),
        (['limits.velocity_offset=[1.2,.2,.2,.3,.3,.3,.3]'], 'velocity_offset of fr3_joint1 is'),
        (['profiles.slow={margin: 0.1}'], 'profiles.slow.velocity_fraction is missing'),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected(overrides, says):
    with pytest.raises(ConfigError, match=says):
        load_robot('fr3', overrides)


def test_an_unknown_robot_or_profile_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'panda'"):
        load_robot('pandda')
    with pytest.raises(ConfigError, match="Did you mean 'normal'"):
        resolve(load_robot('panda'), 'norml')
    with pytest.raises(ConfigError, match='no file'):
        load_robot('nowhere/robot.yaml')


def test_a_robot_file_without_limits_says_what_is_missing(tmp_path):
    path = tmp_path / 'half.yaml'
    path.write_text('name: half\nspec: {joints: [a], action_scale: [1.0]}\n')
    with pytest.raises(ConfigError, match='home'):
        load_robot(str(path))


def test_what_is_missing_in_a_file_is_said_with_its_name(tmp_path):
    path = tmp_path / 'mine.yaml'
    text = config_file('robot', 'fr3').read_text()
    for part in ('spec', 'limits'):
        before, after = text.split(f'\n{part}:\n', 1)
        kept = [line for line in after.splitlines() if line[:1] not in (' ', '')]
        rest = after[after.index(kept[0]) :]
        path.write_text(f'{before}\n{rest}')
        with pytest.raises(ConfigError, match=f"mine.yaml': {part} is missing"):
            load_robot(str(path))
    (home,) = [line for line in text.splitlines() if line.startswith('home:')]
    path.write_text(text.replace(home, ''))
    with pytest.raises(ConfigError, match="mine.yaml': home is missing; it has no default"):
        load_robot(str(path))
