"""The tables of success, their numbers worked by hand from results."""

from moto_learning.report import result_success as module
from moto_learning.report.paper import published
from tests.learning.report.written_run import TASK, evaluation, kept

HAMMER = 'metaworld-hammer'


def cells(text, name):
    """The cells of the lines of Markdown that begin with a name."""
    lines = [line.strip('| ').split(' | ') for line in text.splitlines() if line.startswith('|')]
    return [line[1:] for line in lines if line[0] == name]


def test_a_table_of_tasks_has_counts_intervals_the_paper_and_the_means():
    runs = [
        kept(evaluation(0, 4), evaluation(10_000, 8), seed=0),
        kept(evaluation(0, 4), evaluation(10_000, 8), seed=1),
        kept(evaluation(0, 10), evaluation(10_000, 16), seed=0, task=HAMMER),
    ]
    block = module.success(runs, ['moto'])
    assert '**MOTO**' in block.text
    assert cells(block.text, 'task') == [['seeds', 'after 0 episodes', 'after 100 episodes']]
    assert cells(block.text, TASK) == [
        ['2', '0.20, 8 of 40 (0.10 to 0.35)', '0.40, 16 of 40 (0.26 to 0.55)']
    ]
    assert cells(block.text, 'mean of 2 tasks')[0][2].startswith('0.60 (0.')
    there = [published(task)['moto'].at(10_000) for task in (TASK, HAMMER)]
    assert [line[2] for line in cells(block.text, 'paper: MOTO')] == [f'{x:.2f}' for x in there]
    assert cells(block.text, 'paper: their mean')[0][2] == f'{sum(there) / 2:.2f}'
    assert len(block.figure.axes) == 3  # two tasks, and a place that is left


def test_what_not_every_seed_measured_is_said_and_in_no_mean():
    runs = [
        kept(evaluation(0, 4), evaluation(20_000, 8), seed=0),
        kept(evaluation(0, 4), seed=1),
        kept(evaluation(0, 4), evaluation(20_000, 8), task=HAMMER),
    ]
    text = module.success(runs, ['moto']).text
    assert cells(text, TASK)[0][2] == '1 of 2 seeds'
    assert cells(text, 'mean of 2 tasks')[0][2] == module.DASH
    # the paper's cell of a point that we have not is no comparison
    assert [line[2] for line in cells(text, 'paper: MOTO')][0] == module.DASH


def test_sampled_evaluations_and_points_between_the_columns_are_not_in_the_table():
    runs = [kept(evaluation(0, 4), evaluation(2500, 9), evaluation(5000, 9, explore='sample'))]
    text = module.success(runs, []).text
    assert cells(text, 'task') == [['seeds', 'after 0 episodes']]


def test_two_settings_of_a_task_are_two_lines_and_no_mean_is_taken():
    runs = [
        kept(evaluation(0, 4)),
        kept(evaluation(0, 6), settings={'replay.batch': 3}, origin='second'),
        kept(evaluation(0, 8), task=HAMMER),
    ]
    text = module.success(runs, ['moto']).text
    assert cells(text, f'{TASK}, moto (first)') and cells(text, f'{TASK}, moto (second)')
    assert 'mean of' not in text


def test_a_mean_of_tasks_says_in_what_their_runs_differ():
    runs = [
        kept(evaluation(0, 4)),
        kept(evaluation(0, 8, starts=40), task=HAMMER, settings={'replay.batch': 3}),
    ]
    text = module.success(runs, []).text
    assert cells(text, 'mean of 2 tasks, which differ in settings and starts')
    runs[1] = kept(evaluation(0, 8), task=HAMMER, data_episodes=5)
    assert 'mean of 2 tasks, which differ in episodes given |' in module.success(runs, []).text


def test_a_seed_without_an_evaluation_is_counted_as_missing_and_said_to_have_diverged():
    runs = [kept(evaluation(0, 4), seed=0), kept(seed=1, diverged=41)]
    text = module.success(runs, []).text
    assert cells(text, TASK) == [['1 of 2', '0.20, 4 of 20 (0.08 to 0.42)']]
    assert f'- {TASK}: seed 1 diverged at update 41\n' in text


def test_a_task_that_nothing_measured_is_a_line_and_missing_in_the_mean():
    runs = [kept(evaluation(0, 4)), kept(evaluation(0, 8), task=HAMMER)]
    runs.append(kept(task='metaworld-assembly', diverged=41))
    block = module.success(runs, [])
    assert cells(block.text, 'metaworld-assembly') == [['0 of 1', module.DASH]]
    assert '- metaworld-assembly: seed 0 diverged at update 41\n' in block.text
    assert cells(block.text, 'mean of 2 of 3 tasks (without metaworld-assembly)')[0][1].startswith(
        '0.30 (0.'
    )
    assert 'metaworld-assembly' not in [axes.get_title() for axes in block.figure.axes]
    block = module.rows([kept(row='bc')], [])
    assert cells(block.text, 'bc') == [['0 of 1']] and block.figure is None


def test_rows_stand_side_by_side_in_the_papers_order_each_above_the_papers():
    runs = [kept(evaluation(10_000, k), row=row) for row, k in (('sac', 1), ('moto', 9))]
    runs.append(kept(evaluation(10_000, 9), row='moto', task=HAMMER))
    block = module.rows(runs, [TASK])
    names = [line.split(' | ')[0].strip('| ') for line in block.text.splitlines() if '|' in line]
    assert names[2:] == ['moto', 'paper: MOTO', 'sac', 'paper: SAC']
    assert HAMMER not in block.text
    assert f'**{HAMMER}**' in module.rows(runs, []).text


def test_less_data_is_by_the_episodes_given_the_most_first():
    runs = [
        kept(evaluation(0, k), data_hash=name, data_episodes=count)
        for k, name, count in ((2, 'few', 2), (9, 'many', 10))
    ]
    runs.append(kept(evaluation(0, 1), row='bc'))
    block = module.less_data(runs, [])
    text = block.text
    assert [line for line in text.splitlines() if 'episodes, ' in line and 'of 20' in line] == [
        '| 10 episodes, data many | 1 | 0.45, 9 of 20 (0.26 to 0.66) |',
        '| 2 episodes, data few | 1 | 0.10, 2 of 20 (0.03 to 0.30) |',
    ]
    assert 'paper' not in text, 'its curve is of all its data'
    assert {'10 episodes', '2 episodes'} < labels(block.figure)  # of one kind: without their name
    runs.append(kept(evaluation(0, 3), data_hash='others', data_episodes=2))
    assert {'10 episodes', '2 episodes, data few', '2 episodes, data others'} < labels(
        module.less_data(runs, []).figure
    )


def test_settings_are_told_by_what_they_have_otherwise_than_the_preset():
    other = {'train.updates': '50 (20)', 'evaluate.seed': '7 (0)', 'model.kl.free': '2.0 (1.0)'}
    other |= {'model_free.batch': '64 (256)'}  # which MOTO does not read
    runs = [
        kept(evaluation(0, 9), preset='laptop', differences={'train.online_episodes': '9 (500)'}),
        kept(
            evaluation(0, 4),
            settings={'agent': 'moto', 'a': 1},
            origin='second',
            differences=other,
        ),
        kept(evaluation(0, 2), row='bc'),
        kept(evaluation(0, 3), task=HAMMER),
    ]
    text = module.settings(runs, [TASK]).text
    assert cells(text, 'settings') == [['seeds', 'after 0 episodes']]
    assert cells(text, 'as laptop has them') == [['1', '0.45, 9 of 20 (0.26 to 0.66)']]
    assert cells(text, 'train.updates=50, model.kl.free=2.0')[0][1].startswith('0.20, 4 of 20')
    assert len(text.splitlines()) == 7 and HAMMER not in text


def labels(figure):
    """What the picture's legend names."""
    [legend] = figure.legends
    return {text.get_text() for text in legend.get_texts()}


def test_objects_in_place_are_counted_over_all_seeds():
    runs = [
        kept(evaluation(0, 1, parts=[5, 5, 5, 4, 1]), seed=0, task='kitchen-mixed'),
        kept(evaluation(0, 3, parts=[0, 0, 10, 7, 3]), seed=1, task='kitchen-mixed'),
        kept(evaluation(0, 3), task='kitchen-partial'),
    ]
    text = module.objects(runs, []).text
    # (5 + 2 * 15 + 3 * 11 + 4 * 4) / 40
    assert cells(text, 'moto') == [['2', '0', '5', '5', '15', '11', '4', '2.10']]
    assert cells(text, 'row') == [['seeds', 'online episodes', *'01234', 'mean']]
    assert 'kitchen-partial' not in text, 'its parts were not counted'


def test_nothing_measured_is_nothing():
    for block in (module.success, module.rows, module.less_data, module.settings, module.objects):
        assert block([], []) == ('', None, '')
