"""Runs episodes on a running graph: reset, arm, start, until success or the last decision, stop.

In: a Graph (what the nodes say, their services), SessionConfig. Out: SessionResult. On the twin
the simulator resets and judges; with `operator` a person does. An episode that ended by no fault
of the policy (BLAMELESS: a node died, the robot or a sensor failed, somebody pressed the e-stop)
gets no label, and the recorder's word for how it ended. Who stops the arm while an episode is
prepared ends the session; a label goes to the episode that was judged, whoever began another one.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from rich.console import Console

from moto_core.episodes.endings import BLAMELESS
from moto_core.errors import MotoError
from moto_ros.loops.caution import holds
from moto_ros.loops.graph import Graph, guard_of, known
from moto_ros.loops.played import Played, SessionResult
from moto_ros.loops.preparing import FRESH, Preparing
from moto_ros.loops.verdict import Verdicts
from moto_ros.messages import LATCHED, Decision, PolicyStatus
from moto_ros.services import GUARD, POLICY, RECORDER, TWIN

READY = 60.0  # [s] for the graph to be active
SOON = 3.0  # [s] after which it is said what is waited for
SILENT = 5.0  # [s] without a decision: the episode is over
SLOW = ('fault', 'no_decisions', 'policy_died', 'guard_silent')  # what a slow computer ends by
BUSY = (
    'in simulation that may be the computer: too slow, or busy with something else; end what else '
    'runs on it, then try again'
)
ENDED = {'too_long': 'it was too long: record.longest'}  # causes that a setting explains
CLOSING = 5.0  # [s] for the recorder to close an episode
HELD, LOOKED_AT = 5.0, 60.0  # [s] held for doubt: it is over, without and with an operator


@dataclass(frozen=True)
class SessionConfig:
    """What a session does."""

    episodes: int = 10
    max_steps: int = 100  # decisions an episode at most
    cover_camera: bool = False  # the twin publishes a covered camera
    record: bool = True  # a recorder runs
    operator: bool = False  # a person resets and judges
    pause: int = 0  # [s] between two episodes, in which a learner beside it has the machine


class Session:
    """One run of episodes on one graph."""

    def __init__(self, graph: Graph, config: SessionConfig, console: Console) -> None:
        self.graph, self.config, self.console = graph, config, console
        self.prepare = Preparing(graph, console, config.operator)
        self.verdicts = Verdicts(graph)
        self.result = SessionResult(cover_camera=config.cover_camera)
        self._keeper = RECORDER if config.record else POLICY  # begins and stops an episode
        self._begun = self._plays = False  # the guard may be armed; an episode is under way

    def run(self) -> SessionResult:
        """Runs every episode; raises MotoError if the graph does not answer or refuses.

        A fault is reset before the next episode, an e-stop never: it ends the session with an
        error, the episodes until then in `result`. However it ends, nothing moves the arm then.
        """
        try:
            return self._run()
        except BaseException:  # Ctrl-C among them
            self._leave()
            raise

    def _run(self) -> SessionResult:
        config, graph, result = self.config, self.graph, self.result
        self._wait_for_states()
        result.policy = self._policy().policy
        if guard_of(graph).real and not config.operator:
            raise MotoError(
                f'/{GUARD} leads a real arm, and a twin judges this session: nobody looks at the '
                'arm. Say --operator for a person who does (sim:=false says it), or end one'
            )
        if not config.operator:
            graph.call(TWIN, 'cover_camera', config.cover_camera)
        for number in range(config.episodes):
            self._pause(config.pause if number else 0)
            episode = self._episode()
            result.episodes.append(episode)
            self.console.print(f'episode {number + 1} of {config.episodes} {episode.sentence()}')
        if config.record:
            graph.wait(self._recorder_is_idle, CLOSING, 'the recorder')
        self.console.print(result.sentence())
        slow = any(episode.ended in SLOW for episode in result.episodes)
        if result.tells_nothing and slow and not guard_of(graph).real:
            self.console.print(BUSY)
        return result

    def _pause(self, seconds: int) -> None:
        """Hears the graph and does nothing."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.graph.spin()

    def _leave(self) -> None:
        """Disarms the guard and stops the episode, as far as they answer."""
        halted = None
        if self._begun:
            with suppress(Exception):
                halted = self.graph.start_call(GUARD, 'disarm')
        with suppress(Exception):
            self._count()  # before an answer that may not come: the guard may be ending too
        if halted is not None:
            with suppress(Exception):
                self.graph.finish_call(halted, 'disarm')
                self.console.print('disarmed')
        if self._plays:
            with suppress(Exception):
                self.graph.call(self._keeper, 'stop_episode')

    def _count(self) -> None:
        """Says what the episodes came to until now."""
        if self.result.episodes:
            self.console.print(f'until then {self.result.sentence()}')

    def _wait_for_states(self) -> None:
        wanted = ['guard', 'policy']
        wanted += ['recorder'] if self.config.record else []
        wanted += [] if self.config.operator else ['task']
        try:
            self._wait_for(wanted, SOON)
        except MotoError:
            missing = ', '.join(self._missing(wanted))
            self.console.print(
                f'waiting for {missing}, up to {READY:.0f} s: start moto-up (or the launch file) '
                'first, in the same ROS_DOMAIN_ID and namespace'
            )
            self._wait_for(wanted, READY - SOON)

    def _wait_for(self, wanted: list[str], seconds: float) -> None:
        missing = ', '.join(wanted)
        self.graph.wait(lambda: not self._missing(wanted), seconds, f'the states of {missing}')

    def _missing(self, wanted: list[str]) -> list[str]:
        return [name for name in wanted if getattr(self.graph.latest, name) is None]

    def _episode(self) -> Played:
        begin, self._begun = time.monotonic(), True
        self.prepare.begin()
        seed = self.prepare.scene()
        before = Counter(guard_of(self.graph).interventions)
        self.graph.latest.decisions.clear()
        self.prepare.arm()
        self._plays = True
        identity = self.graph.call(self._keeper, 'start_episode')
        started = time.monotonic()
        success, ended = self._until_over()
        seconds, decisions = time.monotonic() - started, list(self.graph.latest.decisions)
        outcome, ended = self._finish(success, ended, identity)
        self._plays = False
        self._measure(decisions, before)
        return Played(
            id=identity if self.config.record else '',
            seed=seed,
            success=outcome == 'success',
            outcome=outcome,
            ended=ended,
            steps=max(0, len(decisions) - 1),
            seconds=round(seconds, 3),
            start_seconds=round(started - begin, 3),
        )

    def _until_over(self) -> tuple[bool, str]:
        """Spins until the policy observed success, or the decisions or the patience run out."""
        graph, heard, count = self.graph, time.monotonic(), 0
        free = heard  # [s] when the guard last held for no doubt
        done: int | None = None  # [ns] the stamp of the first success
        while True:
            graph.spin()
            task, decisions = graph.latest.task, graph.latest.decisions
            if len(decisions) > count:
                heard, count = time.monotonic(), len(decisions)
            if done is None and task is not None and task.success:
                done = task.stamp
            if done is not None and decisions and decisions[-1].stamp >= done:
                return True, 'done'
            if count > self.config.max_steps:  # the last row is the last action's outcome
                return False, 'timeout'
            if guard_of(self.graph).state in LATCHED:
                return False, LATCHED[guard_of(self.graph).state]
            if not holds(guard_of(self.graph)):
                free = time.monotonic()
            elif time.monotonic() - free > (LOOKED_AT if self.config.operator else HELD):
                self.console.print('the guard holds the arm: the policy is surprised')
                return False, 'held'
            if time.monotonic() - heard > SILENT:
                self.console.print(f'no decision within {SILENT:.0f} s: {self._why_silent()}')
                return False, 'no_decisions'

    def _why_silent(self) -> str:
        policy, recorder = self._policy(), self.graph.latest.recorder
        reasons = [*policy.reasons, policy.problem]
        if self.config.record and recorder is not None and recorder.state != 'recording':
            event = self.graph.latest.episode
            cause = event.ended if event is not None and event.state == 'ended' else ''
            why = ENDED.get(cause, cause) or 'it does not say why'
            reasons = [f'the recorder ended the episode ({why})', recorder.problem, *reasons]
        return '; '.join(filter(None, reasons)) or 'no reason was given'

    def _finish(self, success: bool, ended: str, identity: str) -> tuple[str, str]:
        """Stops the arm and the recording; returns the outcome and how it ended.

        A person judges once both have stopped: no row is of the time that it takes.
        """
        graph = self.graph
        halted = graph.start_call(GUARD, 'disarm')
        if self.config.operator:
            self._stop(ended, identity)
            graph.finish_call(halted, 'disarm')
            word = self._ended(identity, ended) if self.config.record else ended
            outcome = self._judged(ended)
            if self.config.record:
                outcome = self.verdicts.give(identity, outcome)
            return outcome, word if outcome == 'unlabelled' else ended
        outcome = 'unlabelled' if ended in BLAMELESS else _label(success)
        if outcome == 'unlabelled' or not self.config.record:
            self._stop(ended, identity)
        elif self.verdicts.other(identity):  # somebody ended it, and began that one
            outcome = self.verdicts.give(identity, outcome)
        elif ended == 'timeout':
            self.verdicts.ask(identity, 'time_out_episode')
        else:
            self.verdicts.ask(identity, 'end_episode', success)
        graph.finish_call(halted, 'disarm')
        if self.config.record and outcome == 'unlabelled':
            ended = self._ended(identity, ended)
        return outcome, ended

    def _stop(self, ended: str, identity: str) -> None:
        """Stops the episode, whose outcome comes later, if it has not stopped by itself."""
        if self.config.record and self.verdicts.other(identity):
            return
        word = 'time_out_episode' if self.config.record and ended == 'timeout' else 'stop_episode'
        with suppress(MotoError):
            self.graph.call(self._keeper, word)

    def _judged(self, ended: str) -> str:
        """Returns the label of the person, who may leave it open."""
        if ended not in BLAMELESS:
            return _label(_is_yes(self.console.input('Success? [y/N] ')))
        answer = self.console.input(f'It ended by {ended}. Success? [y/n, Enter: no label] ')
        return _label(_is_yes(answer)) if answer.strip() else 'unlabelled'

    def _ended(self, identity: str, ended: str) -> str:
        """Waits for the end of an episode that was stopped; returns the recorder's word."""
        self.graph.wait(
            lambda: self.verdicts.closed(identity), CLOSING, f"the end of episode '{identity}'"
        )
        event = self.graph.latest.episode
        word = event.ended if event is not None and event.episode == identity else ''
        return ended if word in ('', 'done') else word

    def _measure(self, decisions: list[Decision], before: Counter[str]) -> None:
        """Adds an episode's decisions, and what the guard did since `before`, to the result."""
        result, latest = self.result, self.graph.latest
        result.latency_ms += [decision.request_latency for decision in decisions]
        result.inference_ms += [decision.inference_latency for decision in decisions]
        if decisions:
            result.missed_periods += decisions[-1].missed - decisions[0].missed
        latest.guard = None
        self.graph.wait(
            lambda: latest.guard is not None and latest.guard.at_rest, FRESH, 'the arm at rest'
        )
        result.guard_interventions += Counter(guard_of(self.graph).interventions) - before

    def _policy(self) -> PolicyStatus:
        return known(self.graph.latest.policy)

    def _recorder_is_idle(self) -> bool:
        """Says whether nothing of this session is being written."""
        played = self.result.episodes
        others = bool(played) and bool(self.verdicts.other(played[-1].id))
        return others or known(self.graph.latest.recorder).state == 'idle'


def _label(success: bool) -> str:
    return 'success' if success else 'failure'


def _is_yes(answer: str) -> bool:
    return answer.strip().lower().startswith('y')
