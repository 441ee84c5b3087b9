"""What a guard asks of the trajectory controllers that listen to it, before it moves an arm."""

import time

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from trajectory_msgs.msg import JointTrajectory

from moto_core.guard.state import GuardRefusal
from moto_core.strict_yaml import parse_yaml
from moto_ros.nodes.guard import GuardNode
from moto_ros.wire import interface
from moto_ros.wire.controllers import WANTED
from moto_ros.wire.joints import joint_state
from tests.ros.bringup.test_drivers import FILE

SUCCESS = TransitionCallbackReturn.SUCCESS
FREE = {'guard.deadman_required': 'false', 'guard.estop_required': 'false', 'robot': 'fr3'}
OURS = parse_yaml(FILE.read_text(), str(FILE))['/**']['fr3_arm_controller']['ros__parameters']


class Graph:
    """An active guard of a real FR3, and whoever else listens, all spun together."""

    def __init__(self, node):
        self.node, self.others = node, []
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(node)
        assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
        node.loop.begin_anew()

    def controller(self, name='fr3_arm_controller', **parameters):
        """A node of that name that listens, with our controller's parameters but for some."""
        given = {**OURS, **parameters}
        made = rclpy.create_node(
            name,
            parameter_overrides=[Parameter(key, value=value) for key, value in given.items()],
            automatically_declare_parameters_from_overrides=True,
        )
        topic = self.node.outputs.topic
        made.create_subscription(JointTrajectory, topic, lambda _: None, interface.COMMAND)
        self.others.append(made)
        self.executor.add_node(made)
        self.until(lambda: self.node.count_subscribers(topic) == len(self.others))
        return made

    def gone(self, other):
        self.others.remove(other)
        self.executor.remove_node(other)
        other.destroy_node()
        topic = self.node.outputs.topic
        self.until(lambda: self.node.count_subscribers(topic) == len(self.others))

    def spin(self):
        spec = self.node.robot.spec
        home = np.array([*self.node.robot.home, *[0.0] * len(spec.gripper)])
        still = np.zeros(len(spec.names))
        self.node.inputs.on_joints(joint_state(spec.names, self.node.now(), still, home))
        self.node.inputs.on_request('policy', joint_state(spec.names, self.node.now(), still))
        self.executor.spin_once(timeout_sec=0.01)

    def until(self, condition, seconds=10.0):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.spin()
        assert condition(), self.refusal

    @property
    def refusal(self):
        try:
            self.node.peers.check()
        except GuardRefusal as refusal:
            return str(refusal)
        return ''

    def end(self):
        for other in list(self.others):
            self.gone(other)
        self.executor.remove_node(self.node)
        self.executor.shutdown()


@pytest.fixture
def graph(make):
    made = []

    def start(**parameters):
        made.append(Graph(make(GuardNode, **{**FREE, **parameters})))
        return made[0]

    yield start
    for one in made:
        one.end()


def test_what_is_asked_for_is_what_our_controllers_are_given():
    assert {name: OURS[name] for name in WANTED} == WANTED
    assert OURS['joints'] == [f'fr3_joint{number}' for number in range(1, 8)]


def test_an_arm_is_armed_once_its_controller_has_said_how_it_follows(graph):
    graph = graph()
    graph.controller()
    graph.until(lambda: graph.refusal == '')
    assert graph.node.arm() == 'armed'


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'interpolate_from_desired_state': False}, 'interpolate_from_desired_state is False, ex'),
        ({'set_last_command_interface_value_as_state_on_activation': True}, 'activation is True'),
        ({'allow_nonzero_velocity_at_trajectory_end': True}, 'trajectory_end is True, expected F'),
        ({'interpolation_method': 'none'}, 'interpolation_method is none, expected splines'),
        ({'command_interfaces': ['effort']}, "interfaces is ['effort'], expected ['position']"),
        ({'joints': OURS['joints'][:6]}, "joints is ['fr3_joint1', "),
    ],
)
def test_a_controller_that_follows_otherwise_is_named_with_what_is_otherwise(
    graph, parameters, says
):
    graph = graph()
    other = graph.controller(**parameters)
    graph.until(lambda: says in graph.refusal)
    assert "the controller '/fr3_arm_controller'" in graph.refusal
    with pytest.raises(GuardRefusal, match='config/ros/controllers.yaml, then arm'):
        graph.node.arm()
    graph.gone(other)
    graph.controller()  # in its place, under its name
    graph.until(lambda: graph.refusal == '')


def test_one_that_becomes_another_under_its_name_is_asked_again(graph):
    graph = graph()
    controller = graph.controller()
    graph.until(lambda: graph.refusal == '')
    controller.set_parameters([Parameter('interpolation_method', value='none')])
    graph.until(lambda: 'interpolation_method is none' in graph.refusal)


def test_every_one_that_listens_is_asked(graph):
    graph = graph()
    graph.controller()
    graph.controller('other_arm', interpolate_from_desired_state=False)
    graph.until(lambda: "the controller '/other_arm' follows" in graph.refusal)


@pytest.mark.parametrize('asked', ['true', 'false'])
def test_one_that_answers_nothing_is_taken_at_its_word_only_if_it_is_said(graph, asked):
    graph = graph(**{'command.ask_controller': asked})
    silent = rclpy.create_node('fr3_arm_controller', start_parameter_services=False)
    topic = graph.node.outputs.topic
    silent.create_subscription(JointTrajectory, topic, lambda _: None, interface.COMMAND)
    graph.others.append(silent)
    graph.executor.add_node(silent)
    graph.until(lambda: graph.node.count_subscribers(topic) == 1)
    for _ in range(100):
        graph.spin()
    said = "'/fr3_arm_controller' does not say how it follows trajectories"
    assert (said in graph.refusal) == (asked == 'true')
    assert asked == 'true' or graph.refusal == ''


@pytest.mark.parametrize(
    'given', [{'record.source': 'sim'}, {'command.dry_run': 'true'}], ids=['sim', 'dry']
)
def test_nobody_is_asked_where_nothing_real_is_moved(graph, given):
    graph = graph(**given)
    graph.controller(interpolate_from_desired_state=False)
    for _ in range(100):
        graph.spin()
    assert graph.refusal == ''
