"""Starts the graph: arguments, then one flat list from the table in moto_ros/bringup/table.py.

ros2 launch moto_ros franka_kitchen.launch.py sim:=true policy:=<bundle>
ros2 launch moto_ros franka_kitchen.launch.py sim:=false robot_ip:=172.16.0.2 policy:=<bundle>
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.events import Shutdown
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription
from moto_ros.bringup.arguments import ARGUMENTS, as_bool
from moto_ros.bringup.table import command, environment, processes, robot_name


def generate_launch_description() -> LaunchDescription:
    """Returns the description: the table's arguments, then its processes."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=meaning)
                for name, (default, meaning) in ARGUMENTS.items()
            ),
            OpaqueFunction(function=start),
        ]
    )


def start(context: LaunchContext) -> list[Action]:
    """Returns the processes for the arguments given; a required one's end ends the launch."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    sim = as_bool('sim', given['sim'])
    added = environment({}, sim)
    actions: list[Action] = [
        SetEnvironmentVariable(name, value)
        for name, value in added.items()
        if name not in context.environment
    ]
    for process in processes(given):
        ends = [EmitEvent(event=Shutdown(reason=f'{process.node} ended'))]
        actions.append(
            ExecuteProcess(
                cmd=command(process),
                name=process.node,
                output='screen',
                sigterm_timeout='8',
                sigkill_timeout='4',
                on_exit=ends if process.required else None,
            )
        )
    if given['robot_ip'] and not sim:
        actions.append(
            IncludeLaunchDescription(
                AnyLaunchDescriptionSource(
                    str(
                        Path(get_package_share_directory('franka_bringup'))
                        / 'launch'
                        / 'franka.launch.py'
                    )
                ),
                launch_arguments={
                    'robot_ip': given['robot_ip'],
                    'robot_type': robot_name(given),
                }.items(),
            )
        )
    return actions
