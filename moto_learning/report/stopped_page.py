"""The page of a black box: why the arm was stopped, when, what was asked and done, what was seen.

In: a BlackBox. Out: stopped.html in its folder, one file that needs no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from matplotlib.figure import Figure

from moto_core.durable import replace_synced
from moto_core.episodes import messages
from moto_core.episodes.black_box import BlackBox, Stop
from moto_core.errors import EpisodeError, MotoError
from moto_core.guard.reasons import REASONS
from moto_core.ros_image import decompress, to_rgb
from moto_learning.report import figures, page

PAGE = 'stopped.html'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
CAUSES = {
    'fault': 'The guard found a fault and stopped the arm. It stays stopped until reset_fault.',
    'estop': 'The e-stop was pressed. The arm stays stopped until it is released and reset_fault.',
    'held': 'The policy was too surprised by what it saw: the guard held the arm until a person '
    'looks and arms anew.',
    'halted': 'The guard was deactivated or ended while it drove the arm, and led it to rest.',
    'guard_silent': 'The guard said nothing more while it drove the arm: its process died, stood '
    'still or could not be heard.',
    'policy_died': 'The policy said nothing more while the arm was driven: its process died, '
    'stood still or could not be heard.',
}
SHORT = {
    'fault': 'a fault',
    'estop': 'the e-stop',
    'held': 'held for doubt',
    'halted': 'the guard ended',
    'guard_silent': 'the guard fell silent',
    'policy_died': 'the policy fell silent',
}
REQUESTS = '/command_request'  # how the topics of requests end
PEOPLE = {'teleop': 'person'}  # what a source of requests is called, if not by its name
COLOURS = (figures.AMBER, figures.GREEN, figures.RED)  # of requests, where several ask
WORDS = 30  # changes of the guard's word that the page lists


class Word(NamedTuple):
    """What the guard said from one moment on."""

    at: float  # [s] from the stop
    state: str
    source: str
    reasons: tuple[str, ...]


class Moves(NamedTuple):
    """Velocities of named joints over time."""

    at: np.ndarray  # (T,) [s] from the stop
    velocity: dict[str, np.ndarray]  # joint: (T,) [rad/s, m/s]


def write_stopped_page(box: BlackBox) -> Path:
    """Writes the page of a black box into its folder; returns its path.

    Raises EpisodeError if it cannot be written.
    """
    path = box.folder / PAGE
    try:
        replace_synced(path, page.document(f'Stopped: {why(box.stop)}', _body(box)))
    except OSError as error:
        raise EpisodeError(f"cannot write '{path}': {error}") from error
    return path


def why(stop: Stop) -> str:
    """Returns in a few words why the arm was stopped, the guard's codes behind it."""
    short = ' and '.join(SHORT.get(cause, cause) for cause in stop.causes) or 'not known'
    if 'fault' in stop.causes and (known := [code for code in stop.reasons if code in REASONS]):
        short = f'{short}: {REASONS[known[0]].removesuffix(" (fault)")}'
    return f'{short} ({", ".join(stop.reasons)})' if stop.reasons else short


def guard_words(box: BlackBox) -> list[Word]:
    """Returns what the guard said, as it changed."""
    found: list[Word] = []
    for message in _on(box, '/guard/reasons'):
        said = _json(message.cdr)
        word = Word(
            at=_seconds(box, message.stamp),
            state=str(said.get('state', '')),
            source=str(said.get('source', '')),
            reasons=tuple(map(str, said.get('reasons', ()))),
        )
        if not found or word._replace(at=found[-1].at) != found[-1]:
            found.append(word)
    return found


def moves(box: BlackBox, topic: str) -> Moves:
    """Returns the velocities on the topics that end so, in the order in which they came."""
    at, names, rows = [], list[str](), []
    for message in _on(box, topic):
        try:
            decoded = messages.decode(messages.JOINT_STATE, message.cdr)
        except Exception:  # noqa: BLE001  whatever a request holds that is none: left out
            continue
        if len(decoded.name) == len(decoded.velocity):
            names = names or [str(name) for name in decoded.name]
            at.append(_seconds(box, message.stamp))
            rows.append(dict(zip(decoded.name, decoded.velocity)))
    velocity = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
    return Moves(np.array(at), velocity)


def requests(box: BlackBox) -> dict[str, Moves]:
    """Returns the velocities that were asked for, of each topic by itself: two may ask at once."""
    topics = sorted({message.topic for message in _on(box, REQUESTS)})
    found = {topic: moves(box, topic) for topic in topics}
    return {topic: each for topic, each in found.items() if each.velocity}


def last_images(box: BlackBox) -> dict[str, tuple[float, np.ndarray]]:
    """Returns the last image (h, w, 3) uint8 of each topic that can be read, and its time [s]."""
    newest = {
        message.topic: message
        for message in box.messages
        if message.message_type.endswith('Image')
    }
    found = {}
    for topic, message in sorted(newest.items()):
        unpack = decompress if message.message_type == COMPRESSED else to_rgb
        try:
            image = unpack(messages.decode(message.message_type, message.cdr))
        except Exception:  # noqa: BLE001  a foreign camera's message: the page goes without it
            continue
        found[topic] = (_seconds(box, message.stamp), image)
    return found


def velocity_figure(box: BlackBox) -> Figure | None:
    """Draws what was requested and executed of each joint; None if nothing was heard."""
    asked, done = requests(box), moves(box, '/guard/executed')
    first = next(iter(asked.values()), done)
    joints = [name for name in (done.velocity or first.velocity) if name != 'speed_scale']
    plots = {}
    for number, name in enumerate(joints):
        lines = [
            figures.Line(
                x=each.at, y=each.velocity[name], label=label if not number else '', colour=colour
            )
            for each, label, colour in (
                *((each, *who) for each, who in zip(asked.values(), _callers(asked))),
                (done, 'executed', figures.BLUE),
            )
            if name in each.velocity
        ]
        plots[name] = lines
    if not plots:
        return None
    return figures.panels(
        plots, 'seconds from the stop', boundary=0.0, ylabel='velocity [rad/s, m/s]'
    )


def _callers(asked: Iterable[str]) -> list[tuple[str, str]]:
    """Returns the label and the colour of each topic's requests."""
    topics = [*asked]
    if len(topics) == 1:
        return [('requested', figures.AMBER)]
    labels = [f'requested as the {_source(topic)}' for topic in topics]
    return list(zip(labels, cycle(COLOURS)))


def _source(topic: str) -> str:
    source = topic.removesuffix(REQUESTS).rpartition('/')[2]
    return PEOPLE.get(source, source)


def _body(box: BlackBox) -> Iterable[str]:
    yield page.headline(f'Why it stopped: {why(box.stop)}', _when(box))
    yield page.listing(_sentences(box))
    yield page.section('What the camera saw last', _images(box))
    yield page.section(
        'What was requested, and what the guard let out',
        _velocities(box),
        'At the dashed line the arm was stopped.',
    )
    yield page.section('What the guard said', _words(guard_words(box)), 'As it changed.')
    yield page.section('Where this comes from', _origin(box))


def _when(box: BlackBox) -> str:
    at = datetime.fromtimestamp(box.stop.at * 1e-9, timezone.utc)
    begin = min((_seconds(box, message.stamp) for message in box.messages), default=0.0)
    return f'{at:%Y-%m-%d %H:%M:%S} UTC; this page shows the {-begin:.0f} s before it'


def _sentences(box: BlackBox) -> list[str]:
    found = [CAUSES.get(cause, cause) for cause in box.stop.causes]
    found += [f'{code}: {REASONS.get(code, code)}.' for code in box.stop.reasons]
    if box.damage:
        found.append(f'The black box is not whole: {box.damage}.')
    return found


def _images(box: BlackBox) -> str:
    shown = []
    for topic, (at, image) in last_images(box).items():
        data = cv2.imencode('.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
        caption = (
            f'{topic}, {-at:.1f} s before the stop' if at < 0 else f'{topic}, {at:.1f} s after it'
        )
        shown.append(
            f'<figure>{page.picture(caption, data)}'
            f'<figcaption>{page.text(caption)}</figcaption></figure>'
        )
    return page.grid(shown) if shown else page.remark('No image was heard.')


def _velocities(box: BlackBox) -> str:
    figure = velocity_figure(box)
    if figure is None:
        return page.remark('Neither a request nor a tick of the guard was heard.')
    alt = 'Requested and executed velocity of each joint over the seconds before the stop'
    return page.wide(page.picture(alt, figures.png(figure)))


def _words(words: Sequence[Word]) -> str:
    if not words:
        return page.remark('The guard was not heard.')
    left = page.remark(f'{len(words) - WORDS} before these.') if len(words) > WORDS else ''
    rows = [
        (f'{word.at:+.2f} s', word.state, word.source, ', '.join(word.reasons) or '-')
        for word in words[-WORDS:]
    ]
    codes = sorted({code for word in words[-WORDS:] for code in word.reasons if code in REASONS})
    meanings = page.listing(f'{code}: {REASONS[code]}' for code in codes)
    return left + page.table(('from the stop', 'state', 'driven by', 'reasons'), rows) + meanings


def _origin(box: BlackBox) -> str:
    header = box.header
    counts: dict[str, int] = {}
    for message in box.messages:
        counts[message.topic] = counts.get(message.topic, 0) + 1
    about = [
        ('robot and profile', f'{header.setup.robot}, {header.setup.profile}'),
        ('task', header.task),
        ('policy', header.policy_hash or 'none'),
        ('configuration', header.config_hash),
        *((name, header.extra[name]) for name in ('limits_file',) if name in header.extra),
        ('messages', str(box.folder)),
    ]
    topics = [(topic, count) for topic, count in sorted(counts.items())]
    return page.listing(f'{name}: {value}' for name, value in about) + page.hidden(
        'what was heard', page.table(('topic', 'messages'), topics)
    )


def _on(box: BlackBox, ending: str) -> list[Any]:
    return [message for message in box.messages if message.topic.endswith(ending)]


def _seconds(box: BlackBox, stamp: int) -> float:
    return (stamp - box.stop.at) * 1e-9


def _json(cdr: bytes) -> dict[str, Any]:
    try:
        found = json.loads(messages.decode(messages.STRING, cdr).data)
    except (ValueError, MotoError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
