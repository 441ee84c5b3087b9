"""Evaluations during training: what a line holds, and which lines are believed."""

import json

import pytest

from moto_core.policy.policy import ZeroPolicy
from moto_learning.run import heldout
from moto_learning.run.counters import Counters
from moto_learning.run.heldout import (
    ASIDE,
    EvaluationError,
    HeldOut,
    is_finished,
    read_evaluations,
    sound_evaluation,
)
from tests.learning import tiny_learner as tiny
from tests.learning.report.written_run import evaluation, write_lines
from tests.sim.counting_task import SPEC, counting_env


class Counted:
    """A simulator whose episodes bring both parts into place, or 'early' alone."""

    def __init__(self, at):
        self.made = counting_env(at=at)

    def env(self):
        return self.made


class Started:
    """A simulator that keeps the seeds of its starts."""

    def __init__(self):
        self.made, self.seeds = counting_env(), []

    def env(self):
        return self

    def __getattr__(self, name):
        return getattr(self.made, name)

    def reset(self, *, seed):
        self.seeds.append(seed)
        return self.made.reset(seed=seed)


class Still:
    updates = 5

    def policy(self, exploration):
        return ZeroPolicy(SPEC)


@pytest.mark.parametrize('at, parts, successes', [(3, [0, 0, 4], 4), (5, [0, 4, 0], 0)])
def test_an_evaluation_counts_its_episodes_by_the_parts_that_were_done(
    tmp_path, at, parts, successes
):
    config = tiny.config('evaluate.episodes=4', 'evaluate.explore=[mode]')
    HeldOut(config, Still(), Counted(at), tmp_path, ('mine', 'also')).measure(2, 8)
    [found] = read_evaluations(tmp_path)
    assert (found.parts, found.successes, found.starts) == (parts, successes, 4)
    assert (found.updates, found.episodes, found.decisions) == (5, 2, 8)
    assert found.settings == 'mine'


def test_every_start_of_an_evaluation_is_another(tmp_path):
    config = tiny.config('evaluate.episodes=3', 'evaluate.seed=70', 'evaluate.explore=[mode]')
    simulator = Started()
    HeldOut(config, Still(), simulator, tmp_path, ('mine',)).measure(0, 0)
    assert simulator.seeds == [70, 71, 72]


def test_a_point_is_evaluated_once_under_one_settings_and_again_under_others(tmp_path):
    config = tiny.config('evaluate.episodes=1', 'evaluate.explore=[mode]')
    for names, new in ((('a',), 1), (('a',), 0), (('b', 'a'), 0), (('c',), 1)):
        held_out = HeldOut(config, Still(), Counted(3), tmp_path, names)
        assert len(held_out.measure(2, 8)) == new
    assert [one.settings for one in read_evaluations(tmp_path)] == ['a', 'c']


def test_a_line_of_counts_that_do_not_fit_is_left_out(tmp_path):
    lines = [
        evaluation(0, 4),
        evaluation(0, 4, parts=[16, 4]),
        evaluation(0, 5, parts=[16, 5]),
        evaluation(0, 5, parts=[25, -5]),
        evaluation(0, 5, parts='aa'),
        evaluation(0, 5, parts=20),
        evaluation(10**400, 5),
        evaluation(0, 5, policy={}),
        evaluation(0, 5, settings=3),
    ]
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (tmp_path / 'evaluations.jsonl').write_text(text + '{"updates": 1e999}\n')
    assert [one.successes for one in read_evaluations(tmp_path)] == [4, 4]


def test_what_was_found_after_a_point_is_set_aside_and_not_lost(tmp_path):
    lines = [evaluation(0, 4), evaluation(100, 5), evaluation(200, 6), {'updates': 'many'}]
    write_lines(tmp_path / 'evaluations.jsonl', lines)
    text = (tmp_path / 'evaluations.jsonl').read_text()
    held_out = HeldOut(tiny.config(), Still(), Counted(3), tmp_path, ('mine',))
    held_out.set_aside(1300)
    assert (tmp_path / 'evaluations.jsonl').read_text() == text
    held_out.set_aside(1100)
    assert [one.successes for one in read_evaluations(tmp_path)] == [4, 5]
    held_out.set_aside(1000)
    assert [one.successes for one in read_evaluations(tmp_path)] == [4]
    assert [line['successes'] for line in aside_of(tmp_path)] == [6, 5]


def test_only_what_other_settings_led_to_is_set_aside(tmp_path):
    found = (
        evaluation(0, 1, settings='other'),
        *(evaluation(100, n, settings=name) for n, name in ((2, 'mine'), (3, 'before'))),
        evaluation(100, 4, settings='other'),
        evaluation(100, 5),
    )
    for names, kept in (('mine', 'before', ''), [1, 2, 3, 5]), (('mine', 'before'), [1, 2, 3]):
        write_lines(tmp_path / 'evaluations.jsonl', found)
        HeldOut(tiny.config(), Still(), Counted(3), tmp_path, names).set_aside(1000)
        assert [one.successes for one in read_evaluations(tmp_path)] == kept


def test_evaluations_from_before_settings_had_names_are_the_runs_however_often_it_is_resumed(
    tmp_path,
):
    config = tiny.config('evaluate.episodes=1', 'evaluate.explore=[mode]')
    point = {'explore': 'mode', 'seed': config.evaluate.seed, 'starts': 1}
    found = evaluation(0, 1, updates=5, policy=ZeroPolicy(SPEC).hash, **point)
    old = {key: value for key, value in found.items() if key != 'settings'}
    write_lines(tmp_path / 'evaluations.jsonl', [old])
    for names in (('mine', 'now', ''), ('mine', 'now')):  # of the first resume, of the next ones
        held_out = HeldOut(config, Still(), Counted(3), tmp_path, names)
        held_out.set_aside(3)
        assert not held_out.measure(found['episodes'], found['decisions'])
    assert [one.settings for one in read_evaluations(tmp_path)] == ['mine']
    assert not (tmp_path / ASIDE).exists()


@pytest.mark.parametrize('broken', ['append_synced', 'replace_synced'])
def test_an_evaluation_that_is_set_aside_is_neither_lost_nor_doubled_by_a_kill(
    tmp_path, monkeypatch, broken
):
    lines = [evaluation(0, 4), evaluation(100, 5), evaluation(200, 6)]
    write_lines(tmp_path / 'evaluations.jsonl', lines)
    held_out = HeldOut(tiny.config(), Still(), Counted(3), tmp_path, ('mine',))

    def killed(*_):
        raise OSError('no space left')

    with monkeypatch.context() as patch:
        patch.setattr(heldout, broken, killed)
        with pytest.raises(EvaluationError, match='no space left'):
            held_out.set_aside(1000)
    assert [one.successes for one in read_evaluations(tmp_path)] == [4, 5, 6]
    held_out.set_aside(1000)
    assert [one.successes for one in read_evaluations(tmp_path)] == [4]
    assert [line['successes'] for line in aside_of(tmp_path)] == [5, 6]


def aside_of(run):
    return [json.loads(line) for line in (run / ASIDE).read_text().splitlines()]


@pytest.mark.parametrize(
    'done, last, finished',
    [
        ({'episodes': 2, 'online': 4, 'online_goal': 4}, [(9, 'mode'), (9, 'sample')], True),
        ({'episodes': 2, 'online': 4, 'online_goal': 4}, [(9, 'mode')], False),  # stopped there
        ({'episodes': 2, 'online': 4, 'online_goal': 4}, [(8, 'mode'), (8, 'sample')], False),
        ({'episodes': 2, 'online': 4, 'online_goal': 4}, [(10, 'mode'), (10, 'sample')], False),
        ({'episodes': 2, 'online': 3, 'online_goal': 4}, [(8, 'mode'), (8, 'sample')], False),
        ({'episodes': 1, 'online': 2, 'online_goal': 2}, [(7, 'mode'), (7, 'sample')], False),
        ({'episodes': 3, 'online': 6, 'online_goal': 6}, [], True),  # longer: not due after 3
    ],
)
def test_a_run_is_finished_with_its_last_evaluation(done, last, finished):
    goal = tiny.config(
        'train.offline_updates=5',
        'train.online_episodes=2',
        'evaluate.every=2',
        'evaluate.explore=[mode, sample]',
    )
    there = [
        sound_evaluation(evaluation(0, 1, explore=explore, updates=updates))
        for updates, explore in last
    ]
    assert is_finished(Counters(offline=5, **done), goal, there) is finished
    never = tiny.config('train.offline_updates=5', 'train.online_episodes=1')
    trained = done['online'] == done['online_goal']
    assert is_finished(Counters(offline=5, **done), never, []) is trained


def test_an_evaluation_ends_a_run_if_it_is_of_the_policy_as_it_is_on_the_starts_asked_for():
    goal = tiny.config('train.offline_updates=5', 'evaluate.every=1', 'evaluate.episodes=20')
    for done, changes, finished in (
        (Counters(offline=5), {'updates': 5}, True),
        (Counters(offline=5), {'updates': 5, 'starts': 3}, False),
        (Counters(offline=5), {'updates': 5, 'seed': 3}, False),
        (Counters(offline=5, finetune=3), {'updates': 5}, True),
        (Counters(offline=5, finetune=3), {'updates': 7}, False),
        (Counters(offline=5, finetune=3), {'updates': 8}, True),
    ):
        there = [sound_evaluation(evaluation(0, 1, **changes))]
        assert is_finished(done, goal, there) is finished, changes
