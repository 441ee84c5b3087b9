import pytest
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from moto_core.errors import ObservationError
from moto_ros.wire.camera_headers import CameraHeaders


def header(frame, sec=1):
    return Header(frame_id=frame, stamp=Time(sec=sec))


def test_a_camera_keeps_the_frame_of_its_first_image():
    headers = CameraHeaders({})
    headers.check('front', header('a'))
    headers.check('front', header('a'))
    with pytest.raises(ObservationError, match="frame_id is 'b'; expected 'a'$"):
        headers.check('front', header('b'))


def test_a_camera_that_names_no_frame_is_taken_unless_one_is_asked_for():
    CameraHeaders({}).check('front', header(''))
    with pytest.raises(ObservationError, match="frame_id is ''; expected 'a'"):
        CameraHeaders({'front': 'a'}).check('front', header(''))


def test_swapped_cameras_are_named():
    headers = CameraHeaders({'front': 'a', 'wrist': 'b'})
    with pytest.raises(ObservationError, match="camera 'wrist' has that one, are the two swapped"):
        headers.check('front', header('b'))


def test_one_camera_on_two_topics_is_noticed():
    headers = CameraHeaders({})
    headers.check('front', header('a'))
    with pytest.raises(ObservationError, match="'a', which camera 'front' has too"):
        headers.check('wrist', header('a'))


def test_stamps_of_zero_are_said_for_as_long_as_they_last():
    headers = CameraHeaders({})
    headers.check('front', header('a', sec=0))
    headers.check('wrist', header('', sec=0))
    assert [sentence.split("'")[1] for sentence in headers.warnings()] == ['front', 'wrist']
    headers.check('front', header('a'))
    headers.check('wrist', header(''))
    assert headers.warnings() == []
