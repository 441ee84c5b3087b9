"""Which commit of the code runs."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path


@cache
def git_hash() -> str:
    """Returns the commit of the checkout this file is in, '+' if it was changed; '' without one.

    It is asked once a process: what runs is what was imported.
    """
    here = Path(__file__).resolve().parent
    options = ['--always', '--abbrev=40', '--exclude=*', '--dirty=+']
    try:
        found = subprocess.run(
            ['git', '-C', str(here), 'describe', *options],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ''
    return found.stdout.strip()
