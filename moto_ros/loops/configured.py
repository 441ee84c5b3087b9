"""An arm's guard as the configuration says: the node makes it so, and a bring-up tries it first.

In: RosConfig, the robot. Out: an ArmGuard, or the ConfigError that it could not be made with.
"""

from __future__ import annotations

from moto_core.guard.limits import RobotConfig
from moto_core.guard.state import GuardConfig
from moto_ros.config import RosConfig, check_limits, check_mode
from moto_ros.loops.guard import ArmGuard, ArmSettings

FOLLOWS = 0.010  # [s] that the arm may lag behind its trajectory


def arm_guard(config: RosConfig, robot: RobotConfig, before: ArmGuard | None = None) -> ArmGuard:
    """Returns the guard of one arm, with what is latched in the guard `before`.

    Raises ConfigError for a profile, a rate, a delay, a mode or limits that cannot be.
    """
    check_mode(config)
    check_limits(config, robot)
    params = config.guard
    delay = config.command.delay if config.command.mode == 'trajectory' else 0.0
    return ArmGuard(
        robot,
        config.profile,
        GuardConfig(
            rate=params.rate,
            deadman_required=params.deadman_required,
            joint_age=params.joint_age,
            speed_floor=params.speed_floor,
            latency=delay + FOLLOWS if delay else 0.0,
            halt_stream=config.command.silence,
        ),
        ArmSettings(
            delay=delay,
            home_tolerance=params.home_tolerance,
            armed_timeout=params.armed_timeout,
            estops=tuple(params.estops),
            heartbeat=params.estop_heartbeat,
            record_required=config.record.required,
            policy_heard_first=config.record.source == 'robot',
            begins_by_word=config.record.source == 'robot',
            simulated=config.record.source == 'sim',
        ),
        before=before,
    )
