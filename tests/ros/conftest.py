"""A ROS domain of this test session's own, and graphs of real processes that always end."""

import os
import warnings
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason="rclpy comes with pip install '.[ros]' or a ROS 2 distro")

with warnings.catch_warnings():  # lark, below rclpy, imports sre_parse
    warnings.simplefilter('ignore', DeprecationWarning)
    import rosidl_generator_py  # noqa: F401

ROOT = Path(__file__).parents[2]
OVER_DDS = {'bringup', 'console', 'launch', 'nodes', 'wire'}  # folders; elsewhere a mark says it


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    """Marks what is over DDS: it has the machine to itself, one test after another."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        if item.path.relative_to(here).parts[0] in OVER_DDS or item.get_closest_marker('ros'):
            item.add_marker('alone')


@pytest.fixture(scope='session', autouse=True)
def ros_environment():
    """A domain that nobody is in; UDP on 127.0.0.1 alone."""
    from moto_core.ros_domain import own_domain
    from moto_ros.wire.environment import prepare_environment

    paths = [str(ROOT), str(ROOT / 'sim'), *os.environ.get('PYTHONPATH', '').split(':')]
    os.environ['PYTHONPATH'] = ':'.join(filter(None, paths))
    os.environ['ROS_DOMAIN_ID'] = str(own_domain())
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'SYSTEM_DEFAULT'
    os.environ.setdefault('MUJOCO_GL', 'osmesa')
    prepare_environment(profile='fastdds_udp')


@pytest.fixture(scope='module')
def start(ros_environment, tmp_path_factory):
    """Returns a function that starts a RunningGraph from launch arguments."""
    import rclpy

    from moto_ros.chaos.running import RunningGraph

    rclpy.init()
    started = []

    def start(only=None, **given):
        for graph in started:  # one graph at a time in the domain
            graph.close()
        started.clear()
        graph = RunningGraph(tmp_path_factory.mktemp('dataset') / 'd', only, given)
        started.append(graph)
        return graph

    yield start
    for graph in started:
        graph.close()
    rclpy.shutdown()
