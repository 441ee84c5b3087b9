"""What `ros2 launch` was told, of which launch itself ignores what no launch file declares.

In: launch's configurations, the words of the command line. Out: {name: text} of those that are
ours, as they were given and without defaults, or a ConfigError that names the nearest. Nothing
here imports launch.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

LAUNCHS_OWN = (  # what launch and launch_ros read of their configurations
    'launch-prefix',
    'launch-prefix-filter',
    'emulate_tty',
    'global_params',
    'ros_namespace',
    'ros_params',
    'ros_remaps',
)
ALIKE = 0.8  # of two names that one may be meant by the other


def typed_names(file: str, line: Sequence[str], words: Sequence[str]) -> set[str]:
    """Returns the names of a person's own arguments: none if another launch file was started.

    `line` is the command line, `words` its `name:=value`. Of what a launch file is given that
    includes ours, nobody but that file can say for whom it is.
    """
    if Path(file).name not in {Path(word).name for word in line}:
        return set()
    return {word.partition(':=')[0] for word in words}


def ours(
    configurations: Mapping[str, str],
    typed: Collection[str],
    known: Collection[str],
    check: Callable[[str], None],
) -> dict[str, str]:
    """Returns the arguments that are `known`, or dotted as a setting in a mapping is.

    `check` raises ConfigError for a name that is not ours; it is asked about every one that was
    typed.
    """
    given = {name: value for name, value in configurations.items() if name not in LAUNCHS_OWN}
    for name in given:
        if name in typed:
            check(name)
    parts = {name.partition('.')[0] for name in known if '.' in name}
    return {
        name: value
        for name, value in given.items()
        if name in known or name in typed or name.partition('.')[0] in parts
    }


def lookalikes(
    configurations: Mapping[str, str], typed: Collection[str], known: Collection[str]
) -> list[str]:
    """Returns a sentence for every name of another launch file that may be a misspelt one."""
    found = []
    for name in configurations:
        if name in known or name in typed or name in LAUNCHS_OWN:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=ALIKE)
        if near:
            found.append(f"argument '{name}' is none of moto's; '{near[0]}' is")
    return found
