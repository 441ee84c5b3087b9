import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import DatasetError, EpisodeError
from moto_core.spec import CameraSpec, Spec
from moto_ros.loops.recorder import Recording
from moto_ros.loops.step_join import Executed, StepJoiner

MS = 1_000_000
T0 = 1_763_000_000_000 * MS
SPEC = Spec(
    joints=['a'],
    gripper=['g'],
    action_scale=[2.0, 0.5],
    rate=12.5,
    cameras={'front': CameraSpec(height=2, width=2)},
)


def stamp(i):
    return T0 + 80 * i * MS


def info(i, latency=10.0):
    return {
        'stamp': stamp(i),
        'is_first': i == 0,
        'action': [0.25 * i, -1.0],
        'disagreement': 0.5,
        'latency': {'request': latency},
        'proprioception': None,
    }


def feed(joiner, count, first=0):
    """Feeds whole steps: image i has value i, reward i, executed velocity of joint a = i."""
    for i in range(first, count):
        joiner.image('front', stamp(i), np.full((2, 2, 3), i, np.uint8))
        joiner.task(stamp(i), float(i), i >= 3)
        joiner.step(info(i), False)
        for tick in range(20):
            joiner.executed(
                Executed(
                    stamp(i) + (10 + 4 * tick) * MS,
                    np.array([float(i), 0.5]),
                    ('velocity',) if tick == 3 else (),
                )
            )
    return joiner


def header():
    return EpisodeHeader(task='t', source='sim', spec=SPEC)


def test_a_row_holds_the_observation_its_reward_and_the_action_chosen_at_it():
    rows = feed(StepJoiner(SPEC), 4).rows()
    assert [row.stamp for row in rows] == [stamp(0), stamp(1), stamp(2)]
    assert [row.reward for row in rows] == [0.0, 1.0, 2.0]
    assert [int(row.images['front'][0, 0, 0]) for row in rows] == [0, 1, 2]
    assert [row.requested.tolist() for row in rows] == [[0.0, -1.0], [0.25, -1.0], [0.5, -1.0]]
    assert [row.is_first for row in rows] == [True, False, False]


def test_executed_is_the_mean_between_two_requests_over_the_scale():
    rows = feed(StepJoiner(SPEC), 4).rows()
    assert [row.executed.tolist() for row in rows] == [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]
    assert all(row.reasons == ('velocity',) for row in rows)


def test_the_last_row_is_marked_and_has_its_own_reward():
    joiner = StepJoiner(SPEC)
    feed(joiner, 4).rows()
    (last,) = joiner.last_rows()
    assert (last.stamp, last.is_last, last.reward, last.success) == (stamp(3), True, 3.0, True)


def test_steps_before_the_first_are_not_the_episodes():
    joiner = StepJoiner(SPEC)
    joiner.step(info(7), False)
    assert len(feed(joiner, 3).rows()) == 2


def test_a_row_waits_for_its_image():
    joiner = StepJoiner(SPEC)
    joiner.step(info(0), False)
    joiner.step(info(1), False)
    assert joiner.rows() == [] and not joiner.complete()
    joiner.image('front', stamp(0), np.zeros((2, 2, 3), np.uint8))
    assert len(joiner.rows()) == 1


def test_a_reward_between_frames_belongs_to_the_next_observation():
    joiner = StepJoiner(SPEC)
    joiner.task(stamp(0) - 1, 1.0, False)
    joiner.task(stamp(0) + 1, 2.0, True)
    for i in (0, 1):
        joiner.image('front', stamp(i), np.zeros((2, 2, 3), np.uint8))
        joiner.step(info(i), False)
    assert joiner.rows()[0].reward == 1.0


def test_an_episode_is_written_and_labelled(tmp_path):
    events = []
    recording = Recording(tmp_path / 'd', SPEC, events.append)
    identity = recording.start(header())
    for i in range(5):
        feed(recording.joiner, i + 1, i)
        recording.append()
    assert recording.end(True, now=0.0) == identity
    recording.poll(0.0)
    recording.close()
    assert [event['state'] for event in events] == ['started', 'stopping', 'ended']
    with Dataset.open(tmp_path / 'd') as dataset:
        (record,) = dataset.episodes()
        assert (record.id, record.rows, record.outcome) == (identity, 5, 'success')


def test_a_label_may_come_after_the_end(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    feed(recording.joiner, 3)
    recording.append()
    recording.stop(0.0)
    recording.poll(1.0)
    assert recording.dataset.episodes()[0].outcome == 'unlabelled'
    recording.end(False, 2.0)
    assert recording.dataset.episodes()[0].outcome == 'failure'
    recording.close()


def test_the_end_waits_for_a_late_image_but_not_for_ever(tmp_path):
    recording = Recording(tmp_path / 'd', SPEC, lambda event: None)
    recording.start(header())
    feed(recording.joiner, 2)
    recording.joiner.step(info(2), False)
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
    feed(recording.joiner, 3)
    recording.append()
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
    feed(recording.joiner, 3)
    recording.append()
    free[0] = 0
    feed(recording.joiner, 5, 3)
    recording.append()
    assert recording.state == 'idle' and 'MB free' in recording.problem
    assert (events[-1]['state'], events[-1]['ended'], events[-1]['steps']) == (
        'ended',
        'disk_full',
        2,
    )
    free[0] = 10**12
    assert recording.start(header())
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
