"""What the recorder writes beside the rows, as it comes, and how much of it.

In: the configuration, how names resolve. Out: for each topic its full name, as `ros2 bag play`
publishes it, and its bounds. Joint states, camera images and the guard's state are recorded unless
switched off: an episode is also the black box of its run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from moto_core.guard.limits import RobotConfig
from moto_ros.config import RosConfig, camera_topics
from moto_ros.loops.throttle import Throttle
from moto_ros.wire import interface
from moto_ros.wire.definition import definition
from moto_ros.wire.interface import (
    SENSOR,
    SENSOR_READER,
    Topic,
    message_class,
    queued,
    type_name,
    whole,
)
from moto_ros.wire.topic_names import full_name

LATE = 0.2  # [s] that messages may be late, and then come at once, without a loss by a bound
JOINT_QUEUE = 1000  # messages that wait for a recorder whose disk stands: 1 s at a kilohertz
IMAGE_QUEUE = 30  # images: 1 s of a camera, 28 MB of 640 x 480


class RawTopic(NamedTuple):
    """One topic that is recorded as it comes."""

    topic: Topic
    messages: Throttle | None = None  # of messages a second
    bytes: Throttle | None = None  # of bytes a second, maybe shared with other topics
    definition: str = ''  # the type's text, which a reader of the file needs

    @property
    def kind(self) -> str:
        """The type as 'package/msg/Name'."""
        return type_name(self.topic.type)

    def passes(self, now: float, size: int) -> bool:
        """Says whether a message of `size` [bytes] is within every bound at `now` [s]."""
        amounts = [(self.messages, 1.0), (self.bytes, float(size))]
        bounds = [(throttle, amount) for throttle, amount in amounts if throttle]
        if any(throttle.credit(now) <= 0.0 for throttle, _ in bounds):
            return False
        for throttle, amount in bounds:
            throttle.take(now, amount)
        return True


def raw_topics(
    config: RosConfig, robot: RobotConfig, resolve: Callable[[str], str]
) -> list[RawTopic]:
    """Returns what is recorded; a topic that `record.raw` names has no bound.

    Raises ConfigError for a message type that is not installed, or a name that no topic can have.
    """
    record, found = config.record, [*_images(config, robot)]
    if record.joint_rate:
        joint_states = queued(interface.JOINT_STATES.at(config.joint_states), JOINT_QUEUE)
        found.append(RawTopic(topic=joint_states, messages=_at_most(record.joint_rate)))
    if record.guard_state:
        found.append(RawTopic(topic=whole(interface.GUARD_STATE)))
    for name, kind in record.raw.items():
        found.append(RawTopic(topic=Topic(name, message_class(kind), SENSOR, SENSOR_READER)))
    named = {  # the last of a name wins
        full_name('record.raw', raw.topic.name, resolve): raw for raw in found
    }
    return [
        raw._replace(topic=raw.topic.at(name), definition=definition(raw.kind))
        for name, raw in named.items()
    ]


def _images(config: RosConfig, robot: RobotConfig) -> list[RawTopic]:
    if not config.record.images:
        return []
    most = 1e6 * config.record.image_bandwidth  # [bytes/s]
    rate = config.record.image_rate or robot.spec.rate
    shared, found = Throttle(most, burst=most), []
    for camera, name in camera_topics(config, robot).items():
        topic = interface.CAMERA.at(name)
        if camera in config.compressed:
            topic = interface.COMPRESSED_CAMERA.at(f'{name}/compressed')
        topic = queued(topic, IMAGE_QUEUE)
        found.append(RawTopic(topic=topic, messages=_at_most(rate), bytes=shared))
    return found


def _at_most(rate: float) -> Throttle:
    return Throttle(rate, burst=1.0 + LATE * rate)
