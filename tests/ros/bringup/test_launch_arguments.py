"""What `ros2 launch` is told, read without launch."""

import pytest

from moto_core.errors import ConfigError
from moto_ros.bringup.arguments import ARGUMENTS, SETTINGS, check_name, documented
from moto_ros.bringup.launch_arguments import lookalikes, ours, typed_names

FILE = '/somewhere/share/moto_ros/launch/franka_kitchen.launch.py'
KNOWN = documented()


def take(configurations, typed=None):
    typed = set(configurations) if typed is None else typed
    return ours(configurations, typed, KNOWN, check_name)


def test_every_argument_and_every_setting_is_documented_with_its_default():
    assert set(KNOWN) == {*ARGUMENTS, *SETTINGS} and len(SETTINGS) > 40
    default, meaning = KNOWN['guard.rate']
    assert (default, meaning) == (
        '250.0',
        '[Hz] of ticks, steady clock; at least 50, at most 1000',
    )
    assert KNOWN['command.dry_run'][0] == 'false'
    assert KNOWN['record.source'][1].endswith('; one of robot, sim')


@pytest.mark.parametrize(
    ('name', 'says'),
    [
        ('profil', "Did you mean 'profile'"),
        ('deadman', 'Valid: '),
        ('robot_ip', 'franka_drivers.launch.py robot_ip:='),
        ('robot', 'the argument is robot_type:='),
    ],
)
def test_a_typed_name_that_nothing_takes_is_refused(name, says):
    with pytest.raises(ConfigError) as caught:
        take({'sim': 'true', name: 'x'})
    assert says in str(caught.value)


def test_settings_entries_of_mappings_and_launchs_own_pass():
    given = {
        'sim': 'true',
        'guard.deadman_required': 'true',
        'cameras.front': '/a',
        'record.raw./tf': 'tf2_msgs/msg/TFMessage',
        'joint_states': '/js',
        'launch-prefix': 'nice',
    }
    taken = take(given)
    assert taken == {k: v for k, v in given.items() if k != 'launch-prefix'}


def test_a_dotted_name_is_given_on_to_be_read_strictly_whoever_gave_it():
    assert take({'guard.rat': '1'}, typed=set()) == {'guard.rat': '1'}
    assert take({'rig.rate': '1'}, typed={'rig.rate'}) == {'rig.rate': '1'}


def test_what_another_launch_file_was_told_is_left_and_named_if_it_looks_like_ours():
    given = {'sim': 'true', 'rig.rate': '1', 'rviz': 'true', 'profil': 'x'}
    assert take(given, typed=set()) == {'sim': 'true'}
    (sentence,) = lookalikes(given, set(), KNOWN)
    assert sentence == "argument 'profil' is none of moto's; 'profile' is"


@pytest.mark.parametrize(
    ('line', 'names'),
    [
        (['ros2', 'launch', 'moto_ros', 'franka_kitchen.launch.py', 'a:=1'], {'a', 'b.c'}),
        (['ros2', 'launch', './launch/franka_kitchen.launch.py'], {'a', 'b.c'}),
        (['ros2', 'launch', 'cell', 'cell.launch.py', 'a:=1'], set()),
    ],
)
def test_only_who_starts_this_file_types_its_arguments(line, names):
    assert typed_names(FILE, line, ['a:=1', 'b.c:=x:=y']) == names
