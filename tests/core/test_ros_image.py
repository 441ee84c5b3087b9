"""Compressed images tell their size before anything of them is unpacked."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from moto_core.errors import ObservationError
from moto_core.ros_image import decompress

IMAGE = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)


def message(data, form='jpeg'):
    return SimpleNamespace(data=data, format=form)


def encoded(form, image=IMAGE):
    return cv2.imencode(form, image)[1].tobytes()


@pytest.mark.parametrize('form', ['.png', '.jpg'])
def test_the_channels_come_as_rgb(form):
    image = np.full((16, 24, 3), (10, 20, 200), np.uint8)  # as OpenCV has it: blue, green, red
    found = decompress(message(encoded(form, image)))
    assert found.shape == (16, 24, 3) and np.abs(found - np.array([200.0, 20, 10])).max() < 4


def test_filled_up_and_bare_markers_of_jpeg_are_passed_over():
    data = encoded('.jpg')
    filled = data[:2] + b'\xff\xff\xd0\xff' + data[2:]
    assert data[2:3] == b'\xff'
    with pytest.raises(ObservationError, match='40000 x 40000 px of 8 bits; expected 8 bits'):
        decompress(message(resized(filled, 40_000)))


def resized(data, side):
    """A JPEG whose frame claims another size."""
    at = data.index(b'\xff\xc0') + 5
    return data[:at] + 2 * side.to_bytes(2, 'big') + data[at + 4 :]


def test_an_image_that_is_too_large_or_too_deep_is_not_unpacked():
    with pytest.raises(ObservationError, match='is 65535 x 65535 px of 8 bits'):
        decompress(message(resized(encoded('.jpg'), 65_535)))
    with pytest.raises(ObservationError, match='is 24 x 16 px of 16 bits; expected 8 bits'):
        decompress(message(encoded('.png', IMAGE.astype(np.uint16) * 256), 'png'))


@pytest.mark.parametrize(
    'data', [b'', b'\xff\xd8', b'\xff\xd8\xff\xe0\x00', b'GIF89a', b'\xff\xd8abc']
)
def test_what_is_neither_jpeg_nor_png_is_named(data):
    with pytest.raises(ObservationError, match=f'of {len(data)} bytes, format .jpeg., cannot be'):
        decompress(message(data))


def chunk(kind, data=b''):
    return len(data).to_bytes(4, 'big') + kind + data + bytes(4)


@pytest.mark.parametrize(
    'extra', [chunk(b'acTL', bytes(8)), encoded('.png')[8:33], b'\xf0\0\0\0tEXt']
)
def test_a_png_of_other_chunks_than_one_image_has_is_not_unpacked(extra):
    data = encoded('.png')
    with pytest.raises(ObservationError, match='cannot be decoded; expected JPEG or PNG'):
        decompress(message(data[:33] + extra + data[33:], 'png'))
    assert decompress(message(data + b'padding')).shape == (16, 24, 3)
