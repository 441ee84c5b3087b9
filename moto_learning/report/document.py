"""A document whose tables and pictures are made from results.

    <!-- results: success moto from metaworld -->
    what the block `success` makes for the row moto of results/metaworld.json
    <!-- end -->

Without `from` a block takes all results. What it names must be known: a row or a task of the paper
or of the results, a file of results that is there or that a command in the document gathers.
In: the document's text, files of results. Out: the text with every block made anew, and the
pictures that it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from moto_core.errors import ConfigError, unknown_name
from moto_learning.report.markdown import Block, picture
from moto_learning.report.paper import NAMES, paper_tasks
from moto_learning.report.result_gap import gap
from moto_learning.report.result_promise import promise
from moto_learning.report.result_runs import runs
from moto_learning.report.result_success import less_data, objects, rows, settings, success
from moto_learning.report.results import Kept, merge
from moto_learning.report.results_file import read_results


class Kind(NamedTuple):
    """A block that can be asked for."""

    make: Callable[[Sequence[Kept], Sequence[str]], Block]
    about: str  # what its words name: 'row', 'task' or '' for none


BEGIN, END = '<!-- results: ', '<!-- end -->'
MARKS = re.compile(f'({BEGIN}([^\\n]+) -->)\\n(.*?)({END})', re.DOTALL)
KINDS: dict[str, Kind] = {
    'success': Kind(success, 'row'),
    'rows': Kind(rows, 'task'),
    'less-data': Kind(less_data, 'task'),
    'settings': Kind(settings, 'task'),
    'objects': Kind(objects, 'task'),
    'gap': Kind(gap, 'task'),
    'promise': Kind(promise, 'task'),
    'runs': Kind(runs, ''),
}
GATHERED = re.compile(r'--out \S*?([\w.-]+)\.json')  # by a command of the document
IMAGES = Path('images', 'results')  # beside the document
NOTHING = 'Not measured yet.'


def read_all(folder: Path) -> dict[str, list[Kept]]:
    """Returns the runs of each file of results in a folder, by the file's name."""
    return {path.stem: read_results(path) for path in sorted(folder.glob('*.json'))}


def new_document() -> str:
    """Returns a document with a block of every kind."""
    return '# Results\n' + ''.join(f'\n<!-- results: {kind} -->\n<!-- end -->\n' for kind in KINDS)


def fill(
    text: str, results: Mapping[str, Sequence[Kept]], document: str = 'the document'
) -> tuple[str, dict[str, Figure]]:
    """Returns the document with every block made from the results, and its figures by file name.

    Raises ConfigError, with the document and the line, for a block without an end and one that
    names what nobody knows, and for results that contradict each other.
    """
    figures: dict[str, Figure] = {}
    known = _known(text, results)

    def made(found: re.Match[str]) -> str:
        begin, words, old, end = found.groups()
        line = text.count('\n', 0, found.start()) + 1
        try:
            if BEGIN in old:
                raise ConfigError(f"the block '{words}' has no '{END}' of its own")
            kind, asked, names = _asked(words, known)
        except ConfigError as error:
            raise ConfigError(f'{document}, line {line}: {error}') from error
        kept = merge(one for name in names or results for one in results.get(name, ()))
        block = kind.make(kept, asked)
        parts = [begin, block.text.strip() or NOTHING, end]
        missing = [f'results/{name}.json' for name in names if name not in results]
        if missing and block.text.strip():
            parts.insert(2, f'Not measured yet: {", ".join(missing)}.')
        if block.figure is not None:
            file = re.sub(r'[^a-z0-9_-]+', '-', '-'.join(words.split())) + '.svg'
            figures[file] = block.figure
            parts.insert(2, picture(block.words, (IMAGES / file).as_posix()))
        return '\n\n'.join(parts)

    filled = MARKS.sub(made, text)
    if text.count(BEGIN) > len(MARKS.findall(text)):
        raise ConfigError(f"{document}: a block of results has no '{END}' after it")
    return filled, figures


def _known(text: str, results: Mapping[str, Sequence[Kept]]) -> dict[str, set[str]]:
    """Returns the rows, tasks and files of results that a block may name."""
    kept = [run for runs in results.values() for run in runs]
    promised = {one.task for run in kept for one in run.promises}
    return {
        'row': {*NAMES, *(run.row for run in kept)},
        'task': {*paper_tasks(), *(run.task for run in kept), *promised},
        'file of results': {*results, *GATHERED.findall(text)},
        '': set(),
    }


def _asked(words: str, known: Mapping[str, set[str]]) -> tuple[Kind, list[str], list[str]]:
    """Returns a block's kind, the rows or tasks that it asks for, and the files of results."""
    name, *about = words.split()
    if name not in KINDS:
        raise ConfigError(unknown_name('block of results', name, KINDS))
    place = about.index('from') if 'from' in about else len(about)
    kind, asked, names = KINDS[name], about[:place], about[place + 1 :]
    if asked and not kind.about:
        raise ConfigError(f"the block '{name}' takes no words but from; it has '{asked[0]}'")
    for what, found in ((kind.about, asked), ('file of results', names)):
        for one in found:
            if one not in known[what]:
                raise ConfigError(unknown_name(what, one, known[what]))
    return kind, asked, names
