"""One file of settings for `config:=` and for `--params-file`."""

import pytest

from moto_core.config import config_file
from moto_core.errors import ConfigError
from moto_core.strict_yaml import read_yaml
from moto_ros.config import RosConfig, load_ros_config
from moto_ros.parameters_file import is_parameters_file, nested

HEAD = '/**:\n  ros__parameters:\n'


def load(tmp_path, text, **given):
    file = tmp_path / 'own.yaml'
    file.write_text(text)
    return load_ros_config(str(file), given)


def test_the_shipped_settings_are_a_ros_parameters_file_and_the_defaults():
    assert is_parameters_file(read_yaml(config_file('ros', 'franka_kitchen')))
    assert load_ros_config('franka_kitchen', {}) == RosConfig()


def test_nested_and_dotted_names_and_mappings_as_text_are_one(tmp_path):
    text = HEAD + (
        '    guard: {rate: 500.0}\n'
        '    record.task: door\n'
        '    frames: {front: left_optical}\n'
        '    cameras: "{front: /left/image}"\n'
        '    record:\n      raw: "{/tf: tf2_msgs/msg/TFMessage}"\n'
    )
    config = load(tmp_path, text, profile='ceiling')
    assert (config.guard.rate, config.record.task, config.profile) == (500.0, 'door', 'ceiling')
    assert (config.frames, config.cameras) == ({'front': 'left_optical'}, {'front': '/left/image'})
    assert config.record.raw == {'/tf': 'tf2_msgs/msg/TFMessage'}


def test_settings_without_a_heading_are_read_as_before(tmp_path):
    assert load(tmp_path, 'guard: {rate: 500.0}').guard.rate == 500.0


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('moto_guard:\n  ros__parameters: {profile: normal}', "parameters for 'moto_guard'; exp"),
        ('/**:\n  moto_guard:\n    ros__parameters: {}', "parameters for '/**'; expected /**"),
        (HEAD + '    guard: {rat: 1.0}', "unknown key 'guard.rat'. Did you mean 'guard.rate'"),
        (HEAD + '    guard: {rate: 5.0}', 'guard.rate is 5; expected at least 50'),
        ('/**:\n  ros__parameters: 3', "ros__parameters is 3; expected 'key: value' pairs"),
        (HEAD + '    cameras: "{front"', "parameter cameras '{front' is not valid YAML"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_name(tmp_path, text, says):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert says in str(caught.value) and 'own.yaml' in str(caught.value)


def test_what_is_wrong_beside_the_file_is_not_said_to_be_in_it(tmp_path):
    with pytest.raises(ConfigError, match='guard.rate is 5; expected') as caught:
        load(tmp_path, HEAD + '    profile: normal\n', **{'guard.rate': 5.0})
    assert 'own.yaml' not in str(caught.value)


def test_dotted_names_nest_and_one_way_of_giving_a_key_is_enough():
    assert nested({'a.b': 1, 'a.c.d': 2, 'e': 3}) == {'a': {'b': 1, 'c': {'d': 2}}, 'e': 3}
    with pytest.raises(ConfigError, match="'a' as a whole too; leave one"):
        nested({'a': 1, 'a.b': 2})
