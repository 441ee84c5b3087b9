"""The Foxglove layout shows topics that there are, live and in an episode."""

import json
import re

import pytest

from moto_core.config import share_dir
from moto_core.episodes.codec import IMAGE_TOPIC, INFO_TOPIC, ROW_TOPIC
from moto_core.guard.limits import load_robot
from moto_ros.bringup.parameters import parameters
from moto_ros.config import load_ros_config
from moto_ros.nodes.raw_topics import raw_topics
from moto_ros.wire import interface
from moto_ros.wire.interface import Topic

LAYOUT = json.loads((share_dir() / 'config' / 'foxglove' / 'moto.json').read_text())
PANELS = LAYOUT['configById']


def shown(title):
    """The topics of a tab's panels; every panel of the tab must be there."""
    (tab,) = [tab for tab in PANELS['Tab!moto']['tabs'] if tab['title'] == title]
    names = re.findall(r'"(\w+!\w+)"', json.dumps(tab['layout']))
    paths = []
    for panel in (PANELS[name] for name in names):
        paths += [panel.get('topicPath'), panel.get('imageMode', {}).get('imageTopic')]
        paths += [path['value'] for path in panel.get('paths', ())]
    return {path.split('.')[0] for path in paths if path}


def recorded(robot, sim):
    """The topics that an episode of a bring-up holds beside its rows."""
    found = parameters({'sim': sim, 'robot_type': robot})
    given = {key: value for key, value in found.items() if key not in ('config', 'use_sim_time')}
    config = load_ros_config(found['config'], given)
    topics = raw_topics(config, load_robot(config.robot), lambda name: '/' + name.lstrip('/'))
    return {raw.topic.name for raw in topics}


@pytest.mark.parametrize('robot', ['fr3', 'fer', 'panda', 'kitchen_sim'])
def test_every_topic_shown_is_there(robot):
    twins, real = recorded('kitchen_sim', 'true'), recorded(robot, 'false')
    assert {'/joint_states'} == twins - real and {'/franka/joint_states'} == real - twins
    robot, raw = load_robot(robot), twins | real
    written = {IMAGE_TOPIC + camera for camera in robot.spec.cameras}
    written |= {INFO_TOPIC, ROW_TOPIC + 'requested', ROW_TOPIC + 'executed'}
    live = {f'/{t.name}' for t in vars(interface).values() if isinstance(t, Topic)}
    live |= {f'/{interface.observation(camera).name}' for camera in robot.spec.cameras} | raw
    assert shown('Episode') <= written | raw
    assert shown('Live') <= live
    assert len(shown('Episode')) == 8 and len(shown('Live')) == 8


def test_every_panel_is_in_a_tab_and_setup_installs_the_layout():
    placed = set(re.findall(r'"(\w+!\w+)"', json.dumps(PANELS['Tab!moto'])))
    assert placed == PANELS.keys() - {'Tab!moto'}
    assert "'.json'" in (share_dir() / 'setup.py').read_text()
