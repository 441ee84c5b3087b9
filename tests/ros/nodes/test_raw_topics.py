"""What an episode holds beside its rows: by default the black box of its run."""

import pytest

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_ros.config import load_ros_config
from moto_ros.nodes.raw_topics import raw_topics

IMAGE = '/camera/camera/color/image_raw'


def recorded(resolve=lambda name: '/' + name.lstrip('/'), **given):
    config = load_ros_config(
        'franka_kitchen', {key.replace('__', '.'): value for key, value in given.items()}
    )
    found = raw_topics(config, load_robot('fr3'), resolve)
    return {raw.topic.name: raw for raw in found}


def test_joints_cameras_and_the_guards_state_are_recorded_by_default():
    found = {name: raw.kind for name, raw in recorded().items()}
    assert found == {
        IMAGE: 'sensor_msgs/msg/Image',
        '/joint_states': 'sensor_msgs/msg/JointState',
        '/moto/guard/state': 'std_msgs/msg/String',
    }


def test_each_of_them_can_be_switched_off():
    none = {'record__joint_rate': 0.0, 'record__images': False, 'record__guard_state': False}
    for name, value in none.items():
        assert len(recorded(**{name: value})) == 2
    assert recorded(**none) == {}


def test_a_compressed_camera_is_recorded_compressed():
    found = recorded(compressed=['front'])
    assert found[f'{IMAGE}/compressed'].kind == 'sensor_msgs/msg/CompressedImage'
    assert IMAGE not in found


def test_names_are_those_of_the_namespace():
    found = recorded(resolve=lambda name: name if name.startswith('/') else f'/left/{name}')
    assert set(found) == {IMAGE, '/left/joint_states', '/left/moto/guard/state'}


def test_a_named_topic_is_added_and_has_no_bound():
    found = recorded(record__raw={'/tf': 'std_msgs/msg/String'})
    assert all(found['/tf'].passes(1.0, 10**9) for _ in range(100))
    found = recorded(record__raw={'/joint_states': 'sensor_msgs/msg/JointState'})
    assert len(found) == 3 and all(found['/joint_states'].passes(1.0, 10) for _ in range(100))


@pytest.mark.parametrize(
    'key, value, text',
    [
        ('record__joint_rate', -1.0, 'record.joint_rate is -1'),
        ('record__image_bandwidth', 0.0, 'record.image_bandwidth is 0'),
    ],
)
def test_a_bound_that_is_none_is_refused(key, value, text):
    with pytest.raises(ConfigError, match=text):
        recorded(**{key: value})


def test_a_type_that_is_not_installed_is_refused():
    with pytest.raises(ConfigError, match="'nobody_msgs/msg/Odd' cannot be imported"):
        recorded(record__raw={'/odd': 'nobody_msgs/msg/Odd'})


def count(raw, rate, size, seconds=10):
    return sum(raw.passes(1.0 + i / rate, size) for i in range(round(rate * seconds)))


def test_joint_states_at_a_kilohertz_are_recorded_at_125():
    assert count(recorded()['/joint_states'], 1000, 500) == pytest.approx(1275, abs=3)


def test_joint_states_that_come_late_all_at_once_are_recorded_whole():
    raw = recorded()['/joint_states']
    assert raw.topic.subscription.depth >= 125
    assert all(raw.passes(1.0 + i / 125, 500) for i in range(100))
    assert all(raw.passes(2.0, 500) for _ in range(25))  # 0.2 s of them


def test_images_are_recorded_at_most_at_the_policys_rate():
    rate = load_robot('fr3').spec.rate
    assert count(recorded()[IMAGE], 30, 64 * 64 * 3) == pytest.approx(10 * rate + 2.5, abs=2)


def test_large_images_are_recorded_within_the_bandwidth():
    size = 1280 * 720 * 3
    passed = count(recorded(record__image_bandwidth=5.0)[IMAGE], 30, size)
    assert passed * size <= 5e6 * 11 + size and passed >= 15


def test_a_message_refused_by_one_bound_costs_nothing_of_the_other():
    raw = recorded(record__image_bandwidth=1.0)[IMAGE]
    assert raw.passes(1.0, 2_000_000)  # the bandwidth of the next second is spent
    assert not raw.passes(1.5, 100)
    assert raw.messages.credit(1.5) == raw.messages.burst
