"""Starts the graph: arguments, then one flat list from the table in moto_ros/bringup/table.py.

ros2 launch moto_ros franka_kitchen.launch.py sim:=true policy:=<bundle>
ros2 launch moto_ros franka_kitchen.launch.py sim:=false robot_type:=fr3 policy:=<bundle>

A real robot's drivers are franka_drivers.launch.py's. Every setting of moto_ros/config.py is an
argument too (guard.rate:=500); a name that is none ends the launch. If a node that must live ends,
or the bring-up fails, everything ends and the exit code is 1.
"""

import sys

from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.logging import get_logger
from launch_ros.actions import LifecycleNode, Node

from launch import LaunchContext, LaunchDescription
from moto_core.errors import MotoError
from moto_ros.bringup.arguments import as_bool, check_name, documented
from moto_ros.bringup.launch_arguments import lookalikes, ours, typed_names
from moto_ros.bringup.table import (
    MANAGER,
    Process,
    environment,
    node_words,
    own_environment,
    processes,
    resolved,
)


def generate_launch_description() -> LaunchDescription:
    """Returns the description: the table's arguments, then its processes."""
    given: dict[str, str] = {}  # what was given, before the defaults below are filled in
    return LaunchDescription(
        [
            OpaqueFunction(function=take, args=[given]),
            *(
                DeclareLaunchArgument(name, default_value=default, description=meaning)
                for name, (default, meaning) in documented().items()
            ),
            OpaqueFunction(function=start, args=[given]),
        ]
    )


def take(context: LaunchContext, given: dict[str, str]) -> None:
    """Keeps the arguments given; raises ConfigError for one that nothing here takes."""
    configurations, known = context.launch_configurations, documented()
    typed = typed_names(__file__, sys.argv, context.argv)
    for sentence in lookalikes(configurations, typed, known):
        get_logger('moto').warning(sentence)
    given.update(ours(configurations, typed, known, check_name))


def start(context: LaunchContext, given: dict[str, str]) -> list[Action]:
    """Returns the processes for the arguments given."""
    base, sim = dict(context.environment), as_bool('sim', resolved(given)['sim'])
    added = environment(base, sim)
    return [
        *(
            SetEnvironmentVariable(name, value)
            for name, value in added.items()
            if base.get(name) != value
        ),
        *(action(process, own_environment(process, base, sim)) for process in processes(given)),
    ]


def action(process: Process, own: dict[str, str]) -> Node:
    """Returns the action that starts a process; `own` goes over everybody's environment.

    A launch prefix, PushRosNamespace, SetRemap and SetParameter of a launch file that includes
    this one work on it.
    """
    kind = LifecycleNode if process.lifecycle else Node
    return kind(
        executable=sys.executable,
        exec_name=process.node,
        name=process.node,
        namespace=process.namespace,
        arguments=['-m', process.module, *process.arguments],
        ros_arguments=node_words(process),
        additional_env=own,
        output='screen',
        sigterm_timeout='8',
        sigkill_timeout='4',
        on_exit=OpaqueFunction(function=ended, args=[process]),
    )


def ended(context: LaunchContext, process: Process) -> None:
    """Raises MotoError, which ends the launch with code 1, if it cannot go on without a process.

    The manager's own end is not the bring-up's, unless it failed.
    """
    failed = context.locals.event.returncode != 0
    if not context.is_shutdown and (process.required or (process.node == MANAGER and failed)):
        raise MotoError(f'{process.node} ended; its log says why')
