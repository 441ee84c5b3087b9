"""The guard's node: the only publisher to the robot.

    GuardInputs: requests, joints, people, the recorder -> ArmGuard
        -> GuardOutputs: commands or trajectories, gripper; executed, and the reasons for it

Run as `python -m moto_ros.nodes.guard`. No machine learning is imported here. It ticks on the
steady clock while active, and comes to rest before it stops for whatever reason.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from moto_core.guard.state import READY, GuardRefusal
from moto_ros.loops.configured import arm_guard
from moto_ros.loops.guard import ArmGuard
from moto_ros.loops.halt import halt
from moto_ros.messages import GuardState
from moto_ros.nodes.guard_inputs import GuardInputs
from moto_ros.nodes.guard_outputs import GuardOutputs
from moto_ros.nodes.guard_peers import GuardPeers, Trouble
from moto_ros.services import GUARD
from moto_ros.wire import interface
from moto_ros.wire.interface import to_string
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.runner import run

SHOWN = (  # of the state, in the diagnostics
    'state',
    'dry_run',
    'source',
    'at_rest',
    'from_home',
    'ticks',
    'late',
)


class GuardNode(MotoNode):
    """Lifecycle node 'moto_guard'."""

    def __init__(self) -> None:
        super().__init__(GUARD)
        self.loop: ArmGuard | None = None
        self.timer: Any = None
        self.outputs: GuardOutputs | None = None
        self.inputs: GuardInputs | None = None
        self.peers: GuardPeers | None = None
        self.dry_run = self.config.command.dry_run
        self.disarms = 0  # that anybody asked for, by a reset too

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Resolves the limits and makes the robot's topics; nothing moves."""
        self.dry_run = self.dry_run or self.config.command.dry_run  # as it says, or drier
        self.loop = arm_guard(self.config, self.robot, before=self.loop)
        self.loop.sends = not self.dry_run
        self.be_present(self.dry_run)
        self.inputs = GuardInputs(self, self.loop)
        self.outputs = GuardOutputs(self, self.loop)
        self.peers = GuardPeers(self, self.loop, self.outputs)
        self.state = self.create_publisher_of(interface.GUARD_STATE)
        self.create_trigger_service('arm', self.arm)
        self.create_trigger_service('home', self.home)
        self.create_trigger_service('disarm', self.disarm)
        self.create_trigger_service('estop', self.loop.inbox.stop)
        self.create_trigger_service('reset_fault', self.reset_fault)
        self.create_trigger_service('begin_anew', self.loop.begin_anew)
        self.create_switch_service('set_intervention', self.loop.intervene)
        self.create_switch_service('set_dry_run', self.set_dry_run)
        self._tell_limits()
        return super().on_configure(state)

    @logs_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begins to tick, disarmed."""
        assert self.loop is not None
        self.check_qos()
        result = super().on_activate(state)
        self.loop.activate(True)
        self.timer = self.create_steady_timer(1.0 / self.config.guard.rate, self.on_tick)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Comes to rest, then stops ticking."""
        self.halt()
        return super().on_deactivate(state)

    def halt(self) -> None:
        """Comes to rest, ticking by itself: nothing else is handled meanwhile."""
        if self.loop is None or self.outputs is None or self.timer is None:
            return
        self.destroy_timer(self.timer)
        self.timer = None
        halt(self.loop, self._next_tick, self.outputs.publish)

    def on_tick(self) -> None:
        """Computes and publishes the command of this tick."""
        assert self.loop is not None and self.inputs is not None and self.outputs is not None
        self.inputs.poll()
        output = self.loop.tick(self.steady_now())
        if output is not None:
            self.outputs.publish(output)

    def arm(self) -> str:
        """Lets requests move the arm; raises GuardRefusal if it may not, or nobody would hear."""
        assert self.loop is not None and self.peers is not None
        self.peers.check()
        told = self.loop.arm()
        self.get_logger().info(f'{told}; led by it: {self.peers.controllers or "nobody"}')
        return '; '.join(filter(None, [told, self.clock_problem]))

    def home(self) -> str:
        """Leads the arm home; raises GuardRefusal if it may not, or nobody would hear."""
        assert self.loop is not None and self.peers is not None
        self.peers.check()
        return self.loop.home()

    def disarm(self) -> str:
        """Disarms, and counts it: whoever is about to move the arm hears that it was stopped."""
        assert self.loop is not None
        self.disarms += 1
        return self.loop.disarm()

    def reset_fault(self) -> str:
        """Ends a fault or an e-stop; raises GuardRefusal while its cause is there."""
        assert self.loop is not None and self.peers is not None
        self.peers.check_reset()
        told = self.loop.reset_fault()
        self.disarms += 1  # who did not hear of the fault hears that there was one
        return told

    def set_dry_run(self, on: bool) -> str:
        """Begins or ends a dry run; raises GuardRefusal unless READY and at rest."""
        assert self.loop is not None
        state = self.loop.state
        if state.mode != READY or state.armed or not self.loop.resting:
            mode = 'ARMED' if state.armed and state.mode == READY else state.mode
            raise GuardRefusal(
                f'dry_run changes only in READY, disarmed and at rest; the guard is in {mode}: '
                'disarm it first'
            )
        self.dry_run, self.loop.sends = on, not on
        self.be_present(on)
        return f'dry_run {on}'

    def publish_status(self) -> None:
        """Publishes the state, and latches faults of the graph."""
        loop, inputs, outputs, peers = self.loop, self.inputs, self.outputs, self.peers
        if loop is None or inputs is None or outputs is None or peers is None:
            return
        if self.timer is None or loop.output is None:
            return
        peers.poll()
        troubles = peers.troubles()
        peers.latch(troubles)
        outputs.poll()
        output, in_graph = loop.output, self._refused_in_graph(troubles)
        state = GuardState(
            state=loop.state.mode,
            source=loop.source,
            reasons=output.reasons,
            cause=tuple(loop.state.cause),
            refusal=in_graph or loop.refusal,
            home_refusal=in_graph or loop.home_refusal,
            unfit=in_graph or loop.unfit,
            scale=output.scale,
            profile=self.config.profile,
            limits=self.present.limits_sha256[:12],
            at_rest=loop.resting,
            from_home=loop.from_home,
            interventions=dict(loop.interventions.counts),
            ticks=loop.pace.ticks,
            late=loop.pace.late,
            dry_run=self.dry_run,
            disarms=self.disarms,
            real=self.config.record.source == 'robot',
        )
        self.state.publish(to_string(state))
        values = {name: getattr(state, name) for name in SHOWN}
        values['speed'] = f'{np.abs(output.velocity / loop.limits.dq).max():.2f} of the cap'
        values['estops_absent'] = peers.absent
        problems = [
            *loop.state.cause,
            *(trouble.words for trouble in troubles),
            *filter(None, [loop.problem, inputs.problem, outputs.problem, peers.problem]),
        ]
        self.publish_diagnostics(problems, values, error=loop.faulted)

    def _tell_limits(self) -> None:
        assert self.loop is not None
        limits, robot = self.loop.limits, self.robot
        self.get_logger().info(
            f"limits of '{robot.name}' from {self.present.limits_file} (sha256 "
            f"{self.present.limits_sha256[:12]}), profile '{self.config.profile}': at most "
            f'{", ".join(f"{speed:.3g}" for speed in limits.dq)} rad/s, '
            f'{limits.acceleration:g} rad/s^2, {limits.jerk:g} rad/s^3, '
            f'{limits.margin:g} rad from every limit'
        )

    def _refused_in_graph(self, troubles: list[Trouble]) -> str:
        assert self.peers is not None
        try:
            self.peers.check(troubles)
        except GuardRefusal as refusal:
            return str(refusal)
        return ''

    def _next_tick(self) -> float:
        """Sleeps for a tick; returns the time [s] on the steady clock."""
        time.sleep(1.0 / self.config.guard.rate)
        return self.steady_now()


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(GuardNode)


if __name__ == '__main__':
    sys.exit(main())
