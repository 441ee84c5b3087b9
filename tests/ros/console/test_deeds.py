"""What the buttons do on a graph that is played, and what a stop in the middle leaves."""

import threading

import pytest

from moto_core.errors import MotoError
from moto_ros.console.deeds import Deeds
from moto_ros.console.permitted import refusals
from moto_ros.console.seen import Seen
from tests.ros.console.played import PlayedGraph, known, recorder

START = ['reset', 'begin_anew', 'arm', 'start_episode']


def deeds(graph, told=None, unlabelled=True):
    told = told or known()
    return Deeds(graph, lambda: told, lambda: refusals(told, unlabelled))


def test_an_episode_begins_with_a_new_scene_and_an_armed_guard():
    graph = PlayedGraph()
    assert deeds(graph).do('start') == 'episode ID began'
    assert graph.calls == START


def test_a_real_scene_is_a_persons_and_without_a_recorder_nothing_is_recorded():
    graph = PlayedGraph()
    real = Seen(guard=known().guard, policy=known().policy, ever=frozenset({'guard', 'policy'}))
    assert 'nothing is recorded' in deeds(graph, real).do('start')
    assert graph.calls == ['arm', 'start_episode']


def test_a_recorder_that_refuses_leaves_nothing_armed():
    graph = PlayedGraph(refuses=('start_episode',))
    with pytest.raises(MotoError, match='start_episode was refused'):
        deeds(graph).do('start')
    assert graph.calls == [*START, 'disarm']


@pytest.mark.parametrize('deed', ['stop', 'estop'])
@pytest.mark.parametrize('moment', START)
def test_a_stop_in_the_middle_of_a_start_leaves_nothing_armed_and_no_episode(deed, moment):
    """The stop comes from another thread, as another browser's does."""
    graph = PlayedGraph()
    desk = deeds(graph)
    stopping = threading.Thread(target=lambda: desk.do(deed))

    def press():
        stopping.start()
        word = 'disarm' if deed == 'stop' else 'estop'
        while word not in graph.calls:  # it is heard while the start waits for an answer
            pass

    graph.while_calling = {moment: press}
    if moment == 'start_episode':  # it was asked for before the stop
        desk.do('start')
    else:
        with pytest.raises(MotoError, match='stopped'):
            desk.do('start')
    stopping.join(5)
    assert not stopping.is_alive()
    after = graph.calls[graph.calls.index(moment) + 1 :]
    assert 'arm' not in after
    if 'start_episode' in graph.calls and deed == 'stop':
        assert after.index('stop_episode') > after.index('disarm')
    assert [call for call in graph.calls if call in ('arm', 'disarm')][-1] == 'disarm'


def test_two_browsers_do_not_start_two_episodes():
    graph = PlayedGraph()
    desk, found = deeds(graph), []

    def again():
        with pytest.raises(MotoError, match='being started') as error:
            desk.do('start')
        found.append(error)

    graph.while_calling = {'reset': again}
    desk.do('start')
    assert found and graph.calls == START


def test_a_start_after_a_stop_is_a_new_one():
    graph = PlayedGraph()
    desk = deeds(graph)
    desk.do('stop')
    assert desk.do('start') == 'episode ID began'


def test_stop_disarms_before_anything_else_and_ends_the_episode():
    graph = PlayedGraph()
    deeds(graph).do('stop')
    assert graph.calls == ['disarm', 'stop_episode']


def test_stop_without_an_episode_is_no_error_and_one_that_cannot_be_stopped_is():
    deeds(PlayedGraph(refuses=('stop_episode',))).do('stop')
    recording = known(recorder=recorder('recording', 'X'))
    with pytest.raises(MotoError, match='stop_episode'):
        deeds(PlayedGraph(refuses=('stop_episode',)), recording).do('stop')


def test_a_guard_that_does_not_answer_still_lets_the_episode_end():
    graph = PlayedGraph(refuses=('disarm',))
    with pytest.raises(MotoError, match='disarm'):
        deeds(graph).do('stop')
    assert graph.calls[-1] == 'stop_episode'


@pytest.mark.parametrize('deed, word', [('success', True), ('failure', False)])
def test_a_label_disarms_first(deed, word):
    graph = PlayedGraph()
    assert deeds(graph).do(deed).startswith(deed)
    assert graph.calls == ['disarm', 'end_episode']


def test_what_may_not_be_done_reaches_no_node():
    graph = PlayedGraph()
    with pytest.raises(MotoError, match='there is no fault'):
        deeds(graph).do('reset_fault')
    with pytest.raises(MotoError, match="'arms'.*Did you mean 'arm'"):
        deeds(graph).do('arms')
    assert graph.calls == []
