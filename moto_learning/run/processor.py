"""What makes torch fast on a processor; called once by a command, before training."""

from __future__ import annotations

import ctypes
import os

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
KEEP = 2**31 - 1  # [bytes] of freed memory kept for the next update
LARGEST = 32 * 2**20  # [bytes] the largest block that glibc lets be kept


def use_processor(threads: int = 0) -> None:
    """Sets torch's threads (0: one for each core), drops denormals, keeps freed memory.

    An update frees and takes hundreds of megabytes; handing them back to the system each time
    costs a tenth of it in page faults. If the C library has no mallopt nothing changes.
    """
    torch.set_num_threads(threads or os.cpu_count() or 1)
    torch.set_flush_denormal(True)
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, KEEP)
