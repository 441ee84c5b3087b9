"""Of what was typed, a file and the defaults: who decides what the nodes are told."""

import pytest

from moto_core.config import config_file, share_dir
from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot, resolve
from moto_ros.bringup.parameters import parameters
from moto_ros.bringup.table import processes
from moto_ros.config import load_ros_config

HEAD = '/**:\n  ros__parameters:\n'
CELL = HEAD + (
    '    robot: {robot}\n'
    '    profile: commissioning\n'
    '    policy: {{bundle: random}}\n'
    '    record: {{dataset: /somewhere/mine, task: door}}\n'
    '    command: {{mode: trajectory, dry_run: {dry}}}\n'
)


@pytest.fixture
def slow_arm(tmp_path):
    """An FR3 whose commissioning profile has 5 % of the recommended speed; returns its file."""
    text = (share_dir() / 'config' / 'robot' / 'fr3.yaml').read_text()
    before = 'commissioning: {velocity_fraction: 0.25'
    assert before in text
    own = tmp_path / 'cell_robot.yaml'
    own.write_text(text.replace(before, 'commissioning: {velocity_fraction: 0.05'))
    return own


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of settings and returns its path."""

    def written(text, **values):
        file = tmp_path / 'cell.yaml'
        file.write_text(text.format(**values))
        return str(file)

    return written


def config_of(found):
    given = {key: value for key, value in found.items() if key not in ('config', 'use_sim_time')}
    return load_ros_config(found['config'], given)


def test_the_files_robot_and_its_limits_are_in_force(slow_arm, write):
    file = write(CELL, robot=slow_arm, dry='false')
    for process in processes({'sim': 'false', 'config': file})[:-1]:
        config = config_of(process.parameters)
        limits = resolve(load_robot(config.robot), config.profile)
        assert limits.dq[:2].tolist() == [0.1, 0.05]  # 5 % of 2 and 1 rad/s


def test_what_the_file_says_goes_over_what_arguments_are_by_default(slow_arm, write):
    file = write(CELL, robot=slow_arm, dry='false')
    config = config_of(parameters({'sim': 'false', 'config': file}))
    assert (config.policy.bundle, config.record.dataset) == ('random', '/somewhere/mine')
    assert (config.command.dry_run, config.record.task) == (False, 'door')
    twin = write(CELL, robot='kitchen_fr3', dry='true')
    config = config_of(parameters({'sim': 'true', 'config': twin}))
    assert (config.robot, config.command.mode) == ('kitchen_fr3', 'trajectory')
    assert config.command.dry_run


def test_what_was_typed_goes_over_the_file(slow_arm, write):
    file = write(CELL, robot=slow_arm, dry='false')
    typed = {
        'robot_type': 'fr3v2',
        'profile': 'normal',
        'policy': 'zero',
        'dataset': 'runs/d',
        'dry_run': 'true',
        'task': 'drawer',
        'command_mode': 'velocity_array',
    }
    config = config_of(parameters({'sim': 'false', 'config': file, **typed}))
    assert (config.robot, config.profile) == ('fr3v2', 'normal')
    assert (config.policy.bundle, config.record.dataset) == ('zero', 'runs/d')
    assert (config.record.task, config.twin.task) == ('drawer', 'drawer')
    assert (config.command.mode, config.command.dry_run) == ('velocity_array', True)


def test_an_argument_that_is_given_as_nothing_leaves_the_files_word(slow_arm, write):
    file = write(CELL, robot=slow_arm, dry='true')
    empty = {'robot_type': '', 'dry_run': '', 'command_mode': '', 'profile': '', 'task': ''}
    config = config_of(parameters({'sim': 'false', 'config': file, **empty}))
    assert (config.robot, config.command.dry_run) == (str(slow_arm), True)
    assert (config.profile, config.record.task) == ('commissioning', 'door')


def test_what_the_twin_implies_holds_where_nobody_says_otherwise(write):
    silent = write('guard: {{rate: 500.0}}')
    config = config_of(parameters({'sim': 'true', 'config': silent}))
    assert (config.robot, config.command.mode) == ('kitchen_sim', 'velocity_array')
    assert (config.record.source, config.guard.deadman_required) == ('sim', False)
    said = write('guard: {{deadman_required: true}}')
    assert config_of(parameters({'sim': 'true', 'config': said})).guard.deadman_required


def test_a_topic_that_the_file_names_is_kept_also_if_it_is_the_default(write):
    file = write('joint_states: joint_states')
    assert config_of(parameters({'sim': 'false', 'config': file})).joint_states == 'joint_states'
    file = write('profile: normal')
    found = config_of(parameters({'sim': 'false', 'config': file}))
    assert found.joint_states == 'franka/joint_states'


@pytest.mark.parametrize(
    ('text', 'sim', 'says'),
    [
        (
            'robot: fr3',
            'true',
            "cell.yaml' says robot: 'fr3' and sim is true; the simulated robot",
        ),
        ('record: {{source: robot}}', 'true', "record.source is 'robot' and sim is true"),
        ('record: {{source: sim}}', 'false', "record.source is 'sim' and sim is false"),
        ('robot: kitchen_smi', 'true', "Did you mean 'kitchen_sim'"),
    ],
)
def test_a_file_that_contradicts_sim_is_refused_in_one_line(text, sim, says, write):
    file = write(text)
    with pytest.raises(ConfigError) as caught:
        parameters({'sim': sim, 'config': file})
    assert says in str(caught.value) and len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize('robot', ['kitchen_sim', 'kitchen_wrist', 'kitchen_fr3'])
@pytest.mark.parametrize('said', ['name', 'file', 'copy'])
def test_a_simulated_robots_limits_lead_an_arm_only_by_words_that_say_so(
    robot, said, write, tmp_path
):
    copy = tmp_path / 'my_arm.yaml'
    copy.write_text(config_file('robot', robot).read_text())
    named = {'name': robot, 'file': write(f'robot: {robot}'), 'copy': str(copy)}[said]
    real = {'sim': 'false', 'task': 'x', 'policy': 'zero', 'record': 'false'}
    real |= {'config' if said == 'file' else 'robot_type': named}
    with pytest.raises(ConfigError, match=f'name: {robot}.*limits_are_of_no_real_arm:=true'):
        processes(real)
    assert processes({**real, 'command.limits_are_of_no_real_arm': 'true'})


def test_a_robot_that_was_typed_settles_what_the_file_says_of_another(write):
    file = write('robot: fr3')
    found = parameters({'sim': 'true', 'config': file, 'robot_type': 'kitchen_sim'})
    assert found['robot'] == 'kitchen_sim'
