"""Which machine this is, in words: part of every checkpoint and every report."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch


@cache
def machine_name() -> str:
    """Returns the GPU's name, or 'cpu, ' with the number of processors and their name."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    model = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.is_file():
        names = [
            line.split(':', 1)[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith('model name')
        ]
        model = f'{len(names)} x {names[0]}' if names else model
    return f'cpu, {model}'
