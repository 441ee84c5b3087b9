import importlib.util
import os
import re
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from moto_core.config import share_dir
from moto_core.errors import ConfigError, MotoError
from moto_core.guard.limits import load_robot
from moto_ros.bringup.arguments import ARGUMENTS, documented, parse_arguments, resolved
from moto_ros.bringup.follower import follow, how_to_go_on, split, usage
from moto_ros.bringup.table import CONSOLE, command, environment, own_environment, processes
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from moto_ros.config import command_topic, load_ros_config
from moto_ros.services import GUARD, RECORDER

ROS_MD = (
    'sim',
    'robot_type',
    'namespace',
    'command_mode',
    'policy',
    'config',
    'record',
    'dataset',
    'dry_run',
    'use_sim_time',
    'log_level',
)
IN_TABLE = ('config', 'use_sim_time')  # parameters that are no settings


def nodes(**given):
    return [process.node for process in processes(given)]


def parameters(**given):
    return processes(given)[0].parameters


def test_every_documented_argument_exists():
    assert set(ROS_MD) <= set(ARGUMENTS)


def test_the_simulated_graph_has_a_twin_and_the_real_one_has_not():
    assert nodes(sim='true') == [
        'moto_twin',
        'moto_guard',
        'moto_policy',
        'moto_recorder',
        'moto_lifecycle_manager',
    ]
    assert nodes(sim='false') == [
        'moto_guard',
        'moto_policy',
        'moto_recorder',
        'moto_lifecycle_manager',
    ]


def test_a_person_drives_where_it_is_said_with_a_policy_or_without(tmp_path):
    def started(**given):
        table = processes({'sim': 'true', **given})
        values = {k: v for k, v in table[0].parameters.items() if k not in IN_TABLE}
        config = load_ros_config(given.get('config', 'franka_kitchen'), values)
        drives = 'moto_teleop' in [process.node for process in table]
        return drives, config.teleop.input, config.policy.bundle, config.guard.deadman_required

    assert started() == (False, 'none', 'zero', False)
    assert started(teleop='page') == (True, 'page', 'teleop', True)
    assert started(teleop='joy', policy='random') == (True, 'joy', 'random', True)
    given = {'teleop.input': 'joy', 'guard.deadman_required': 'false'}
    assert started(**given) == (True, 'joy', 'teleop', False)
    (tmp_path / 'own.yaml').write_text('{teleop: {input: joy}, policy: {bundle: random}}')
    assert started(config=str(tmp_path / 'own.yaml')) == (True, 'joy', 'random', True)


def test_teleoperation_that_cannot_be_is_refused_before_anything_starts():
    with pytest.raises(ConfigError, match="teleop.input 'joystick'. Did you mean 'joy'"):
        processes({'sim': 'true', 'teleop': 'joystick'})
    with pytest.raises(ConfigError, match='buttons.start and teleop.buttons.failure are both 1'):
        processes({'sim': 'true', 'teleop': 'joy', 'teleop.buttons.start': '1'})
    with pytest.raises(ConfigError, match='a person begins and ends demonstrations'):
        split({'sim': 'true', 'teleop': 'joy', 'episodes': '3'})
    own, theirs = split({'sim': 'true', 'teleop': 'joy', 'episodes': '3', 'policy': 'random'})
    assert own['episodes'] == '3' and theirs['teleop'] == 'joy'


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ({'teleop': 'joy'}, ("At the joystick, its deadman let go, 'start'", 'deadman to drive')),
        ({'teleop': 'joy', 'policy': 'random'}, ("'start' begins", "drives; 'take_over' and")),
        (
            {'teleop': 'page'},
            ('another terminal', "keys' (G), then 'Start episode' (N); hold keys"),
        ),
        ({'teleop': 'page', 'console': 'true'}, ("page: 'Drive with keys' (G)", 'Success (Y)')),
        (
            {'teleop': 'page', 'policy': 'random', 'console': 'true'},
            ('hold a key, and the policy drives; Take over (I) and Give back (B) say who',),
        ),
    ],
)
def test_who_drives_is_told_the_buttons_of_what_he_drives_with(given, words):
    own, theirs = split({'sim': 'true', **given})
    said = how_to_go_on(own, resolved(theirs), theirs.get('policy', 'teleop'))
    assert all(one in said for one in words), said
    assert ('joystick' in said) == (given['teleop'] == 'joy')
    assert len(said.splitlines()) == 1 and said.endswith('Ctrl-C ends it')


def test_guard_and_policy_never_share_a_process():
    modules = [process.module for process in processes({'sim': 'true'})]
    assert len(set(modules)) == len(modules)


def test_without_recording_there_is_no_recorder():
    assert 'moto_recorder' not in nodes(sim='true', record='false')


def test_a_real_robot_starts_dry_and_the_twin_does_not():
    assert parameters(sim='false')['command.dry_run'] is True
    assert parameters(sim='true')['command.dry_run'] is False
    assert parameters(sim='false', dry_run='false')['command.dry_run'] is False


def test_a_real_arm_moves_only_while_the_deadman_is_held(tmp_path):
    def required(**given):
        values = {k: v for k, v in parameters(**given).items() if k not in IN_TABLE}
        config = load_ros_config(given.get('config', 'franka_kitchen'), values)
        return config.guard.deadman_required

    assert required(sim='false') and required(sim='false', robot_type='panda')
    assert not required(sim='true')
    assert not required(sim='false', **{'guard.deadman_required': 'false'})
    (tmp_path / 'own.yaml').write_text('guard: {deadman_required: false}')
    assert not required(sim='false', config=str(tmp_path / 'own.yaml'))
    (tmp_path / 'other.yaml').write_text('guard: {rate: 500.0}')
    assert required(sim='false', config=str(tmp_path / 'other.yaml'))


@pytest.mark.parametrize(
    ('robot_type', 'topic'),
    [
        ('fr3', 'fr3_arm_controller/joint_trajectory'),
        ('fer', 'fer_arm_controller/joint_trajectory'),
        ('panda', 'panda_arm_controller/joint_trajectory'),
    ],
)
def test_each_robot_is_commanded_through_its_own_controller(robot_type, topic, tmp_path):
    values = parameters(sim='false', robot_type=robot_type)
    config = load_ros_config(
        'franka_kitchen', {k: v for k, v in values.items() if k not in IN_TABLE}
    )
    assert command_topic(config, load_robot(robot_type)) == topic
    own = tmp_path / 'cell.yaml'
    text = (share_dir() / 'config' / 'robot' / f'{robot_type}.yaml').read_text()
    own.write_text(text.replace(topic.partition('/')[0], 'my_controller'))
    assert command_topic(config, load_robot(str(own))) == 'my_controller/joint_trajectory'
    given = load_ros_config('franka_kitchen', {'command.trajectory_controller': 'other'})
    assert command_topic(given, load_robot(robot_type)) == 'other/joint_trajectory'


def test_the_default_command_ends_at_rest_on_a_real_robot():
    assert parameters(sim='false')['command.mode'] == 'trajectory'
    assert parameters(sim='true')['command.mode'] == 'velocity_array'


def test_velocities_to_a_real_robot_are_refused_before_anything_starts():
    words = {'sim': 'false', 'command_mode': 'velocity_array', 'record': 'false'}
    with pytest.raises(ConfigError, match='use trajectory, or say'):
        processes(words)
    assert processes({**words, 'command.velocities_run_on_if_the_guard_dies': 'true'})
    assert processes({**words, 'sim': 'true'})


def test_the_manager_takes_every_lifecycle_node_to_active():
    table = processes({'sim': 'true'})
    assert table[-1].arguments == tuple(p.node for p in table if p.lifecycle)


def test_parameters_of_every_process_fit_the_schema():
    for given in (
        {'sim': 'true', 'task': 'kitchen-kettle', 'seed': '3', 'profile': 'ceiling'},
        {'sim': 'false', 'robot_type': 'panda', 'guard.rate': '500.0'},
    ):
        for process in processes(given):
            values = {k: v for k, v in process.parameters.items() if k not in IN_TABLE}
            load_ros_config('franka_kitchen', values)


def test_a_command_line_names_module_node_namespace_and_parameters():
    twin = processes({'sim': 'true', 'namespace': 'left'})[0]
    line = command(twin, 'py')
    assert line[:3] == ['py', '-m', 'moto_ros.nodes.twin']
    assert '__node:=moto_twin' in line and '__ns:=/left' in line
    assert 'robot:="kitchen_sim"' in line and 'command.dry_run:=false' in line


def test_a_setting_reaches_the_nodes_with_its_type():
    given = {
        'sim': 'true',
        'record.raw': '{/wrench: geometry_msgs/msg/WrenchStamped}',
        'cameras.front': '/left/image_raw',
        'record.task': '007',
        'guard.rate': '500',
    }
    found = parameters(**given)
    assert found['record.raw'] == {'/wrench': 'geometry_msgs/msg/WrenchStamped'}
    assert found['cameras'] == {'front': '/left/image_raw'}
    assert (found['record.task'], found['guard.rate']) == ('007', 500)
    line = command(processes(given)[0], 'py')
    assert 'record.task:="007"' in line and 'guard.rate:=500' in line
    assert r'record.raw:="{\"/wrench\": \"geometry_msgs/msg/WrenchStamped\"}"' in line


@pytest.mark.parametrize(
    ('name', 'value', 'says'),
    [
        ('guard.rate', '5', 'guard.rate is 5; expected at least 50, at most 1000'),
        ('guard.estops', "['']", "guard.estops: '' is no topic's name"),
        ('guard.estops', '[/a b]', "guard.estops: '/a b' is no topic's name"),
        (
            'guard.estops',
            '[]',
            'argument guard.estops is []: ROS takes no empty list here; say it',
        ),
        ('gripper.joint_states', '/a b', "gripper.joint_states: '/a b' is no topic's name"),
        ('guard.joint_age', '9', 'guard.joint_age is 9; expected at least 0.005, at most 0.5'),
        ('guard.joint_age', '0.001', 'guard.joint_age is 0.001; expected at least 0.005'),
        ('profile', 'x', "unknown profile of robot 'kitchen_sim' 'x'"),
        ('task', 'foo', "the twin simulates 'kitchen-<object>[+<object>...]'; got 'foo'"),
        ('task', 'kitchen-foo', "unknown Kitchen object 'foo'"),
        ('twin.views.front', 'nowhere', "unknown camera view 'nowhere'"),
        ('twin.views.side', 'paper', "unknown camera 'side'"),
        ('twin.camera_rate', '500', 'twin.camera_rate is 500; expected at least 0, at most 250'),
        ('twin.camera_rate', '0.5', 'twin.camera_rate is 0.5 Hz; expected 1 to 250 Hz'),
        ('twin.joint_rate', '500', 'twin.joint_rate is 500; expected at least 1, at most 250'),
        ('twin.joint_rate', '0.5', 'twin.joint_rate is 0.5; expected at least 1, at most 250'),
        ('cameras.side', '/c', "cameras ['side'] are not in robot 'kitchen_sim'"),
        ('cameras.front', '/bad//name', "cameras.front: '/bad//name' is no topic's name"),
        ('command.velocity_controller', 'a b', "'a b/commands' is no topic's name"),
        ('command.velocity_controller', '1bad', "'1bad/commands' is no topic's name"),
        ('command.trajectory_controller', 'a/', "'a//joint_trajectory' is no topic's name"),
        ('record.raw./x', 'nonsense/msg/A', "message type 'nonsense/msg/A' cannot be imported"),
        ('record.raw./x', 'nonsense', "message type 'nonsense' cannot be imported"),
        ('record.raw./bad//name', 'std_msgs/msg/String', "record.raw: '/bad//name' is no topic's"),
        ('policy', 'missing', "bundle 'missing' does not exist; expected a folder"),
        ('policy', 'x' * 300, "cannot read the bundle 'xxx"),
        ('policy', '/', "bundle '/': missing: encoder.onnx"),
        ('policy', '', "policy.bundle is ''; expected a path, which is not empty"),
        ('dataset', '', "record.dataset is ''; expected a path, which is not empty"),
        ('dataset', 'a\0b', r"record.dataset is 'a\x00b'; expected a path"),
        ('dataset', '/etc/passwd', "'/etc/passwd' is not a folder"),
        ('dataset', '/etc/passwd/d', "'/etc/passwd' is not a folder"),
    ],
)
def test_what_a_node_would_refuse_is_refused_before_it_starts(name, value, says):
    with pytest.raises(MotoError) as caught:
        processes({'sim': 'true', name: value})
    assert says in str(caught.value)


def test_a_rate_that_fits_no_delay_of_trajectories_is_refused_before_anything_starts():
    slow = {'sim': 'false', 'guard.rate': '100'}
    with pytest.raises(ConfigError, match=r'command.delay is 0.034 s; at 100 Hz .* at least 0.0'):
        processes(slow)
    assert processes({**slow, 'command.delay': '0.06'})
    assert processes({**slow, 'sim': 'true'})  # velocities, which have no delay


def test_a_file_may_say_that_there_is_no_estop(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('guard: {estops: []}')
    assert processes({'sim': 'true', 'config': str(own)})


def test_a_file_of_settings_is_checked_as_the_command_line_is(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('joint_states: /bad//name')
    with pytest.raises(ConfigError, match="joint_states: '/bad//name' is no topic's name"):
        processes({'config': str(own)})


def test_what_only_the_twin_or_the_recorder_reads_is_asked_only_if_they_start():
    assert nodes(sim='false', **{'twin.views.front': 'nowhere', 'record.task': 'pour'})
    assert nodes(record='false', dataset='/etc/passwd', **{'record.raw./x': 'nonsense/msg/A'})


def test_a_configuration_is_checked_without_making_anything(tmp_path):
    assert nodes(sim='true', dataset=str(tmp_path / 'new' / 'd'))
    assert list(tmp_path.iterdir()) == []
    code = (
        'import sys\nfrom moto_ros.bringup.table import processes\n'
        "processes({'sim': 'false', 'record.raw./wrench': 'geometry_msgs/msg/WrenchStamped'})\n"
        "assert not {'torch', 'mujoco', 'moto_sim', 'onnxruntime'} & set(sys.modules)\n"
        "processes({'sim': 'true'})\n"
        "assert not {'torch', 'onnxruntime'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)


def test_only_a_robot_with_the_twins_joints_is_simulated(tmp_path):
    own = tmp_path / 'wide.yaml'
    text = (Path(__file__).parents[3] / 'config' / 'robot' / 'kitchen_sim.yaml').read_text()
    own.write_text(text.replace('height: 64', 'height: 32'))
    assert parameters(sim='true', robot_type=str(own))['robot'] == str(own)
    assert parameters(sim='true')['robot'] == 'kitchen_sim'
    assert parameters(sim='false')['robot'] == 'fr3'
    with pytest.raises(ConfigError, match="robot_type is 'fr3' and sim is true"):
        processes({'sim': 'true', 'robot_type': 'fr3'})


def cameras(**given):
    return parameters(**given).get('cameras')


def test_a_twins_cameras_move_with_the_namespace_and_real_ones_do_not():
    moved = {'front': '/left/camera/camera/color/image_raw'}
    assert cameras(sim='true') is None
    assert cameras(sim='true', namespace='left') == moved
    assert cameras(sim='false', namespace='left') is None
    assert cameras(sim='false', namespace='left', camera_namespace='/left/') == moved
    assert cameras(sim='true', namespace='left', camera_namespace='cell') == {
        'front': '/cell/camera/camera/color/image_raw'
    }
    given = {'cameras.front': '/mine'}
    assert cameras(sim='true', namespace='left', **given) == {'front': '/mine'}


def test_a_relative_topic_of_a_camera_is_in_the_namespace_already(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('cameras: {front: image_raw}')
    assert cameras(sim='true', namespace='left', config=str(own)) == {}


def test_a_real_arms_joints_are_heard_where_they_are_measured(tmp_path):
    def joint_states(**given):
        values = {k: v for k, v in parameters(**given).items() if k not in IN_TABLE}
        return load_ros_config(given.get('config', 'franka_kitchen'), values).joint_states

    assert joint_states(sim='true') == 'joint_states'
    assert joint_states(sim='false') == 'franka/joint_states'
    assert joint_states(sim='false', joint_states='/other') == '/other'
    own = tmp_path / 'own.yaml'
    own.write_text('joint_states: mine')
    assert joint_states(sim='false', config=str(own)) == 'mine'


def test_remapping_rules_reach_every_process():
    table = processes({'sim': 'true', 'remap': 'joy:=/joy, moto/estop:=/estop'})
    for process in table:
        line = command(process, 'py')
        at = line.index('joy:=/joy')
        assert line[at - 1 : at + 3] == ['-r', 'joy:=/joy', '-r', 'moto/estop:=/estop']
    values = {**{k: d for k, (d, _) in ARGUMENTS.items()}, 'remap': 'joy:=/joy'}
    assert follow(split({})[0], values).remap == ('joy:=/joy',)


@pytest.mark.parametrize(
    ('name', 'value', 'says'),
    [
        ('remap', 'joy', "remap is 'joy'; expected rules such as 'joy:=/joy'"),
        ('remap', 'a:=b:=c', 'expected rules'),
        ('remap', 'moto/estp:=/cell/estop', "Did you mean 'moto/estop'?"),
        ('camera_namespace', 'a-b', "camera_namespace is 'a-b'; expected letters"),
        ('robot_ip', '1', 'franka_drivers.launch.py'),
        ('robot', 'fr3', 'the argument is robot_type'),
    ],
)
def test_an_argument_that_cannot_be_is_refused_in_a_sentence(name, value, says):
    with pytest.raises(ConfigError) as caught:
        processes({'sim': 'true', name: value})
    assert says in str(caught.value)


def test_settings_without_a_dot_are_arguments_too():
    found = parameters(sim='true', compressed='[front]', hardware_id='42', joint_states='/js')
    assert (found['compressed'], found['hardware_id'], found['joint_states']) == (
        ['front'],
        '42',
        '/js',
    )
    assert split({'joint_states': '/js'})[1]['joint_states'] == '/js'


def test_the_processes_are_told_who_started_them_whatever_was_told_before():
    result = environment({'MOTO_BRINGUP': '1@elsewhere'}, sim=True)
    assert result['MOTO_BRINGUP'] == f'{os.getpid()}@{socket.gethostname()}'


def test_the_help_says_of_every_setting_what_it_is():
    text = usage('about')
    found = {name: told for name, told in documented().items() if name not in ARGUMENTS}
    assert {'guard.home_tolerance', 'teleop.dead_zone', 'twin.watchdog'} <= set(found)
    for name, (default, meaning) in found.items():
        (line,) = (one for one in text.splitlines() if one.startswith(f'  {name}:='))
        assert meaning and line.endswith(f' {meaning}'), name
        assert line.split(':=', 1)[1].startswith(default), name


def test_an_unknown_argument_names_the_nearest():
    with pytest.raises(ConfigError, match="'polcy'. Did you mean 'policy'"):
        processes({'polcy': 'zero'})
    with pytest.raises(ConfigError, match="'episode'. Did you mean 'episodes'"):
        split({'episode': '3'})


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(ConfigError, match="'twin.sed'. Did you mean 'twin.seed'"):
        load_ros_config('franka_kitchen', {'twin.sed': 1})


def test_a_flag_that_is_neither_true_nor_false_is_refused():
    with pytest.raises(ConfigError, match="sim is 'yes'; expected true or false"):
        processes({'sim': 'yes'})


@pytest.mark.parametrize(
    'given',
    [
        {'episodes': 'x'},
        {'episodes': '-1'},
        {'episodes': ''},
        {'max_steps': '0'},
        {'max_steps': '1.5'},
        {'cover_camera': 'perhaps'},
    ],
)
def test_an_argument_of_moto_up_that_cannot_be_is_refused(given):
    ((name, value),) = given.items()
    with pytest.raises(ConfigError, match=f"argument {name} is '{value}'; expected"):
        split(given)


@pytest.mark.parametrize('seed', ['-1', '٣', '1_000', '+1', ' 1', '1e3', '1\n', '9' * 5000])
def test_a_seed_is_a_whole_number_in_plain_digits(seed):
    with pytest.raises(ConfigError) as caught:
        processes({'sim': 'true', 'seed': seed})
    says = f'seed is {seed!r}; expected a whole number of at least 0'
    assert str(caught.value) == f'argument {says}'
    assert parameters(sim='true', seed='0012')['twin.seed'] == 12


@pytest.mark.parametrize(
    'word',
    [
        'na\nme:=1',
        'guard.ra\nte:=1',
        'a\nb.rate:=1',
        'robot.a\nb:=1',
        'sim:=tr\nue',
        'seed:=1\n2',
        'namespace:=a\n',
        'log_level:=in\nfo',
        'task:=a\nb',
        'task:=kitchen-a\nb',
        'guard.rate:=[1,\n2',
        'twin.views.front:=a\n\n  b',
        'profile:=a\nb',
        'no\nword',
    ],
)
def test_an_error_with_line_breaks_in_a_name_or_a_value_is_one_line(word):
    with pytest.raises(MotoError) as caught:
        own, given = split(parse_arguments([word]))
        processes({'sim': 'true', **given})
    assert len(str(caught.value).splitlines()) == 1


def test_a_value_that_is_no_yaml_is_named_without_where_in_a_file_it_lies():
    for text in ('[1,2', '&a', '{a: 1, a: 2}', '"\x01"', 'a: b: c'):
        with pytest.raises(ConfigError, match='is not valid YAML: ') as caught:
            processes({'sim': 'true', 'guard.rate': text})
        assert 'string>' not in str(caught.value) and 'line 1' not in str(caught.value)


def test_a_result_that_cannot_be_written_is_refused_before_anything_starts(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match='cannot write json:='):
        split({'json': str(tmp_path / 'file' / 'out.json')})


def test_a_policy_may_be_named_by_the_file_that_moto_export_writes(tmp_path):
    bundle = write_tiny_bundle(tmp_path, load_robot('kitchen_sim').spec)
    (tmp_path / 'microwave').write_text(f'{bundle}\n')
    (tmp_path / 'secret').write_text('word of pass')
    policy = processes({'sim': 'true', 'policy': str(tmp_path / 'microwave')})[2]
    assert policy.parameters['policy.bundle'] == str(tmp_path / 'microwave')  # read at each load
    with pytest.raises(ConfigError, match="/secret' is a file; expected") as caught:
        processes({'policy': str(tmp_path / 'secret')})
    assert 'word' not in str(caught.value)


def test_three_ways_of_writing_an_argument_are_one():
    assert parse_arguments(['sim:=true', '--policy', 'zero', '--json=a', '--cover-camera']) == {
        'sim': 'true',
        'policy': 'zero',
        'json': 'a',
        'cover_camera': 'true',
    }
    with pytest.raises(ConfigError, match="'sim' is not an argument"):
        parse_arguments(['sim'])


def test_what_is_set_in_the_environment_stays():
    result = environment({'ROS_DOMAIN_ID': '7', 'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine'}, True)
    assert result['ROS_DOMAIN_ID'] == '7'
    assert result['FASTRTPS_DEFAULT_PROFILES_FILE'] == 'mine'
    assert result['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'SYSTEM_DEFAULT'
    assert 'ROS_AUTOMATIC_DISCOVERY_RANGE' not in environment({}, False)


def test_only_real_cameras_use_shared_memory():
    profile = 'FASTRTPS_DEFAULT_PROFILES_FILE'
    assert '<type>SHM</type>' in Path(environment({}, False)[profile]).read_text()
    assert '<type>SHM</type>' not in Path(environment({}, True)[profile]).read_text()


@pytest.mark.parametrize(
    ('given', 'has'),
    [
        ({}, True),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, True),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, True),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, False),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SYSTEM_DEFAULT'}, False),
        ({'ROS_STATIC_PEERS': '10.0.0.2'}, False),
        ({'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine'}, False),
        ({'ROS_LOCALHOST_ONLY': '1', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, True),
        ({'ROS_LOCALHOST_ONLY': '0'}, True),
    ],
)
def test_a_real_arms_guard_shares_no_memory_unless_the_environment_chooses(given, has):
    profile, discovery = 'FASTRTPS_DEFAULT_PROFILES_FILE', 'ROS_AUTOMATIC_DISCOVERY_RANGE'
    for process in processes({'sim': 'false'}):
        own = own_environment(process, given, False)
        closed = given.get('ROS_LOCALHOST_ONLY') == '1'
        named = {profile, discovery, *(['ROS_LOCALHOST_ONLY'] if closed else [])}
        assert set(own) == (named if has and process.node == GUARD else set())
        if own:
            text = Path(own[profile]).read_text()
            assert '<type>SHM</type>' not in text and own[discovery] == 'SYSTEM_DEFAULT'
            assert not closed or own['ROS_LOCALHOST_ONLY'] == '0'
            closed = closed or given.get(discovery) == 'LOCALHOST'
            assert ('<address>127.0.0.1</address>' in text) is closed, 'as closed as the others'
        assert own_environment(process, given, True) == {}, 'a simulated graph has it as a whole'


@pytest.mark.parametrize(
    'given, shares',
    [
        ({}, True),
        ({'compressed': '[front]'}, False),
        ({'compressed': '[front]', 'record.raw.depth': 'sensor_msgs/msg/Image'}, True),
        ({'compressed': '[front]', 'record.raw.scan': 'sensor_msgs/msg/CompressedImage'}, False),
        ({'record.images': 'false'}, False),
    ],
)
def test_a_real_arms_recorder_shares_memory_for_raw_images_alone(given, shares):
    (process,) = [p for p in processes({'sim': 'false', **given}) if p.node == RECORDER]
    assert (own_environment(process, {}, False) == {}) is shares


def test_moto_up_runs_a_session_only_when_asked():
    own, theirs = split({'sim': 'true', 'episodes': '3', 'record': 'false', 'json': 'x'})
    assert theirs['policy.wait_for_episode'] == 'true'
    values = {**{k: d for k, (d, _) in ARGUMENTS.items()}, **theirs}
    assert follow(own, values).arguments == (
        '--episodes',
        '3',
        '--max-steps',
        '100',
        '--pause',
        '0',
        '--json',
        'x',
        '--no-record',
    )
    own, theirs = split({'sim': 'true'})
    assert follow(own, values).module == 'moto_ros.bringup.graph'


@pytest.mark.parametrize(
    ('given', 'session', 'calls'),
    [
        ({'sim': 'true'}, '--episodes 10', ('/moto_guard', '/moto_recorder')),
        (
            {'sim': 'true', 'record': 'false', 'namespace': 'left'},
            '--episodes 10 --no-record --ros-args -r __ns:=/left',
            ('/left/moto_guard', '/left/moto_policy'),
        ),
        ({'sim': 'false'}, '--episodes 10 --operator', ('/moto_guard', '/moto_recorder')),
    ],
)
def test_a_graph_without_a_session_says_how_to_go_on(given, session, calls):
    own, theirs = split(given)
    said = how_to_go_on(own, resolved(theirs))
    assert f"'moto_session {session}'" in said
    assert f"'ros2 service call {calls[0]}/arm std_srvs/srv/Trigger'" in said
    assert f'{calls[1]}/start_episode' in said and len(said.splitlines()) == 1
    assert how_to_go_on({**own, 'episodes': '3'}, resolved(theirs)) == ''


@pytest.mark.parametrize('name', ['action', 'joint_states'])
def test_a_gripper_that_the_robot_lacks_is_refused(name):
    with pytest.raises(ConfigError, match=f"gripper.{name} is '/g', and robot 'fr3' has no grip"):
        processes({'sim': 'false', f'gripper.{name}': '/g'})
    if name == 'joint_states':
        assert processes({'sim': 'true', f'gripper.{name}': '/g'})
    elif not importlib.util.find_spec('control_msgs'):
        with pytest.raises(ConfigError, match='control_msgs is not installed'):
            processes({'sim': 'true', f'gripper.{name}': '/g'})


def test_every_process_and_every_command_has_a_main():
    setup = (Path(__file__).parents[3] / 'setup.py').read_text()
    commands = re.findall(r"= (moto_ros[\w.]*):main'", setup)
    assert {'moto_ros.bringup.up', 'moto_ros.bringup.session'} <= set(commands)
    for module in [*commands, *(process.module for process in processes({'sim': 'true'}))]:
        assert callable(import_module(module).main)


def test_the_operators_page_is_beside_the_graph_and_nothing_waits_for_it(tmp_path):
    plain, manager = processes({'sim': 'true'}), processes({'sim': 'true'})[-1]
    given = {'sim': 'true', 'console': 'true', 'namespace': 'left', 'console_port': '0'}
    (console,) = [one for one in processes(given) if one.node == CONSOLE]
    assert not any(one.node == CONSOLE for one in plain)
    assert not console.lifecycle and not console.required and console.namespace == 'left'
    assert CONSOLE not in processes(given)[-1].arguments == manager.arguments
    assert console.arguments == ('--host', '127.0.0.1', '--port', '0')
    (tmp_path / 'token').write_text('an-honest-token-0123')
    given |= {'console_host': '0.0.0.0', 'console_token_file': str(tmp_path / 'token')}
    (console,) = [one for one in processes(given) if one.node == CONSOLE]
    assert console.arguments[-1] == str(tmp_path / 'token')  # its file: `ps` shows the words
    (console,) = [
        one for one in processes({**given, 'console_name': 'arm'}) if one.node == CONSOLE
    ]
    assert console.arguments[-2:] == ('--name', 'arm')


@pytest.mark.parametrize(
    'given, words',
    [
        ({'console_host': '0.0.0.0'}, '--token-file'),
        ({'console_token_file': 'nowhere'}, 'cannot read the token'),
        ({'console_port': '65536'}, 'at most 65535'),
        ({'console_port': 'http'}, 'whole number'),
    ],
)
def test_a_page_that_cannot_be_is_refused_before_anything_starts(given, words):
    with pytest.raises(ConfigError, match=words):
        processes({'sim': 'true', 'console': 'true', **given})
