"""moto-results: what sweeps measured, kept in small files, and a document made from them.

In: folders of moto-sweep and of moto-train; then files of results. Out: results/<name>.json; the
tables and pictures of docs/results.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from moto_core.command import Parser, importing, output_file, output_folder, run_command

EXAMPLES = """examples:
  moto-results gather runs/sweep --out results/sweep.json
  moto-results write docs/results.md"""


def main(argv: Sequence[str] | None = None) -> int:
    """Gathers or writes; returns 0, 1 if a run was left out as contradicting, 2 or 130 as all."""
    return run_command(_parser, lambda args: args.action(args), argv)


def _gather(args: argparse.Namespace) -> int:
    with importing(args):
        from moto_core.errors import ConfigError
        from moto_learning.report.places import find_runs
        from moto_learning.report.results import add, grown, keep
        from moto_learning.report.results_file import read_results, write_results
        from moto_learning.report.rows import row_names
        from moto_learning.report.runs import read_run
    path = output_file('--out', args.out)
    if path.suffix != '.json':
        raise ConfigError(f"--out '{path}'; expected <name>.json, which moto-results write reads")
    places, problems = find_runs(map(Path, args.runs))
    runs = [read_run(place) for place in places]
    row_names(runs)  # refuses one seed twice
    kept, left_out = keep(runs, path.stem)
    said = (f"'{run.path}': {line}" for run in runs for line in run.problems)
    for line in (*problems, *left_out, *said):
        print(line)
    if not kept:
        raise ConfigError('no run was gathered: give folders of moto-train or moto-sweep')
    before = read_results(path) if path.exists() else []
    merged, contradicting = add(before, kept, args.replace)
    write_results(path, merged)
    for line in contradicting:
        print(line)
    new, more = grown(before, merged)
    print(
        f'{path}: {len(merged)} runs, {new} of them new, {more} with more evaluations than before'
    )
    return int(bool(contradicting) and not args.replace)


def _write(args: argparse.Namespace) -> int:
    with importing(args):
        from moto_core.durable import replace_synced
        from moto_core.errors import ConfigError
        from moto_learning.report.document import IMAGES, fill, new_document, read_all
        from moto_learning.report.figures import svg
    path, folder = output_file('the document', args.document), Path(args.results)
    if not folder.is_dir():
        raise ConfigError(
            f"--results '{folder}' is no folder: there is nothing to write '{path}' from; "
            'moto-results gather makes the files'
        )
    before = path.read_text(encoding='utf-8') if path.exists() else new_document()
    text, figures = fill(before, read_all(folder), str(path))
    if figures:
        images = output_folder('the pictures of', path.parent / IMAGES)
        for name, figure in figures.items():
            replace_synced(images / name, svg(figure))
    replace_synced(path, text.encode())
    print(f'{path}: {len(figures)} pictures')
    return 0


def _parser() -> Parser:
    parser = Parser('moto-results', __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest='command', required=True, metavar='command')
    part = commands.add_parser('gather', help='Keeps what runs and sweeps measured in one file.')
    part.add_argument('runs', nargs='+', metavar='RUN', help='folder of a run, or of a sweep')
    part.add_argument(
        '--out',
        required=True,
        metavar='FILE',
        help='results/<name>.json; what it holds already stays, and a run that says other numbers '
        'of it is left out (exit code 1)',
    )
    part.add_argument(
        '--replace',
        action='store_true',
        help='where they contradict, keep the new run and nothing of the one before: of a seed '
        'that was trained anew, on another machine for example',
    )
    part.set_defaults(action=_gather)
    part = commands.add_parser('write', help='Makes the tables and pictures of a document anew.')
    part.add_argument(
        'document',
        help='a Markdown file with blocks <!-- results: ... -->; one that is not there is made '
        'with a block of every kind',
    )
    part.add_argument(
        '--results',
        default='results',
        metavar='FOLDER',
        help='of the files (default: %(default)s)',
    )
    part.set_defaults(action=_write)
    return parser


if __name__ == '__main__':
    sys.exit(main())
