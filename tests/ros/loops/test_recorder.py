"""Which episode is written, and how it ends."""

import shutil

import pytest
from mcap.reader import make_reader

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.episodes.messages import encode_string
from moto_core.episodes.reader import read_episode
from moto_core.episodes.writer import CHUNK
from moto_core.errors import DatasetError, EpisodeError
from moto_ros.loops.recorder import Recording
from tests.ros.loops.test_row_join import SPEC, decision, feed, pixels, stamp


def header():
    return EpisodeHeader(task='t', source='sim', spec=SPEC)


def write_rows(recording, count, first=0, lost=()):
    """Feeds rows to the open episode as the node does, and writes what is whole."""
    for i in range(first, count):
        feed(recording.joiner, i + 1, i, lost, recording.last)
        recording.append()


def shrink_newest_image(recording):
    """Takes pixels from the newest image, as a camera that changed its size would give it."""
    images = recording.joiner._images[max(recording.joiner._images)]
    images.update({camera: image[:1] for camera, image in images.items()})


def test_an_episode_is_written_and_labelled(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    identity = recording.start(header())
    write_rows(recording, 5)
    assert recording.end(True, now=0.0) == identity
    recording.poll(0.0)
    recording.close()
    assert [event.state for event in events] == ['started', 'stopping', 'ended']
    with Dataset.open(tmp_path / 'd') as dataset:
        (record,) = dataset.episodes()
        assert (record.id, record.rows, record.outcome) == (identity, 5, 'success')


def test_a_label_may_come_after_the_end(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    write_rows(recording, 3)
    recording.stop(0.0)
    recording.poll(1.0)
    assert recording.dataset.episodes()[0].outcome == 'unlabelled'
    assert recording.end(False, 2.0) == recording.last
    assert recording.dataset.episodes()[0].outcome == 'failure'
    recording.close()


def test_a_label_that_changes_another_says_so(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    identity = recording.start(header())
    write_rows(recording, 3)
    recording.end(False, 0.0)
    recording.poll(1.0)
    told = recording.end(True, 2.0)
    assert told == f'{identity}: it was a failure, and is a success now'
    assert recording.end(True, 3.0) == identity
    recording.close()


def killed(recording, tmp_path):
    """What the next recorder finds if this one is killed now: its only record, and what it says.

    Whatever was written is the system's, as after kill -9.
    """
    copy = tmp_path / 'killed'
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(recording.dataset.root, copy)
    with Dataset.open(copy, lock=True) as dataset:
        (record,) = dataset.episodes()
        return record, '; '.join(finding.reason for finding in dataset.findings)


@pytest.mark.parametrize('success, outcome', [(True, 'success'), (False, 'failure')])
def test_a_label_that_was_answered_outlives_a_kill_with_the_row_that_it_speaks_of(
    tmp_path, success, outcome
):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    write_rows(recording, 5)
    assert killed(recording, tmp_path)[0].outcome == 'unlabelled'
    recording.end(success, now=0.0)
    assert recording.state == 'draining'
    record, _ = killed(recording, tmp_path)
    assert (record.outcome, record.ended) == (outcome, 'recovered')
    assert record.rows == (5 if success else 4)  # a failure has no reward at its last row
    recording.end(not success, now=0.0)
    assert killed(recording, tmp_path)[0].outcome != outcome
    recording.end(success, now=0.0)
    recording.poll(0.0)
    (record,) = recording.dataset.episodes()
    assert (record.rows, record.outcome, record.ended) == (5, outcome, 'done')
    recording.close()


@pytest.mark.parametrize('success', [True, False])
def test_a_success_whose_last_row_a_kill_loses_is_taken_back_and_said(tmp_path, success):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    write_rows(recording, 5, lost={4})
    recording.end(success, now=0.0)  # the last image is late
    record, said = killed(recording, tmp_path)
    assert record.rows == 3  # the fourth is given out once the fifth is whole
    assert record.outcome == ('unlabelled' if success else 'failure')
    assert ("its end is lost, and its label 'success' taken back" in said) == success
    feed(recording.joiner, 5, 4, (), recording.last)
    recording.close()


def test_a_decision_that_is_late_has_its_row_after_a_success(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    identity = recording.start(header())
    write_rows(recording, 5)
    recording.end(True, now=0.0)
    assert recording.status().rows == 5
    write_rows(recording, 6, 5)
    recording.poll(0.0)
    (record,) = recording.dataset.episodes()
    assert (record.rows, record.gaps, record.outcome) == (6, 0, 'success')
    episode = read_episode(recording.dataset.find(identity).path)
    assert episode.is_last.tolist() == [False] * 5 + [True]
    recording.close()


@pytest.mark.parametrize('failing', ['a row', 'a message', 'a row that does not fit'])
def test_a_success_whose_last_row_the_disk_refuses_is_taken_back(tmp_path, failing):
    events, free = [], [10**12]
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    recording.dataset._free = lambda path: free[0]
    identity = recording.start(header())
    write_rows(recording, 5, lost={4})
    recording.end(True, now=0.0)
    if failing == 'a message':
        free[0] = 0
        recording.raw('/odd', 'std_msgs/msg/String', encode_string('too much' * CHUNK), 8)
    else:
        recording.joiner.image('front', stamp(4), pixels(4))
        if failing == 'a row':
            free[0] = 0
        else:
            shrink_newest_image(recording)
        recording.poll(0.0)
    assert recording.state == 'idle' and "its label 'success' taken back" in recording.problem
    assert (events[-1].outcome, events[-1].problem) == ('unlabelled', recording.problem)
    assert recording.dataset.find(identity).outcome == 'unlabelled'
    free[0] = 10**12
    recording.end(True, now=1.0)  # a person who has seen it may say so again
    assert recording.dataset.find(identity).outcome == 'success'
    recording.close()


def test_a_success_that_cannot_be_written_is_not_answered(tmp_path):
    free = [10**12]
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.dataset._free = lambda path: free[0]
    identity = recording.start(header())
    write_rows(recording, 5)
    free[0] = 0
    with pytest.raises(EpisodeError, match=f"'{identity}' is not labelled: .* MB free"):
        recording.end(True, now=0.0)
    assert recording.dataset.find(identity).outcome == 'unlabelled'
    recording.close()


def test_an_episode_that_is_cut_says_so(tmp_path):
    for cut in (Recording.cut, Recording.close):
        recording = Recording(tmp_path / cut.__name__, SPEC, lambda event: None)
        recording.start(header())
        write_rows(recording, 3)
        cut(recording)
        assert recording.dataset.episodes()[0].ended == 'shutdown'
        recording.close()


def test_the_end_waits_for_a_late_image_but_not_for_ever(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    write_rows(recording, 2)
    recording.joiner.decision(decision(2, recording.last))
    recording.append()
    recording.stop(10.0)
    recording.poll(10.1)
    assert recording.state == 'draining'
    recording.poll(10.2)
    assert recording.state == 'idle'
    assert recording.dataset.episodes()[0].rows == 2
    recording.close()


def test_a_discarded_episode_goes_to_quarantine(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    identity = recording.start(header())
    write_rows(recording, 3)
    recording.discard()
    assert recording.dataset.episodes() == []
    assert (tmp_path / 'd' / 'quarantine' / identity).is_dir()
    recording.close()


def test_an_episode_without_a_step_is_kept_out_of_the_dataset(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    recording.stop(0.0)
    recording.poll(1.0)
    assert recording.dataset.episodes() == [] and recording.state == 'idle'
    recording.close()


def test_a_full_disk_ends_the_recording_and_says_so(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    free = [10**12]
    recording.dataset._free = lambda path: free[0]
    recording.start(header())
    write_rows(recording, 3)
    free[0] = 0
    write_rows(recording, 5, 3)
    assert recording.state == 'idle' and 'MB free' in recording.problem
    assert (events[-1].state, events[-1].ended, events[-1].rows) == ('ended', 'disk_full', 2)
    free[0] = 10**12
    assert recording.start(header())
    recording.close()


def test_a_row_that_does_not_fit_ends_the_episode_whole_so_that_it_can_be_labelled(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    identity = recording.start(header())
    write_rows(recording, 3)
    feed(recording.joiner, 4, 3, (), identity)
    shrink_newest_image(recording)
    write_rows(recording, 8, 4)
    assert recording.state == 'idle' and 'images are' in recording.problem
    assert (events[-1].state, events[-1].ended) == ('ended', 'write_error')
    assert events[-1].rows == 3 and events[-1].problem == recording.problem
    assert not list(tmp_path.rglob('*.active'))
    assert recording.end(True, 0.0) == identity
    (record,) = recording.dataset.episodes()
    assert (record.id, record.rows, record.outcome) == (identity, 3, 'success')
    recording.close()


def test_an_episode_whose_first_row_does_not_fit_is_kept_out_of_the_dataset(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    identity = recording.start(header())
    feed(recording.joiner, 1, 0, (), identity)
    shrink_newest_image(recording)
    write_rows(recording, 3, 1)
    assert (events[-1].ended, events[-1].rows) == ('write_error', 0)
    assert recording.dataset.episodes() == []
    assert (tmp_path / 'd' / 'quarantine' / identity).is_dir()
    recording.close()


def test_a_row_and_a_close_that_both_fail_still_end_the_recording(tmp_path, monkeypatch):
    def fail():
        raise OSError('the disk is gone')

    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    recording.start(header())
    write_rows(recording, 3)
    monkeypatch.setattr(recording.writer._mcap, 'finish', fail)
    feed(recording.joiner, 4, 3, (), recording.last)
    shrink_newest_image(recording)
    write_rows(recording, 8, 4)
    assert recording.state == 'idle' and events[-1].ended == 'write_error'
    assert 'images are' in events[-1].problem and 'the disk is gone' in events[-1].problem
    recording.close()


def test_commands_in_the_wrong_state_are_refused(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    for command in (
        lambda: recording.stop(0.0),
        lambda: recording.end(True, 0.0),
        recording.discard,
    ):
        with pytest.raises(EpisodeError, match='no episode'):
            command()
    recording.start(header())
    with pytest.raises(EpisodeError, match='is being recorded'):
        recording.start(header())
    recording.close()


def test_a_second_recorder_on_one_dataset_is_refused(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    with pytest.raises(DatasetError, match='another recorder'):
        Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.close()


def test_an_episode_begins_with_nothing_of_the_one_before(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    write_rows(recording, 3)
    recording.on_lost('/camera', 2)
    recording.left_out['/camera'] = 1
    recording.problem = 'the disk is full'
    recording.end(True, 0.0)
    recording.poll(1.0)
    recording.start(header())
    assert (recording.problem, recording.lost, recording.left_out) == ('', {}, {})
    write_rows(recording, 3)
    recording.stop(2.0)
    recording.poll(3.0)
    assert [one.outcome for one in recording.dataset.episodes()] == ['success', 'unlabelled']
    recording.close()


def test_lost_rows_are_counted_in_the_state_and_in_the_end_and_marked_on_disk(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    identity = recording.start(header())
    write_rows(recording, 6, lost={2})
    assert (recording.status().rows, recording.status().dropped) == (4, 1)
    recording.stop(0.0)
    recording.poll(1.0)
    assert (events[-1].state, events[-1].rows, events[-1].dropped) == ('ended', 5, 1)
    recording.close()
    with Dataset.open(tmp_path / 'd') as dataset:
        episode = read_episode(dataset.find(identity).path)
    assert episode.gap.tolist() == [False, False, True, False, False]


def test_raw_messages_lie_beside_the_rows_and_a_full_disk_ends_their_recording_too(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    free = [10**12]
    recording.dataset._free = lambda path: free[0]
    recording.raw('/joint_states', 'std_msgs/msg/String', encode_string('early'), 1)
    recording.start(header())
    write_rows(recording, 3)
    recording.raw('/joint_states', 'std_msgs/msg/String', encode_string('it moves'), 7)
    path = recording.writer.active
    recording.raw('/odd', 'nobody_msgs/msg/Odd', b'', 7)
    assert recording.state == 'recording' and 'nobody_msgs/msg/Odd' in recording.problem
    free[0] = 0
    recording.raw('/joint_states', 'std_msgs/msg/String', encode_string('too much' * CHUNK), 8)
    assert recording.state == 'idle' and 'MB free' in recording.problem
    assert (events[-1].ended, events[-1].rows) == ('disk_full', 2)
    with path.with_suffix('').open('rb') as file:
        said = [m.data for _, c, m in make_reader(file).iter_messages(topics=['/joint_states'])]
    assert said == [encode_string('it moves')]
    recording.close()


def test_an_episode_without_a_row_says_so_and_is_kept_out_of_the_dataset(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    identity = recording.start(header())
    recording.end(True, now=0.0)
    recording.poll(9.0)
    assert events[-1].problem == 'no row arrived: the episode is in quarantine'
    assert recording.dataset.episodes() == []
    assert (tmp_path / 'd' / 'quarantine' / identity).is_dir()


def test_the_end_tells_the_rate_and_the_gaps(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    recording.start(header())
    write_rows(recording, 11, lost={4})
    recording.end(True, now=0.0)
    recording.poll(9.0)
    (told,) = [event for event in events if event.state == 'ended']
    assert (told.rows, told.dropped, told.gaps) == (10, 1, 1)
    assert told.rate == pytest.approx(9 / 0.8)
    assert '10 rows at 11.2 Hz, 1 dropped, 1 gaps' in told.sentence()
