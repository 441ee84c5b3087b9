from moto_learning.report.result_promise import promise
from tests.learning.report.written_run import kept


def promised(task, episodes, most, above):
    about = {'imagined_max': most, 'imagined_high': most - 0.5, 'above': above, 'steps': 10}
    about |= {'data_above': above / 2}
    return {'task': task, 'episodes': episodes, 'data_max': 1.0, **about}


def test_promises_are_the_mean_over_seeds_by_task_row_and_episodes():
    runs = [
        kept(promises=[promised('kettle', 0, 2.0, 0.1), promised('oven', 50, 4.0, 0.0)], seed=0),
        kept(promises=[promised('kettle', 0, 3.0, 0.2)], seed=1),
        kept(promises=[promised('kettle', 0, 9.0, 0.5)], row='no_unc'),
    ]
    block = promise(runs, [])
    lines = [line.strip('| ').split(' | ') for line in block.text.splitlines()[2:]]
    assert lines == [
        ['kettle', 'moto', '0', '2', '1.00', '2.50', '2.00', '15.0 %', '7.5 %'],
        ['kettle', 'no_unc', '0', '1', '1.00', '9.00', '8.50', '50.0 %', '25.0 %'],
        ['oven', 'moto', '50', '1', '1.00', '4.00', '3.50', '0.0 %', '0.0 %'],
    ]
    kettle, oven = (axis for axis in block.figure.axes if axis.lines)
    assert block.figure.get_supylabel() == 'reward a step'
    assert [list(line.get_ydata()) for line in kettle.lines] == [[2.5], [1.0], [9.0], [1.0]]
    assert promise(runs, ['oven']).text.count('\n') == 3
    assert promise([kept()], []).text == ''
