"""A .npz is unpacked only once its headers tell what is wanted, and then no further."""

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.errors import BundleError
from moto_core.policy.arrays import declared_arrays, pack_arrays, unpack_arrays
from moto_core.policy.signature import Tensor

ARRAYS = {
    'images': np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    'action': np.float32([[1.5, -2], [3, 4]]),
    'number': np.float32(7),
}
DECLARED = {
    'action': Tensor('float32', (2, 2)),
    'images': Tensor('uint8', (2, 4, 3)),
    'number': Tensor('float32', ()),
}


def zipped(members, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, **options)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version=(1, 0))
    return stream.getvalue()


def npy_of(header):
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header


def test_arrays_come_back_as_they_were_packed():
    data = pack_arrays(ARRAYS)
    assert declared_arrays(data) == DECLARED
    unpacked = unpack_arrays(data, DECLARED)
    assert unpacked.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(unpacked[name], array)
        assert unpacked[name].dtype == array.dtype
    assert pack_arrays(dict(reversed(ARRAYS.items()))) == data


def test_an_array_in_another_order_of_memory_is_packed_in_rows():
    turned = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    data = pack_arrays({'a': turned})
    unpacked = unpack_arrays(data, {'a': Tensor('float32', (2, 3))})
    np.testing.assert_array_equal(unpacked['a'], turned)


def test_objects_are_not_packed():
    with pytest.raises(ValueError, match='Object'):
        pack_arrays({'a': np.array([{}], object)})


def test_a_member_of_gigabytes_is_declared_and_not_unpacked(monkeypatch):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000), }\n"
    data = zipped([('a.npy', npy_of(header) + bytes(50_000_000))])
    assert len(data) < 60_000
    unpacked = []
    read = zipfile.ZipExtFile.read

    def counted(self, count=-1):
        part = read(self, count)
        unpacked.append(len(part))
        return part

    monkeypatch.setattr(zipfile.ZipExtFile, 'read', counted)
    assert declared_arrays(data) == {'a': Tensor('uint8', (1_000_000, 1000))}
    with pytest.raises(BundleError, match=r"'a' is not uint8 \(2, 3\) in"):
        unpack_arrays(data, {'a': Tensor('uint8', (2, 3))})
    assert sum(unpacked) < 1000


def test_an_array_of_as_many_bytes_but_another_shape_is_refused():
    data = pack_arrays({'a': np.zeros((2, 3), np.uint8)})
    with pytest.raises(BundleError, match=r"'a' is not uint8 \(3, 2\) in"):
        unpack_arrays(data, {'a': Tensor('uint8', (3, 2))})


def test_a_member_that_goes_on_after_its_array_is_refused():
    data = zipped([('a.npy', npy(np.zeros(3, np.uint8)) + bytes(1000))])
    with pytest.raises(BundleError, match=r"'a' is not uint8 \(3,\) in"):
        unpack_arrays(data, declared_arrays(data))


@pytest.mark.parametrize(
    'member, message',
    [
        (npy(np.array([{'a': 1}], object)), r"'a' is not a plain array: .*'\|O'"),
        (npy(np.asfortranarray(np.zeros((2, 3)))), "'a' is not a plain array: .*True"),
        (npy(np.zeros(2, [('x', 'u1')])), "'a' is not a plain array"),
        (npy_of(b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }\n"), 'not a plain'),
        (npy_of(b'(' * 60_000), 'not a plain array'),
        (b'\x93NUMPY\x03\x00' + npy(np.zeros(2))[8:], "'a' is not an array"),
        (b'', "'a' is not an array"),
        (b'cos\nsystem\n(S"ls"\ntR.', "'a' is not an array"),
    ],
)
def test_what_is_no_plain_array_is_refused(member, message):
    with pytest.raises(BundleError, match=message):
        declared_arrays(zipped([('a.npy', member)]))


def test_a_big_endian_array_is_told_by_its_own_name():
    data = zipped([('a.npy', npy(np.zeros(2, '>f4')))])
    assert declared_arrays(data) == {'a': Tensor('>f4', (2,))}


def test_names_that_are_no_arrays_or_repeat_are_refused():
    good = npy(np.zeros(1))
    with pytest.raises(BundleError, match=r"member 'a\.pkl' is no array"):
        declared_arrays(zipped([('a.pkl', good)]))
    with pytest.warns(UserWarning):
        twice = zipped([('a.npy', good), ('a.npy', good)])
    with pytest.raises(BundleError, match=r"member 'a\.npy' is no array, or there twice"):
        declared_arrays(twice)


def test_another_compression_is_refused():
    with pytest.raises(BundleError, match="'a' is compressed by method 14"):
        declared_arrays(zipped([('a.npy', npy(np.zeros(1)))], compress_type=zipfile.ZIP_LZMA))


def test_a_long_list_of_members_is_refused_before_it_is_read(monkeypatch):
    good = npy(np.zeros(1))
    many = zipped([(f'a{number}.npy', good) for number in range(65)])
    long = zipped([('a' * 20_000 + '.npy', good)])
    plain = zipped([('a.npy', good)])
    locator = plain[:-22] + b'PK\x06\x07' + bytes(16) + plain[-22:]
    commented = plain[:-2] + b'\x01\x00x'
    claimed = plain[:-2] + b'\x01\x00'
    monkeypatch.setattr(zipfile, 'ZipFile', None)
    for data in (many, long, commented, claimed, b'', b'not a zip' * 9):
        with pytest.raises(BundleError, match='not a file of at most 64 plain arrays'):
            declared_arrays(data)
    with pytest.raises(BundleError, match='zip64'):
        declared_arrays(locator)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_whatever_bytes_are_changed_it_is_read_or_refused(data):
    content = bytearray(pack_arrays(ARRAYS))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: len(content) - data.draw(st.sampled_from([0, 0, 0, 1, 30]))]
    try:
        unpack_arrays(bytes(content), declared_arrays(bytes(content)))
    except BundleError as error:
        assert str(error).isprintable() and len(str(error)) < 500
