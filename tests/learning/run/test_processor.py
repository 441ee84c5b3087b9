"""What an update frees is there for the next one, large blocks too."""

import ctypes
import subprocess
import sys

import pytest

UPDATES = """
import resource, torch
from moto_learning.run.processor import use_processor

use_processor(1)
weight = torch.randn(2048, requires_grad=True)
data, faults = torch.randn(8192, 2048), []  # blocks of 64 MiB, beyond what glibc keeps by itself
for _ in range(20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    hidden = (data * weight).tanh()
    (hidden * weight).square().mean().backward()
    hidden = weight.grad = None
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[0], sum(faults[10:]))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'mallopt'), reason='another C library')
def test_ten_updates_touch_less_new_memory_than_the_first_one():
    found = subprocess.run(
        [sys.executable, '-c', UPDATES], capture_output=True, text=True, check=True
    )
    first, last = map(int, found.stdout.split())
    assert last < first
