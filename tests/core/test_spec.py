"""The agreement between policy and robot: sizes, hash, mismatches."""

from dataclasses import replace

import numpy as np
import pytest

from moto_core.config import to_dict
from moto_core.errors import ConfigError
from moto_core.spec import (
    CameraSpec,
    Setup,
    Spec,
    is_known,
    setup_mismatches,
    spec_from_dict,
    spec_mismatches,
)

SPEC = Spec(
    joints=['a', 'b'],
    action_scale=[1.0, 2.0, 0.05],
    gripper=['finger'],
    rate=20.0,
    cameras={'front': CameraSpec()},
    proprioception=['position', 'velocity'],
)


def test_sizes_follow_from_the_names():
    assert SPEC.action_size == 3
    assert SPEC.names == ['a', 'b', 'finger']
    assert SPEC.proprioception_size == 6
    assert SPEC.period == 0.05
    assert SPEC.scale.dtype == np.float64
    assert SPEC.scale.tolist() == [1.0, 2.0, 0.05]
    assert replace(SPEC, proprioception=[]).proprioception_size == 0


def test_a_spec_survives_a_dictionary():
    assert spec_from_dict(to_dict(SPEC)) == SPEC


def test_the_hash_knows_every_field_but_the_topics():
    moved = replace(SPEC, cameras={'front': CameraSpec(topic='/other')})
    assert moved.hash == SPEC.hash
    others = [
        replace(SPEC, joints=['a', 'c']),
        replace(SPEC, rate=10.0),
        replace(SPEC, action_scale=[1.0, 2.0, 0.06]),
        replace(SPEC, proprioception=[]),
        replace(SPEC, gripper=['thumb']),
        replace(SPEC, cameras={}),
        replace(SPEC, cameras={'front': CameraSpec(width=65)}),
        replace(SPEC, cameras={'wrist': CameraSpec()}),
        replace(SPEC, cameras={'front': CameraSpec(crop=[0, 0, 5, 5])}),
    ]
    assert len({SPEC.hash, *(other.hash for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        ({'joints': []}, 'joints has 0 entries; expected at least 1'),
        ({'action_scale': [1.0]}, 'action_scale has 1 entries; expected 3'),
        ({'action_scale': [1.0, 0.0, 1.0]}, r'action_scale\[1\] is 0; expected above 0'),
        (
            {'action_scale': [1.0, float('inf'), 1.0]},
            r'action_scale\[1\] is inf; expected a finite',
        ),
        (
            {'joints': ['../a', 'b']},
            r"joints\[0\] is '../a'; expected small letters, digits and _",
        ),
        ({'joints': ['A', 'b']}, r"joints\[0\] is 'A'"),
        ({'joints': ['a', '']}, r"joints\[1\] is ''"),
        ({'joints': ['a', 'b\n']}, r'joints\[1\] is'),
        ({'gripper': ['a/b']}, r"gripper\[0\] is 'a/b'"),
        ({'cameras': {'../front': CameraSpec()}}, "the name of cameras is '../front'"),
        ({'cameras': {'front.left': CameraSpec()}}, "the name of cameras is 'front.left'"),
        ({'joints': ['a', 'a']}, 'names repeat'),
        ({'gripper': ['a']}, 'names repeat'),
        ({'rate': 0.0}, 'rate is 0; expected at least 2, at most 1000'),
        ({'rate': -1.0}, 'rate is -1; expected at least 2'),
        ({'rate': float('nan')}, 'rate is nan; expected a finite number'),
        ({'proprioception': ['torque']}, "'torque'.*Valid: position, velocity"),
        ({'proprioception': ['position'] * 2}, 'proprioception is .*; expected each word once'),
    ],
)
def test_a_contradiction_is_refused_with_its_value(changes, says):
    with pytest.raises(ConfigError, match=says):
        replace(SPEC, **changes)


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        ({'height': 0}, 'height is 0; expected at least 1'),
        ({'width': -1}, 'width is -1; expected at least 1'),
        ({'width': 10**9}, 'width is 1000000000; expected at least 1, at most 2048'),
        ({'crop': [0, 0, 5]}, r'crop is \[0, 0, 5\]'),
        ({'crop': [-1, 0, 5, 5]}, 'crop'),
        ({'crop': [0, 0, 0, 5]}, 'crop'),
    ],
)
def test_an_impossible_camera_is_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        CameraSpec(**changes)


@pytest.mark.parametrize('data', [None, 'robot.yaml', ['a'], 7])
def test_what_is_no_mapping_is_no_spec(data):
    with pytest.raises(ConfigError, match='expected a mapping of its fields'):
        spec_from_dict(data)


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({'rate': '${oc.env:HOME}'}, 'neither'),
        ({'cameras': {'front': {'topic': '${oc.env:HOME}'}}}, 'neither'),
        ({'cameras': {'front': {'height': 0}}}, 'cameras.front.height is 0; expected at least 1'),
        ({'rate': -1}, 'rate is -1; expected at least 2'),
        ({'cameras': {'a/b': {}}}, "the name of cameras is 'a/b'"),
    ],
)
def test_a_spec_of_a_file_is_read_strictly(change, says):
    with pytest.raises(ConfigError, match=says):
        spec_from_dict(to_dict(SPEC) | change)


def test_every_mismatch_is_listed_and_topics_are_none():
    assert (
        spec_mismatches(
            SPEC, replace(SPEC, cameras={'front': CameraSpec(topic='/x'), 'more': CameraSpec()})
        )
        == []
    )
    robot = replace(SPEC, joints=['a', 'c'], rate=10.0, cameras={'front': CameraSpec(width=32)})
    assert spec_mismatches(SPEC, robot) == [
        "joints: policy has ['a', 'b'], robot has ['a', 'c']",
        'rate: policy has 20.0, robot has 10.0',
        "camera 'front' width: policy has 64, robot has 32",
    ]
    sums = replace(SPEC, action_scale=[0.1 + 0.7, 1.0, 1.0][: SPEC.action_size])
    scale = [0.8, 1.0, 1.0][: SPEC.action_size]
    assert f'policy has {scale}' in spec_mismatches(sums, SPEC)[0]
    blind = replace(SPEC, cameras={})
    assert spec_mismatches(SPEC, blind) == ["camera 'front': robot has only []"]


def test_an_empty_setup_is_known_only_beside_a_robot_without_a_name():
    named, hand = Setup(robot='franka'), Setup(views={'front': 'wide'})
    assert not is_known(Setup(), named)
    assert is_known(Setup(), hand) and is_known(Setup(), Setup())
    assert is_known(hand, named) and is_known(named, hand)


def test_setups_differ_in_words():
    ours = Setup(robot='franka', profile='normal', views={'front': 'paper', 'wrist': 'wide'})
    assert setup_mismatches(ours, Setup(robot='franka')) == [
        "profile 'normal' and none",
        'views front=paper, wrist=wide and none',
    ]
