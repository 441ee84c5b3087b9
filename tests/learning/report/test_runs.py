"""Runs are found and read as they are: whole, begun, damaged, of another version."""

import os

import pytest

from moto_learning.report import runs as module
from moto_learning.report.places import find_runs
from moto_learning.report.runs import read_run
from moto_learning.run.metrics import read_metrics
from tests.learning.report.written_run import (
    TASK,
    entry,
    evaluation,
    record,
    write_lines,
    write_run,
)
from tests.learning.run.saving import change_meta


def runs_in(*folders):
    places, problems = find_runs(folders)
    return [read_run(place) for place in places], problems


def test_runs_and_sweeps_are_found_each_run_once(tmp_path):
    for name in ('sweep/task-a/moto/seed10', 'sweep/task-a/moto/seed2', 'alone'):
        write_run(tmp_path / name)
    found, problems = find_runs([tmp_path / 'sweep', tmp_path / 'alone', tmp_path / 'sweep'])
    assert [place.path.name for place in found] == ['seed2', 'seed10', 'alone']
    assert [(place.task, place.row) for place in found] == [('task-a', 'moto')] * 2 + [('', '')]
    assert not problems


def test_a_folder_without_a_run_is_a_line_and_the_others_are_read(tmp_path):
    write_run(tmp_path / 'run')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'sweep' / 'task' / 'moto' / 'seed0').mkdir(parents=True)
    folders = [tmp_path / name for name in ('gone', 'empty', 'sweep', 'run')]
    found, problems = find_runs(folders)
    assert [place.path.name for place in found] == ['run']
    gone, empty, begun, sweep = problems
    assert "gone' is no folder" in gone
    assert "empty' holds no run" in empty and "sweep' holds no run" in sweep
    assert "seed0' has not begun" in begun


def test_a_run_tells_its_task_row_seed_and_what_it_wrote(tmp_path):
    path = write_run(
        tmp_path / 'run',
        'seed=3',
        'actor_critic.penalty.alpha=0',
        evaluations=[evaluation(0, 4)],
        entries=[entry(0)],
        metrics=[{'update': 1, 'phase': 'offline', 'time': 1.0}],
    )
    [run], _ = runs_in(path)
    assert (run.task, run.row, run.seed) == (TASK, 'no_unc', 3)
    assert run.meta['updates'] == 7
    assert [one.successes for one in run.evaluations] == [4]
    assert len(run.journal) == len(run.metrics) == 1
    assert run.problems == []


def test_the_task_is_the_datas_if_the_settings_name_none(tmp_path):
    data = record(tmp_path / 'data', 1, task='kitchen-kettle')
    path = write_run(tmp_path / 'run', 'collect.task=""', data=[data])
    [run], _ = runs_in(path)
    assert (run.task, run.data) == ('kitchen-kettle', [data])


def test_the_data_of_a_sweep_that_was_moved_is_found_beside_it(tmp_path):
    record(tmp_path / 'sweep' / 'data' / TASK, 1)
    gone = tmp_path / 'elsewhere'
    path = write_run(tmp_path / 'sweep' / TASK / 'moto' / 'seed0', data=[gone])
    [run], _ = runs_in(tmp_path / 'sweep')
    assert run.data == [tmp_path / 'sweep' / 'data' / TASK]
    [alone], _ = runs_in(path)
    assert (alone.task, alone.row) == (TASK, 'moto')


def test_damaged_lines_are_counted_and_left_out_but_not_one_being_written(tmp_path):
    path = write_run(tmp_path / 'run', evaluations=[evaluation(0, 4)])
    with (path / 'evaluations.jsonl').open('a') as stream:
        stream.write('{"updates": 1}\n')
        stream.write('not JSON\n')
        stream.write('{"successes": 3')
    wrong = evaluation(100, 21), evaluation(100, '3'), evaluation(100, 3, starts=0)
    wrong = *wrong, evaluation(100, 3, return_='nan'), evaluation(100, 3, length=1e999)
    with (path / 'evaluations.jsonl').open('a') as stream:
        stream.write('\n' + ''.join(f'{line}\n'.replace("'", '"') for line in wrong))
    with (path / 'metrics.jsonl').open('a') as stream:
        stream.write('{"update": 1}\n{"upda')
    [run], _ = runs_in(path)
    assert [one.successes for one in run.evaluations] == [4]
    assert run.problems == ['evaluations.jsonl: 8 damaged lines are left out']
    assert run.metrics == [{'update': 1}]


def test_only_evaluations_of_the_settings_of_now_and_of_online_training_are_the_runs(tmp_path):
    found = [
        evaluation(0, 1),  # an earlier version's
        evaluation(0, 2, settings='left'),
        evaluation(100, 3, settings='now'),
        evaluation(100, 4, settings='now', starts=40),
        evaluation(100, 5, settings='now', updates=9999),  # fine-tuned
    ]
    path = write_run(tmp_path / 'run', evaluations=found)
    [run], _ = runs_in(path)
    assert [one.successes for one in run.evaluations] == [1, 2, 3, 4]  # nothing says its name
    change_meta(next(path.glob('checkpoints/*')), settings='now')
    [run], _ = runs_in(path)
    assert [one.successes for one in run.evaluations] == [1, 3, 4]
    assert run.problems == [
        'evaluations.jsonl: 1 evaluations under settings that the run has left are left out',
        'evaluations.jsonl: 1 evaluations of weights that were trained on without new online '
        'episodes are left out',
    ]


def test_lines_that_come_while_it_reads_are_not_damaged(tmp_path, monkeypatch):
    line = {'update': 1, 'phase': 'offline'}
    path = write_run(tmp_path / 'run', evaluations=[evaluation(0, 4)], metrics=[line])

    def read_and_grow(folder):
        found = read_metrics(folder)
        write_lines(folder / 'metrics.jsonl', [line] * 3)
        return found

    monkeypatch.setattr(module, 'read_metrics', read_and_grow)
    [run], _ = runs_in(path)
    assert (len(run.metrics), run.problems) == (1, [])


def test_a_run_that_only_began_or_is_of_another_version_says_so(tmp_path):
    begun = write_run(tmp_path / 'seed4', updates=0)
    (begun / 'config.yaml').unlink()
    (begun / 'checkpoints').mkdir()
    other = write_run(tmp_path / 'other')
    (other / 'config.yaml').write_text('actor_critic: {penalty: {beta: 1}}\n')
    meta = next(other.glob('checkpoints/*/meta.json'))
    meta.write_text(meta.read_text().replace('"format": 2', '"format": 1'))
    runs, _ = runs_in(begun, other)
    assert runs[0].meta == runs[1].meta == {}
    said = [' '.join(run.problems) for run in runs]
    assert 'config.yaml is not there yet' in said[0] and 'no checkpoint' in said[0]
    assert 'no evaluations yet' in said[0]
    assert [run.seed for run in runs] == [4, 0]
    assert 'another version' in said[1] and 'has format 1; this version reads 2' in said[1]
    assert all('\n' not in line for run in runs for line in run.problems)


@pytest.mark.skipif(os.geteuid() == 0, reason='root reads everything')
def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = write_run(tmp_path / 'run', evaluations=[evaluation(0, 4)])
    (path / 'evaluations.jsonl').chmod(0)
    [run], _ = runs_in(path)
    assert 'evaluations.jsonl cannot be read' in run.problems[0]
