"""What `--show-config` prints: each setting as `key=value`, and where the value comes from.

In: Settings of explain_config. Out: lines on stdout, ready to be pasted as overrides.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import yaml

from moto_core.config import Setting


def print_settings(settings: Sequence[Setting]) -> None:
    """Prints the settings in order, the sources in a column of their own."""
    pairs = [(f'{setting.key}={_flow(setting.value)}', setting.source) for setting in settings]
    width = max(len(text) for text, _ in pairs)
    for text, source in pairs:
        sys.stdout.write(f'{text:<{width}}  {source}\n')


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix('\n').removesuffix('\n...')
