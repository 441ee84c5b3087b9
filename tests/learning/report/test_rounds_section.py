"""moto-report's page about a run that was fine-tuned beside a robot: before, after, each round."""

import re
from dataclasses import replace

import pytest

from moto_learning.report.markdown import DASH
from moto_learning.report.report import make_report, numbers
from moto_learning.report.rounds_figure import rounds_figure, rounds_words
from moto_learning.report.rounds_section import round_cards, rounds_section
from moto_learning.report.rounds_table import outcome_words, rounds_table, trial_words
from moto_learning.report.run_page import run_page
from moto_learning.rounds.journal import Round, append_round
from tests.learning.report.written_run import TASK, record, write_run
from tests.learning.run.saving import change_meta

BEFORE = Round(
    number=0,
    updates=4,
    bundle='a' * 64,
    used='',
    published=True,
    episodes=2,
    successes=2,
    starts=[True] * 4 + [False] * 6,
)
FIRST = replace(
    BEFORE,
    number=1,
    updates=7,
    bundle='b' * 64,
    used='a' * 64,
    new=3,
    labelled=1,
    episodes=5,
    successes=4,
    starts=[True] * 8 + [False] * 2,
    used_starts=[True] * 9 + [False],
)
SECOND = replace(
    FIRST,
    number=2,
    updates=10,
    bundle='c' * 64,
    used='b' * 64,
    published=False,
    why='succeeds at 5 of 10 starts, the policy in use at 8',
    new=2,
    starts=[True] * 5 + [False] * 5,
    used_starts=[True] * 8 + [False] * 2,
)
METRICS = [
    {'update': n, 'phase': 'offline' if n < 5 else 'finetune', 'time': 9.0 * n, 'model/kl': 1.0}
    for n in range(1, 8)
]


def fine_tuned(path, *rounds, updates=7):
    """A run of two demonstrations and three episodes that a bundle drove, and its rounds."""
    record(path / 'data', episodes=2)
    record(path / 'data', episodes=2, seed=1, policy_hash='a' * 64)
    record(path / 'data', episodes=1, seed=2, source='twin')
    run = write_run(path / 'run', metrics=METRICS, data=[path / 'data'], updates=updates)
    for one in rounds:
        append_round(run, one)
    return run


def seen(run):
    report = make_report([run], starts=1, videos=0)
    found = numbers(report)
    page = run_page(found, report.examined).decode()
    return found, re.sub(r"src='[^']*'", '', page)


@pytest.fixture
def run(tmp_path):
    return fine_tuned(tmp_path, BEFORE, FIRST)


def test_the_page_shows_before_and_after_robot_episodes_and_rounds(run):
    found, page = seen(run)
    assert not found['problems'] and 'Missing or damaged' not in page
    assert '4 of 10</b><span>starts solved before the first round' in page
    assert '8 of 10</b><span>other starts solved after round 1' in page
    assert '<b>3</b><span>robot episodes learned from' in page
    assert '<b>1 of 1</b><span>rounds published' in page
    assert 'Rounds beside a robot' in page and 'updates (dashed' not in page  # drawn, not written
    assert 'No run has an evaluation yet' not in page
    assert '1 round done: 7 updates, 3 robot episodes' in page
    assert found['training'][0]['fine_tuned_from'] == 4
    assert [one['number'] for one in found['rounds'][0]['rounds']] == [0, 1]
    assert 'metrics' not in found['rounds'][0]['rounds'][0]


def test_a_round_that_goes_on_is_said_and_such_a_run_is_not_finished(tmp_path):
    run = fine_tuned(tmp_path, BEFORE, updates=4)
    counters = {'offline': 4, 'finetune': 0, 'finetune_goal': 3}
    [checkpoint] = (run / 'checkpoints').iterdir()
    change_meta(checkpoint, counters=counters)
    found, page = seen(run)
    assert found['runs'][0]['round_now'] == 1
    assert 'in round 1: 4 updates, 3 robot episodes' in page
    assert 'Round 1 goes on: it is not judged yet.' in page
    assert 'starts solved before the first round' in page and 'starts solved after' not in page


def test_a_round_that_was_trained_and_not_judged_goes_on(tmp_path):
    found, _ = seen(fine_tuned(tmp_path, BEFORE, updates=7))
    assert found['runs'][0]['round_now'] == 1


def test_a_run_without_rounds_has_none_of_it(tmp_path):
    data = record(tmp_path / 'data')
    found, page = seen(write_run(tmp_path / 'run', metrics=METRICS[:4], data=[data]))
    assert found['rounds'] == [] and found['runs'][0]['round_now'] is None
    assert found['training'][0]['fine_tuned_from'] is None
    assert 'Rounds beside a robot' not in page and 'robot episode' not in page
    assert 'No run has an evaluation yet' in page and 'it has no evaluations yet' in page


def test_episodes_whose_dataset_is_away_are_counted_by_the_rounds(run, tmp_path):
    (tmp_path / 'data').rename(tmp_path / 'elsewhere')
    found, _ = seen(run)
    assert found['rounds'][0]['robot_episodes'] == 3


def test_a_damaged_line_of_the_rounds_is_left_out_and_said(run):
    with (run / 'rounds.jsonl').open('a') as file:
        file.write('{"number": -1}\n')
    found, _ = seen(run)
    assert any('rounds.jsonl: 1 damaged' in line for line in found['problems'])
    assert len(found['rounds'][0]['rounds']) == 2


def test_the_picture_marks_refused_rounds_and_says_its_numbers():
    rounds = [vars(one) for one in (BEFORE, FIRST, SECOND)]
    above, below = rounds_figure(rounds).axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in above.lines}
    assert drawn['candidate, published'] == [[-0.12, 0.4], [0.88, 0.8]]
    assert drawn['candidate, refused'] == [[1.88, 0.5]]
    assert drawn['policy in use, same starts'] == [[1.12, 0.9], [2.12, 0.8]]
    assert [bar.get_height() for bar in below.patches] == [0, 3, 2]
    words = rounds_words(rounds)
    assert 'Round 0: published, 4 of 10 starts (95 % interval 0.17 to 0.69), 0 episodes' in words
    assert 'Round 2: refused, 5 of 10 starts' in words
    assert 'the policy in use 8, 2 episodes taken in.' in words


def test_a_robot_without_a_simulator_has_rounds_without_starts():
    bare = [vars(replace(one, starts=[], used_starts=[])) for one in (BEFORE, FIRST)]
    assert not rounds_figure(bare).axes[0].lines
    found = {'path': 'runs/a', 'task': TASK, 'row': 'moto', 'seed': 0, 'rounds': bare}
    found |= {'robot_episodes': 3, 'round_now': None}
    assert [value for value, _ in round_cards([found])] == ['3', '1 of 1']
    section = rounds_section([found])
    assert 'starts solved</th>' not in section and 'same starts' not in section
    two = rounds_section([found, {**found, 'seed': 1}])
    assert f'<h3>{TASK}, moto, seed 1</h3>' in two
    assert rounds_section([]) == '' and round_cards([]) == []


def test_columns_in_which_nothing_stands_are_left_out():
    rounds = [vars(one) for one in (BEFORE, FIRST, SECOND)]
    table = rounds_table(rounds)
    for missing in ('error', 'the one in use&#x27;s', 'episodes driven'):
        assert f'<th>{missing}</th>' not in table
    assert f'<td>4 of 10</td><td>{DASH}</td>' in table
    judged = [vars(replace(one, error=0.25, apart=1)) for one in (BEFORE, FIRST)]
    assert '<th>error</th>' in rounds_table(judged, {'a' * 64: 2})
    assert 'kept from learning' in trial_words(judged)
    assert 'kept from learning' not in trial_words(rounds)


def test_a_lost_start_that_was_let_pass_is_said():
    assert outcome_words(vars(BEFORE)) == 'published'
    assert outcome_words(vars(FIRST)) == 'published: 1 lost start let pass'
    assert outcome_words(vars(SECOND)) == f'refused: {SECOND.why}'
    rounds = [vars(FIRST)]
    assert 'up to 2 fewer were let pass (lost=2)' in trial_words(rounds, 2)
    assert 'let pass' not in trial_words(rounds, 0)
    assert "as moto-finetune's setting lost says" in trial_words(rounds)
    assert 'others in each round: compare them within a row' in trial_words(rounds)
