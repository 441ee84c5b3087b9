"""Starts Franka's drivers and the controller that follows the guard, apart from the graph.

ros2 launch moto_ros franka_drivers.launch.py robot_ip:=172.16.0.2 robot_type:=fr3
ros2 launch moto_ros franka_drivers.launch.py use_fake_hardware:=true

Whatever becomes of guard, policy and their launch, this one goes on: the controller follows the
last trajectory to its end, which is rest. It needs franka_ros2 (franka_bringup) and ros2_control.
"""

import sys
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.action import Action
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription
from moto_ros.bringup.drivers import (
    ARGUMENTS,
    check_name,
    franka_arguments,
    resolved,
    spawner_words,
)
from moto_ros.bringup.launch_arguments import ours, typed_names


def generate_launch_description() -> LaunchDescription:
    """Returns the description: arguments, then the drivers and the spawner."""
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
    """Returns the drivers and the spawner; raises ConfigError for what neither could take."""
    typed = typed_names(__file__, sys.argv, context.argv)
    values = resolved(ours(context.launch_configurations, typed, ARGUMENTS, check_name))
    franka = Path(get_package_share_directory('franka_bringup')) / 'launch' / 'franka.launch.py'
    return [
        IncludeLaunchDescription(
            AnyLaunchDescriptionSource(str(franka)), launch_arguments=franka_arguments(values)
        ),
        Node(
            package='controller_manager',
            executable='spawner',
            namespace=values['namespace'],
            arguments=spawner_words(values),
            output='screen',
        ),
    ]
