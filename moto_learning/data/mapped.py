"""Arrays in files, mapped into memory without a file descriptor that stays open.

In: a .npy file. Out: a read-only array. numpy's and Python's own maps keep a descriptor each, and
a process may have 1,024 of them; of maps without one Linux allows 65,530.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from pathlib import Path

import numpy as np

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_FAILED = ctypes.c_void_p(-1).value


def map_array(path: Path) -> np.ndarray:
    """Returns a .npy file's array, read-only and in the page cache alone; it closes the file.

    Raises ValueError if the file is no whole .npy file, OSError if it cannot be opened or mapped.
    """
    with path.open('rb') as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"'{path.name}' is of another .npy version than 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        begin, size = stream.tell(), os.fstat(stream.fileno()).st_size
        count = int(np.prod(shape))
        if fortran or dtype.hasobject or size != begin + count * dtype.itemsize:
            raise ValueError(f"'{path.name}' has {size} bytes; its header says otherwise")
        whole = _map(stream.fileno(), size)
    return np.frombuffer(memoryview(whole).toreadonly(), dtype, count, begin).reshape(shape)


def _map(descriptor: int, size: int) -> ctypes.Array[ctypes.c_ubyte]:
    """Returns the file's bytes; they are unmapped when the last array over them is gone."""
    place = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if place == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, f'cannot map {size} bytes: {os.strerror(number)}')
    whole = (ctypes.c_ubyte * size).from_address(place)
    weakref.finalize(whole, _libc.munmap, place, size).atexit = False
    return whole
