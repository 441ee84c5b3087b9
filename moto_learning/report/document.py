"""A document whose tables and pictures are made from results.

    <!-- results: success moto from metaworld -->
    what the block `success` makes for the row moto of results/metaworld.json
    <!-- end -->

Without `from` a block takes all results. In: the document's text, files of results. Out: the text
with every block made anew, and the pictures that it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from moto_core.errors import ConfigError, unknown_name
from moto_learning.report.markdown import Block, picture
from moto_learning.report.result_promise import promise
from moto_learning.report.result_runs import runs
from moto_learning.report.result_success import less_data, objects, rows, success
from moto_learning.report.results import Kept, merge
from moto_learning.report.results_file import read_results

BEGIN, END = '<!-- results: ', '<!-- end -->'
MARKS = re.compile(f'({BEGIN}([^\\n]+) -->)\\n(.*?)({END})', re.DOTALL)
KINDS: dict[str, Callable[[Sequence[Kept], Sequence[str]], Block]] = {
    'success': success,
    'rows': rows,
    'less-data': less_data,
    'objects': objects,
    'promise': promise,
    'runs': runs,
}
IMAGES = Path('images', 'results')  # beside the document
NOTHING = 'Not measured yet.'


def read_all(folder: Path) -> dict[str, list[Kept]]:
    """Returns the runs of each file of results in a folder, by the file's name."""
    return {path.stem: read_results(path) for path in sorted(folder.glob('*.json'))}


def new_document() -> str:
    """Returns a document with a block of every kind."""
    return '# Results\n' + ''.join(f'\n<!-- results: {kind} -->\n<!-- end -->\n' for kind in KINDS)


def fill(text: str, results: Mapping[str, Sequence[Kept]]) -> tuple[str, dict[str, Figure]]:
    """Returns the document with every block made from the results, and its figures by file name.

    Results that a block names and that are not there are none yet. Raises ConfigError for a block
    of an unknown kind or without an end, and for results that contradict each other.
    """
    figures: dict[str, Figure] = {}

    def made(found: re.Match[str]) -> str:
        begin, words, old, end = found.groups()
        if BEGIN in old:
            raise ConfigError(f"the block '{words}' has no '{END}' of its own")
        kind, *about = words.split()
        if kind not in KINDS:
            raise ConfigError(unknown_name('block of results', kind, KINDS))
        place = about.index('from') if 'from' in about else len(about)
        asked, names = about[:place], about[place + 1 :] or list(results)
        kept = merge(one for name in names for one in results.get(name, ()))
        block = KINDS[kind](kept, asked)
        parts = [begin, block.text.strip() or NOTHING, end]
        if block.figure is not None:
            file = re.sub(r'[^a-z0-9_-]+', '-', '-'.join(words.split())) + '.svg'
            figures[file] = block.figure
            parts.insert(2, picture(block.words, (IMAGES / file).as_posix()))
        return '\n\n'.join(parts)

    filled = MARKS.sub(made, text)
    if text.count(BEGIN) > len(MARKS.findall(text)):
        raise ConfigError(f"a block of results has no '{END}' after it")
    return filled, figures
