"""The black box without ROS: what is held, which stops are kept, and what a bad disk does."""

import os
import shutil
import threading

import pytest

from moto_core.episodes.black_box import black_boxes, keep_black_box, read_black_box, read_stop
from moto_core.episodes.black_box import stop_of as stop_of_header
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.messages import encode_string
from moto_core.episodes.reader import RawMessage
from moto_ros.loops.black_box import AGAIN, SECONDS, BlackBoxKeeper, BlackBoxRing, StopWatch
from tests.recorded import tiny_header
from tests.ros.told import guarded

STRING, IMAGE = 'std_msgs/msg/String', 'sensor_msgs/msg/Image'
BORN = 1_700_000_000_000_000_000  # [ns]


def said(text='x', stamp=BORN, kind=STRING):
    return RawMessage('/moto/guard/reasons', kind, encode_string(text), stamp, '')


def test_a_ring_holds_the_last_half_minute_and_a_second():
    ring = BlackBoxRing(10_000_000)
    for second in range(100):
        ring.add(said(f'{second}'), float(second))
    held = [message.cdr for message in ring.messages()]
    assert held == [encode_string(f'{second}') for second in range(99 - round(SECONDS) - 1, 100)]
    assert ring.bytes == sum(map(len, held))


def test_a_ring_grows_to_its_size_and_images_leave_room_for_the_rest():
    ring, image = BlackBoxRing(1_000_000), RawMessage('/image', IMAGE, bytes(10_000), BORN, '')
    for tick in range(3000):  # 30 s at 100 Hz: 30 MB of images, 0.75 MB of them fit
        ring.add(image, tick / 100, image=True)
        ring.add(said(f'{tick:04}'), tick / 100)
        assert ring.bytes <= ring.size
    held = ring.messages()
    assert sum(message.topic != '/image' for message in held) == 3000
    assert 60 <= sum(message.topic == '/image' for message in held) <= 80
    ring.add(RawMessage('/odd', STRING, bytes(2_000_000), BORN, ''), 30.0)
    assert ring.bytes <= ring.size


def test_two_cameras_that_speak_at_once_have_an_equal_part():
    ring = BlackBoxRing(1_000_000, cameras=2)
    for tick in range(900):  # 30 s at 30 Hz
        for name in ('/front', '/wrist'):
            ring.add(RawMessage(name, IMAGE, bytes(10_000), BORN, ''), tick / 30, image=True)
    held = [message.topic for message in ring.messages()]
    assert held.count('/front') == held.count('/wrist') == pytest.approx(37, abs=2)


def stop_of(watch, words, silent=''):
    """What is due two seconds after the guard said these words, one a second."""
    for second, word in enumerate(words):
        watch.guard(word, BORN + second, float(second))
    watch.silent(silent, BORN + len(words), float(len(words)))
    assert watch.due(len(words) - 0.5) is None, 'what follows the stop belongs to it'
    return watch.due(len(words) + 2.0)


RUNS = guarded('RUNNING')


@pytest.mark.parametrize(
    'words, silent, causes, reasons',
    [
        ([RUNS, guarded('FAULT', ('joints_frozen',))], '', ('fault',), ('joints_frozen',)),
        ([guarded('ESTOP', ('estop',))], '', ('estop',), ('estop',)),
        ([RUNS, guarded('HOLD', ('uncertain',))], '', ('held',), ('uncertain',)),
        ([RUNS, guarded('READY', ('inactive',))], '', ('halted',), ('inactive',)),
        ([RUNS], 'guard_silent', ('guard_silent',), ()),
        (
            [guarded('HOLD', ('request_stale',))],
            'policy_died',
            ('policy_died',),
            ('request_stale',),
        ),
    ],
)
def test_each_stop_is_kept_with_its_cause(words, silent, causes, reasons):
    stop = stop_of(StopWatch(), words, silent)
    assert (stop.causes, stop.reasons) == (causes, reasons)


@pytest.mark.parametrize(
    'words, silent',
    [
        ([RUNS, guarded('HOLD', ('joints_stale',)), RUNS], ''),
        ([RUNS, guarded('RUNNING', ('uncertain',))], ''),  # slower
        ([guarded('READY', ('not_armed',)), guarded('READY', ('inactive',))], ''),
        ([guarded('READY', ('not_armed',))], 'policy_died'),
        ([], 'guard_silent'),
    ],
)
def test_what_stops_no_arm_that_is_driven_is_not_kept(words, silent):
    assert stop_of(StopWatch(), words, silent) is None


def test_a_fault_that_follows_a_silence_is_the_same_stop_with_the_faults_reasons():
    watch = StopWatch()
    watch.guard(guarded('HOLD', ('request_stale',)), BORN, 0.0)
    watch.silent('policy_died', BORN + 1, 0.8)
    watch.guard(guarded('FAULT', ('request_timeout',)), BORN + 2, 1.0)
    stop = watch.due(1.8)
    assert stop.causes == ('policy_died', 'fault') and stop.reasons == ('request_timeout',)
    assert (stop.at, watch.due(3.0)) == (BORN + 1, None)


def test_a_cause_that_comes_again_at_once_is_kept_once_and_another_is_kept():
    watch, kept = StopWatch(), []
    for tick in range(400):  # ten a second
        doubts = guarded('HOLD', ('uncertain',)) if tick % 20 else RUNS
        watch.guard(guarded('ESTOP', ('estop',)) if tick == 100 else doubts, BORN, tick / 10)
        kept.append(watch.due(tick / 10))
    causes = [stop.causes for stop in kept if stop]
    assert causes == [('held',), ('estop',), ('held',)] and AGAIN == 30.0


def test_a_second_fault_is_kept_if_its_reasons_are_others():
    watch, kept = StopWatch(), []
    faults = {1: 'request_timeout', 5: 'two_masters', 9: 'two_masters', 33: 'request_timeout'}
    for second in range(36):
        reason = faults.get(second)
        watch.guard(guarded('FAULT', (reason,)) if reason else RUNS, BORN, float(second))
        kept.append(watch.due(second + 0.5))
    reasons = [stop.reasons for stop in kept if stop]
    assert reasons == [('request_timeout',), ('two_masters',), ('request_timeout',)]


@pytest.fixture
def keeper(tmp_path):
    """A keeper of two boxes beside a dataset; what it told."""
    root, told = tmp_path / 'data', []
    Dataset.create_or_open(root, floor=0).close()
    made = BlackBoxKeeper(
        root,
        keep=2,
        ring=BlackBoxRing(1_000_000),
        header=lambda extra: tiny_header(extra=extra),
        told=lambda sentence, error: told.append((sentence, error)),
    )
    yield made, root, told
    made.close(1e9)


def fault(made, second, reason='joints_frozen'):
    """Has the guard fault and recover at a second; waits for the disk."""
    made.watch.guard(guarded('FAULT', (reason,)), BORN + second * 10**9, float(second))
    made.watch.guard(guarded('READY', ('not_armed',)), BORN, float(second))
    made.look(second + 2.0)
    for writing in made._writing:
        writing.exception(10)
    made.look(second + 3.0)


def test_the_newest_boxes_are_kept_and_each_holds_what_was_heard(keeper):
    made, root, told = keeper
    for number in range(4):
        made.ring.add(said(f'{number}', BORN + number), number * 100.0)
        fault(made, number * 100, f'reason_{number}')
    newest, older = black_boxes(root)
    assert read_stop(newest).reasons == ('reason_3',) and read_stop(older).at == BORN + 200 * 10**9
    box = read_black_box(newest)
    assert (box.damage, [message.cdr for message in box.messages]) == ('', [encode_string('3')])
    assert [error for _, error in told] == [False] * 4
    with Dataset.open(root) as dataset:
        assert dataset.verify() == [] and dataset.episodes() == []


def test_none_is_deleted_while_there_are_fewer_than_may_stay(tmp_path):
    for number in range(4):
        header = tiny_header(extra={'stopped': str(BORN + number * 10**9), 'causes': 'fault'})
        keep_black_box(tmp_path, header, [said()], keep=5, floor=0)
        assert len(black_boxes(tmp_path)) == number + 1


def test_a_stop_on_an_earlier_clock_is_kept_and_what_was_written_first_goes(keeper):
    made, root, told = keeper
    seen = set()
    for number, at in enumerate((200, 100, 300, 0)):
        made.ring.add(said(f'{number}'), number * 100.0)
        made.watch.guard(guarded('FAULT', (f'r{number}',)), BORN + at * 10**9, number * 100.0)
        made.watch.guard(guarded('READY', ('not_armed',)), BORN, number * 100.0)
        made.look(number * 100 + 2.0)
        for writing in made._writing:
            writing.exception(10)
        made.look(number * 100 + 3.0)
        (new,) = {*black_boxes(root)} - seen
        seen.add(new)
        os.utime(new, (number, number))  # as if it had been written in that second
    assert [read_stop(box).reasons for box in black_boxes(root)] == [('r2',), ('r3',)]
    assert [error for _, error in told] == [False] * 4


def test_a_disk_that_refuses_is_said_and_the_next_stop_is_kept(keeper):
    made, root, told = keeper
    (root / 'black_box').write_text('no folder')
    made.ring.add(said(), 0.0)
    fault(made, 0)
    ((sentence, error),) = told
    assert error and 'its black box is not whole: cannot keep a black box in' in sentence
    (root / 'black_box').unlink()
    fault(made, 100)
    assert len(black_boxes(root)) == 1


@pytest.fixture
def slow(monkeypatch):
    """A disk that writes once it is let go; what was written: the reason, the seconds held."""
    free, written = threading.Event(), []

    def write(root, header, messages, keep):
        assert free.wait(30)
        seconds = [(message.stamp - BORN) // 10**9 for message in messages]
        written.append((header.extra['reasons'], seconds[0], seconds[-1]))
        return root

    monkeypatch.setattr('moto_ros.loops.black_box.keep_black_box', write)
    yield free, written
    free.set()


def hear(made, seconds, faults):
    """Has a message and the guard's word come every second."""
    for second in seconds:
        made.ring.add(said(stamp=BORN + second * 10**9), float(second))
        reason = faults.get(second)
        word = guarded('FAULT', (reason,)) if reason else RUNS
        made.watch.guard(word, BORN + second * 10**9, float(second))
        made.look(float(second))


def test_however_slow_the_disk_is_a_box_holds_what_was_before_its_stop(keeper, slow):
    made, _, told = keeper
    free, written = slow
    hear(made, range(100), {30: 'first', 40: 'second'})
    assert (written, told) == ([], [])
    free.set()
    made.close(100.0)
    assert written == [('first', 0, 31), ('second', 10, 41)]
    assert [error for _, error in told] == [False, False]


def test_a_disk_that_stands_still_has_three_boxes_wait_and_a_further_stop_is_said(keeper, slow):
    made, _, told = keeper
    free, written = slow
    hear(made, range(60), {10 * number: f'reason_{number}' for number in range(1, 6)})
    assert [error for _, error in told] == [True, True]
    assert told[0][0].endswith('of this stop none is kept: fault, reason_4')
    free.set()
    made.close(60.0)
    assert [reason for reason, *_ in written] == [f'reason_{number}' for number in (1, 2, 3)]


def test_a_stop_just_before_the_end_is_kept(keeper):
    made, root, _ = keeper
    made.ring.add(said(), 5.0)
    made.watch.guard(guarded('ESTOP', ('estop',)), BORN, 5.0)
    made.look(5.1)
    made.close(5.2)
    assert read_stop(*black_boxes(root)).causes == ('estop',)


def test_what_a_killed_recorder_left_is_closed_and_counted(tmp_path):
    from moto_core.episodes.black_box import recover_black_boxes
    from moto_core.episodes.writer import EpisodeWriter

    root = tmp_path / 'data'
    Dataset.create_or_open(root, floor=0).close()
    folder = root / 'black_box' / '20261129T120000Z'
    writer = EpisodeWriter(folder, tiny_header(), floor=0)
    for number in range(3):
        writer.raw('/a', STRING, encode_string(f'{number}'), BORN)
    writer._mcap.flush()
    writer.abandon()
    shutil.copytree(folder, folder.with_name('20261129T120000Z-1'))
    (folder.with_name('20261129T120000Z-1') / 'episode.mcap.active').write_bytes(b'x')
    beside = folder.with_name('20261129T110000Z')  # a closed file beside one of another recorder
    shutil.copytree(folder, beside)
    (beside / 'episode.mcap').write_bytes(b'whole')
    linked = folder.with_name('20261129T100000Z')
    linked.mkdir()
    (linked / 'episode.mcap.active').symlink_to(
        shutil.copy(folder / 'episode.mcap.active', tmp_path)
    )
    recover_black_boxes(root)
    assert (beside / 'episode.mcap').read_bytes() == b'whole'
    assert [path.name for path in linked.iterdir()] == ['episode.mcap.active']
    shutil.rmtree(beside)
    shutil.rmtree(linked)
    unread, closed = black_boxes(root)
    assert len(read_black_box(closed).messages) == 3
    assert [path.name for path in unread.iterdir()] == ['episode.mcap.active']


def test_a_stop_of_a_hostile_time_is_read_all_the_same():
    for at in ('9' * 5000, '\u00b2', '99999999999999999999'):
        header = tiny_header(extra={'stopped': at, 'causes': 'fault'})
        assert stop_of_header(header) == (header.created, ('fault',), ())
