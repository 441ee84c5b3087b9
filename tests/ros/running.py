"""A graph of real processes over real DDS, seen from the test."""

import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from moto_core.guard.limits import load_robot
from moto_ros.bringup.children import Children
from moto_ros.bringup.graph import RosGraph
from moto_ros.bringup.table import MANAGER, command, environment, processes
from moto_ros.messages import SceneReset, from_json
from moto_ros.services import GUARD, POLICY, RECORDER, TWIN
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns
from moto_ros.wire.joints import joint_state

COMMANDS = 'joint_velocity_controller/commands'
TRAJECTORIES = 'panda_arm_controller/joint_trajectory'
SPOKEN = {GUARD: 'guard', POLICY: 'policy', RECORDER: 'recorder', TWIN: 'task'}  # by whom


def longest_gap(stamps, begin, seconds=1.0):
    """Returns the longest time [s] without a stamp [ns] in the `seconds` from `begin` [ns]."""
    inside = stamps[(stamps >= begin) & (stamps <= begin + seconds * 1e9)]
    return np.diff([begin, *inside, begin + seconds * 1e9]).max() * 1e-9


class RunningGraph:
    """The twin's graph, or the nodes of it named by `only`, active."""

    def __init__(self, dataset, only=None, given=None):
        table = processes(
            {
                'sim': 'true',
                'dataset': str(dataset),
                'log_level': 'warn',
                'policy.wait_for_episode': 'true',
                **(given or {}),
            }
        )
        nodes = [p for p in table if p.lifecycle and (only is None or p.node in only)]
        self.given = table
        self.dataset, self.robot = dataset, load_robot('kitchen_sim')
        self.table = {p.node: p for p in nodes}
        self.manager = replace(table[-1], arguments=tuple(self.table))
        self.children = Children(environment(os.environ, sim=True))
        self.graph = RosGraph(rclpy.create_node('test'))
        self.node = self.graph.node
        self.joints, self.commands, self.executed = [], [], []
        self.reasons, self.events = [], []
        self.keep(interface.JOINT_STATES, self.joints)
        for topic in (
            interface.VELOCITIES.at(COMMANDS),
            interface.GRIPPER,
            interface.TRAJECTORY.at(TRAJECTORIES),
        ):
            self.keep(replace(topic, subscription=interface.LOG_READER), self.commands)
        self.keep(interface.EXECUTED, self.executed)
        self.keep(interface.GUARD_REASONS, self.reasons)
        self.keep(interface.EPISODE, self.events)
        teleop = interface.request(self.robot.spec.period, interface.TELEOP_REQUEST)
        self.requests = self.node.create_publisher(teleop.type, teleop.name, teleop.publisher)
        try:
            self.start(*self.table)
        except BaseException:
            self.close()
            raise

    def start(self, *nodes):
        """Starts processes of the table and takes them to active."""
        for name in nodes:
            self.children.start(name, command(self.table[name]))
        self.children.start(MANAGER, command(replace(self.manager, arguments=nodes)))
        self.wait(lambda: MANAGER in self.children.ended(), 60, 'the lifecycle manager')
        assert self.children.ended()[MANAGER] == 0
        self.wait(lambda: all(self.said(name) for name in nodes), 10, f'{nodes}')

    def said(self, name):
        """Returns the newest status of a node, None before the first."""
        return getattr(self.latest, SPOKEN[name])

    @property
    def latest(self):
        return self.graph.latest

    def wait(self, condition, seconds=10, what='it'):
        self.graph.wait(condition, seconds, what)

    def kill(self, name):
        """Ends a process as kill -9 does; returns when [ns], which is before the system took it.

        What arrives while it is taken away is kept: on a busy machine that can last 0.3 s.
        """
        setattr(self.latest, SPOKEN[name], None)
        process, killed = self.children.running[name], self.graph.now()
        os.killpg(process.pid, signal.SIGKILL)
        self.wait(lambda: process.poll() is not None, 10, f'the end of {name}')
        return killed

    def change(self, name, transition):
        """Asks a node for a lifecycle transition; returns whether it succeeded."""
        client = self.node.create_client(ChangeState, f'{name}/change_state')
        self.wait(client.service_is_ready, 10, f'{name}/change_state')
        future = client.call_async(
            ChangeState.Request(
                transition=Transition(id=getattr(Transition, f'TRANSITION_{transition}'))
            )
        )
        self.wait(future.done, 20, f'{name} {transition}')
        self.node.destroy_client(client)
        return future.result().success

    def reset(self):
        """Puts the arm to rest and the scene to its next start; returns the seed and its stamp."""
        self.graph.call(GUARD, 'disarm')
        self.graph.call(GUARD, 'set_intervention', False)
        self.latest.guard = None
        self.wait(lambda: self.latest.guard and self.latest.guard.at_rest, 5, 'rest')
        told = from_json(SceneReset, self.graph.call(TWIN, 'reset'))
        self.wait(lambda: self.latest.task.stamp > told.stamp, 10, 'a new frame')
        self.joints.clear()
        return told

    def take_over(self):
        """Arms the guard for the requests of a person."""
        self.graph.call(GUARD, 'set_intervention', True)
        self.graph.call(GUARD, 'arm')

    def request(self, velocity, names=None):
        """Publishes one request (A,) of a person, observed now."""
        self.requests.publish(
            joint_state(
                names or self.robot.spec.names, self.graph.now(), np.asarray(velocity, np.float64)
            )
        )

    def drive(self, velocity, seconds):
        """Requests a velocity at the policy's rate for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.request(velocity)
            following = time.monotonic() + self.robot.spec.period
            while time.monotonic() < following:
                self.graph.spin(max(0.0, following - time.monotonic()))

    def spin(self, seconds):
        """Handles what arrives for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.graph.spin(end - time.monotonic())

    def speed(self):
        """The arm's fastest joint [rad/s] as last measured."""
        return np.abs(self.joints[-1].velocity[:7]).max() if self.joints else 0.0

    def motion(self):
        """Stamps [ns] and arm positions and velocities (T, 7) heard since the last clear."""
        stamps = np.array([to_ns(m.header.stamp) for m in self.joints])
        return (
            stamps,
            np.array([m.position[:7] for m in self.joints]),
            np.array([m.velocity[:7] for m in self.joints]),
        )

    def close(self):
        """Ends every process and the test's node."""
        self.children.stop()
        left = [name for name, p in self.children.running.items() if p.poll() is None]
        self.graph.close()
        assert not left, left

    def keep(self, topic, kept):
        """Appends every message of a topic to a list; returns the subscription."""
        read = kept.append
        if topic.payload is not None:
            read = interface.payload_reader(topic, kept.append, pytest.fail)
        return self.node.create_subscription(topic.type, topic.name, read, topic.subscription)
