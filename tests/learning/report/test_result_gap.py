from moto_learning.report.result_gap import gap
from tests.learning.report.written_run import TASK, kept


def lag(episodes, gap, bound, explore='mode'):
    return {'episodes': episodes, 'eps_u': 0.25, 'gap': gap, 'bound': bound, 'explore': explore}


def test_gaps_are_the_mean_over_seeds_beside_their_bound():
    runs = [
        kept(lags=[lag(0, 40.0, 9.0), lag(100, 10.0, 8.0), lag(0, 99.0, 9.0, 'sample')], seed=0),
        kept(lags=[lag(0, 20.0, 11.0)], seed=1),
        kept(lags=[lag(0, 5.0, None)], row='no_unc'),
        kept(lags=[lag(0, 7.0, 1.0)], task='metaworld-hammer'),
    ]
    lines = [line.strip('| ').split(' | ') for line in gap(runs, [TASK]).text.splitlines()[2:]]
    assert lines == [
        [TASK, 'moto', '0', '2', '0.250', '30.0', '10.0'],
        [TASK, 'moto', '100', '1', '0.250', '10.0', '8.0'],
        [TASK, 'no_unc', '0', '1', '0.250', '5.0', '\N{EN DASH}'],
    ]
    assert 'metaworld-hammer' in gap(runs, []).text
    assert gap([kept()], []) == ('', None, '')
