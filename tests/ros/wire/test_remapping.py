"""A rule that fits no name of a node is refused: ROS would take it and say nothing."""

import pytest

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_ros.config import load_ros_config
from moto_ros.wire.remapping import check_remapping


def check(*rules, robot='fr3', namespace='', **given):
    given = {key.replace('__', '.'): value for key, value in given.items()}
    config = load_ros_config('franka_kitchen', {'robot': robot, **given})
    check_remapping(rules, config, load_robot(robot), namespace)


@pytest.mark.parametrize(
    'name',
    [
        *('joy', '/joy', 'moto/estop', 'joint_states', '/diagnostics', 'moto/guard/state'),
        *('fr3_arm_controller/joint_trajectory', '/camera/camera/color/image_raw'),
        *('moto/policy/observation/front', 'moto_guard/arm', '~/arm', '~/change_state'),
        *('/rosout', '/tf', '/clock', 'moto/gripper/commands', 'moto/teleop/command_request'),
    ],
)
def test_every_name_that_a_node_has_may_be_remapped(name):
    check(f'{name}:=/elsewhere')


@pytest.mark.parametrize(
    ('name', 'nearest'),
    [
        ('moto/estp', 'moto/estop'),
        ('/joyy', '/joy'),
        ('estop', 'moto/estop'),
        ('moto_guard/amr', 'moto_guard/arm'),
        ('moto/guard/stat', 'moto/guard/state'),
        ('joint_state', 'joint_states'),
        ('/left/joy', '/joy'),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(ConfigError, match=f"'{name}:=/e' would do nothing") as caught:
        check('joy:=/joy', f'{name}:=/e')
    assert f"Did you mean '{nearest}'?" in str(caught.value)


@pytest.mark.parametrize('name', ['__ns', '__node', '/', '1a', 'qqqqqqqqq', '~/amr'])
def test_what_is_no_name_of_a_topic_is_refused(name):
    with pytest.raises(ConfigError, match='would do nothing'):
        check(f'{name}:=/e')


def test_names_are_those_of_the_configuration_and_the_namespace():
    check('/cell/stop:=/e', guard__estops=['/cell/stop'])
    with pytest.raises(ConfigError, match="'moto/estop:=/e' would do nothing"):
        check('moto/estop:=/e', guard__estops=['/cell/stop'])
    check(
        'franka/joint_states:=/e',
        '/left/joy:=/e',
        namespace='left',
        joint_states='franka/joint_states',
    )
    with pytest.raises(ConfigError, match="Did you mean '/left/joy'"):
        check('/joy:=/e', namespace='left')
    check('/hand/_action/send_goal:=/e', gripper__action='/hand')
    check('/tf_old:=/e', record__raw={'/tf_old': 'tf2_msgs/msg/TFMessage'})
