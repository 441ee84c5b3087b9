"""The table of a sweep and what its folder holds, from evaluations that lie there."""

import io

import pytest
from rich.console import Console

from moto_learning.commands.sweep_plan import Cell, cells_there
from moto_learning.commands.sweep_summary import summarize_sweep, sweep_table
from tests.learning.report.written_run import evaluation, write_lines


def evaluated(out, cell, *evaluations):
    cell.folder(out).mkdir(parents=True)
    write_lines(cell.folder(out) / 'evaluations.jsonl', evaluations)


def printed(summary):
    """The table's lines as they are written to a file, where rich has 80 columns."""
    stream = io.StringIO()
    Console(file=stream, width=80).print(sweep_table(summary))
    return stream.getvalue().splitlines()


@pytest.fixture
def out(tmp_path):
    """Three seeds of two tasks with long names, the third of them evaluated once less."""
    for task in ('metaworld-coffee-push', 'metaworld-disassemble'):
        for seed, k in enumerate((4, 8, 20)):
            later = [evaluation(20_000, 20)] if seed < 2 else []
            evaluated(tmp_path, Cell(task, 'no_bc_no_unc', seed), evaluation(0, k), *later)
    return tmp_path


def test_three_seeds_of_tasks_with_long_names_are_whole_lines_of_80_columns(out):
    lines = printed(summarize_sweep(cells_there(out), out))
    assert lines[0].strip() == 'tasks of metaworld' and len(lines) == 3 + 4
    assert max(map(len, lines)) <= 80
    first = 'coffee-push no_bc_no_unc 0 mode 32 of 60 0.00 to 1.00 0.20 0.40 1.00'
    assert ' '.join(lines[3].split()) == first
    # a seed that was not evaluated there keeps its place
    assert lines[4].split()[-4:] == ['1.00', '1.00', '1.00', '-']
    assert lines[5].split()[0] == 'disassemble'


def test_tasks_of_two_families_keep_their_whole_names(out):
    for seed in range(3):
        evaluated(out, Cell('kitchen-slide_cabinet', 'no_bc_no_unc', seed), evaluation(0, 20))
    lines = printed(summarize_sweep(cells_there(out), out))
    assert max(map(len, lines)) <= 80 and 'tasks of' not in lines[0]
    for task in ('metaworld-coffee-push', 'metaworld-disassemble', 'kitchen-slide_cabinet'):
        assert sum(line.startswith(f'{task} ') for line in lines) >= 1
    assert any('60 of 60' in line and '0.94 to 1.00' in line for line in lines)


def test_a_summary_of_the_folder_has_every_run_and_says_which_seeds_a_point_is_of(out):
    evaluated(out, Cell('metaworld-coffee-push', 'bc', 10), evaluation(0, 5))
    (out / 'data' / 'metaworld-coffee-push' / 'seedling').mkdir(parents=True)
    cells = cells_there(out)
    assert [cell.seed for cell in cells] == [10, 0, 1, 2, 0, 1, 2]
    found = [
        (line['row'], line['episodes'], line['seeds'], line['success']['k'])
        for line in summarize_sweep(cells, out)
        if line['task'] == 'metaworld-coffee-push'
    ]
    assert found == [
        ('bc', 0, [10], 5),
        ('no_bc_no_unc', 0, [0, 1, 2], 32),
        ('no_bc_no_unc', 200, [0, 1], 40),
    ]


def test_of_one_place_the_last_evaluation_counts(tmp_path):
    cell = Cell('kitchen-kettle', 'moto', 0)
    evaluated(
        tmp_path, cell, evaluation(0, 4), evaluation(0, 5), evaluation(0, 7, explore='sample')
    )
    found = summarize_sweep([cell], tmp_path)
    assert [(one['explore'], one['by_seed']) for one in found] == [
        ('mode', [0.25]),
        ('sample', [0.35]),
    ]
