"""The faults of docs/safety.md: number, what happens, what is expected, who makes it happen.

In: nothing. Out: FAULTS by number. Names and expectations are the document's: a test compares.
"""

from __future__ import annotations

from moto_core.errors import ConfigError
from moto_ros.chaos import (
    bundles,
    cameras,
    clocks,
    deaths,
    drivers,
    files,
    halts,
    joints,
    masters,
    people,
    requests,
    soak,
)
from moto_ros.chaos.fault import ARITHMETIC, FILES, Fault

WHOLE, RELAYED, LED, BUNDLE = ('whole',), ('relayed',), ('led',), ('policy',)
SIM_TIME = ('sim_time',)


ALL = (
    Fault(
        number=1,
        name='camera stalls',
        expected=(
            'the policy makes no decision, the guard brakes when the request is 2.5 '
            'periods (200 ms) old and faults 1 s later'
        ),
        act=cameras.stalls,
        graphs=RELAYED,
    ),
    Fault(
        number=2,
        name='one frame repeated with new stamps while joints move',
        expected='no decision; diagnostic',
        act=cameras.freezes,
        graphs=RELAYED,
    ),
    Fault(
        number=3,
        name='stamps zero, in the future, offset',
        expected='zero: time of receipt and a warning, of cameras too; future: refused',
        act=clocks.stamps,
        graphs=RELAYED,
    ),
    Fault(
        number=4,
        name='clock jumps',
        expected=(
            'the guard runs on the steady clock; decisions go on; record order stays monotonic'
        ),
        act=clocks.jumps,
        graphs=SIM_TIME,
    ),
    Fault(
        number=5,
        name='one of two cameras lags',
        expected='frames over 50 ms apart are never paired',
        act=cameras.lags,
        graphs=('two_cameras',),
    ),
    Fault(
        number=6,
        name='wrong encoding, size, padding, channel order',
        expected='an error with found and expected; bgr is converted',
        act=cameras.misfit,
        graphs=RELAYED,
    ),
    Fault(
        number=7,
        name='QoS mismatch',
        expected='refuses to activate, names topic and profiles',
        act=masters.unheard,
        graphs=WHOLE,
    ),
    Fault(
        number=8,
        name='JointState shuffled, missing, duplicate, extra',
        expected='mapped by name; missing or duplicate: refused',
        act=joints.renamed,
        graphs=RELAYED,
    ),
    Fault(
        number=9,
        name='JointState NaN, jump, outside limits',
        expected='refused, 3 in a row fault; outside: inward motion only',
        act=joints.impossible,
        graphs=RELAYED,
    ),
    Fault(
        number=10,
        name='joint states at 30 Hz',
        expected='accepted with a warning',
        act=joints.slow,
        graphs=RELAYED,
    ),
    Fault(
        number=11,
        name='NaN or Inf in an action',
        expected='the whole action is refused, three fault; nothing non-finite is ever published',
        act=requests.not_finite,
        graphs=WHOLE,
    ),
    Fault(
        number=12,
        name='1e30, or +1/-1 at each decision',
        expected='position, speed, acceleration and jerk stay legal at every tick of the guard',
        act=requests.absurd,
        where=ARITHMETIC,
    ),
    Fault(
        number=13,
        name='model missing, truncated, not ONNX, wrong opset',
        expected='configure fails with path and cause and can be asked again',
        act=bundles.no_model,
        graphs=BUNDLE,
    ),
    Fault(
        number=14,
        name="shapes or sizes differ from the robot's spec",
        expected='refused; every mismatch in one message',
        act=bundles.misfit,
        graphs=BUNDLE,
    ),
    Fault(
        number=15,
        name='self-test differs',
        expected='refused; the tolerance is in the bundle',
        act=bundles.wrong_selftest,
        graphs=BUNDLE,
    ),
    Fault(
        number=16,
        name='inference slow or hung',
        expected='braking by staleness; late results dropped',
        act=requests.too_late,
        graphs=WHOLE,
    ),
    Fault(
        number=17,
        name='GPU provider missing',
        expected='the processor only if allowed and fast enough',
        act=bundles.no_gpu,
        where=FILES,
        quick=True,
    ),
    Fault(
        number=18,
        name='policy killed',
        expected=(
            'braking begins 0.2 s after the stamp of its last image and ends v/b + 0.06 s'
            ' later at the latest'
        ),
        act=deaths.policy,
        graphs=WHOLE,
    ),
    Fault(
        number=19,
        name='guard killed',
        expected="trajectory mode: the tail stops the arm; array mode: the twin's watchdog",
        act=deaths.guard,
        graphs=('led', 'whole'),
    ),
    Fault(
        number=20,
        name='recorder killed',
        expected='at most one row lost; recovered at the next start',
        act=deaths.recorder,
        graphs=WHOLE,
    ),
    Fault(
        number=21,
        name='file truncated, bits flipped',
        expected='damage found and named with its byte, whole rows before it kept',
        act=files.damage,
        where=FILES,
        quick=True,
    ),
    Fault(
        number=22,
        name='disk full',
        expected='recording ends cleanly and says so; the recorder goes on',
        act=files.full_disk,
        graphs=WHOLE,
    ),
    Fault(
        number=23,
        name='two recorders, one dataset',
        expected='the second refuses, names the holder',
        act=files.two_recorders,
        graphs=WHOLE,
    ),
    Fault(
        number=24,
        name='labels late, twice, contradicting',
        expected='append-only, the last wins',
        act=files.labels,
        where=FILES,
        quick=True,
    ),
    Fault(
        number=25,
        name='deadman released or silent',
        expected=(
            'brakes at once; needs a new press, and silence counts as none: the button '
            'must be seen let go'
        ),
        act=people.deadman,
        graphs=('deadman',),
    ),
    Fault(
        number=26,
        name='e-stop repeated, or while faulted',
        expected=(
            'latched, idempotent; reset refused while any is pressed, or if two publish '
            'on one topic'
        ),
        act=people.estop,
        graphs=WHOLE,
    ),
    Fault(
        number=27,
        name='another publisher on the command topic',
        expected='fault "two masters"',
        act=masters.two_masters,
        graphs=WHOLE,
    ),
    Fault(
        number=28,
        name='start far from home',
        expected='arm is refused for a policy, naming the joint; home leads the arm there',
        act=people.away,
        graphs=LED,
    ),
    Fault(
        number=29,
        name='parameter change while active, unknown key, degrees',
        expected='refused with the valid range',
        act=masters.settings,
        graphs=WHOLE,
    ),
    Fault(
        number=30,
        name='swap to a bad policy',
        expected='verified first; a refused one leaves the old one running',
        act=bundles.bad_swap,
        graphs=BUNDLE,
    ),
    Fault(
        number=31,
        name='use_sim_time without /clock',
        expected=(
            'the guard ticks on the steady clock; stamps of 0 count as received, with a warning'
        ),
        act=clocks.no_clock,
        graphs=('no_clock',),
    ),
    Fault(
        number=32,
        name='SIGINT, SIGTERM; ros2 launch or moto-up killed by SIGKILL',
        expected='decelerate, flush, close',
        act=halts.signals,
        graphs=('whole', 'drivers'),
    ),
    Fault(
        number=33,
        name='8 hours of running',
        expected='memory, open files and p99 latency flat, shown by a shorter run and its slope',
        act=soak.hours,
        graphs=WHOLE,
        limit=420.0,
    ),
    Fault(
        number=34,
        name='SIGTERM, deactivate, cleanup or shutdown while moving, in trajectory mode',
        expected='rest along the curve, never back; then silence',
        act=halts.led_to_rest,
        graphs=LED,
    ),
    Fault(
        number=35,
        name='ticks that jitter by 3 ms, transport of 0.5 to 4 ms',
        expected=(
            'a 1 kHz JointTrajectoryController keeps cap, acceleration and jerk of the profile'
        ),
        act=requests.jitter,
        where=ARITHMETIC,
        quick=True,
    ),
    Fault(
        number=36,
        name='joint states repeat one value with fresh stamps',
        expected='fault within 0.3 s of motion at 0.2 rad/s',
        act=joints.frozen,
        graphs=RELAYED,
    ),
    Fault(
        number=37,
        name='nobody listens on the command topic, or a controller that is not active',
        expected=(
            'arm is refused, naming the topic (activation is not: a controller may be '
            'spawned later); armed: fault'
        ),
        act=masters.nobody,
        graphs=('guard',),
    ),
    Fault(
        number=38,
        name='the guard dies under ros2 launch',
        expected=(
            "our launch ends with code 1; Franka's drivers and the controller belong to a launch "
            'of their own, franka_drivers.launch.py, and run the last trajectory to its end, '
            'which is rest'
        ),
        act=drivers.launcher,
        graphs=('drivers',),
    ),
    Fault(
        number=39,
        name='e-stop, then deactivate, cleanup, configure, activate',
        expected='still latched, and so is a fault',
        act=people.estop_survives,
        graphs=WHOLE,
    ),
    Fault(
        number=40,
        name='publish raises, a tick fails, SIGHUP',
        expected='a trajectory runs out, velocities fall to zero; SIGHUP halts as SIGTERM does',
        act=halts.broken_halt,
        graphs=LED,
    ),
    Fault(
        number=41,
        name='policy and teleoperation ask at the same time',
        expected='the intervention switch says who drives; the take-over is a ramp, and recorded',
        act=requests.two_sources,
        graphs=WHOLE,
    ),
    Fault(
        number=42,
        name='clock steps by an hour with a message in flight',
        expected='that message is refused or stale for its age; the next one counts',
        act=clocks.in_flight,
        graphs=SIM_TIME,
    ),
    Fault(
        number=43,
        name='recorder dies while recording is required',
        expected='hold within 0.5 s, until one records again',
        act=deaths.required_recorder,
        graphs=('recorded',),
    ),
    Fault(
        number=44,
        name='guard or policy stopped (SIGSTOP) for 0.5 s or 3 s, then continued',
        expected=(
            'policy: braking by staleness. Guard: the arm rests along what was sent, then'
            ' a hold, then a new beginning where it rests'
        ),
        act=deaths.stopped,
        graphs=('led', 'whole'),
    ),
    Fault(
        number=45,
        name='"two masters", then a reset with the other publisher still there',
        expected='refused, naming the topic',
        act=masters.reset_beside_another,
        graphs=WHOLE,
    ),
)
FAULTS = {fault.number: fault for fault in ALL}


def chosen(numbers: list[int]) -> list[Fault]:
    """Returns the faults of some numbers; raises ConfigError for one that is not there."""
    unknown = [number for number in numbers if number not in FAULTS]
    if unknown:
        raise ConfigError(f'there is no fault {unknown[0]}; expected 1 to {len(FAULTS)}')
    return [FAULTS[number] for number in dict.fromkeys(numbers)]
