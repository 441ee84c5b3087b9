"""What makes torch fast on a processor; called once by a command, before training."""

from __future__ import annotations

import ctypes
import os

import torch

from moto_learning import processes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's mallopt
KEEP = 2**31 - 1  # [bytes] of freed memory kept for the next update


def use_processor(threads: int = 0) -> None:
    """Sets torch's threads (0: one for each core that is this process's), drops denormals, keeps
    freed memory.

    An update frees and takes hundreds of megabytes; handing them back to the system each time
    costs a tenth of it in page faults. If the C library has no mallopt nothing changes.
    """
    torch.set_num_threads(threads or max(1, (os.cpu_count() or 1) // processes.here()))
    torch.set_flush_denormal(True)
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)  # else blocks above 32 MiB go back to the system when freed
        mallopt(M_TRIM_THRESHOLD, KEEP)
