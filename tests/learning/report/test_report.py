"""The report from runs as they lie there: its numbers, its page, what is missing and why."""

import json
import re
from functools import partial

import pytest

from moto_core.errors import ConfigError
from moto_learning.report import examine
from moto_learning.report.paper import published
from moto_learning.report.report import make_report, numbers
from moto_learning.report.run_page import _cards, run_page
from moto_sim import tasks
from tests.learning.report.written_run import TASK, entry, evaluation, record, write_run
from tests.sim.counting_task import counting_env

HOSTILE = 'a<img src=x onerror=alert(1)>&$_^'


@pytest.fixture(scope='module')
def sweep(tmp_path_factory):
    """Two seeds of two rows, each evaluated twice, with two online episodes."""
    out = tmp_path_factory.mktemp('report') / 'sweep'
    data = record(out / 'data' / TASK)
    counts = {'moto': ((4, 8), (6, 10)), 'no_bc': ((2, 2), (4, 6))}
    for row, seeds in counts.items():
        for seed, (first, last) in enumerate(seeds):
            write_run(
                out / TASK / row / f'seed{seed}',
                f'seed={seed}',
                *(['actor_critic.actor.beta=0'] if row == 'no_bc' else []),
                evaluations=[evaluation(0, first), evaluation(10_000, last)],
                entries=[entry(0), entry(1, success=1.0)],
                metrics=[
                    {'update': 1, 'phase': 'offline', 'time': 1.0, 'model/kl': 2.0},
                    {'update': 2, 'phase': 'online', 'time': 4.0, 'model/kl': None},
                ],
                data=[data],
            )
    return out


@pytest.fixture(scope='module')
def report(sweep):
    return make_report([sweep], starts=2, videos=0)


@pytest.fixture(scope='module')
def found(report):
    return numbers(report)


def test_the_numbers_are_of_all_seeds_beside_the_papers(found):
    assert [run['row'] for run in found['runs']] == ['moto', 'moto', 'no_bc', 'no_bc']
    [table] = found['tables']
    assert (table['episodes'], table['decisions']) == ([0, 100], [0, 10_000])
    means = {row['row']: [cell['mean'] for cell in row['cells']] for row in table['rows']}
    assert means == {'moto': [0.25, 0.45], 'no_bc': [0.15, 0.2]}
    paper = {row['row']: row['cells'] for row in table['paper']}
    assert paper['moto'] == pytest.approx([0.291, 0.305])
    assert paper['dreamer_v2'] == [None, pytest.approx(0.088)]
    assert found['paper'][TASK]['moto']['success'] == published(TASK)['moto'].success.tolist()
    assert found['training'][0]['online']['success'] == [0, 0.5]
    assert found['training'][0]['losses'] == {'model/kl': {'updates': [1], 'values': [2]}}
    assert found['training'][0]['episodes'][1] == {
        'decisions': 100,
        'return': 1,
        'success': 1,
        'disagreement': 0.25,
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_first_cards_are_the_rows_of_the_one_task_at_their_last_point(found):
    cards = _cards(found)
    assert [value for value, _ in cards] == ['0.45', '0.20', '0.0 h']
    assert cards[0][1].startswith(f'moto, {TASK}, by mode after 10000 decisions (0.')
    assert cards[1][1].startswith(f'no_bc, {TASK}, ')


def test_the_first_cards_are_the_means_of_rows_in_the_papers_order():
    cell = {'decisions': 100, 'mean': 0.5, 'low': 0.25, 'high': 0.75}
    means = [
        {'row': row, 'paper_row': row, 'explore': explore, 'tasks': tasks, 'cells': cells}
        for row, explore, tasks, cells in (
            ('bc', 'mode', ['a', 'b'], [{**cell, 'mean': 0.1}, {**cell, 'mean': 0.2}]),
            ('moto', 'sample', ['a', 'b'], [{**cell, 'mean': 0.9}]),
            ('no_bc', 'mode', ['a', 'b'], []),  # nothing that both tasks have
            ('moto', 'mode', ['a', 'b', 'c'], [cell]),
        )
    ]
    alone = {'task': 'a', 'row': 'a row', 'paper_row': 'moto', 'explore': 'mode', 'points': [cell]}
    cards = _cards({'runs': [], 'means': means, 'success': [alone], 'rounds': []})
    assert cards == [
        ('0.50', 'moto, the mean of 3 tasks, by mode after 100 decisions (0.25 to 0.75)'),
        ('0.20', 'bc, the mean of 2 tasks, by mode after 100 decisions (0.25 to 0.75)'),
        ('0.0 h', 'of training in 0 runs'),
    ]


def test_what_an_episode_does_not_say_is_null(tmp_path):
    bare = entry(0)
    del bare['metrics']['episode/disagreement']
    run = write_run(tmp_path / 'run', entries=[bare], updates=0)
    found = numbers(make_report([run], starts=1, videos=0))
    assert found['training'][0]['episodes'][0]['disagreement'] is None
    assert found['training'][0]['online']['disagreement'] == [None]
    json.dumps(found, allow_nan=False)


def test_one_seed_of_each_row_is_looked_at_closely(found):
    looks = found['looks']
    assert [(one['row'], one['seed'], one['checkpoint']) for one in looks] == [
        ('moto', 0, '00000007'),
        ('no_bc', 0, '00000007'),
    ]
    for one in looks:
        assert one['source'] == examine.RECORDED
        assert one['rewards'][0]['rows'] == 24 and one['images']['episodes'] == 2
        assert 0 <= one['images']['shifts']['middle covered']['surprise']['row_area'] <= 1


def test_the_page_needs_no_other_file_and_says_every_picture_in_words(report, found):
    page = run_page(found, report.examined).decode()
    assert len(re.findall(r"<img alt='[A-Z][^']{20,}' ", page)) == page.count('<img') >= 13
    sources = re.findall(r'(?:src|href)=[\'"]([^\'"]{0,40})', page)
    assert sources and all(source.startswith('data:') for source in sources)
    words = re.sub(r"src='[^']*'", '', page)
    assert 'http' not in words and '@import' not in words and 'url(' not in words
    assert '0.45 (0.00 to 1.00)' in words  # Student's t of two seeds, .4 and .5
    assert '4 runs of 1 task<' in words and '100 episodes, 10000 decisions' in words
    assert 'paper: DreamerV2' in words and '0.09' in words


def test_hostile_names_stay_words_on_the_page_and_in_the_pictures(tmp_path):
    for seed in range(2):
        write_run(
            tmp_path / HOSTILE / HOSTILE / HOSTILE / f'seed{seed}',
            f'seed={seed}',
            evaluations=[evaluation(0, 4), evaluation(100, 5)],
            entries=[entry(0)],
            updates=0,
        )
    report = make_report([tmp_path / HOSTILE], starts=2, videos=0)
    page = run_page(numbers(report), report.examined).decode()
    assert '<img src=x' not in page
    assert 'a&lt;img src=x onerror=alert(1)&gt;&amp;$_^' in page


def note(heard, *told):
    heard.append(told)


def test_films_show_successes_and_failures_from_held_out_starts(tmp_path, monkeypatch):
    made = []

    def make(task, setup, **options):
        made.append(counting_env(at=3 if len(made) else 99))
        made[-1].task.name = task
        return made[-1]

    monkeypatch.setattr(tasks, 'make', make)
    run = write_run(tmp_path / 'run', 'collect.task=kitchen-kettle', 'evaluate.seed=50')
    for success in (False, True):
        heard = []
        report = make_report([run], 3, 2, partial(note, heard))
        [look] = report.examined
        assert [one.score.success for one in look.filmed] == [success] * 3
        assert [one.score.seed for one in look.filmed] == [50, 51, 52]
        assert [bool(one.video) for one in look.filmed] == [True, True, False]
        assert [told[1:] for told in heard] == [(0, 3), (1, 3), (2, 3), (3, 3)]
        found = numbers(report)
        assert found['looks'][0]['held_out']['success']['k'] == 3 * success
        assert found['looks'][0]['source'] == examine.HELD_OUT
        assert found['looks'][0]['rewards'][0]['mean_true'] == 2  # of 0, 1, 2, 3, 4
        assert made[-1].task.closed
    page = run_page(found, report.examined).decode()
    assert page.count('data:video/mp4;base64,') == 2
    assert page.count("poster='data:image/jpeg;base64,") == 2
    assert page.count('Success from start') == 4  # each label and caption


def test_a_measured_bound_is_drawn_and_a_damaged_one_is_a_line(tmp_path):
    run = write_run(tmp_path / 'run')
    gaps = [{'explore': 'mode', 'gap': 12.5}]
    point = {'episodes': 50, 'eps_u': 0.25, 'bound': 0.5, 'gaps': gaps}
    points = [point, {**point, 'eps_u': 0.125, 'bound': None}]
    (run / 'bound.json').write_text(json.dumps({'points': points}))
    heard = []
    report = make_report([run], 1, 0, partial(note, heard))
    assert not heard  # no episode is run
    found = numbers(report)
    assert [one['eps_u'] for one in found['looks'][0]['bound']] == [0.25, 0.125]
    page = run_page(found, report.examined).decode()
    assert 'The gap of Theorem B.1' in page and '12.50' in page
    (run / 'bound.json').write_text('{')
    assert "bound.json' is not what" in make_report([run], starts=1, videos=0).problems[1]


def test_a_run_without_a_world_model_is_reported_with_a_line_of_why(sweep, monkeypatch):
    monkeypatch.setattr(examine, 'world_model_of', lambda learner: None)
    report = make_report([sweep / TASK / 'moto' / 'seed0'], starts=2, videos=0)
    assert any('no world model: no predictions' in line for line in report.problems)
    page = run_page(numbers(report), report.examined).decode()
    assert 'has no world model' in page and 'Rows and tasks' in page


def test_what_cannot_be_looked_at_is_a_line_and_the_rest_is_reported(tmp_path):
    for seed in range(2):
        write_run(
            tmp_path / 'sweep' / TASK / 'moto' / f'seed{seed}',
            f'seed={seed}',
            evaluations=[evaluation(0, 4)],
        )
    (state,) = (tmp_path / 'sweep' / TASK / 'moto' / 'seed0').glob('checkpoints/*/state.pt')
    state.write_bytes(state.read_bytes()[:100])
    report = make_report([tmp_path / 'sweep', tmp_path / 'gone'], starts=2, videos=0)
    gone, damaged, nothing = report.problems
    assert "gone' is no folder" in gone
    assert 'moto/seed0: checkpoint' in damaged and 'state.pt is not as it was written' in damaged
    assert 'moto/seed1: no predictions: no episode of its robot is there' in nothing
    found = numbers(report)
    assert [one['seed'] for one in found['looks']] == [1]
    assert found['tables'][0]['rows'][0]['cells'][0]['mean'] == 0.2


def test_a_checkpoint_that_cannot_be_loaded_leaves_its_section_with_the_reason(
    tmp_path, monkeypatch
):
    run = write_run(tmp_path / 'run')

    def broken(checkpoint):
        raise examine.CheckpointError('of another kind')

    monkeypatch.setattr(examine, 'learner_of', broken)
    report = make_report([run], starts=1, videos=0)
    assert 'not looked at closely: of another kind' in report.problems[-1]
    assert 'of another kind' in run_page(numbers(report), report.examined).decode()


def test_a_checkpoint_that_went_while_it_was_read_is_looked_for_again(tmp_path, monkeypatch):
    run = write_run(tmp_path / 'run')
    load, asked = examine.load_checkpoint, []

    def gone_once(path):
        asked.append(path)
        if len(asked) == 1:
            raise examine.CheckpointError('gone')
        return load(path)

    monkeypatch.setattr(examine, 'load_checkpoint', gone_once)
    report = make_report([run], starts=1, videos=0)
    assert report.examined[0].checkpoint == '00000007' and len(asked) == 2


def test_runs_of_several_tasks_have_a_mean_beside_the_papers(tmp_path):
    for task, k in (('metaworld-hammer', 10), ('metaworld-assembly', 6)):
        write_run(
            tmp_path / 'sweep' / task / 'moto' / 'seed0',
            f'collect.task={task}',
            evaluations=[evaluation(0, 0), evaluation(10_000, k)],
            updates=0,
        )
    report = make_report([tmp_path / 'sweep'], starts=1, videos=0)
    [mean] = numbers(report)['means']
    assert [cell['mean'] for cell in mean['cells']] == [0, pytest.approx(0.4)]
    assert [cell['paper'] for cell in mean['cells']] == [None, pytest.approx((0.561 + 0.223) / 2)]
    page = run_page(numbers(report), []).decode()
    value, words = _cards(numbers(report))[0]
    assert value == '0.40'
    assert words.startswith('moto, the mean of 2 tasks, by mode after 10000 decisions (0.')
    assert 'Means over the tasks' in page and '2 tasks: metaworld-assembly, metaworld-hamm' in page


def test_no_run_at_all_is_an_error_that_says_where_it_looked(tmp_path):
    with pytest.raises(ConfigError, match="nothing' is no folder"):
        make_report([tmp_path / 'nothing'], starts=1, videos=0)
