"""A verdict goes to the episode that was judged, and to no other."""

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import MotoError
from moto_ros.loops.verdict import Verdicts
from moto_ros.messages import EpisodeEvent, Latest
from tests.recorded import record
from tests.ros.told import recorder_state


class Graph:
    """A recorder of one dataset, whose newest episode is `newest`."""

    def __init__(self, newest, dataset='', event=None):
        self.latest = Latest(
            recorder=recorder_state(episode=newest, dataset=str(dataset)), episode=event
        )
        self.newest, self.calls = newest, []

    def call(self, node, name, flag=None):
        self.calls.append((name, flag))
        return f'{self.newest}: it was a failure, and is a success now'


def outcomes(root):
    return {one.id: one.outcome for one in Dataset.open(root).episodes()}


@pytest.mark.parametrize('began', [False, True])
def test_an_episode_is_labelled_by_its_id_whichever_is_the_newest(tmp_path, began):
    one, other = record(tmp_path, [3, 3], outcome='failure')
    graph = Graph(other if began else one, tmp_path)
    assert Verdicts(graph).give(one, 'success') == 'success'
    assert outcomes(tmp_path) == {one: 'success', other: 'failure'} and graph.calls == []


def test_a_verdict_that_is_not_given_leaves_what_somebody_else_said_and_reports_it(tmp_path):
    (one,) = record(tmp_path, [3], outcome='unlabelled')
    Dataset.open(tmp_path).label(one, 'success', 'anna')
    assert Verdicts(Graph(one, tmp_path)).give(one, 'unlabelled') == 'success'


@pytest.mark.parametrize('dataset', ['', '/nowhere'])
def test_an_episode_of_another_computer_is_labelled_by_the_recorder_while_it_is_the_newest(
    dataset,
):
    graph = Graph('A', dataset)
    assert Verdicts(graph).give('A', 'success') == 'success'
    assert graph.calls == [('end_episode', True)]
    begun = EpisodeEvent(state='started', episode='B')
    for graph in (Graph('B', dataset), Graph('A', dataset, event=begun)):
        with pytest.raises(MotoError, match="began episode 'B'.*moto-data label A"):
            Verdicts(graph).give('A', 'success')
        assert graph.calls == []


def test_what_the_recorder_did_to_one_that_began_in_that_moment_is_said():
    graph = Graph('A')
    graph.newest = 'B'
    with pytest.raises(MotoError, match="done to B.*meant for 'A'"):
        Verdicts(graph).give('A', 'success')


def test_an_episode_after_which_another_began_has_ended():
    event = EpisodeEvent(state='ended', episode='A')
    assert Verdicts(Graph('A', event=event)).closed('A')
    assert Verdicts(Graph('A', event=EpisodeEvent(state='started', episode='B'))).closed('A')
    assert not Verdicts(Graph('A', event=EpisodeEvent(state='stopping', episode='A'))).closed('A')
    assert not Verdicts(Graph('B', event=event)).closed('B')
