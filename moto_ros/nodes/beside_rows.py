"""What the recorder's node hears: all of it polled, held for a black box, and written beside rows.

In: topics, a recording. Out: calls of the node with what makes rows; raw messages into the open
episode; what was lost or left out of each topic; black boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from moto_core.episodes.black_box import recover_black_boxes
from moto_core.episodes.episode import EpisodeHeader
from moto_core.episodes.reader import RawMessage
from moto_ros.loops.black_box import BlackBoxKeeper, BlackBoxRing
from moto_ros.loops.recorder import Recording
from moto_ros.messages import GuardReasons
from moto_ros.nodes.raw_topics import RawTopic, raw_topics
from moto_ros.wire import interface
from moto_ros.wire.interface import Topic, queued, type_name, whole
from moto_ros.wire.lifecycle import MotoNode
from moto_ros.wire.polling import Polling, Take

POLL = 0.02  # [s] between looks at what has arrived
REQUESTS = 100  # that wait: 2 s at 50 Hz


class BesideRows:
    """The ears of a recorder's node, from its configuration to its cleanup."""

    def __init__(
        self,
        node: MotoNode,
        recording: Recording,
        header: Callable[[dict[str, str]], EpisodeHeader],
    ) -> None:
        """Subscribes to what is recorded as it comes; `header` makes that of a black box."""
        self.node, self.recording = node, recording
        self.polling = Polling(node, recording.on_lost)
        self.raw = raw_topics(node.config, node.robot, node.resolve_topic_name)
        self.black_box = self._open_black_box(header)
        for raw in self.raw:
            self.polling.subscribe(raw.topic, partial(self.on_raw, raw))
        for topic in (interface.REQUEST, interface.TELEOP_REQUEST):
            self.polling.subscribe(queued(topic, REQUESTS), self._holder(topic))
        timer = node.create_steady_timer(POLL, self.polling.poll)
        node.destroyed_with(partial(node.destroy_timer, timer))

    def subscribe(self, topic: Topic, callback: Callable[[Any], object]) -> None:
        """Subscribes a callback that gets the payload, or the message if it has none."""
        self.polling.decoded(whole(topic), callback, self._holder(topic))

    def on_raw(self, raw: RawTopic, data: bytes, waited: int) -> None:
        """Holds and writes a message as it came, `waited` [ns] ago, within its bounds."""
        recording, passes = self.recording, raw.passes(self._heard_at(waited), len(data))
        if passes:
            self.hold(raw.topic, raw.definition, data, waited)
        if recording.writer is None:
            return
        if passes:
            stamp = self._stamp(waited)
            recording.raw(raw.topic.name, raw.kind, data, stamp, raw.definition)
        else:
            recording.left_out[raw.topic.name] += 1

    def hold(self, topic: Topic, definition: str, data: bytes, waited: int) -> None:
        """Holds a message as it came, `waited` [ns] ago, for a black box."""
        if self.black_box is not None:
            kind = type_name(topic.type)
            message = RawMessage(
                topic=topic.name,
                message_type=kind,
                cdr=data,
                stamp=self._stamp(waited),
                definition=definition,
            )
            self.black_box.ring.add(message, self._heard_at(waited), _is_image(kind))

    def on_reasons(self, reasons: GuardReasons) -> None:
        """Hears what the guard says: it may have stopped the arm."""
        if self.black_box is not None:
            self.black_box.watch.guard(reasons, self.node.now(), self.node.steady_now())

    def look(self, silent: str, now: float) -> None:
        """Keeps what is due at `now` [s]; `silent` is who fell silent, '' if nobody did."""
        if self.black_box is not None:
            self.black_box.watch.silent(silent, self.node.now(), now)
            self.black_box.look(now)

    def close(self) -> None:
        """Keeps a stop of the last second, and waits for the disk."""
        if self.black_box is not None:
            self.black_box.close(self.node.steady_now())
            self.black_box = None

    def _holder(self, topic: Topic) -> Take:
        return partial(self.hold, topic.at(self.node.resolve_topic_name(topic.name)), '')

    def _heard_at(self, waited: int) -> float:
        """Returns when [s] of the steady clock a message came."""
        return self.node.steady_now() - waited * 1e-9

    def _stamp(self, waited: int) -> int:
        """Returns the same on the clock of stamps [ns]."""
        return max(0, self.node.now() - waited)

    def _open_black_box(
        self, header: Callable[[dict[str, str]], EpisodeHeader]
    ) -> BlackBoxKeeper | None:
        record, root = self.node.config.record, self.recording.dataset.root
        recover_black_boxes(root)
        if not record.black_boxes:
            return None
        cameras = sum(_is_image(raw.kind) for raw in self.raw) + len(self.node.robot.spec.cameras)
        return BlackBoxKeeper(
            root,
            keep=record.black_boxes,
            ring=BlackBoxRing(round(1e6 * record.black_box_size), cameras),
            header=header,
            told=self._tell,
        )

    def _tell(self, sentence: str, error: bool) -> None:
        if error:
            self.node.report_problem(sentence)
        else:
            self.node.get_logger().warn(sentence)


def _is_image(kind: str) -> bool:
    return kind.endswith('Image')
