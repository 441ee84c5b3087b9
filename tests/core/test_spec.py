"""The agreement between policy and robot: sizes, hash, mismatches."""

from dataclasses import replace

import numpy as np
import pytest

from moto_core.config import to_dict
from moto_core.errors import ConfigError
from moto_core.spec import CameraSpec, Spec, spec_from_dict, spec_mismatches

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
        ({'joints': []}, 'joints is empty'),
        ({'action_scale': [1.0]}, 'action_scale has 1 entries; expected 3'),
        ({'action_scale': [1.0, 0.0, 1.0]}, 'above 0'),
        ({'action_scale': [1.0, float('inf'), 1.0]}, 'finite'),
        ({'joints': ['a', 'a']}, 'names repeat'),
        ({'gripper': ['a']}, 'names repeat'),
        ({'rate': 0.0}, 'rate is 0.0 Hz'),
        ({'rate': float('nan')}, 'rate is nan Hz'),
        ({'proprioception': ['torque']}, "'torque'.*valid: 'position', 'velocity'"),
    ],
)
def test_a_contradiction_is_refused_with_its_value(changes, says):
    with pytest.raises(ConfigError, match=says):
        replace(SPEC, **changes)


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        ({'height': 0}, 'camera is 0 x 64 px'),
        ({'width': -1}, 'camera is 64 x -1 px'),
        ({'crop': [0, 0, 5]}, r'crop is \[0, 0, 5\]'),
        ({'crop': [-1, 0, 5, 5]}, 'crop'),
        ({'crop': [0, 0, 0, 5]}, 'crop'),
    ],
)
def test_an_impossible_camera_is_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        CameraSpec(**changes)


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
    blind = replace(SPEC, cameras={})
    assert spec_mismatches(SPEC, blind) == ["camera 'front': robot has only []"]
