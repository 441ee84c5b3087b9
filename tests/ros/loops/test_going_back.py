"""Going back by hand: in the gap between two episodes, and what is said of it."""

import pytest

from moto_core.errors import MotoError
from moto_ros.loops.going_back import go_back
from moto_ros.loops.policy import IN_EPISODE
from moto_ros.messages import Latest
from tests.ros.told import policy_status


class GraphInEpisode:
    """A graph whose episode ends at one of its spins; its policy refuses until then."""

    def __init__(self, ends_at, refusal=''):
        self.ends_at, self.refusal, self.t, self.calls = ends_at, refusal, 0, []
        self.latest = Latest(policy=policy_status(waiting=True))  # said before it began

    def spin(self, seconds=0.0):
        self.t += 1
        if self.t % 2 == 0:  # every second spin hears nothing, the first among them
            self.latest.policy = policy_status(waiting=self.t >= self.ends_at)

    def call(self, node, name, flag=None):
        self.calls.append((name, self.t))
        if self.refusal or self.t < self.ends_at:
            raise MotoError(self.refusal or f'{name} was refused: {IN_EPISODE}; stop it')
        return 'b' * 64


def test_it_goes_back_at_once_between_two_episodes_and_says_what_drives():
    graph, said = GraphInEpisode(ends_at=0), []
    told = go_back(graph, said.append)
    assert told == 'went back: policy bbbbbbbbbbbb drives from the next episode on'
    assert graph.calls == [('rollback_policy', 0)] and not said


def test_it_waits_for_the_end_of_an_episode_and_says_so_once():
    graph, said = GraphInEpisode(ends_at=7), []
    assert 'b' * 12 in go_back(graph, said.append)
    assert graph.calls == [('rollback_policy', 0), ('rollback_policy', 8)]
    assert len(said) == 1 and 'an episode runs' in said[0]


def test_an_episode_without_an_end_is_waited_for_within_a_bound():
    graph = GraphInEpisode(ends_at=10**9)
    with pytest.raises(MotoError, match=IN_EPISODE):
        go_back(graph, lambda text: None, seconds=0.05)


def test_any_other_refusal_is_said_at_once():
    graph = GraphInEpisode(ends_at=0, refusal='there is no policy before this one')
    with pytest.raises(MotoError, match='no policy before'):
        go_back(graph, lambda text: None)
    assert len(graph.calls) == 1
