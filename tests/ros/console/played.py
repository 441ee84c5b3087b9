"""What a graph says, of which a test says only what matters to it; and a graph that is played."""

from moto_core.errors import MotoError
from moto_ros.console.seen import Seen
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

    def __init__(self, refuses=(), while_calling=None):
        self.refuses, self.while_calling = refuses, while_calling or {}
        self.calls, self.latest = [], Latest(guard=guard())
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
        self.while_calling.pop(name, lambda: None)()
        if name in self.refuses:
            raise MotoError(f'{name} was refused')
        answers = {
            'reset': to_json(SceneReset(seed=3, stamp=self.latest.task.stamp)),
            'start_episode': 'ID',
        }
        return answers.get(name, '')

    start_call = call

    def finish_call(self, future, what):
        return future

    def _tell(self, stamp):
        self.latest.guard = guard()
        self.latest.task = TaskState(stamp=stamp, reward=0.0, success=False, parts={}, seed=3)
