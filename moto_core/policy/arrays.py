"""Plain arrays in a .npz: packed, and unpacked only once it is known how large they will be.

A .npz is a zip of .npy files, each a magic, a header that tells dtype and shape, and the data. A
small file may unpack to any size, so that the headers are read first and compared with what is
wanted; numpy's own reader would unpack whatever they tell. Errors are BundleErrors without a path.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from moto_core.errors import BundleError, one_line
from moto_core.policy.signature import Tensor

MAX_MEMBERS = 64  # of a file
MAX_DIRECTORY = 1 << 14  # [bytes] of the zip's list of members
END = struct.Struct('<4s4H2LH')  # the zip's last record: where that list is, and how long
DTYPES = {'|u1': 'uint8', '<f4': 'float32', '<f8': 'float64', '<i8': 'int64', '|b1': 'bool'}
HEADER = re.compile(
    r"\{'descr': '([<>|][biufc][0-9]{1,2})', 'fortran_order': False, "
    r"'shape': \(([0-9, ]{0,99})\), \} *\n"
)
UNREADABLE = (
    ValueError,
    TypeError,
    OSError,
    EOFError,
    RuntimeError,  # of zipfile, for an encrypted member
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns a compressed .npz; the same arrays give the same bytes. Objects: ValueError."""
    stream = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(arrays[name], order='C') for name in sorted(arrays)}
    objects = [name for name, array in plain.items() if array.dtype.hasobject]
    if objects:
        raise ValueError(f'Object arrays cannot be saved: {", ".join(objects)}')
    np.savez_compressed(stream, **plain)  # before numpy 2.1 allow_pickle is an array's name here
    return stream.getvalue()


def declared_arrays(data: bytes) -> dict[str, Tensor]:
    """Returns what each array of a .npz tells of itself; none is unpacked."""
    with _open(data) as archive:
        return {name: _header(archive, name)[0] for name in _names(archive)}


def unpack_arrays(data: bytes, expected: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns the arrays of a .npz whose `declared_arrays` were found to be `expected`."""
    with _open(data) as archive:
        return {name: _array(archive, name, tensor) for name, tensor in expected.items()}


@contextmanager
def _open(data: bytes) -> Iterator[zipfile.ZipFile]:
    """Opens a zip once its list of members is known to be short."""
    end = END.unpack(data[-END.size :]) if len(data) >= END.size else (b'',)
    if end[0] != b'PK\x05\x06' or end[4] > MAX_MEMBERS or end[5] > MAX_DIRECTORY or end[7] != 0:
        raise BundleError(f'is not a file of at most {MAX_MEMBERS} plain arrays')
    if data[-END.size - 20 :].startswith(b'PK\x06\x07'):  # where a longer list is
        raise BundleError('is a zip64 archive; expected what numpy.savez writes')
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive
    except UNREADABLE as error:
        raise BundleError(f'is not a file of plain arrays: {one_line(error)}') from error


def _names(archive: zipfile.ZipFile) -> list[str]:
    members = archive.infolist()
    names = [member.filename.removesuffix('.npy') for member in members]
    for member, name in zip(members, names):
        if member.filename != f'{name}.npy' or names.count(name) > 1:
            raise ValueError(f'the member {ascii(member.filename)} is no array, or there twice')
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f'{ascii(name)} is compressed by method {member.compress_type}')
    return names


def _header(archive: zipfile.ZipFile, name: str) -> tuple[Tensor, int]:
    """Returns what a member's first bytes tell, and how many they are."""
    with archive.open(f'{name}.npy') as member:
        magic = member.read(10)
        if len(magic) != 10 or magic[:8] != b'\x93NUMPY\x01\x00':
            raise ValueError(f'{ascii(name)} is not an array')
        size = int.from_bytes(magic[8:], 'little')
        text = member.read(size).decode('latin1')
    found = HEADER.fullmatch(text)
    if found is None:
        raise ValueError(f'{ascii(name)} is not a plain array: {ascii(text[:80].strip())}')
    shape = tuple(int(part) for part in found[2].split(',') if part.strip())
    return Tensor(DTYPES.get(found[1], found[1]), shape), len(magic) + size


def _array(archive: zipfile.ZipFile, name: str, expected: Tensor) -> np.ndarray:
    found, begin = _header(archive, name)
    size = begin + prod(expected.shape) * np.dtype(expected.dtype).itemsize
    if found != expected or archive.getinfo(f'{name}.npy').file_size != size:
        raise ValueError(f'{ascii(name)} is not {expected} in {size} bytes')
    with archive.open(f'{name}.npy') as member:
        return np.lib.format.read_array(member, allow_pickle=False)
