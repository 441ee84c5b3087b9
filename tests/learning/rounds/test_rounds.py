"""Rounds of fine-tuning: what begins one, what is published or refused, what a kill leaves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import BundleError, ConfigError, DatasetError
from moto_core.policy.given_up import give_up
from moto_core.policy.name_file import named_folder
from moto_core.spec import CameraSpec
from moto_learning.export.export import export_run
from moto_learning.rounds import rounds as module
from moto_learning.rounds.arrivals import is_apart
from moto_learning.rounds.begun import Begun
from moto_learning.rounds.journal import FILE, RoundError, read_about, read_rounds, write_about
from moto_learning.rounds.publishing import Place
from moto_learning.rounds.rounds import Rounds
from moto_learning.rounds.settings import RoundSettings
from moto_learning.rounds.trial import action_errors
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.train import Training
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from tests.learning import tiny_learner as tiny
from tests.learning.labelled import record

SETTINGS = [
    'train.offline_updates=2',
    'train.finetune_updates=3',
    'train.log_every=1',
    'replay.length=4',
    'replay.batch=2',
    'model.rssm.members=2',
]
ALL = RoundSettings(held_out=0, starts=0)  # every episode is learned from


class Quick(NamedTuple):
    path: Path
    note: str = 'no surprise limits'


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Writes tiny bundles, other ones after other updates, in place of an export of seconds."""

    def write(run, folder, held_out):
        updates = load_checkpoint(run).meta['updates']
        return Quick(write_tiny_bundle(folder, tiny.spec(), training={'updates': updates}))

    monkeypatch.setattr(module, 'export_run', write)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A dataset of two episodes and a run that learned from it, to be copied."""
    root = tmp_path_factory.mktemp('trained')
    record(root / 'data', 'success')
    record(root / 'data', 'failure')
    training = Training(tiny.config(*SETTINGS), tiny.spec(), [root / 'data'], root / 'run')
    training.offline()
    training.close()
    return root


@pytest.fixture
def data(tmp_path, trained):
    return Path(shutil.copytree(trained / 'data', tmp_path / 'data'))


@pytest.fixture
def run(tmp_path, trained, data):
    return Path(shutil.copytree(trained / 'run', tmp_path / 'run'))


@pytest.fixture
def opened(tmp_path, run):
    """Opens rounds of the run as a new process would; all are closed at the end."""
    held = []

    def open_(settings=ALL, name='use', coming=(), **more):
        checkpoint = load_checkpoint(run)
        training = Training(
            checkpoint.config, checkpoint.spec, [tmp_path / 'data'], run, resumed=checkpoint
        )
        held.append(training)
        place = Place(tmp_path / 'bundles', tmp_path / name)
        rounds = Rounds(training, place, settings, coming, **more)
        held.append(rounds)
        return rounds

    def shut(*ones):
        for one in ones or held[::-1]:
            one.close()
            held.remove(one)

    open_.shut = shut
    yield open_
    shut()


def used(tmp_path):
    return named_folder(tmp_path / 'use').name


def test_the_first_policy_is_published_and_each_round_another(tmp_path, opened, data, monkeypatch):
    monkeypatch.setattr(module, 'export_run', export_run)  # in truth
    rounds = opened()
    rounds.begin()
    first = used(tmp_path)
    assert not rounds.is_due()
    record(data, 'success')
    assert rounds.is_due()
    found = rounds.round()
    assert used(tmp_path) == found.bundle != first
    assert (found.used, found.new, found.episodes, found.successes) == (first, 1, 3, 2)
    assert not rounds.is_due()
    assert [one.number for one in read_rounds(rounds.training.out)] == [0, 1]
    notes = [one.note for one in read_rounds(rounds.training.out)]
    assert all(note.startswith('no surprise limits') for note in notes)
    assert read_about(tmp_path / 'bundles' / found.bundle) == found
    assert found.metrics['model/loss'] > 0


def test_a_round_is_as_long_as_it_has_episodes_where_that_is_asked_for(opened, data):
    settings = RoundSettings(held_out=0, starts=0, episodes=2, episode_updates=2)
    rounds = opened(settings)
    rounds.begin()
    record(data, 'success')
    assert not rounds.is_due()
    record(data, 'failure')
    assert rounds.round().updates == 2 + 2 * 2
    with pytest.raises(ConfigError, match='updates is 3 and episode_updates is 2; say one'):
        RoundSettings(updates=3, episode_updates=2)


def test_after_a_robot_gave_one_up_the_next_is_tried_beside_what_it_runs(tmp_path, opened, data):
    rounds = opened()
    rounds.begin()
    first = used(tmp_path)
    record(data, 'success')
    second = rounds.round().bundle
    give_up(tmp_path / 'bundles' / second, 'it shook', first)
    record(data, 'success')
    found = rounds.round()
    assert found.used == first and used(tmp_path) == found.bundle


def test_a_label_that_changes_begins_a_round_and_an_unlabelled_episode_none(opened, data):
    rounds = opened()
    rounds.begin()
    waiting = record(data, 'unlabelled')
    assert not rounds.is_due()
    assert rounds.look().unlabelled == (waiting,)
    assert waiting not in rounds.training.replay.episodes
    with Dataset.open(data) as dataset:
        dataset.label(waiting, 'success')
    assert rounds.look().new == (waiting,)
    rounds.round()
    with Dataset.open(data) as dataset:
        dataset.label(waiting, 'failure')
    assert rounds.look().labelled == (waiting,)
    found = rounds.round()
    assert (found.new, found.labelled, found.successes) == (0, 1, 1)


def test_while_its_folder_is_away_a_labelled_episode_does_not_wait_for_a_label(opened, data):
    rounds = opened()
    rounds.begin()
    known, there = record(data, 'success'), data / 'episodes'
    rounds.round()
    there.rename(data / 'elsewhere')
    assert rounds.look() == ((), (), (), ())
    (data / 'elsewhere').rename(there)
    assert rounds.look() == ((), (), (), ()) and known in rounds.training.replay.episodes


def test_a_round_for_another_episode_leaves_the_unlabelled_one_alone(opened, data):
    rounds = opened()
    rounds.begin()
    waiting, good = record(data, 'unlabelled'), record(data, 'success')
    assert rounds.round().new == 1
    learned_from = rounds.training.replay.episodes
    assert good in learned_from and waiting not in learned_from


def test_a_round_waits_for_as_many_episodes_as_are_asked_for(opened, data):
    rounds = opened(RoundSettings(held_out=0, starts=0, episodes=2))
    rounds.begin()
    record(data, 'success')
    assert not rounds.is_due()
    record(data, 'failure')
    assert rounds.is_due()


def test_episodes_kept_apart_are_never_learned_from_and_judge_both_policies(opened, data):
    rounds = opened(RoundSettings(held_out=2, starts=0))
    rounds.begin()
    ids = [record(data, 'success') for _ in range(8)]
    apart = {one for one in ids if is_apart(one, 2)}
    assert set(rounds.look().apart) == apart
    found = rounds.round()
    assert not apart & set(rounds.training.replay.episodes)
    assert found.episodes == 2 + 8 - len(apart)
    assert found.apart == len(apart)
    if apart:
        assert found.error > 0 and found.used_error > 0


@pytest.mark.parametrize('every', [1, 3, 10])
def test_one_episode_in_so_many_is_kept_apart(every):
    kept = sum(is_apart(f'episode {number}', every) for number in range(3000))
    assert kept == pytest.approx(3000 / every, rel=0.2)


def test_nothing_is_kept_apart_if_none_is_asked_for():
    assert not is_apart('episode', 0)


def test_a_policy_that_is_worse_on_kept_episodes_is_refused_and_the_name_stays(
    tmp_path, opened, data, monkeypatch
):
    rounds = opened(RoundSettings(held_out=1, starts=0))  # every new episode is kept
    rounds.begin()
    first = used(tmp_path)
    for _ in range(5):
        record(data, 'success')
    errors = {first: 0.2}
    monkeypatch.setattr(
        'moto_learning.rounds.judge.action_errors',
        lambda policy, episodes: {one.id: errors.get(policy.hash, 0.23) for one in episodes},
    )
    found = rounds.round()
    assert not found.published
    assert found.why == (
        'differs by 0.2300 from the actions of 5 episodes that neither learned from, the policy '
        'in use by 0.2000; expected at most 0.2200'
    )
    assert used(tmp_path) == first
    assert (tmp_path / 'bundles' / found.bundle).is_dir()  # to look at
    assert read_rounds(rounds.training.out)[-1] == found


def test_a_policy_that_cannot_be_exported_is_refused(tmp_path, opened, data, monkeypatch):
    rounds = opened()
    rounds.begin()
    first = used(tmp_path)
    record(data, 'success')

    def fail(*_):
        raise BundleError('self-test: 3 of 50 steps differ')

    monkeypatch.setattr(module, 'export_run', fail)
    found = rounds.round()
    assert (found.published, found.bundle) == (False, '')
    assert found.why == 'self-test: 3 of 50 steps differ'
    assert used(tmp_path) == first
    assert not rounds.is_due()  # it is not tried for ever


def test_a_round_that_was_stopped_goes_on_with_the_episodes_it_had(opened, data):
    rounds = opened()
    rounds.begin()
    record(data, 'success')

    def stop(*_):
        rounds.training.stopped = True

    rounds.listener = stop
    assert rounds.round() is None
    assert rounds.training.counters.finetune == 1
    opened.shut(rounds, rounds.training)
    late = record(data, 'success')
    again = opened()
    again.begin()
    assert again.is_due()
    found = again.round()
    assert (found.number, found.updates, found.new) == (1, 5, 1)
    assert late not in again.training.replay.episodes
    assert again.is_due()  # for the late one
    assert again.round().new == 1


def test_a_round_that_was_trained_and_not_judged_is_judged_once(opened, data, monkeypatch):
    rounds = killed_before_its_line(opened, data, monkeypatch)
    updates = rounds.training.learner.updates
    opened.shut(rounds, rounds.training)
    again = opened()
    again.begin()
    assert again.is_due()
    found = again.round()
    assert found.updates == updates == again.training.learner.updates
    assert (found.number, found.new) == (1, 1)
    assert not again.is_due()
    assert len(read_rounds(again.training.out)) == 2


def killed_before_its_line(opened, data, monkeypatch):
    """Returns rounds of which one was trained and tried, and has no line."""

    def killed(*_):
        raise KeyboardInterrupt

    rounds = opened()
    rounds.begin()
    record(data, 'success')
    with monkeypatch.context() as patch:
        patch.setattr(module, 'append_round', killed)
        with pytest.raises(KeyboardInterrupt):
            rounds.round()
    return rounds


def test_a_round_says_what_it_takes_in_before_it_trains_and_that_it_goes_on(opened, data):
    heard = []
    settings = RoundSettings(starts=0, held_out=0, episode_updates=2)
    rounds = opened(settings, begun=heard.append)
    rounds.begin()
    with Dataset.open(data) as dataset:
        dataset.label(dataset.episodes()[1].id, 'success')
    record(data, 'success')

    def stop(*_):
        assert heard, 'it is said before the first update'
        rounds.training.stopped = True

    rounds.listener = stop
    assert rounds.round() is None
    assert heard == [Begun(number=1, updates=4, new=1, labelled=1)]
    opened.shut()
    again = opened(settings, begun=heard.append)
    again.round()
    assert heard[1:] == [Begun(number=1, updates=3, goes_on=True)]


def test_a_round_that_was_trained_says_that_it_is_tried(opened, data, monkeypatch):
    killed_before_its_line(opened, data, monkeypatch)
    opened.shut()
    heard = []
    again = opened(begun=heard.append)
    again.begin()
    again.round()
    assert heard == [Begun(number=1, updates=0, goes_on=True)]


def test_a_round_says_how_many_episodes_are_held_out(opened, data):
    heard = []
    rounds = opened(RoundSettings(starts=0, held_out=2), begun=heard.append)
    rounds.begin()
    made = [record(data, 'success') for _ in range(8)]
    apart = sum(is_apart(one, 2) for one in made)
    rounds.round()
    assert heard == [Begun(number=1, updates=3, new=8 - apart, apart=apart)]


def test_what_is_in_use_already_is_left_as_it_is(tmp_path, opened, run):
    rounds = opened()
    rounds.begin()
    before = (tmp_path / 'use').stat().st_mtime_ns
    (run / FILE).unlink()  # its rounds are lost
    opened.shut(rounds, rounds.training)
    again = opened()
    again.begin()
    assert (tmp_path / 'use').stat().st_mtime_ns == before
    assert read_rounds(run)[0].published


def test_two_processes_do_not_publish_to_one_name(tmp_path, opened, run):
    opened()
    place = Place(tmp_path / 'bundles', tmp_path / 'use')
    with pytest.raises(RoundError, match=r"publishes to '.*use' \(pid \d+"):
        place.hold()


def test_a_dataset_that_comes_later_is_taken_in(tmp_path, opened):
    later = tmp_path / 'later'
    rounds = opened(coming=[later])
    rounds.begin()
    assert not rounds.is_due()
    new = record(later, 'success')
    assert rounds.look().new == (new,)
    rounds.round()
    assert new in rounds.training.replay.episodes
    assert load_checkpoint(rounds.training.out).meta['data'][-1] == str(later)


def test_a_dataset_of_another_robot_is_refused_by_name(tmp_path, opened):
    rounds = opened(coming=[tmp_path / 'other'])
    spec = tiny.spec()
    camera = CameraSpec(height=8, width=12)
    other = type(spec)(['b'], [2.0, 1.0], gripper=['g'], cameras={'front': camera})
    record(tmp_path / 'other', 'success', spec=other)
    with pytest.raises(DatasetError, match="'.*data' and '.*other' are of two robots: joints"):
        rounds.look()


def test_a_half_copied_episode_waits_until_it_is_whole(tmp_path, opened, data):
    rounds = opened()
    rounds.begin()
    source = tmp_path / 'robot'
    new = record(source, 'success')
    folder = data / 'episodes' / new
    shutil.copytree(source / 'episodes' / new, folder)
    file = folder / 'episode.mcap'
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert not rounds.is_due()
    file.write_bytes(whole)
    assert rounds.look().new == (new,)


def test_an_episode_that_cannot_be_learned_from_begins_no_round_for_ever(opened, data):
    rounds = opened()
    rounds.begin()
    record(data, 'success')
    rounds.training.taking = lambda episode, known: known
    rounds.round()
    assert not rounds.is_due()


def test_a_label_that_changed_while_a_round_was_read_is_not_dropped_for_good(opened, data):
    rounds = opened()
    rounds.begin()
    new, take = record(data, 'success'), rounds.training.taking

    def refuse(episode, known):
        if episode.id == new:
            relabel(data, new, 'failure')
        return known

    rounds.training.taking = refuse
    rounds.round()
    rounds.training.taking = take
    relabel(data, new, 'success')  # as it was when the round began
    assert rounds.look().new == (new,)
    rounds.round()
    assert new in rounds.training.replay.episodes


def relabel(data, episode, label):
    with Dataset.open(data) as dataset:
        dataset.label(episode, label)


def test_an_episode_of_another_task_is_not_learned_from_and_is_named_with_what_to_do(opened, data):
    rounds = opened()
    rounds.begin()
    wrong = record(data, 'success', task='kettle')
    assert rounds.look() == ((), (), (), ()) and not rounds.is_due()
    assert rounds.others[wrong].startswith("it is of task 'kettle', and the run learns none;")
    assert "'moto-data remove'" in rounds.others[wrong] and 'moto-train' in rounds.others[wrong]
    right = record(data, 'success')
    found = rounds.round()
    assert (found.new, found.successes) == (1, 2)
    assert right in rounds.training.replay.episodes
    assert wrong not in rounds.training.replay.episodes and wrong in rounds.training.skipped
    assert not rounds.is_due()
    opened.shut(rounds, rounds.training)
    again = opened()
    again.begin()
    assert not again.is_due() and wrong in again.others
    assert wrong not in again.training.replay.episodes


def test_an_episode_of_another_task_neither_waits_for_a_label_nor_judges(opened, data):
    rounds = opened(RoundSettings(held_out=1, starts=0))
    rounds.begin()
    record(data, 'success', task='kettle')
    record(data, 'unlabelled', task='kettle')
    assert rounds.look() == ((), (), (), ())
    assert not rounds.judge._apart()


def test_a_dataset_of_another_task_that_comes_later_is_left_out(tmp_path, opened):
    rounds = opened(coming=[tmp_path / 'later'])
    rounds.begin()
    wrong = record(tmp_path / 'later', 'success', task='kettle')
    assert not rounds.is_due() and wrong in rounds.others
    right = record(tmp_path / 'later', 'success')
    assert rounds.look().new == (right,)


def test_a_run_that_began_with_two_tasks_goes_on_with_both_and_no_third(tmp_path):
    record(tmp_path / 'data', 'success')
    record(tmp_path / 'more', 'failure', task='kettle')
    roots = [tmp_path / 'data', tmp_path / 'more']
    training = Training(tiny.config(*SETTINGS), tiny.spec(), roots, tmp_path / 'run')
    training.offline()
    training.close()
    checkpoint = load_checkpoint(tmp_path / 'run')
    new = [record(tmp_path / 'data', 'success', task=task) for task in ('kettle', 'none', 'door')]
    training = Training(
        checkpoint.config, checkpoint.spec, roots, tmp_path / 'run', resumed=checkpoint
    )
    taken = training.begin_round()
    training.close()
    assert taken == (2, 0)
    assert set(training.replay.episodes) > set(new[:2])
    assert 'the run learns kettle, none;' in training.skipped[new[2]]


def test_the_task_that_a_run_practises_is_one_of_its_own(data, run):
    checkpoint = load_checkpoint(run)
    config = replace(checkpoint.config, collect=replace(checkpoint.config.collect, task='kettle'))
    new = record(data, 'success', task='kettle')
    training = Training(config, checkpoint.spec, [data], run, resumed=checkpoint)
    taken = training.begin_round()
    training.close()
    assert taken == (1, 0) and new in training.replay.episodes


def test_starts_are_of_the_task_that_was_learned_whatever_else_came(opened, data):
    record(data, 'success', task='kettle')
    rounds = opened()
    assert rounds.judge._simulator.config.collect.task == 'none'


def test_a_bundle_in_use_that_is_no_bundle_is_an_error_before_anything_is_done(tmp_path, opened):
    (tmp_path / 'use').write_text('nonsense')
    rounds = opened()
    with pytest.raises(Exception, match='expected the folder of a bundle'):
        rounds.begin()


@pytest.mark.parametrize(
    'damage', ['{"number": 1}', '[]', '{"number": "a"}', '\x00', '{"number": NaN}', '{']
)
def test_a_damaged_line_is_left_out(run, opened, damage):
    rounds = opened()
    rounds.begin()
    with (run / FILE).open('a') as stream:
        stream.write(damage + '\n')
    assert len(read_rounds(run)) == 1


def test_a_line_with_a_value_of_another_kind_is_left_out(run, opened):
    rounds = opened()
    rounds.begin()
    line = json.loads((run / FILE).read_text())
    for name, value in {'published': 1, 'starts': [1], 'seed': -1, 'why': None}.items():
        (run / FILE).write_text(json.dumps({**line, name: value}) + '\n')
        assert not read_rounds(run), name


def test_the_name_counts_from_its_own_folder_so_that_both_may_be_copied(tmp_path, opened):
    rounds = opened()
    rounds.begin()
    shutil.copytree(tmp_path / 'bundles', tmp_path / 'robot' / 'bundles')
    shutil.copy(tmp_path / 'use', tmp_path / 'robot' / 'use')
    found = named_folder(tmp_path / 'robot' / 'use')
    assert found.parent == tmp_path / 'robot' / 'bundles'


def test_an_episode_that_was_half_copied_at_the_start_is_taken_once_it_is_whole(
    tmp_path, opened, data
):
    new = record(tmp_path / 'robot', 'success')
    shutil.copytree(tmp_path / 'robot' / 'episodes' / new, data / 'episodes' / new)
    file = data / 'episodes' / new / 'episode.mcap'
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    rounds = opened()
    rounds.begin()
    assert not rounds.is_due()
    file.write_bytes(whole)
    assert rounds.is_due()


def test_a_withdrawn_label_begins_no_round_and_is_learned_from_as_it_was(opened, data):
    rounds = opened()
    rounds.begin()
    known = rounds.training.replay.episodes[0]
    with Dataset.open(data) as dataset:
        dataset.label(known, 'unlabelled')
    assert rounds.look().unlabelled == (known,)
    assert not rounds.is_due()
    record(data, 'success')
    assert rounds.round().successes == 2
    assert rounds.training.replay.outcomes[known] == 'success'


def test_episodes_that_a_policy_drove_judge_nobody(tmp_path, opened, data):
    rounds = opened(RoundSettings(held_out=1, starts=0))
    rounds.begin()
    record(data, 'success', policy=used(tmp_path))
    person = record(data, 'success')
    rounds.look()
    assert [one.id for one in rounds.judge._apart()] == [person]


def test_a_kept_take_over_judges_by_the_rows_that_a_person_drove_alone(
    tmp_path, opened, data, monkeypatch
):
    rounds = opened(RoundSettings(held_out=1, starts=0))
    rounds.begin()
    taken = record(data, 'success', policy=used(tmp_path), person=[3, 4])
    record(data, 'failure', policy=used(tmp_path), person=[3, 4])
    rounds.look()
    apart = rounds.judge._apart()
    masks = {one.id: one.learned['bc_mask'].tolist() for one in apart}
    assert masks[taken] == [0, 0, 0, 1, 1, 0]
    # asks for .1 at the rows that the policy drove, and for .3 where the person did .5
    asked = np.array([[0.1], [0.1], [0.1], [0.3], [0.3], [0.1]]) * np.ones((1, 2))
    monkeypatch.setattr('moto_learning.rounds.trial._followed', lambda policy, episode: asked)
    assert action_errors(None, apart) == {taken: pytest.approx(0.2)}


def test_a_lost_or_another_name_gets_what_was_published_last(tmp_path, opened, data):
    rounds = opened()
    rounds.begin()
    record(data, 'success')
    last = rounds.round().bundle
    opened.shut(rounds, rounds.training)
    again = opened(name='other')
    again.begin()
    assert named_folder(tmp_path / 'other').name == last
    assert len(read_rounds(again.training.out)) == 2


def test_a_disk_that_refuses_is_no_judgement(tmp_path, opened, data, monkeypatch):
    rounds = opened()
    rounds.begin()
    record(data, 'success')

    def fail(*_):
        raise BundleError('no space left') from OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(module, 'export_run', fail)
        with pytest.raises(BundleError, match='no space'):
            rounds.round()
    assert rounds.is_due()  # it is judged once there is room
    assert rounds.round().published


def test_both_policies_meet_the_same_starts_and_others_in_each_round(opened, data, monkeypatch):
    seeds = []

    def tried(env, policy, wanted, steps, told):
        seeds.append((policy.hash, list(wanted)))
        return [True] * len(wanted)

    monkeypatch.setattr('moto_learning.rounds.judge.start_successes', tried)
    monkeypatch.setattr('moto_learning.run.simulator.Simulator.env', lambda _: None)
    rounds = opened(RoundSettings(held_out=0, starts=3, seed=100))
    rounds.training.unsimulated = ''
    rounds.begin()
    record(data, 'success')
    found = rounds.round()
    first = found.used
    assert seeds == [
        (first, [100, 101, 102]),
        (found.bundle, [103, 104, 105]),
        (first, [103, 104, 105]),
    ]
    assert (found.seed, found.starts, found.used_starts) == (103, [True] * 3, [True] * 3)


def test_a_bundle_that_was_published_before_a_kill_keeps_its_verdict(opened, data, monkeypatch):
    rounds = killed_before_its_line(opened, data, monkeypatch)
    first = read_rounds(rounds.training.out)[0].bundle
    opened.shut(rounds, rounds.training)
    again = opened()
    again.begin()
    assert again.round().used == first


@pytest.mark.parametrize('updates', [1, 10_000])
def test_a_side_file_that_lies_about_its_updates_begins_no_round_for_ever(
    tmp_path, opened, data, monkeypatch, updates
):
    rounds = killed_before_its_line(opened, data, monkeypatch)
    learned = rounds.training.learner.updates
    opened.shut(rounds, rounds.training)
    bundle = tmp_path / 'bundles' / used(tmp_path)
    told = {'updates': updates, 'episodes': 100, 'new': 50, 'successes': 70}
    write_about(bundle, replace(read_about(bundle), **told))
    again = opened()
    again.begin()
    found = again.round()
    assert (found.updates, found.episodes, found.new, found.successes) == (learned, 3, 1, 2)
    assert not again.is_due()
    assert read_rounds(again.training.out)[-1] == found


@pytest.mark.parametrize('damage', [{'error': ''}, {'why': 'a\nb'}, {'why': '\x1b[2J'}])
def test_a_side_file_that_holds_anything_else_is_not_believed(tmp_path, opened, damage):
    rounds = opened()
    rounds.begin()
    bundle = tmp_path / 'bundles' / used(tmp_path)
    side = bundle.with_name(f'{bundle.name}.json')
    side.write_text(json.dumps({**json.loads(side.read_text()), **damage}))
    assert read_about(bundle) is None
    side.unlink()
    side.symlink_to(tmp_path / 'use')
    assert read_about(bundle) is None


def test_a_surprise_dataset_that_is_not_there_is_said_before_anything_is_trained(tmp_path, opened):
    rounds = opened(held_out=[tmp_path / 'nowhere'])
    with pytest.raises(DatasetError, match='nowhere'):
        rounds.begin()
