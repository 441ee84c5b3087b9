"""Runs episodes on a running graph: reset, arm, start, until success or the last step, stop.

    python -m moto_ros.bringup.session --episodes 10 --max-steps 100 --json out.json

On the twin the simulator resets and judges; with --operator a person does. Out: JSON with the
episodes, latencies from image stamp to request, missed periods and the guard's interventions.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import rclpy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from rich.console import Console

from moto_core.errors import MotoError
from moto_ros.bringup.graph import Graph, open_graph
from moto_ros.bringup.session_result import SessionConfig, SessionResult
from moto_ros.wire import names
from moto_ros.wire.environment import prepare_environment

READY = 60.0  # [s] for the graph to be active
FRESH = 10.0  # [s] for new observations after a reset
PATIENCE = 3.0  # [s] for a fault to become resettable
LATCHED = ('FAULT', 'ESTOP')
SILENT = 5.0  # [s] without a step: the episode is over


class Session:
    """One run of episodes on one graph."""

    def __init__(self, graph: Graph, config: SessionConfig, console: Console) -> None:
        self.graph, self.config, self.console = graph, config, console
        self.result = SessionResult(cover_camera=config.cover_camera)

    def run(self) -> SessionResult:
        """Runs every episode; raises MotoError where the graph does not answer or refuses."""
        config, graph, result = self.config, self.graph, self.result
        wanted = [
            'guard',
            'policy',
            *(['recorder'] if config.record else []),
            *([] if config.operator else ['task']),
        ]
        graph.wait(
            lambda: all(graph.latest[name] for name in wanted), READY, f'the states of {wanted}'
        )
        result.policy = graph.latest['policy']['policy']
        if not config.operator:
            graph.call(names.TWIN, 'cover_camera', config.cover_camera)
        for number in range(config.episodes):
            episode = self._episode()
            result.episodes.append(episode)
            self.console.print(f'episode {number + 1} of {config.episodes}: {episode}')
        if config.record:
            graph.wait(lambda: graph.latest['recorder']['state'] == 'idle', 5.0, 'the recorder')
        return result

    def _episode(self) -> dict[str, Any]:
        begin = time.monotonic()
        seed = self._reset()
        before = Counter(self.graph.latest['guard']['interventions'])
        self.graph.forget()
        self.graph.call(names.GUARD, 'arm')
        keeper = names.RECORDER if self.config.record else names.POLICY
        identity = self.graph.call(keeper, 'start_episode')
        started = time.monotonic()
        success, ended = self._until_over()
        seconds, steps = time.monotonic() - started, list(self.graph.steps)
        success = self._finish(success)
        self._measure(steps, before)
        return {
            'id': identity if self.config.record else '',
            'seed': seed,
            'success': success,
            'outcome': 'success' if success else 'failure',
            'ended': ended,
            'steps': max(0, len(steps) - 1),  # the last observation is no decision
            'seconds': round(seconds, 3),
            'start_seconds': round(started - begin, 3),
        }

    def _reset(self) -> int | None:
        """Brings the scene to a start and waits until the policy sees it; returns the seed."""
        graph = self.graph
        if graph.latest['guard']['state'] in LATCHED:
            self._reset_fault()
        if self.config.operator:
            self.console.input('Put the scene to its start, then press Enter: ')
            return None
        told = json.loads(graph.call(names.TWIN, 'reset'))
        graph.wait(
            lambda: graph.latest['task']['stamp'] > told['stamp'],
            FRESH,
            'a camera image after the reset',
        )
        return told['seed']

    def _reset_fault(self) -> None:
        """Resets a fault as soon as the guard allows; raises MotoError where it does not."""
        guard, end = self.graph.latest['guard'], time.monotonic() + PATIENCE
        self.console.print(f'guard {guard["state"]}: {guard["cause"]}; resetting it')
        while True:
            try:
                self.graph.call(names.GUARD, 'reset_fault')
                break
            except MotoError:
                if time.monotonic() > end:
                    raise
                self.graph.spin(0.2)
        self.graph.wait(
            lambda: self.graph.latest['guard']['state'] not in LATCHED,
            FRESH,
            'the reset of the fault',
        )

    def _until_over(self) -> tuple[bool, str]:
        """Spins until success was observed by the policy, or the steps or the patience run out."""
        graph, heard, count = self.graph, time.monotonic(), 0
        done: int | None = None  # [ns] the stamp of the first success
        while True:
            graph.spin()
            task, steps = graph.latest['task'], graph.steps
            if len(steps) > count:
                heard, count = time.monotonic(), len(steps)
            if done is None and task.get('success'):
                done = task['stamp']
            if done is not None and steps and steps[-1]['stamp'] >= done:
                return True, 'done'
            if count > self.config.max_steps:  # the last row is the last action's outcome
                return False, 'timeout'
            if graph.latest['guard']['state'] in LATCHED:
                return False, 'fault'
            if time.monotonic() - heard > SILENT:
                self.console.print(f'no step within {SILENT:.0f} s: {graph.latest["policy"]}')
                return False, 'no_steps'

    def _finish(self, success: bool) -> bool:
        graph = self.graph
        halted = graph.start_call(names.GUARD, 'disarm')
        if self.config.operator:
            success = self.console.input('Success? [y/N] ').strip().lower().startswith('y')
        if self.config.record:
            graph.call(names.RECORDER, 'end_episode', success)
        else:
            graph.call(names.POLICY, 'stop_episode')
        graph.finish_call(halted, 'disarm')
        return success

    def _measure(self, steps: list[dict[str, Any]], before: Counter[str]) -> None:
        """Adds an episode's steps, and what the guard did since `before`, to the result."""
        result, latest = self.result, self.graph.latest
        result.latency_ms += [step['latency']['request'] for step in steps]
        result.inference_ms += [step['latency']['inference'] for step in steps]
        if steps:
            result.missed_periods += steps[-1]['missed'] - steps[0]['missed']
        latest['guard'] = {'at_rest': False}
        self.graph.wait(lambda: latest['guard']['at_rest'], FRESH, 'rest')
        result.guard_interventions += Counter(latest['guard']['interventions']) - before


def main() -> int:
    """Runs the command; returns the exit code."""
    arguments = _parser().parse_args(remove_ros_args(sys.argv)[1:])
    config = SessionConfig(
        arguments.episodes,
        arguments.max_steps,
        arguments.cover_camera,
        not arguments.no_record,
        arguments.operator,
    )
    console = Console(soft_wrap=True)
    prepare_environment()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    session = Session(open_graph(), config, console)
    try:
        session.run()
        return 0
    except MotoError as error:
        console.print(f'[red]{error}[/red]')
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if arguments.json:
            arguments.json.write_text(json.dumps(session.result.to_json(), indent=2))
        session.graph.close()
        rclpy.try_shutdown()


def _parser() -> argparse.ArgumentParser:
    about = (__doc__ or '').split('\n')[0]
    parser = argparse.ArgumentParser(prog='moto-session', description=about)
    defaults = SessionConfig()
    parser.add_argument('--episodes', type=int, default=defaults.episodes)
    parser.add_argument(
        '--max-steps', type=int, default=defaults.max_steps, help='decisions an episode at most'
    )
    parser.add_argument('--cover-camera', action='store_true', help="cover the twin's camera")
    parser.add_argument('--no-record', action='store_true', help='no recorder runs')
    parser.add_argument('--operator', action='store_true', help='a person resets and judges')
    parser.add_argument('--json', type=Path, help='file for the result')
    return parser


if __name__ == '__main__':
    sys.exit(main())
