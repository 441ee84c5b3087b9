"""What a graph says, of which a test says only what matters to it; and a graph that is played."""

import time
from types import SimpleNamespace

from moto_core.errors import MotoError
from moto_ros.console.driving import TELEOP
from moto_ros.console.seen import Seen
from moto_ros.console.tally import Strip
from moto_ros.messages import GuardState, Latest, RecorderState, SceneReset, TaskState, to_json
from tests.ros.told import policy_status


def guard(state='READY', **changes):
    return GuardState(
        **{
            'state': state,
            'dry_run': False,
            'source': 'policy',
            'cause': (),
            'refusal': '',
            'reasons': (),
            'at_rest': True,
            'scale': 1.0,
            'from_home': 0.0,
            'profile': 'normal',
            'limits': '0123456789ab',
            'ticks': 0,
            'late': 0,
            'interventions': {},
            **changes,
        }
    )


def recorder(state='idle', episode=''):
    return RecorderState(
        state=state, episode=episode, rows=0, dropped=0, lost={}, left_out={}, problem=''
    )


def known(*missing, **changes):
    """A whole graph of the simulated robot, without those that are `missing`."""
    found = {
        'guard': guard(),
        'policy': policy_status(waiting=True),
        'recorder': recorder(),
        'task': TaskState(stamp=1, reward=0.0, success=False, parts={}, seed=3),
        **changes,
    }
    alive = {name: value for name, value in found.items() if name not in missing}
    return Seen(**alive, ever=frozenset(found))


class PlayedGraph:
    """A guard and a recorder that do what they are asked; `while_calling` runs before a call."""

    def __init__(self, refuses=(), while_calling=None, episode='X'):
        self.refuses, self.while_calling = refuses, while_calling or {}
        self.episode = episode  # the open or the last one
        self.disarms, self.state = 0, 'READY'
        self.calls, self.flags, self.latest = [], {}, Latest(guard=guard())
        self._tell(0)

    def spin(self, seconds=0.0):
        self._tell(self.latest.task.stamp + 1)

    def wait(self, condition, seconds, what):
        for _ in range(5):
            if condition():
                return
            self.spin()
        raise MotoError(f'in vain for {what}')

    def call(self, node, name, flag=None):
        self.calls.append(name)
        self.flags[name] = flag
        self.while_calling.pop(name, lambda: None)()
        if name in self.refuses:
            raise MotoError(f'{name} was refused')
        self.disarms += name == 'disarm'
        answers = {
            'reset': to_json(SceneReset(seed=3, stamp=self.latest.task.stamp)),
            'start_episode': 'ID',
            'end_episode': self.episode,
            'discard_episode': self.episode,
        }
        return answers.get(name, '')

    start_call = call

    def finish_call(self, future, what):
        return future

    def _tell(self, stamp):
        self.latest.guard = guard(self.state, disarms=self.disarms)
        self.latest.task = TaskState(stamp=stamp, reward=0.0, success=False, parts={}, seed=3)


class PlayedNode:
    """A node with a teleoperation beside it, which keeps what it publishes."""

    def __init__(self, *beside):
        self.beside, self.said, self.publishers = beside or (TELEOP,), [], 0

    def resolve_topic_name(self, name):
        return name

    def get_subscriptions_info_by_topic(self, topic):
        return [SimpleNamespace(node_name=name) for name in self.beside]

    def create_publisher(self, kind, topic, qos):
        self.publishers += 1
        return SimpleNamespace(publish=lambda joy: self.said.append((time.monotonic(), joy)))

    def destroy_publisher(self, publisher):
        self.publishers -= 1

    def get_clock(self):
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=1))

    def moving(self, since=0.0):
        """Returns what was said after `since` [s] that moves the arm."""
        return [joy for at, joy in self.said if at > since and any(joy.axes)]


class PlayedListening(PlayedGraph):
    """A console's ears that hear what a test says is `known`."""

    def __init__(self, **given):
        super().__init__(**given)
        self.known, self.node, self.deadman = known(), PlayedNode(), 4
        self.streams, self.pictures, self.strip = {}, {}, Strip()

    @property
    def looked(self):
        return time.monotonic()
