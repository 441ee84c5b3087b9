from moto_learning.report.result_runs import runs
from tests.learning.report.written_run import kept


def test_runs_of_one_row_and_settings_are_a_line_with_the_mean_of_their_times():
    about = {
        'differences': {'actor.beta': '0.0 (0.3)'},
        'machine': 'cpu',
        'commit': 'a' * 40 + '+',
    }
    text = runs(
        [
            kept(wall_seconds=60.0, cpu_seconds=30.0, finished=True, seed=0, **about),
            kept(wall_seconds=120.0, cpu_seconds=90.0, seed=1, diverged=9, **about),
            kept(wall_seconds=6.0, row='bc', data_hash='other', data_episodes=5),
            kept(
                wall_seconds=6.0,
                cpu_seconds=6.0,
                row='bc',
                data_hash='other',
                data_episodes=5,
                seed=1,
            ),
        ],
        [],
    ).text
    lines = [line.strip('| ').split(' | ') for line in text.splitlines() if line.startswith('|')]
    assert lines[2:] == [
        ['moto', '1', '2', '10', 'aaaaaaaaaa+', 'cpu', '1.5', '1.0', '1 of 2, 1 diverged'],
        ['bc', '1', '2', '5', '–', '–', '0.1', '–', '0 of 2'],
    ]
    assert '- moto: laptop, but for (in brackets what it has) actor.beta = 0.0 (0.3)\n' in text
    assert '- bc: laptop\n' in text
    assert runs([], []).text == ''
