"""What the nodes may be told: every number has bounds, every word its choices."""

import pytest

from moto_core.errors import ConfigError
from moto_core.fields import list_keys, rule_of
from moto_core.guard.state import GuardConfig
from moto_ros.config import RosConfig, load_ros_config, settings_in
from moto_sim.episode import LEARNED

NUMBERS = [key for key in list_keys(RosConfig()) if type(key.default) in (int, float)]


@pytest.mark.parametrize('key', NUMBERS)
@pytest.mark.parametrize('value', [-1, float('nan'), float('inf'), 10**30])
def test_no_number_may_be_negative_endless_or_absurd(key, value):
    with pytest.raises(ConfigError) as caught:
        load_ros_config('franka_kitchen', {key.name: value})
    assert key.name in str(caught.value)


def test_every_setting_has_a_meaning():
    assert len(NUMBERS) > 12
    assert [key.name for key in list_keys(RosConfig()) if not key.about] == []


@pytest.mark.parametrize(
    ('given', 'says'),
    [
        ({'guard.rate': 40.0}, 'guard.rate is 40; expected at least 50, at most 1000'),
        ({'guard.joint_age': 9.0}, 'guard.joint_age is 9; expected at least 0.005, at most 0.5'),
        ({'record.dataset': ''}, "record.dataset is ''; expected a path"),
        ({'policy.bundle': ''}, "policy.bundle is ''; expected a path"),
        ({'twin.watchdog': 0.0}, 'twin.watchdog is 0; expected above 0, at most 1'),
        ({'command.mode': 'velocity'}, "Did you mean 'velocity_array'"),
        ({'record.source': 'bag'}, 'Valid: robot, sim'),
        ({'record.dataset': '${oc.env:HOME}'}, 'neither'),
        ({'cameras.a/b': 'topic'}, "the name of cameras is 'a/b'"),
        (
            {'teleop.input': 'joy', 'guard.deadman_button': 5},
            'guard.deadman_button and teleop.buttons.take_over are both 5; give each a button',
        ),
        (
            {'teleop.input': 'page', 'guard.intervention_button': 0},
            'guard.intervention_button and teleop.buttons.close are both 0; give each a button',
        ),
        ({'guard': 1, 'guard.rate': 50.0}, "'guard' as a whole"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_can(given, says):
    with pytest.raises(ConfigError) as caught:
        load_ros_config('franka_kitchen', given)
    assert says in str(caught.value)


def test_buttons_of_a_joystick_that_drives_nothing_are_no_matter():
    config = load_ros_config('franka_kitchen', {'guard.deadman_button': 5})
    assert config.guard.deadman_button == config.teleop.buttons.take_over


@pytest.mark.parametrize('end', ['low', 'high'])
def test_the_guard_takes_every_number_that_its_settings_may_be(end):
    for name in ('rate', 'joint_age', 'speed_floor'):
        rule = rule_of(RosConfig(), f'guard.{name}')
        bound = getattr(rule, end) if getattr(rule, end) is not None else 0.999
        GuardConfig(**{name: bound})
    silence = rule_of(RosConfig(), 'command.silence')
    GuardConfig(halt_stream=getattr(silence, end))


def test_the_twins_episodes_start_where_no_evaluation_does():
    assert RosConfig().twin.seed == LEARNED


def test_what_a_file_says_is_told_from_what_it_leaves_to_a_default(tmp_path):
    file = tmp_path / 'own.yaml'
    file.write_text('robot: fr3\ncameras: {front: /a}\nguard: {rate: 250.0}\ncommand.mode: x')
    with pytest.raises(ConfigError, match="unknown key 'command.mode'"):
        settings_in(str(file))
    file.write_text('robot: fr3\ncameras: {front: /a}\nguard: {rate: 250.0}')
    assert settings_in(str(file)) == {
        'robot': 'fr3',
        'cameras': {'front': '/a'},
        'guard.rate': 250.0,
    }
