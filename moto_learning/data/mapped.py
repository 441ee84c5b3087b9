"""Arrays in files, mapped into memory without a file descriptor that stays open.

In: a .npy file. Out: a read-only array. numpy's and Python's own maps keep a descriptor each, and
a process may have 1,024 of them; of maps without one Linux allows 65,530.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import weakref
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_FAILED = ctypes.c_void_p(-1).value


def map_array(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Returns a .npy file's array, read-only and in the page cache alone; it closes the file.

    Raises ValueError if the file is not what np.save writes of this type and shape (its header is
    compared, never followed), OSError if it cannot be opened or mapped.
    """
    header, count = _header(dtype, shape), math.prod(shape)
    with path.open('rb') as stream:
        size = os.fstat(stream.fileno()).st_size
        if size != len(header) + count * dtype.itemsize or stream.read(len(header)) != header:
            raise ValueError(f"'{path.name}' is no {dtype} of shape {shape}")
        whole = _map(stream.fileno(), size)
    values = np.frombuffer(memoryview(whole).toreadonly(), dtype, count, len(header))
    return values.reshape(shape)


@lru_cache(maxsize=1024)
def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Returns the bytes before the values in a .npy file."""
    stream = BytesIO()
    about = {'descr': np.lib.format.dtype_to_descr(dtype), 'fortran_order': False, 'shape': shape}
    np.lib.format.write_array_header_1_0(stream, about)
    return stream.getvalue()


def _map(descriptor: int, size: int) -> ctypes.Array[ctypes.c_ubyte]:
    """Returns the file's bytes; they are unmapped when the last array over them is gone."""
    place = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if place == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, f'cannot map {size} bytes: {os.strerror(number)}')
    whole = (ctypes.c_ubyte * size).from_address(place)
    weakref.finalize(whole, _libc.munmap, place, size).atexit = False
    return whole
