"""What a policy sees, and whether it is fresh enough to act on."""

import numpy as np
import pytest

from moto_core.errors import ObservationError
from moto_core.observation import GateLimits, gate, preprocess, proprioception
from moto_core.spec import CameraSpec, Spec

MS = 1_000_000  # [ns]
NOW = 1_000_000 * MS


def image(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_an_image_of_the_right_size_is_a_copy():
    raw = image(64, 64)
    seen = preprocess(raw, CameraSpec())
    assert (seen == raw).all()
    assert not np.shares_memory(seen, raw)
    assert not np.shares_memory(preprocess(raw[:, ::-1], CameraSpec()), raw)


def test_resizing_averages_areas():
    raw = np.zeros((4, 4, 3), np.uint8)
    raw[:2, :2] = [[[10], [20]], [[30], [40]]]
    seen = preprocess(raw, CameraSpec(height=2, width=2))
    assert seen[:, :, 0].tolist() == [[25, 0], [0, 0]]
    assert seen.dtype == np.uint8


def test_a_wider_image_is_cropped_in_its_middle():
    raw = np.zeros((2, 6, 3), np.uint8)
    raw[:, 2:4] = 200  # columns 2 and 3 are the centred square
    assert (preprocess(raw, CameraSpec(height=2, width=2)) == 200).all()


def test_a_given_crop_is_taken_before_resizing():
    raw = image(20, 30)
    seen = preprocess(raw, CameraSpec(height=4, width=5, crop=[3, 7, 4, 5]))
    assert (seen == raw[3:7, 7:12]).all()


@pytest.mark.parametrize('size', [(480, 640), (1, 1), (1, 1000), (63, 65), (7, 5)])
def test_every_size_gives_the_cameras_size(size):
    for camera in (CameraSpec(), CameraSpec(height=64, width=6)):
        seen = preprocess(image(*size), camera)
        assert seen.shape == (camera.height, camera.width, 3)
        assert seen.dtype == np.uint8
        assert seen.flags.c_contiguous


@pytest.mark.parametrize(
    'raw',
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_what_is_no_colour_image_is_refused_with_what_it_is(raw):
    with pytest.raises(ObservationError, match=r'expected \(H, W, 3\) uint8 RGB') as caught:
        preprocess(raw, CameraSpec())
    assert str(raw.dtype) in str(caught.value)


def test_a_crop_outside_the_image_is_refused():
    with pytest.raises(ObservationError, match='outside the image'):
        preprocess(image(10, 10), CameraSpec(crop=[5, 5, 6, 5]))


def spec(*parts):
    return Spec(joints=['a', 'b'], action_scale=[1.0, 1.0], proprioception=list(parts))


def test_proprioception_has_the_specs_parts_in_the_specs_order():
    position, velocity = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    both = proprioception(spec('velocity', 'position'), position, velocity)
    assert both.tolist() == [3.0, 4.0, 1.0, 2.0]
    assert both.dtype == np.float32
    assert proprioception(spec('position'), position, velocity).tolist() == [1.0, 2.0]
    assert proprioception(spec(), position, velocity) is None


@pytest.mark.parametrize(
    'position',
    [
        np.zeros(3),
        np.zeros((1, 2)),
        np.array([0.0, np.nan]),
        np.array([-np.inf, 0.0]),
        [0.0, 1e39],
    ],
)
def test_proprioception_of_a_wrong_size_or_not_finite_is_refused(position):
    with pytest.raises(ObservationError, match='expected 2 finite'):
        proprioception(spec('position'), position, np.zeros(2))


def test_fresh_stamps_pass_the_gate():
    cameras = {'front': NOW - 30 * MS, 'wrist': NOW - 70 * MS}
    assert gate(cameras, NOW - 90 * MS, NOW, GateLimits()) == ()


@pytest.mark.parametrize(
    ('front', 'wrist', 'joints', 'reasons'),
    [
        (101, 90, 0, ('front:stale',)),
        (0, 0, 101, ('joint_states:stale',)),
        (-21, 0, 0, ('front:future',)),
        (-20, 0, 0, ()),
        (100, 51, 0, ()),
        (60, 9, 0, ('cameras:skew',)),
        (None, 0, 0, ('front:missing',)),
        (0, 0, None, ('joint_states:missing',)),
        (None, 200, 300, ('front:missing', 'wrist:stale', 'joint_states:stale')),
    ],
)
def test_the_gate_names_what_is_off(front, wrist, joints, reasons):
    stamps = [None if age is None else NOW - age * MS for age in (front, wrist, joints)]
    cameras = {'front': stamps[0], 'wrist': stamps[1]}
    assert gate(cameras, stamps[2], NOW, GateLimits()) == reasons
