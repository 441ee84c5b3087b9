"""The page of a black box: why the arm was stopped, in words, a plot and the last images."""

import json
import re

import numpy as np
import pytest

from moto_core.episodes.black_box import Stop, black_boxes, keep_black_box, read_black_box
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.messages import encode_image, encode_joints, encode_string
from moto_core.episodes.reader import RawMessage
from moto_core.guard.reasons import REASONS
from moto_learning.commands.data import main
from moto_learning.report.stopped_page import (
    CAUSES,
    SHORT,
    guard_words,
    last_images,
    moves,
    requests,
    velocity_figure,
    why,
)
from tests.recorded import tiny_header

AT = 1_796_000_000_000_000_000  # [ns]: 2026-11-30
STRING, JOINTS = 'std_msgs/msg/String', 'sensor_msgs/msg/JointState'
IMAGE = 'sensor_msgs/msg/Image'
NAMES = ('j1', 'j2', 'finger')


def heard(topic, kind, cdr, seconds):
    return RawMessage(topic, kind, cdr, AT + round(seconds * 1e9), '')


def word(state, reasons, seconds):
    text = json.dumps({'schema': 8, 'state': state, 'source': 'policy', 'reasons': reasons})
    return heard('/arm/moto/guard/reasons', STRING, encode_string(text), seconds)


def joints(topic, velocity, seconds):
    return heard(topic, JOINTS, encode_joints(NAMES, 1, velocity=np.array(velocity)), seconds)


MESSAGES = [
    word('RUNNING', [], -3.0),
    word('RUNNING', [], -2.9),
    joints('/arm/moto/policy/command_request', [0.5, 0.0, 0.0], -2.0),
    joints('/arm/moto/guard/executed', [0.25, 0.0, 0.0], -2.0),
    heard('/front', IMAGE, encode_image(np.full((6, 8, 3), 10, np.uint8), 1), -2.0),
    heard('/front', IMAGE, encode_image(np.full((6, 8, 3), 90, np.uint8), 1), -0.5),
    heard('/wrist', IMAGE, b'no image', -0.4),
    word('FAULT', ['joints_frozen'], 0.0),
    joints('/arm/moto/guard/executed', [0.0, 0.0, 0.0], 0.5),
]


@pytest.fixture
def root(tmp_path):
    """A dataset whose arm was stopped twice, by <b> first."""
    root = tmp_path / 'data'
    Dataset.create_or_open(root, floor=0).close()
    for at, causes, reasons in (
        (AT - 10**12, ('<b>',), ()),
        (AT, ('policy_died', 'fault'), ('joints_frozen',)),
    ):
        header = tiny_header(extra=Stop(at, causes, reasons).as_extra())
        keep_black_box(root, header, MESSAGES, keep=5, floor=0)
    return root


def told(root, capsys, *words):
    code = main(['stopped', str(root), *words])
    return code, capsys.readouterr().out.splitlines()


def test_the_newest_stop_gets_a_page_that_says_why_and_all_are_listed(root, capsys):
    code, (first, second, last) = told(root, capsys)
    newest, _ = black_boxes(root)
    assert (code, first) == (
        0,
        f'1  {newest.name}  the policy fell silent and a fault: the arm was told to move and no '
        'measured number changed (joints_frozen)',
    )
    assert second.endswith('  <b>') and last == f'why it stopped: {newest}/stopped.html'
    shown = (newest / 'stopped.html').read_text()
    for sentence in (
        'Why it stopped: the policy fell silent and a fault: the arm was told to move and no '
        'measured number changed (joints_frozen)',
        '2026-11-30 00:53:20 UTC; this page shows the 3 s before it',
        CAUSES['fault'],
        f'joints_frozen: {REASONS["joints_frozen"]}.',
        '/front, 0.5 s before the stop',
        '<td>+0.00 s</td><td>FAULT</td><td>policy</td><td>joints_frozen</td>',
    ):
        assert sentence in shown, sentence
    assert '/wrist' not in shown.split('Where this comes from')[0]
    assert len(re.findall('src=.data:image/png;base64,', shown)) == 2
    assert not re.findall(r'(?:src|href)=.(?!data:)', shown), 'it needs no other file'


def test_an_older_stop_is_asked_for_by_its_number_and_its_words_are_no_markup(root, capsys):
    code, lines = told(root, capsys, '2')
    page = black_boxes(root)[1] / 'stopped.html'
    assert code == 0 and lines[-1] == f'why it stopped: {page}'
    assert '&lt;b&gt;' in page.read_text() and '<b>&' not in page.read_text()
    assert main(['stopped', str(root), '3']) == 2
    assert '3 is none of the 2 stops; 1 is the newest' in capsys.readouterr().err


def test_a_dataset_without_a_stop_says_so(tmp_path, capsys):
    assert main(['stopped', str(tmp_path / 'none')]) == 2
    assert 'no dataset at' in capsys.readouterr().err
    Dataset.create_or_open(tmp_path / 'data', floor=0).close()
    assert told(tmp_path / 'data', capsys) == (
        0,
        [f"nothing has stopped the arm that '{tmp_path / 'data'}' knows of"],
    )


def test_a_damaged_black_box_is_shown_as_far_as_it_is_whole(root, capsys):
    newest, older = black_boxes(root)
    path = newest / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-40])
    (older / 'episode.mcap').write_bytes(b'')
    code, lines = told(root, capsys)
    assert code == 1 and 'is damaged' in lines[1]
    assert 'The black box is not whole: ' in (newest / 'stopped.html').read_text()


def test_what_was_asked_and_done_is_read_by_joint(root):
    box = read_black_box(black_boxes(root)[0])
    asked, done = moves(box, '/command_request'), moves(box, '/guard/executed')
    assert asked.velocity['j1'].tolist() == [0.5] and asked.at.tolist() == [-2.0]
    assert done.velocity['j1'].tolist() == [0.25, 0.0] and done.at.tolist() == [-2.0, 0.5]
    assert [(one.at, one.state) for one in guard_words(box)] == [(-3.0, 'RUNNING'), (0.0, 'FAULT')]
    ((at, image),) = last_images(box).values()
    assert (at, image.shape, int(image.max())) == (-0.5, (6, 8, 3), 90)


def test_the_requests_of_person_and_policy_are_two_lines(tmp_path):
    """Joined into one they jump between the two at each message: a band that nobody asked for."""
    both = [
        joints(f'/arm/moto/{who}/command_request', [velocity, 0.0, 0.0], at)
        for at in (-2.0, -1.9, -1.8)
        for who, velocity in (('policy', 0.0), ('teleop', 0.5))
    ]
    done = joints('/arm/moto/guard/executed', [0.5, 0.0, 0.0], -1.9)
    Dataset.create_or_open(tmp_path / 'data', floor=0).close()
    header = tiny_header(extra=Stop(AT, ('fault',), ()).as_extra())
    keep_black_box(tmp_path / 'data', header, [*both, done], keep=5, floor=0)
    box = read_black_box(black_boxes(tmp_path / 'data')[0])
    policy, person = requests(box).values()
    assert policy.velocity['j1'].tolist() == [0.0] * 3
    assert person.velocity['j1'].tolist() == [0.5] * 3
    axis = velocity_figure(box).axes[0]
    lines = {line.get_label(): [*line.get_ydata()] for line in axis.lines}
    assert lines['requested as the policy'] == [0.0] * 3
    assert lines['requested as the person'] == [0.5] * 3
    assert lines['executed'] == [0.5]


def test_every_cause_has_its_words():
    assert CAUSES.keys() == SHORT.keys()
    assert why(Stop(0, (), ())) == 'not known'
