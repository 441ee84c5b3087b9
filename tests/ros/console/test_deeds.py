"""What the buttons do on a graph that is played, and what a stop in the middle leaves."""

import threading
from dataclasses import replace

import pytest

from moto_core.errors import DatasetError, MotoError
from moto_ros.console.deeds import Deeds
from moto_ros.console.permitted import refusals
from moto_ros.console.seen import Seen
from moto_ros.messages import EpisodeEvent
from tests.ros.console.played import PlayedGraph, guard, known, recorder
from tests.ros.told import policy_status

START = ['reset', 'begin_anew', 'arm', 'start_episode']


MOVES = {  # deed: the service that it asks for
    'home': 'home',
    'arm': 'arm',
    'take_over': 'set_intervention',
    'give_back': 'set_intervention',
}
RECORDING = known(recorder=recorder('recording', 'X'))
ENDED = known(recorder=recorder('idle', 'X'))


def unknown(episode, label):
    raise DatasetError(f'no episode {episode}')


def deeds(graph, told=None, unlabelled=True, label=unknown):
    told = told or known()
    return Deeds(graph, lambda: told, lambda: refusals(told, unlabelled), label)


def test_an_episode_begins_with_a_new_scene_and_an_armed_guard():
    graph = PlayedGraph()
    assert deeds(graph).do('start') == 'episode ID began'
    assert graph.calls == START


def test_where_no_policy_takes_part_whoever_starts_or_arms_drives():
    """As at a joystick; else the rows of a demonstration are those of nobody."""
    person = known(policy=policy_status(policy='teleop', waiting=True))
    graph = PlayedGraph()
    deeds(graph, person).do('start')
    assert graph.calls == [*START[:2], 'set_intervention', *START[2:]]
    assert graph.flags['set_intervention'] is True
    graph = PlayedGraph()
    deeds(graph, person).do('arm')
    assert graph.calls == ['set_intervention', 'arm']
    graph = PlayedGraph()
    driven = replace(person, guard=guard(source='teleop'))
    deeds(graph, driven).do('start')
    assert graph.calls == START, 'who drives already need not take over'


def test_a_person_who_cannot_take_over_arms_nothing():
    person = known(policy=policy_status(policy='teleop', waiting=True))
    graph = PlayedGraph(refuses=('set_intervention',))
    with pytest.raises(MotoError, match='set_intervention was refused'):
        deeds(graph, person).do('start')
    assert 'arm' not in graph.calls and graph.calls[-1] == 'disarm'


def test_a_real_scene_is_a_persons_and_without_a_recorder_nothing_is_recorded():
    graph = PlayedGraph()
    real = Seen(guard=known().guard, policy=known().policy, ever=frozenset({'guard', 'policy'}))
    assert 'nothing is recorded' in deeds(graph, real).do('start')
    assert graph.calls == ['arm', 'start_episode']


@pytest.mark.parametrize('refuses', [('arm',), ('arm', 'disarm')])
def test_an_arm_whose_answer_gets_lost_is_disarmed(refuses):
    graph = PlayedGraph(refuses=refuses)
    with pytest.raises(MotoError, match='; '.join(f'{name} was refused' for name in refuses)):
        deeds(graph).do('start')
    assert graph.calls == ['reset', 'begin_anew', 'arm', 'disarm']


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


@pytest.mark.parametrize('deed', ['stop', 'estop'])
@pytest.mark.parametrize('move', MOVES)
def test_a_stop_ends_every_deed_under_way_that_can_move_the_arm(deed, move):
    """Its service answers after the stop was heard: what it armed is disarmed."""
    graph = PlayedGraph()
    driver = 'teleop' if move == 'give_back' else 'policy'
    desk = deeds(graph, known(guard=guard(source=driver)))
    stopping = threading.Thread(target=lambda: desk.do(deed))
    service, word = MOVES[move], 'disarm' if deed == 'stop' else 'estop'
    graph_call = graph.call

    def call(node, name, flag=None):
        if name == service:
            stopping.start()
            while word not in graph.calls:
                pass
        return graph_call(node, name, flag)

    graph.call = call
    if move in ('home', 'arm'):  # what it came to is looked at
        with pytest.raises(MotoError, match='it was stopped'):
            desk.do(move)
    else:
        desk.do(move)
    stopping.join(5)
    assert not stopping.is_alive()
    assert 'disarm' in graph.calls[graph.calls.index(service) :]


def somebody_stops(graph, how):
    """Stops the arm past this console; its guard has answered."""

    def stop():
        if how == 'FAULT':
            graph.state = 'FAULT'
        else:
            graph.disarms += 1

    return stop


@pytest.mark.parametrize('how', ['disarm', 'FAULT'])
@pytest.mark.parametrize('moment', START)
def test_whoever_stops_the_arm_ends_a_start_and_no_episode_begins_after_it(moment, how):
    """Another console, a terminal, a joystick: the guard's word alone says so."""
    graph = PlayedGraph()
    graph.while_calling = {moment: somebody_stops(graph, how)}
    if moment == 'start_episode':  # the guard is disarmed, and stays so
        deeds(graph).do('start')
    else:
        with pytest.raises(MotoError, match='somebody disarmed the guard|in FAULT'):
            deeds(graph).do('start')
        assert 'start_episode' not in graph.calls
        assert graph.calls[-1] == 'disarm'
    if moment in ('reset', 'begin_anew'):
        assert 'arm' not in graph.calls


@pytest.mark.parametrize('how', ['disarm', 'FAULT'])
@pytest.mark.parametrize('move', ['arm', 'home'])
def test_whoever_stops_the_arm_ends_an_arm_and_a_home(move, how):
    graph = PlayedGraph()
    stop, spin = somebody_stops(graph, how), graph.spin
    graph.while_calling = {move: stop}
    with pytest.raises(MotoError, match='somebody disarmed the guard|in FAULT'):
        deeds(graph).do(move)
    assert graph.calls == [move, 'disarm']

    graph = PlayedGraph()
    stop, spin = somebody_stops(graph, how), graph.spin
    graph.spin = lambda seconds=0.0: (stop(), spin())  # before the guard was asked
    with pytest.raises(MotoError, match='somebody disarmed the guard|in FAULT'):
        deeds(graph).do(move)
    assert graph.calls == []


def test_nothing_that_moves_the_arm_begins_while_a_stop_is_under_way():
    graph, found = PlayedGraph(), []
    desk = deeds(graph)

    def press():
        for deed in ('start', 'home', 'arm', 'take_over'):
            with pytest.raises(MotoError, match='being stopped') as error:
                desk.do(deed)
            found.append(error)

    graph.while_calling = {'stop_episode': press}
    desk.do('stop')
    assert len(found) == 4 and graph.calls == ['disarm', 'stop_episode']


def test_two_browsers_do_not_start_two_episodes():
    graph = PlayedGraph()
    desk, found = deeds(graph), []

    def again():
        with pytest.raises(MotoError, match='under way') as error:
            desk.do('start')
        found.append(error)

    graph.while_calling = {'reset': again}
    desk.do('start')
    assert found and graph.calls == START


def test_a_start_after_a_stop_is_a_new_one():
    graph = PlayedGraph()
    desk = deeds(graph)
    desk.do('stop')
    graph.spin()  # the guard says so within a tenth of a second
    assert desk.do('start') == 'episode ID began'


def test_stop_disarms_before_anything_else_and_ends_the_episode():
    graph = PlayedGraph()
    assert deeds(graph).do('stop') == 'disarmed; the episode has ended'
    assert graph.calls == ['disarm', 'stop_episode']


def test_stop_without_an_episode_says_so_and_one_that_may_be_open_still_is_an_error():
    refusing = PlayedGraph(refuses=('stop_episode',))
    assert deeds(refusing, ENDED).do('stop') == 'disarmed; no episode was open'
    for told in (RECORDING, known('recorder')):  # it refuses, or is silent
        with pytest.raises(MotoError, match='^disarmed; the episode may be open still: stop_epi'):
            deeds(PlayedGraph(refuses=('stop_episode',)), told).do('stop')


def test_a_guard_that_does_not_answer_still_lets_the_episode_end():
    graph = PlayedGraph(refuses=('disarm',))
    with pytest.raises(MotoError, match='^disarm was refused; the episode has ended$'):
        deeds(graph).do('stop')
    assert graph.calls[-1] == 'stop_episode'


@pytest.mark.parametrize('deed, word', [('success', True), ('failure', False)])
def test_a_label_disarms_first(deed, word):
    graph = PlayedGraph()
    assert deeds(graph, RECORDING).do(deed, 'X') == f'{deed}: X'
    assert graph.calls == ['disarm', 'end_episode']


def test_an_episode_that_has_ended_is_labelled_by_its_id_and_the_next_one_left_alone():
    graph, labels = PlayedGraph(), []
    desk = deeds(graph, ENDED, label=lambda *given: labels.append(given) or 'labelled')
    assert desk.do('success', 'X') == 'labelled'
    assert labels == [('X', 'success')] and graph.calls == []


def test_an_episode_of_another_dataset_is_labelled_by_the_recorder():
    graph = PlayedGraph()
    assert deeds(graph, ENDED).do('failure', 'X') == 'failure: X'
    assert graph.calls == ['disarm', 'end_episode']


@pytest.mark.parametrize('deed', ['success', 'failure', 'discard'])
def test_a_press_for_another_episode_than_the_newest_does_nothing(deed):
    begun = PlayedGraph()
    begun.latest.episode = EpisodeEvent(state='started', episode='Y')
    for graph, told in ((PlayedGraph(), RECORDING), (begun, ENDED)):
        shown = 'W' if graph is not begun else 'X'
        with pytest.raises(MotoError, match=f"showed episode '{shown}'.*look at it"):
            deeds(graph, told).do(deed, shown)
        assert graph.calls == []


def test_what_the_recorder_did_to_another_episode_is_said():
    graph = PlayedGraph(episode='Y')  # it began while the press was under way
    with pytest.raises(MotoError, match="^done to Y; the page showed 'X': correct both"):
        deeds(graph, RECORDING).do('discard', 'X')


@pytest.mark.parametrize('deed, service', [('failure', 'end_episode'), ('discard', None)])
def test_with_a_dead_guard_an_episode_is_judged_and_the_guards_silence_said(deed, service):
    graph = PlayedGraph(refuses=('disarm',))
    with pytest.raises(MotoError, match='^done to X; disarm was refused$'):
        deeds(graph, known('guard', recorder=recorder('recording', 'X'))).do(deed, 'X')
    assert graph.calls == ['disarm', service or 'discard_episode']


def test_a_person_says_that_the_controller_holds_the_arm_where_it_stands():
    graph = PlayedGraph()
    deeds(graph).do('begin_anew')
    assert graph.calls == ['begin_anew']


def test_what_may_not_be_done_reaches_no_node():
    graph = PlayedGraph()
    with pytest.raises(MotoError, match='there is no fault'):
        deeds(graph).do('reset_fault')
    with pytest.raises(MotoError, match="'arms'.*Did you mean 'arm'"):
        deeds(graph).do('arms')
    assert graph.calls == []
