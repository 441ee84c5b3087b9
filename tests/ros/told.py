"""What the nodes tell, whole, of which a test says only what matters to it."""

from moto_ros.messages import Decision, GuardReasons, PolicyStatus, RecorderState


def decided(episode, number, stamp, **changes):
    """A decision of an episode, requested when its image was taken [ns]."""
    return Decision(
        **{
            'stamp': stamp,
            'episode': episode,
            'number': number,
            'action': (0.0,) * 9,
            'disagreement': 0.0,
            'surprise': 0.0,
            'speed_scale': 1.0,
            'proprioception': None,
            'image_latency': 1.0,
            'inference_latency': 1.0,
            'request_latency': 0.0,
            'missed': 0,
            **changes,
        }
    )


def guarded(state='RUNNING', reasons=(), stamp=1, source='policy'):
    """A guard's word of who drives, and why."""
    return GuardReasons(stamp=stamp, state=state, source=source, reasons=tuple(reasons))


def recorder_state(**changes):
    """The status of a recorder that idles and has nothing to complain of."""
    return RecorderState(
        **{
            'state': 'idle',
            'episode': '',
            'rows': 0,
            'dropped': 0,
            'lost': {},
            'left_out': {},
            'problem': '',
            **changes,
        }
    )


def policy_status(**changes):
    """The status of a policy without limits of its surprise, that has nothing to complain of."""
    return PolicyStatus(
        **{
            'policy': 'p',
            'decisions': 0,
            'missed': 0,
            'refused': 0,
            'waiting': False,
            'reasons': (),
            'differences': (),
            'surprise': 0.0,
            'slow': None,
            'hold': None,
            'speed_scale': 1.0,
            'successor': '',
            'problem': '',
            **changes,
        }
    )
