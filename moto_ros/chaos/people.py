"""Faults of people's switches: the deadman, the e-stop, an arm that is not at home."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool

from moto_ros.chaos.acting import person, publishing, reset_fault, state
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import braking, expect_stop
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import GUARD
from moto_ros.wire import interface

FULL = 2.0  # [rad/s] of the first joint, beyond the cap
AGE = 0.25  # [s] of the deadman's last press
MOVES = 1.2  # [s] until an arm that is led anew is at full speed
SAY = 0.02  # [s] between two messages of the joystick


def deadman(bench: Bench) -> Seen:
    """Fault 25: the deadman let go, then a joystick that falls silent, at full speed."""
    graph, found = bench.graph('deadman'), Findings()
    graph.reset()
    with publishing(graph, Joy, interface.JOY.name, interface.JOY.publisher) as joystick:
        graph.take_over()
        _hold(graph, joystick, False, 0.2)
        for what, pressed in (('let go', False), ('silent', None)):
            _hold(graph, joystick, True, MOVES, FULL)
            found.note(
                f'{what} at {{{what[:3]}_rad_s:.2f}} rad/s', **{f'{what[:3]}_rad_s': graph.speed()}
            )
            graph.joints[:-1] = []
            graph.executed.clear()
            graph.reasons.clear()
            since = graph.now()
            _hold(graph, joystick, pressed, 0.8, FULL)
            stop = braking(graph, since, 'deadman')
            latest = 0.03 + (AGE if pressed is None else 0.0)
            name = f'{what[:3]}_s'
            found.expect(
                stop.begins < latest, f'braking after {{{name}:.3f}} s', **{name: stop.begins}
            )
            rest = found.rest or 0.0
            expect_stop(found, graph, stop, late=0.05)
            found.rest = max(rest, stop.rest)
            if pressed is None:
                graph.executed.clear()
                _hold(graph, joystick, True, 0.5, -FULL)
                _expect_none(found, graph, 'heard again while held, it moves nothing')
                _hold(graph, joystick, False, 0.2)
            _hold(graph, joystick, True, MOVES, -FULL)
            found.expect(graph.speed() > 0.25, 'a new press moves it')
    return found.seen()


def estop(bench: Bench) -> Seen:
    """Fault 26: the e-stop pressed twice, a reset while it is pressed, a second publisher."""
    graph, found = bench.graph('whole'), Findings()
    person(graph)
    topic, profile = interface.ESTOP.name, interface.LATCHED
    with publishing(graph, Bool, topic, profile) as button:
        graph.wait(lambda: button.get_subscription_count() > 0, 5, 'the guard at the e-stop')
        since = graph.now()
        button.publish(Bool(data=True))
        graph.spin(0.6)
        expect_stop(found, graph, braking(graph, since, 'estop'))
        button.publish(Bool(data=True))
        state(graph, lambda guard: guard.state == 'ESTOP' and guard.at_rest, 'ESTOP')
        found.refused(lambda: graph.graph.call(GUARD, 'reset_fault'), 'still pressed')
        button.publish(Bool(data=False))
        graph.spin(0.3)
        guard = state(graph, lambda guard: True, 'the guard')
        found.expect(guard.state == 'ESTOP', f'let go it is latched: {guard.state}')
        with publishing(graph, Bool, topic, profile):
            graph.wait(lambda: graph.node.count_publishers(topic) == 2, 5, 'two e-stops')
            graph.spin(0.3)
            found.refused(
                lambda: graph.graph.call(GUARD, 'reset_fault'), 'which of them let go is not known'
            )
        graph.spin(0.5)
        reset_fault(graph)
        guard = state(graph, lambda guard: True, 'the guard')
        found.expect(guard.state == 'READY', f'after a reset {guard.state}, disarmed')
    return found.seen()


def away(bench: Bench) -> Seen:
    """Fault 28: a policy is to drive an arm that is not at home."""
    graph, found = bench.graph('led'), Findings()
    person(graph, [0.4, 0.0, 0.0, 0.4])
    graph.graph.call(GUARD, 'disarm')
    graph.graph.call(GUARD, 'set_intervention', False)
    guard = state(graph, lambda guard: guard.at_rest, 'rest')
    found.note('{away_rad:.2f} rad from home', away_rad=guard.from_home)
    found.refused(lambda: graph.graph.call(GUARD, 'arm'), 'from home, beyond 0.1 rad')
    graph.joints.clear()
    graph.graph.call(GUARD, 'home')
    state(graph, lambda guard: guard.source == 'home', 'the way home')
    guard = state(graph, lambda guard: guard.source != 'home' and guard.at_rest, 'home', 15)
    _, _, velocity = graph.motion()
    most = 0.25 * max(graph.robot.limits.dq_recommended)
    found.expect(
        np.abs(velocity).max() < 1.1 * most and guard.from_home < 0.05,
        'home at {home_rad_s:.2f} rad/s at most, to {home_rad:.3f} rad',
        home_rad_s=np.abs(velocity).max(),
        home_rad=guard.from_home,
    )
    found.expect(graph.graph.call(GUARD, 'arm') == 'armed', 'then armed')
    return found.seen()


def estop_survives(bench: Bench) -> Seen:
    """Fault 39: an e-stop, then the whole life cycle; the same with a fault."""
    graph, found = bench.graph('whole'), Findings()
    for latched in ('ESTOP', 'FAULT'):
        asked = person(graph, 0.3, 0.4)
        if latched == 'ESTOP':
            graph.graph.call(GUARD, 'estop')
        else:
            asked[0] = float('nan')
            graph.drive(asked, 0.4)
        state(
            graph, lambda guard, wanted=latched: guard.state == wanted and guard.at_rest, latched
        )
        for transition in ('DEACTIVATE', 'CLEANUP', 'CONFIGURE', 'ACTIVATE'):
            if not graph.change(GUARD, transition):
                found.expect(False, f'{transition} failed')
        guard = state(graph, lambda guard: True, 'the guard')
        found.expect(guard.state == latched, f'{latched} then {guard.state}: {guard.cause}')
        reset_fault(graph)
    return found.seen()


def _hold(
    graph: RunningGraph, joystick: Any, pressed: bool | None, seconds: float, ask: float = 0.0
) -> None:
    """Asks for a speed [rad/s] for a while, the button pressed or not; None: it says nothing."""
    for number in range(round(seconds / SAY)):
        if pressed is not None:
            joystick.publish(Joy(buttons=[0, 0, 0, 0, int(pressed)]))
        if number % 4 == 0:
            graph.request([ask] + [0.0] * 8)
        graph.spin(SAY)


def _expect_none(found: Findings, graph: RunningGraph, words: str) -> None:
    sent = [np.abs(m.velocity[:7]).max() for m in graph.executed]
    found.expect(max(sent, default=0.0) == 0.0, words)
