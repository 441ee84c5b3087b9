"""What no node could be made with, found before anything starts and by the nodes' own rules.

In: the configuration that every node gets, and which of them start. Out: nothing, or a MotoError
of one line. What a rule needs is imported where it is asked: a real robot needs no simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from moto_core.episodes.layout import check_place
from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_core.policy.bundle import read_bundle
from moto_core.policy.given_up import folder_to_run
from moto_ros.config import BUILT_IN, NO_INPUT, RosConfig
from moto_ros.loops.configured import arm_guard
from moto_ros.loops.teleop import Teleop
from moto_ros.services import GUARD


def check_nodes(
    config: RosConfig,
    robot: RobotConfig,
    namespace: str,
    sim: bool,
    record: bool,
    remap: Sequence[str] = (),
) -> None:
    """Raises MotoError for what the guard, the policy, the twin or the recorder would refuse.

    And for a rule of `remap` that fits nothing of theirs.
    """
    from moto_ros.wire.remapping import check_remapping
    from moto_ros.wire.topic_names import check_topic_names  # needs rclpy, as no --version does

    arm_guard(config, robot)
    check_topic_names(config, robot, GUARD, namespace)
    check_remapping(remap, config, robot, namespace)
    _check_gripper(config, robot)
    if config.teleop.input != NO_INPUT:
        Teleop(robot, config.teleop, config.guard.deadman_button)
    if config.policy.bundle not in BUILT_IN:
        read_bundle(folder_to_run(config.policy.bundle))
    if sim:
        from moto_ros.loops.twin import check_twin

        check_twin(config.twin, robot)
    if record:
        _check_record(config)


def _check_gripper(config: RosConfig, robot: RobotConfig) -> None:
    for name in ('action', 'joint_states'):
        told = getattr(config.gripper, name)
        if told and not robot.spec.gripper:
            raise ConfigError(
                f"gripper.{name} is '{told}', and robot '{robot.name}' has no gripper: leave it "
                "out, or name the fingers' joints in a YAML of your robot (spec.gripper)"
            )
    if config.gripper.action:
        from moto_ros.wire.gripper import gripper_command

        gripper_command()  # its type is not installed everywhere


def _check_record(config: RosConfig) -> None:
    check_place(Path(config.record.dataset))
    if config.record.raw:
        from moto_ros.wire.definition import definition

        for kind in config.record.raw.values():
            definition(kind)
