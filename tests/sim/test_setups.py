"""One robot has one setup, whoever chooses it."""

import pytest

from moto_core.errors import ConfigError
from moto_core.spec import Setup
from moto_sim import tasks
from moto_sim.setups import choose_setup

KITCHEN, DOOR = 'kitchen-mixed', 'metaworld-door-open'
OWN = Setup(robot='kitchen_sim', profile='normal')
D4RL = Setup(robot='kitchen_sim', actuation='d4rl', views={'front': 'paper'})


def test_a_task_has_a_setup_of_its_own():
    assert choose_setup(KITCHEN) == tasks.make(KITCHEN, size=8).setup == OWN
    assert choose_setup(DOOR) == tasks.make(DOOR, size=8).setup == Setup()


@pytest.mark.parametrize(
    'choices, expected',
    [
        ({'profile': 'none'}, Setup(robot='kitchen_sim')),
        ({'profile': 'commissioning'}, Setup(robot='kitchen_sim', profile='commissioning')),
        ({'robot': 'fr3'}, Setup(robot='fr3', profile='normal')),
        ({'actuation': 'd4rl', 'view': 'paper'}, D4RL),
        ({'actuation': 'd4rl', 'profile': 'none', 'view': 'paper'}, D4RL),
        ({'actuation': 'hold'}, OWN),  # the robot's own drives
        ({'view': 'front'}, OWN),  # the camera's own view
    ],
)
def test_choices_go_over_the_tasks_own_and_equal_robots_have_equal_setups(choices, expected):
    assert choose_setup(KITCHEN, **choices) == expected


def test_a_chosen_guard_with_an_actuation_that_has_none_is_left_to_be_refused():
    setup = choose_setup(KITCHEN, actuation='d4rl', profile='normal')
    with pytest.raises(ConfigError, match='cannot be guarded'):
        tasks.make(KITCHEN, setup)


def test_what_was_recorded_stays_but_for_what_is_chosen():
    assert choose_setup(KITCHEN, D4RL) == D4RL
    assert choose_setup(KITCHEN, D4RL, view='wide').views == {'front': 'wide'}
    assert choose_setup(KITCHEN, D4RL, view='wide').actuation == 'd4rl'
    assert choose_setup(KITCHEN, D4RL, actuation='hold').actuation == ''
    assert choose_setup(KITCHEN, Setup(robot='fr3'), profile='normal').robot == 'fr3'
    unguarded = Setup(robot='kitchen_sim')
    assert choose_setup(KITCHEN, unguarded) == unguarded


def test_an_unknown_record_leaves_the_tasks_own():
    assert choose_setup(KITCHEN, Setup()) == OWN
    assert choose_setup(KITCHEN, Setup(), view='paper').profile == 'normal'


def test_metaworlds_own_camera_is_the_papers():
    assert choose_setup(DOOR, view='paper') == Setup()
    assert choose_setup(DOOR, view='wide') == Setup(views={'front': 'wide'})


def test_an_unknown_profile_is_told_the_valid_ones_and_none_among_them():
    with pytest.raises(ConfigError, match="profile of robot 'kitchen_sim' 'fast'.* none, normal"):
        choose_setup(KITCHEN, profile='fast')


def test_a_recorded_robot_that_the_task_does_not_have_is_named():
    with pytest.raises(ConfigError, match="of the robot 'fr3', and 'metaworld-door-open' moves"):
        choose_setup(DOOR, Setup(robot='fr3', profile='normal'))
