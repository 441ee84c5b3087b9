import array
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

from moto_core.errors import ObservationError
from moto_core.ros_image import CHANNELS, decompress, to_rgb
from moto_ros.wire.convert import check_size, from_rgb, image_converter, round_trip, to_ns, to_time

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'rgba8', 'bgra8'])
def test_every_colour_encoding_comes_back_as_it_was(encoding):
    assert np.array_equal(to_rgb(from_rgb(IMAGE, 0, encoding=encoding)), IMAGE)


def test_mono_becomes_three_equal_channels():
    grey = np.repeat(IMAGE[..., :1], 3, axis=2)
    assert np.abs(to_rgb(from_rgb(grey, 0, encoding='mono8')).astype(int) - grey).max() <= 1


def test_a_bgr_message_has_its_bytes_in_that_order():
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 200
    assert list(from_rgb(red, 0, encoding='bgr8').data) == [0, 0, 200]


@pytest.mark.parametrize('encoding', CHANNELS)
@pytest.mark.parametrize('padding', [1, 2, 5, 64])
def test_padded_rows_do_not_skew_the_image(encoding, padding):
    plain = from_rgb(IMAGE, 0, encoding=encoding)
    rows = np.frombuffer(plain.data, np.uint8).reshape(5, -1)
    padded = from_rgb(IMAGE, 0, encoding=encoding)
    data = np.concatenate([rows, np.full((5, padding), 255, np.uint8)], axis=1)
    padded.step, padded.data = data.shape[1], array.array('B', data.tobytes())
    assert np.array_equal(to_rgb(padded), to_rgb(plain))


def test_rgb_is_read_without_a_copy():
    message = from_rgb(IMAGE, 0)
    assert np.shares_memory(to_rgb(message), np.frombuffer(message.data, np.uint8))


def test_a_big_endian_flag_changes_nothing_for_bytes():
    message = from_rgb(IMAGE, 0)
    message.is_bigendian = 1
    assert np.array_equal(to_rgb(message), IMAGE)


def test_an_unknown_encoding_is_named_with_the_known_ones():
    message = from_rgb(IMAGE, 0)
    message.encoding = '16UC1'
    with pytest.raises(ObservationError, match="'16UC1'.*expected one of rgb8, bgr8"):
        to_rgb(message)


def test_a_short_buffer_is_refused_with_both_sizes():
    message = from_rgb(IMAGE, 0)
    message.data = message.data[:-1]
    with pytest.raises(ObservationError, match='104 bytes; expected .* 105 bytes'):
        to_rgb(message)


def test_a_step_below_the_row_is_refused_with_both():
    message = from_rgb(IMAGE, 0)
    message.step = 20
    with pytest.raises(ObservationError, match='step 20 .*expected a step of at least 21'):
        to_rgb(message)


def test_a_camera_below_the_policys_size_is_refused_with_both_sizes():
    with pytest.raises(ObservationError, match="'front' sends 7 x 5 px; .* 64 x 64"):
        check_size(IMAGE, 64, 64, 'front')


def test_a_float_image_is_refused():
    with pytest.raises(ObservationError, match='float64; expected'):
        from_rgb(IMAGE / 255.0, 0)


def test_a_compressed_image_comes_back_in_rgb():
    data = cv2.imencode('.png', cv2.cvtColor(IMAGE, cv2.COLOR_RGB2BGR))[1].tobytes()
    message = CompressedImage(format='png', data=array.array('B', data))
    assert np.array_equal(decompress(message), IMAGE)


def test_a_damaged_compressed_image_is_refused():
    with pytest.raises(ObservationError, match="4 bytes, format 'jpeg'"):
        decompress(CompressedImage(format='jpeg', data=array.array('B', b'abcd')))


def test_stamps_keep_their_nanoseconds():
    assert to_ns(to_time(1_763_000_000_123_456_789)) == 1_763_000_000_123_456_789


def test_the_round_trip_rejects_a_converter_that_skews_or_swaps_or_breaks():
    assert round_trip(to_rgb)
    assert not round_trip(lambda m: np.frombuffer(m.data, np.uint8)[:45].reshape(3, 5, 3))
    assert not round_trip(lambda m: to_rgb(m)[..., ::-1])
    assert not round_trip(lambda m: 1 / 0)


def test_whatever_cv_bridge_raises_is_an_error_that_names_found_and_expected(monkeypatch):
    class CvBridge:
        def imgmsg_to_cv2(self, message, desired_encoding):
            if message.encoding == '16UC1':
                raise TypeError('conversion is not possible')
            return to_rgb(message)

    monkeypatch.setitem(sys.modules, 'cv_bridge', SimpleNamespace(CvBridge=CvBridge))
    convert, name = image_converter()
    assert name == 'cv_bridge'
    message = from_rgb(np.zeros((2, 3, 3), np.uint8), 0)
    assert convert(message).shape == (2, 3, 3)
    message.encoding = '16UC1'
    with pytest.raises(ObservationError, match="3 x 2 px, encoding '16UC1'; expected one of rgb8"):
        convert(message)


def test_without_a_sound_cv_bridge_the_converter_is_ours():
    convert, name = image_converter()
    assert name == 'cv_bridge' or convert is to_rgb
