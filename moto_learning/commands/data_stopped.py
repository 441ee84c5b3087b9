"""What `moto-data stopped` does once its arguments are read: a page of why the arm was stopped.

In: the arguments and a console. Out: a line a black box, the page of the one that was asked for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from moto_core.episodes.black_box import black_boxes, read_black_box, read_stop
from moto_core.episodes.layout import EPISODES
from moto_core.errors import DatasetError, EpisodeError
from moto_learning.report.stopped_page import why, write_stopped_page


def stopped(args: argparse.Namespace, console: Console) -> int:
    """Lists the black boxes of a dataset, the newest first, and writes the page of one."""
    root = Path(args.dataset)
    if not (root / EPISODES).is_dir():
        raise DatasetError(f"no dataset at '{root}'; expected a folder with episodes/ in it")
    folders = black_boxes(root)
    if not folders:
        console.print(f"nothing has stopped the arm that '{root}' knows of", soft_wrap=True)
        return 0
    if args.number > len(folders):
        raise DatasetError(f'{args.number} is none of the {len(folders)} stops; 1 is the newest')
    damaged = 0
    for number, folder in enumerate(folders, 1):
        try:
            line = why(read_stop(folder))
        except EpisodeError as error:
            damaged, line = damaged + 1, str(error)
        console.print(f'{number}  {folder.name}  {line}', soft_wrap=True)
    box = read_black_box(folders[args.number - 1])
    console.print(f'why it stopped: {write_stopped_page(box)}', soft_wrap=True)
    return 1 if damaged else 0
