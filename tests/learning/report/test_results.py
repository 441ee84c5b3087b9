"""What is kept of runs, in a file and back, and what several files say of one run."""

import json

import pytest

from moto_core.config import config_file, load_config
from moto_core.errors import ConfigError
from moto_learning.config import Config
from moto_learning.report.paper import published
from moto_learning.report.places import find_runs
from moto_learning.report.results import keep, merge
from moto_learning.report.results_file import read_results, write_results
from moto_learning.report.runs import read_run
from moto_learning.report.settings import settings_hash
from moto_learning.run.commit import git_hash
from tests.learning import tiny_learner as tiny
from tests.learning.report.written_run import TASK, evaluation, kept, record, write_run

PROMISED = {'data_max': 1.0, 'imagined_max': 2.5, 'imagined_mean': 0.5, 'imagined_high': 2.0}
PROMISED |= {'above': 0.125, 'steps': 300}


def run_in(path):
    return read_run(find_runs([path])[0][0])


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run of which everything is known."""
    place = tmp_path_factory.mktemp('results')
    path = write_run(
        place / 'run',
        'seed=3',
        evaluations=[evaluation(0, 4), evaluation(10_000, 7), evaluation(10_000, 8)],
        metrics=[
            {'update': 1, 'time': 10.0, 'cpu': 2.0},
            {'update': 2, 'time': 40.0, 'cpu': 30.0},
        ],
        data=[record(place / 'data', episodes=2, starts=50)],
    )
    point = {'episodes': 100, 'eps_u': None, 'reward': {TASK: PROMISED}}
    (path / 'bound.json').write_text(json.dumps({'points': [point]}))
    return run_in(path)


def test_what_is_kept_of_a_run_comes_back_from_its_file(whole, tmp_path):
    [one], problems = keep([whole], 'first')
    assert not problems
    about = one.about
    assert (about.task, about.row, about.seed) == (TASK, 'moto', 3)
    assert (one.settings, about.commit) == (whole.settings, git_hash())
    assert (one.given, about.data_episodes) == (whole.given, 2)
    assert (about.wall_seconds, about.cpu_seconds, about.evaluation_seconds) == (30, 30, 6)
    preset = load_config(Config, config_file('train', about.preset)).model.rssm.deter
    assert about.differences['model.rssm.deter'] == f'{tiny.config().model.rssm.deter} ({preset})'
    assert [(e.episodes, e.successes) for e in one.evaluations] == [(0, 4), (100, 8)]
    assert (one.promises[0].task, one.promises[0].imagined_max) == (TASK, 2.5)
    write_results(tmp_path / 'first.json', [one])
    assert read_results(tmp_path / 'first.json') == [one]


def test_the_paper_stands_beside_every_evaluation(whole, tmp_path):
    write_results(tmp_path / 'r.json', keep([whole], 'r')[0])
    lines = json.loads((tmp_path / 'r.json').read_text())['runs'][0]['evaluations']
    curve = published(TASK)['moto']
    assert [line['paper'] for line in lines] == [curve.at(0), curve.at(10_000)]
    assert [(line['decisions'], line['successes'], line['starts']) for line in lines] == [
        (0, 4, 20),
        (10_000, 8, 20),
    ]


def test_a_run_that_does_not_say_what_it_is_is_left_out_with_a_line(tmp_path):
    path = write_run(tmp_path / 'run', updates=0)
    found, [line] = keep([run_in(path)], 'first')
    assert not found and 'nothing says its data' in line


def test_of_checkpoints_within_the_offline_phase_the_last_is_its_end(tmp_path):
    data = record(tmp_path / 'data', episodes=1, starts=50)
    path = write_run(tmp_path / 'run', evaluations=[evaluation(0, 4)], data=[data])
    points = [
        {'episodes': episodes, 'eps_u': eps_u, 'bound': None, 'reward': {'kettle': promised}}
        | {'gaps': [{'explore': 'mode', 'gap': 10 * eps_u}]}
        for episodes, eps_u, promised in (
            (0, 0.5, {'data_max': 1.0}),
            (0, 0.25, {'data_max': 2.0}),
            (50, 0.125, {'data_max': 3.0}),
        )
    ]
    (path / 'bound.json').write_text(json.dumps({'points': points}))
    [one], _ = keep([run_in(path)], 'first')
    assert [(lag.episodes, lag.gap) for lag in one.lags] == [(0, 2.5), (50, 1.25)]
    assert [(p.episodes, p.data_max) for p in one.promises] == [(0, 2.0), (50, 3.0)]


RUN = {'settings': 's', 'evaluations': [], 'promises': []}


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[]',
        '{"format": 1, "runs": []}',
        *(
            json.dumps({'format': 2, 'settings': {'s': {}}, 'runs': [run]})
            for run in (
                {'settings': 's'},
                {**RUN, 'settings': 'other'},
                {**RUN, 'evaluations': [{}]},
                {**RUN, 'sed': 1},
                {**RUN, 'promises': [{'above': 'x'}]},
                {**RUN, 'promises': [{'above': 'nan'}]},
                {**RUN, 'wall_seconds': 'inf'},
            )
        ),
        '{"format": 2, "settings": {}, "runs": [{"seed": 1e999}]}',
    ],
)
def test_a_file_that_holds_no_results_is_one_line(text, tmp_path):
    path = tmp_path / 'r.json'
    path.write_text(text)
    with pytest.raises(ConfigError, match="r.json' does not hold results") as error:
        read_results(path)
    assert '\n' not in str(error.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match='does not hold results'):
        read_results(tmp_path / 'gone.json')


def test_runs_of_several_files_are_together_in_order():
    second, first = kept(evaluation(0, 4), seed=1, origin='more'), kept(evaluation(0, 4), seed=0)
    other = kept(evaluation(0, 4), seed=0, data_hash='other')
    assert merge([second, other, first]) == [first, second, other]


def test_one_run_of_two_files_has_the_evaluations_of_both_and_is_as_it_was_last():
    early = kept(evaluation(0, 4), evaluation(5000, 5), updates=1000, wall_seconds=60.0)
    late = kept(
        evaluation(5000, 5), evaluation(10_000, 8), updates=2000, wall_seconds=90.0, origin='late'
    )
    for both in ([early, late], [late, early]):
        [one] = merge(both)
        assert [e.successes for e in one.evaluations] == [4, 5, 8]
        assert one.about.wall_seconds == 90


def test_two_numbers_of_one_evaluation_are_refused_by_both_places():
    one, other = (kept(evaluation(5000, k), origin=name) for k, name in ((5, 'a'), (6, 'b')))
    with pytest.raises(ConfigError, match='after 50 episodes by mode: 5 of 20 in') as error:
        merge([one, other])
    assert "'a/runs/one', 6 in 'b/runs/one'" in str(error.value)


@pytest.mark.parametrize('differs', ['updates', 'decisions', 'policy'])
def test_two_trainings_are_refused_even_if_they_succeed_alike(differs):
    change = {'updates': 7, 'decisions': 4900, 'policy': 'b' * 64}[differs]
    first = evaluation(5000, 5, policy='a' * 64)
    with pytest.raises(ConfigError, match='of two trainings by their weights or numbers'):
        merge([kept(first), kept({**first, differs: change})])


def test_more_starts_at_one_place_are_another_evaluation_and_count():
    [one] = merge([kept(evaluation(0, 9, starts=40)), kept(evaluation(0, 4))])
    assert [e.starts for e in one.evaluations] == [20, 40]


def test_gaps_of_both_are_kept_on_file_as_they_were(tmp_path):
    old, new = ({'episodes': 0, 'explore': 'mode', 'gap': gap} for gap in (9.0, 5.0))
    later = {'episodes': 50, 'explore': 'mode', 'bound': 2.0}
    [one] = merge([kept(lags=[later, old]), kept(lags=[new, {**old, 'explore': 'sample'}])])
    found = [(lag.episodes, lag.explore, lag.gap) for lag in one.lags]
    assert found == [(0, 'mode', 5.0), (0, 'sample', 9.0), (50, 'mode', 0.0)]
    write_results(tmp_path / 'first.json', [one])
    assert read_results(tmp_path / 'first.json') == [one]


def test_promises_of_both_are_kept_and_the_newer_of_one_place_counts():
    old, new = ({'episodes': 0, 'task': TASK, 'above': above} for above in (0.5, 0.25))
    later = {'episodes': 50, 'task': TASK}
    [one] = merge([kept(promises=[later, old]), kept(promises=[new])])
    assert [(p.episodes, p.above) for p in one.promises] == [(0, 0.25), (50, 0.0)]


def test_a_run_stays_itself_if_the_program_gains_and_loses_a_setting(whole, tmp_path):
    before = {key: value for key, value in whole.chosen.items() if key != 'replay.batch'}
    usual = load_config(Config).replay.batch
    assert settings_hash({**before, 'replay.batch': usual}) == settings_hash(before)
    assert settings_hash({**before, 'replay.batch': usual + 1}) != settings_hash(before)
    assert settings_hash({**before, 'seed': 9, 'evaluate.every': 1}) == settings_hash(before)
    assert settings_hash({**before, 'model_free.batch': 9}) == settings_hash(before), 'not read'
    assert settings_hash({**before, 'actor_critic.penalty.alpha': 9}) != settings_hash(before)
    config = whole.path / 'config.yaml'
    text = config.read_text()
    config.write_text(text + 'lost: 3\n')
    try:
        write_results(tmp_path / 'r.json', keep([run_in(whole.path)], 'r')[0])
        again = keep([run_in(whole.path)], 'again')[0]
    finally:
        config.write_text(text)
    assert len(merge([*read_results(tmp_path / 'r.json'), *again])) == 1


def test_a_run_whose_data_is_away_is_the_one_that_it_was(tmp_path):
    data = record(tmp_path / 'data', episodes=2, starts=50)
    path = write_run(tmp_path / 'run', evaluations=[evaluation(0, 4)], data=[data])
    there = keep([run_in(path)], 'there')[0]
    data.rename(tmp_path / 'away')
    away = keep([run_in(path)], 'away')[0]
    assert away[0].given.hash == away[0].given.ids == there[0].given.ids != there[0].given.hash
    for both in (there + away, away + there):
        [one] = merge(both)
        assert one.given == there[0].given


def test_a_run_that_diverged_since_it_was_gathered_is_told_to_have():
    before, after = kept(), kept(diverged=9)
    assert [run.about.diverged for run in merge([before, after])] == [9]


def test_a_seed_that_diverged_before_its_first_checkpoint_is_kept_as_missing(tmp_path):
    data = record(tmp_path / 'sweep' / 'data' / TASK, episodes=1, starts=50)
    row = tmp_path / 'sweep' / TASK / 'moto'
    whole = write_run(row / 'seed0', evaluations=[evaluation(0, 4)], data=[data])
    gone = write_run(row / 'seed1', 'seed=1', updates=0)
    for run, updates in ((whole, [6]), (gone, [30, 41])):  # the first went on to update 7
        (run / 'diverged').mkdir()
        for update in updates:
            (run / 'diverged' / f'{update:08d}.npz').touch()
    one, other = keep([read_run(place) for place in find_runs([tmp_path / 'sweep'])[0]], 'r')[0]
    assert (one.about.diverged, other.about.diverged) == (0, 41)
    assert other.given == one.given and other.evaluations == []
