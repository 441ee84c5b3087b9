"""What a guard asks of the trajectory controllers that listen to it, before it moves an arm."""

import time

import numpy as np
import pytest
import rclpy
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from trajectory_msgs.msg import JointTrajectory

from moto_core.guard.state import FAULT, GuardRefusal
from moto_core.strict_yaml import parse_yaml
from moto_ros.nodes.guard import GuardNode
from moto_ros.wire import controllers as module
from moto_ros.wire import interface
from moto_ros.wire.controllers import WANTED
from moto_ros.wire.joints import joint_state
from tests.ros.bringup.test_drivers import FILE

SUCCESS = TransitionCallbackReturn.SUCCESS
FREE = {'guard.deadman_required': 'false', 'guard.estop_required': 'false', 'robot': 'fr3'}
OURS = parse_yaml(FILE.read_text(), str(FILE))['/**']['fr3_arm_controller']['ros__parameters']


UNSET = {  # of a JointTrajectoryController, by default
    'command_joints': [],
    'cmd_timeout': 0.0,
    **{f'constraints.{joint}.trajectory': 0.0 for joint in OURS['joints']},
}


def parameter(key, value):
    kind = Parameter.Type.STRING_ARRAY if value == [] else None
    return Parameter(key, kind, value)


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
        return self.listener(name, **{**UNSET, **OURS, **parameters})

    def listener(self, name, **parameters):
        """A node of that name that listens, with parameters."""
        made = rclpy.create_node(
            name,
            parameter_overrides=[parameter(key, value) for key, value in parameters.items()],
            automatically_declare_parameters_from_overrides=True,
        )
        return self.listens(made)

    def listens(self, made):
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
    assert {name: {**UNSET, **OURS}[name] for name in WANTED} == WANTED
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
        ({'state_interfaces': ['position']}, "state_interfaces is ['position'], expected"),
        ({'command_joints': OURS['joints'][:6]}, 'command_joints is'),
        ({'cmd_timeout': 0.5}, 'cmd_timeout is 0.5, expected 0.0'),
        ({'cmd_timeout': 1}, 'cmd_timeout is 1, expected 0.0'),
        ({'constraints.fr3_joint3.trajectory': 0.01}, 'fr3_joint3.trajectory is 0.01, expected 0'),
        ({'constraints.goal_time': 0.5}, 'goal_time is 0.5, expected 0.0; it would hold the arm'),
    ],
)
def test_a_controller_that_follows_otherwise_is_named_with_what_is_otherwise(
    graph, parameters, says
):
    graph = graph()
    other = graph.controller(**parameters)
    graph.until(lambda: says in graph.refusal)
    assert "'/fr3_arm_controller' follows trajectories otherwise than" in graph.refusal
    with pytest.raises(GuardRefusal, match='follows trajectories otherwise.*, then arm'):
        graph.node.arm()
    graph.gone(other)
    graph.controller()  # in its place, under its name
    graph.until(lambda: graph.refusal == '')


def test_one_that_becomes_another_under_its_name_is_asked_again(graph):
    graph = graph()
    controller = graph.controller()
    graph.until(lambda: graph.refusal == '')
    controller.set_parameters([parameter('interpolation_method', 'none')])
    graph.until(lambda: 'interpolation_method is none' in graph.refusal)


def test_every_one_that_listens_is_asked(graph):
    graph = graph()
    graph.controller()
    graph.controller('other_arm', interpolate_from_desired_state=False)
    graph.until(lambda: "'/other_arm' follows" in graph.refusal)


def test_of_two_of_one_name_nobody_knows_who_answers(graph):
    graph = graph()
    graph.controller()
    graph.controller()
    graph.until(lambda: "2 listen as '/fr3_arm_controller': end all but one" in graph.refusal)


@pytest.mark.parametrize(
    'known, words',
    [
        ({}, 'it is no JointTrajectoryController: end it, or keep it from listening'),
        ({**UNSET, **OURS, 'joints': 3}, 'joints is 3, expected'),
    ],
    ids=['none', 'odd'],
)
def test_who_is_no_controller_is_named_and_stops_no_guard(graph, known, words):
    graph = graph()
    graph.listener('plotter', **known)
    graph.until(lambda: "'/plotter' follows" in graph.refusal and words in graph.refusal)


def test_what_cannot_be_read_is_a_refusal_and_no_end_of_the_guard(graph):
    graph = graph()
    other = rclpy.create_node('fr3_arm_controller', start_parameter_services=False)

    def answer(_, reply):
        reply.values = [ParameterValue(type=99)] * 9
        return reply

    other.create_service(GetParameters, '~/get_parameters', answer)
    graph.listens(other)
    graph.until(lambda: 'it answers what cannot be read' in graph.refusal)


def test_a_word_does_not_hold_for_ever(graph, monkeypatch):
    monkeypatch.setattr(module, 'HOLDS', 0.5)
    monkeypatch.setattr(module, 'AGAIN', 0.1)
    graph = graph()
    graph.controller()
    graph.until(lambda: graph.refusal == '')
    asked = graph.node.peers._asked
    monkeypatch.setattr(asked, '_ask', lambda *_: None)  # no answer comes any more
    graph.until(lambda: 'does not say how it follows' in graph.refusal)


def test_a_controller_that_becomes_unfit_under_a_moving_arm_is_a_fault(graph):
    graph = graph()
    controller = graph.controller()
    graph.until(lambda: graph.refusal == '')
    graph.node.arm()
    controller.set_parameters([parameter('cmd_timeout', 0.5)])
    graph.until(lambda: graph.node.loop.state.mode == FAULT)
    assert graph.node.loop.state.cause == ('controller_unfit',)


@pytest.mark.parametrize('asked', ['true', 'false'])
def test_one_that_answers_nothing_is_taken_at_its_word_only_if_it_is_said(graph, asked):
    graph = graph(**{'command.ask_controller': asked})
    graph.listens(rclpy.create_node('fr3_arm_controller', start_parameter_services=False))
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
