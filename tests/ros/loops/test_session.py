"""A session on a graph that is played: what ends an episode, and what is counted."""

import json
import time
from io import StringIO

import pytest
from rich.console import Console

from moto_core.episodes.dataset import Dataset
from moto_core.errors import MotoError
from moto_ros.loops import session, stops
from moto_ros.loops.session import Session, SessionConfig
from moto_ros.messages import (
    Decision,
    EpisodeEvent,
    GuardState,
    Latest,
    SceneReset,
    TaskState,
    to_json,
)
from tests.recorded import record
from tests.ros.told import policy_status, recorder_state

PERIOD = 80_000_000  # [ns]
LABELS = {'y': 'success', 'n': 'failure'}


@pytest.fixture(autouse=True)
def hears_at_once(monkeypatch):
    """A word of the guard that is played is never old."""
    monkeypatch.setattr(stops, 'ON_ITS_WAY', 0.0)


class PlayedGraph:
    """A graph whose every spin is one decision of the policy."""

    def __init__(self, success_at=None, fault_at=None, estop_at=None, recorder_says='fault'):
        self.success_at, self.fault_at, self.estop_at = success_at, fault_at, estop_at
        self.episode = 'ID'
        self.recorder_says = recorder_says  # of how an episode ended that got no label
        self.calls, self.t, self.state = [], 0, 'READY'
        self.source, self.dry_run, self.refusal, self.real = 'policy', False, '', False
        self.reasons, self.disarms = (), 0
        self.latest = Latest(
            policy=policy_status(policy='played', surprise=2.5), recorder=recorder_state()
        )
        self._tell()

    def spin(self, seconds=0.0):
        self.t += 1
        self.state = 'FAULT' if self.t == self.fault_at else self.state
        self.state = 'ESTOP' if self.t == self.estop_at else self.state
        self._tell()
        self.latest.decisions.append(
            Decision(
                stamp=self.t * PERIOD,
                episode='ID',
                number=self.t,
                action=(0.0,),
                disagreement=0.0,
                surprise=2.5,
                speed_scale=0.75,
                proprioception=None,
                image_latency=1.0,
                inference_latency=1.0,
                request_latency=10.0 + self.t,
                missed=self.t // 4,
            )
        )

    def wait(self, condition, seconds, what):
        self._tell()
        for _ in range(5):
            if not condition():
                self.t += 1
                self._tell()
        assert condition(), what

    def call(self, node, name, flag=None):
        self.calls.append((name, flag))
        if name == 'reset_fault':
            if self.state == 'FAULT' and len(self.calls) < 2:
                raise MotoError('not yet')
            self.state = 'READY'
        if name in ('stop_episode', 'time_out_episode', 'end_episode'):
            says = self.recorder_says if name == 'stop_episode' else 'done'
            self.latest.episode = EpisodeEvent(state='ended', episode=self.episode, ended=says)
        if name == 'disarm':
            self.disarms += 1
        if name == 'home':
            self.source, self.home_at = 'home', self.t + 3
        answers = {
            'reset': to_json(SceneReset(seed=3, stamp=self.t * PERIOD)),
            'start_episode': self.episode,
            'end_episode': self.episode,
            'time_out_episode': f'{self.episode}: no decision was heard',
        }
        return answers.get(name, '')

    start_call = call

    def finish_call(self, future, what):
        return future

    def _tell(self):
        if self.source == 'home' and self.t >= self.home_at:
            self.source = 'policy'
        done = self.success_at is not None and self.t >= self.success_at
        self.latest.task = TaskState(
            stamp=self.t * PERIOD, reward=0.0, success=done, parts={}, seed=3
        )
        self.latest.guard = GuardState(
            state=self.state,
            source=self.source,
            reasons=self.reasons,
            cause=('x',),
            refusal=self.refusal,
            scale=1.0,
            at_rest=True,
            from_home=0.0,
            profile='normal',
            limits='0123456789ab',
            interventions={'velocity': self.t},
            ticks=0,
            late=0,
            dry_run=self.dry_run,
            disarms=self.disarms,
            real=self.real,
        )


def run(graph, **config):
    config = SessionConfig(**{'episodes': 1, 'max_steps': 10, **config})
    return Session(graph, config, Console(quiet=True)).run()


def test_success_ends_an_episode_at_once_and_is_its_label():
    graph = PlayedGraph(success_at=6)
    (episode,) = run(graph).episodes
    assert (episode.success, episode.ended, episode.outcome) == (True, 'done', 'success')
    assert graph.latest.decisions[-1].stamp == 6 * PERIOD
    assert graph.calls == [
        ('cover_camera', False),
        ('reset', None),
        ('begin_anew', None),
        ('arm', None),
        ('start_episode', None),
        ('disarm', None),
        ('end_episode', True),
    ]


def test_between_two_episodes_the_graph_is_heard_and_nothing_is_asked(monkeypatch):
    graph, waited = PlayedGraph(success_at=6), []
    plain, began = graph.spin, time.monotonic()
    monkeypatch.setattr(graph, 'spin', lambda: (waited.append(len(graph.calls)), plain())[1])
    run(graph, episodes=2, pause=1)
    assert time.monotonic() - began >= 1.0
    paused = graph.calls.index(('reset', None), 3)  # what the second episode begins with
    assert graph.calls[paused - 1] == ('end_episode', True)
    assert waited.count(paused) > 1


def test_what_is_printed_of_an_episode_is_a_sentence(capsys):
    console = Console(soft_wrap=True, no_color=True)
    Session(PlayedGraph(success_at=6), SessionConfig(episodes=1), console).run()
    said = capsys.readouterr().out
    assert 'episode 1 of 1 ID ended: success, done, ' in said and 'from seed 3' in said
    assert '{' not in said


def test_the_last_step_ends_an_episode_without_success():
    graph = PlayedGraph()
    result = run(graph)
    (episode,) = result.episodes
    assert (episode.success, episode.ended, episode.steps) == (False, 'timeout', 10)
    assert ('time_out_episode', None) in graph.calls
    assert len(result.latency_ms) == 11 and result.successes == 0


def test_a_fault_ends_an_episode_and_is_reset_before_the_next():
    graph = PlayedGraph(fault_at=4)
    result = run(graph, episodes=2)
    assert [e.ended for e in result.episodes] == ['fault', 'timeout']
    assert [name for name, _ in graph.calls].count('reset_fault') == 1


@pytest.mark.parametrize('real', [False, True])
def test_a_session_in_which_nothing_was_judged_says_so_and_what_to_look_at(real, capsys):
    graph, console = PlayedGraph(fault_at=4), Console(soft_wrap=True, no_color=True)
    graph.real, console.input = real, lambda text: ''
    result = Session(graph, SessionConfig(episodes=1, operator=real), console).run()
    assert result.tells_nothing
    said = capsys.readouterr().out
    assert 'no episode was judged: 1 ended by no fault of the policy (fault 1)' in said
    assert ('the computer: too slow, or busy' in said) != real


def test_a_session_that_the_disk_ended_blames_no_slow_computer(capsys):
    graph = PlayedGraph(fault_at=4, recorder_says='disk_full')
    console = Console(soft_wrap=True, no_color=True)
    assert Session(graph, SessionConfig(episodes=1), console).run().tells_nothing
    said = capsys.readouterr().out
    assert '(disk_full 1)' in said and 'computer' not in said


def test_a_session_with_one_episode_that_was_judged_says_how_many_succeeded(capsys):
    graph, console = PlayedGraph(fault_at=4), Console(soft_wrap=True, no_color=True)
    result = Session(graph, SessionConfig(episodes=2, max_steps=10), console).run()
    assert not result.tells_nothing
    said = capsys.readouterr().out
    assert '0 of 1 episodes succeeded; 1 more ended by no fault of the policy' in said
    assert 'computer' not in said


def test_an_operator_is_asked_before_a_fault_is_reset(monkeypatch):
    graph, console, asked = PlayedGraph(), Console(quiet=True), []
    graph.state, graph.dry_run = 'FAULT', True

    def answer(text):
        asked.append((text, 'reset_fault' in [name for name, _ in graph.calls]))
        return 'n'

    monkeypatch.setattr(console, 'input', answer)
    graph.spin()
    Session(graph, SessionConfig(episodes=1, operator=True), console).run()
    text, reset = asked[0]
    assert text.startswith('The guard is in FAULT (') and not reset
    assert asked[1][1], 'and it was reset before the scene'


@pytest.mark.parametrize(
    ('says', 'ended'), [('fault', 'fault'), ('policy_died', 'policy_died'), ('done', 'fault')]
)
def test_an_episode_that_ended_by_no_fault_of_the_policy_is_no_failure(says, ended):
    graph = PlayedGraph(fault_at=4, recorder_says=says)
    result = run(graph, episodes=2)
    assert [(e.outcome, e.ended) for e in result.episodes] == [
        ('unlabelled', ended),
        ('failure', 'timeout'),
    ]
    names = [name for name, _ in graph.calls]
    assert names.count('stop_episode') == 1 and 'end_episode' not in names
    assert (result.to_json()['unlabelled'], result.successes) == (1, 0)
    assert result.sentence() == (
        '0 of 1 episodes succeeded; 1 more ended by no fault of the policy, unlabelled'
    )


def test_a_policy_that_decides_nothing_any_more_leaves_its_episode_unlabelled(monkeypatch):
    monkeypatch.setattr(session, 'SILENT', -1.0)
    graph = PlayedGraph(recorder_says='done')
    (episode,) = run(graph).episodes
    assert (episode.outcome, episode.ended) == ('unlabelled', 'no_decisions')


@pytest.mark.parametrize(
    ('ended', 'problem', 'says'),
    [
        ('too_long', '', 'the recorder ended the episode (it was too long: record.longest)'),
        ('write_error', 'No space left', 'ended the episode (write_error); No space left'),
        ('', '', 'the recorder ended the episode (it does not say why)'),
    ],
)
def test_what_ended_the_recording_is_said_by_the_recorders_own_word(
    monkeypatch, ended, problem, says
):
    monkeypatch.setattr(session, 'SILENT', -1.0)
    graph, told = PlayedGraph(recorder_says='done'), StringIO()
    graph.latest.recorder = recorder_state(state='idle', problem=problem)
    if ended:
        graph.latest.episode = EpisodeEvent(state='ended', episode='ID', ended=ended)
    config = SessionConfig(episodes=1, max_steps=10)
    Session(graph, config, Console(file=told, width=200)).run()
    assert says in told.getvalue()


def test_an_episode_that_the_recorder_ended_first_is_not_stopped_again(monkeypatch):
    graph = PlayedGraph(fault_at=4, recorder_says='policy_died')
    call = graph.call

    def refused(node, name, flag=None):
        answer = call(node, name, flag)
        if name == 'stop_episode':
            raise MotoError('no episode is being recorded')
        return answer

    monkeypatch.setattr(graph, 'call', refused)
    (episode,) = run(graph).episodes
    assert (episode.outcome, episode.ended) == ('unlabelled', 'policy_died')


@pytest.mark.parametrize(
    'event',
    [None, {'state': 'ended', 'episode': 'BEFORE'}, {'state': 'stopping', 'episode': 'ID'}],
)
def test_the_end_of_the_episode_itself_is_waited_for(event, monkeypatch):
    graph = PlayedGraph(fault_at=4)
    call = graph.call

    def other(node, name, flag=None):
        answer = call(node, name, flag)
        graph.latest.episode = EpisodeEvent(**event) if event else None
        return answer

    monkeypatch.setattr(graph, 'call', other)
    with pytest.raises(AssertionError, match="the end of episode 'ID'"):
        run(graph)


@pytest.mark.parametrize(
    ('answer', 'outcome', 'called'),
    [
        ('y', 'success', ('end_episode', True)),
        ('n', 'failure', ('end_episode', False)),
        ('', 'unlabelled', ('stop_episode', None)),
    ],
)
def test_a_person_may_label_what_ended_by_a_fault_or_leave_it(
    answer, outcome, called, monkeypatch
):
    graph, console, asked = PlayedGraph(fault_at=4), Console(quiet=True), []
    monkeypatch.setattr(console, 'input', lambda text: asked.append(text) or answer)
    graph.dry_run = True
    config = SessionConfig(episodes=1, operator=True)
    (episode,) = Session(graph, config, console).run().episodes
    assert (episode.outcome, episode.success) == (outcome, outcome == 'success')
    assert called in graph.calls
    assert asked[-1] == 'It ended by fault. Success? [y/n, Enter: no label] '


@pytest.mark.parametrize(
    'reasons, patience, ended',
    [
        (('uncertain',), {'HELD': 0.0}, 'held'),
        (('uncertain',), {'HELD': 1e9}, 'timeout'),
        (('joints_stale',), {'HELD': 0.0}, 'timeout'),
    ],
)
def test_an_episode_that_the_guard_holds_for_doubt_is_over(monkeypatch, reasons, patience, ended):
    for name, seconds in patience.items():
        monkeypatch.setattr(session, name, seconds)
    graph = PlayedGraph()
    graph.state, graph.reasons = 'HOLD', reasons
    (episode,) = run(graph).episodes
    assert (episode.ended, episode.success) == (ended, False)
    assert episode.steps == (10 if ended == 'timeout' else 0)


@pytest.mark.parametrize('answer', ['n', 'y'])
def test_a_held_episode_leaves_an_operator_time_and_the_last_word(monkeypatch, answer):
    monkeypatch.setattr(session, 'HELD', 0.0)
    monkeypatch.setattr(session, 'LOOKED_AT', 0.02)
    graph, console = PlayedGraph(), Console(quiet=True)
    graph.state, graph.reasons = 'HOLD', ('uncertain',)
    monkeypatch.setattr(console, 'input', lambda text: answer)
    config = SessionConfig(episodes=1, max_steps=10**9, operator=True)
    (episode,) = Session(graph, config, console).run().episodes
    assert (episode.ended, episode.success) == ('held', answer == 'y')
    assert episode.seconds >= 0.02
    assert ('end_episode', answer == 'y') in graph.calls


@pytest.mark.parametrize('answer', ['y', 'n'])
def test_an_operator_judges_what_has_stopped(monkeypatch, answer):
    graph, console = PlayedGraph(), Console(quiet=True)
    graph.latest.task = None
    names = []

    def think(question):
        names.append([name for name, _ in graph.calls])
        return answer

    monkeypatch.setattr(console, 'input', think)
    config = SessionConfig(episodes=1, max_steps=10, operator=True)
    (episode,) = Session(graph, config, console).run().episodes
    assert names[-1][-2:] == ['disarm', 'time_out_episode'], 'no row is of the time of thinking'
    assert graph.calls[-1] == ('end_episode', answer == 'y')
    assert (episode.ended, episode.outcome) == ('timeout', LABELS[answer])


@pytest.mark.parametrize('error', [KeyboardInterrupt, MotoError, RuntimeError])
@pytest.mark.parametrize('at', ['arm', 'start_episode', 'spin', 'end_episode'])
def test_however_a_session_ends_the_guard_is_disarmed_and_the_episode_stopped(at, error):
    graph = PlayedGraph(success_at=5)
    call, spin = graph.call, graph.spin

    def failing(node, name, flag=None):
        answer = call(node, name, flag)
        if name == at:
            raise error('ended')
        return answer

    def interrupted(seconds=0.0):
        spin(seconds)
        if at == 'spin':
            raise error('ended')

    graph.call, graph.spin = failing, interrupted
    with pytest.raises(error):
        run(graph)
    names = [name for name, _ in graph.calls]
    after = names[names.index('arm') + 1 :]
    assert 'disarm' in after and ('stop_episode' in after) == (at != 'arm')


@pytest.mark.parametrize('operator', [False, True])
@pytest.mark.parametrize('at', ['reset', 'begin_anew', 'home', 'arm'])
def test_whoever_stops_the_arm_while_an_episode_is_prepared_ends_the_session(
    at, operator, monkeypatch
):
    graph, console = PlayedGraph(success_at=6), Console(quiet=True)
    monkeypatch.setattr(console, 'input', lambda text: 'y')
    call = graph.call

    def stopped(node, name, flag=None):
        graph.disarms += name == at
        return call(node, name, flag)

    monkeypatch.setattr(graph, 'call', stopped)
    begun = Session(graph, SessionConfig(episodes=1, operator=operator), console)
    names = [name for name, _ in graph.calls]
    if at != 'arm' and operator != (at == 'home'):
        assert begun.run().successes == 1
        return
    with pytest.raises(MotoError, match='somebody disarmed the guard meanwhile'):
        begun.run()
    names = [name for name, _ in graph.calls]
    assert 'start_episode' not in names and names[-1] == 'disarm'
    assert ('arm' in names) == (at == 'arm')


def test_a_stop_while_the_operator_puts_the_scene_is_his_to_judge(monkeypatch):
    graph, console = PlayedGraph(success_at=6), Console(quiet=True)

    def think(text):
        graph.disarms += 1
        return 'y'

    monkeypatch.setattr(console, 'input', think)
    result = Session(graph, SessionConfig(episodes=2, operator=True), console).run()
    assert result.successes == 2


def test_a_fault_that_the_session_resets_is_no_stop_of_somebody_else(monkeypatch):
    graph = PlayedGraph(fault_at=4)
    call = graph.call

    def counted(node, name, flag=None):
        answer = call(node, name, flag)
        graph.disarms += name == 'reset_fault'  # as the guard does
        return answer

    monkeypatch.setattr(graph, 'call', counted)
    assert [one.ended for one in run(graph, episodes=2).episodes] == ['fault', 'timeout']


@pytest.mark.parametrize('answer', ['y', 'n'])
def test_a_verdict_is_for_the_episode_it_judged_though_another_began_meanwhile(
    answer, monkeypatch, tmp_path
):
    one, other = record(tmp_path, [3, 3], outcome='unlabelled')
    graph, console = PlayedGraph(), Console(quiet=True)
    graph.latest.task, graph.episode = None, one
    graph.latest.recorder = recorder_state(dataset=str(tmp_path))

    def think(text):
        if text.startswith('Success'):
            graph.latest.episode = EpisodeEvent(state='started', episode=other)
            graph.latest.recorder = recorder_state(
                state='recording', episode=other, dataset=str(tmp_path)
            )
        return answer

    monkeypatch.setattr(console, 'input', think)
    config = SessionConfig(episodes=1, max_steps=10, operator=True)
    (told,) = Session(graph, config, console).run().episodes
    assert (told.id, told.outcome) == (one, LABELS[answer])
    with Dataset.open(tmp_path) as dataset:
        found = {record.id: record.outcome for record in dataset.episodes()}
    assert found == {one: LABELS[answer], other: 'unlabelled'}
    assert 'end_episode' not in [name for name, _ in graph.calls]


def test_a_twin_that_judges_leaves_an_episode_alone_that_somebody_else_began(
    monkeypatch, tmp_path
):
    one, other = record(tmp_path, [3, 3], outcome='unlabelled')
    graph = PlayedGraph(success_at=6)
    graph.episode = one
    graph.latest.recorder = recorder_state(dataset=str(tmp_path))
    spin = graph.spin

    def began(seconds=0.0):
        spin()
        graph.latest.episode = EpisodeEvent(state='started', episode=other)

    monkeypatch.setattr(graph, 'spin', began)
    (told,) = run(graph).episodes
    assert (told.id, told.outcome) == (one, 'success')
    assert not {'end_episode', 'stop_episode'} & {name for name, _ in graph.calls}
    with Dataset.open(tmp_path) as dataset:
        assert dataset.find(one).outcome == 'success'
        assert dataset.find(other).outcome == 'unlabelled'


def test_a_graph_that_does_not_answer_does_not_hide_what_ended_the_session():
    graph = PlayedGraph()

    def dead(node, name, flag=None):
        if name == 'disarm':
            raise OSError('the middleware is gone')
        if name == 'start_episode':
            raise KeyboardInterrupt
        return PlayedGraph.call(graph, node, name, flag)

    graph.call = dead
    with pytest.raises(KeyboardInterrupt):
        run(graph)
    assert graph.calls[-1][0] == 'stop_episode'


def test_without_a_recorder_the_policy_itself_begins_and_ends():
    graph = PlayedGraph(success_at=5)
    (episode,) = run(graph, record=False, cover_camera=True).episodes
    assert graph.calls[0] == ('cover_camera', True)
    assert ('stop_episode', None) in graph.calls and episode.id == ''


def test_the_result_is_json_with_percentiles_and_differences():
    result = run(PlayedGraph())
    found = json.loads(json.dumps(result.to_json()))
    first, last = found['latency_ms'][0], found['latency_ms'][-1]
    assert found['latency']['p50'] == pytest.approx((first + last) / 2)
    assert found['missed_periods'] in (2, 3)  # one in four of eleven steps
    assert 0 < found['guard_interventions']['velocity'] <= 12
    assert found['episodes'][0]['ended'] == 'timeout'
    assert found['policy'] == 'played' and found['successes'] == 0


@pytest.mark.parametrize('operator', [False, True])
def test_an_estop_ends_the_session_and_nothing_is_reset_or_armed(operator, monkeypatch):
    graph, asked = PlayedGraph(estop_at=4, recorder_says='estop'), []
    console = Console(quiet=True)
    monkeypatch.setattr(console, 'input', lambda text: asked.append(text) or '')
    begun = Session(graph, SessionConfig(episodes=3, operator=operator), console)
    with pytest.raises(MotoError, match='the e-stop was pressed: the session ends'):
        begun.run()
    (episode,) = begun.result.episodes
    assert (episode.ended, episode.outcome) == ('estop', 'unlabelled')
    names = [name for name, _ in graph.calls]
    assert names.count('arm') == 1 and 'reset_fault' not in names
    assert names[-2:] == ['stop_episode', 'disarm']
    assert len(asked) == 2 * operator  # before and after the one episode


def test_a_real_arm_is_reset_and_armed_for_no_session_without_a_person():
    graph = PlayedGraph()
    graph.real, graph.state = True, 'FAULT'
    with pytest.raises(MotoError, match='leads a real arm, and a twin judges.*Say --operator'):
        run(graph)
    assert graph.calls == [], 'who drives it is not stopped either'


@pytest.mark.parametrize('dry_run', [False, True])
def test_a_robots_arm_goes_home_before_it_is_armed_unless_nothing_may_move(dry_run, monkeypatch):
    graph, console = PlayedGraph(success_at=6), Console(quiet=True)
    graph.dry_run = dry_run
    monkeypatch.setattr(console, 'input', lambda text: 'y')
    result = Session(graph, SessionConfig(episodes=1, operator=True), console).run()
    names = [name for name, _ in graph.calls]
    assert names[: 2 - dry_run] == ['home', 'arm'][dry_run:]
    assert graph.source == 'policy' and result.successes == 1


def test_a_guard_that_may_not_be_armed_yet_is_waited_for_and_asked_in_the_end(monkeypatch):
    graph = PlayedGraph(success_at=6)
    graph.refusal = 'the joint state is too old (joints_stale)'
    tell = graph._tell

    def heard():
        graph.refusal = '' if graph.t > 2 else graph.refusal
        graph.t += graph.refusal != ''
        tell()

    monkeypatch.setattr(graph, '_tell', heard)
    assert run(graph).successes == 1
    monkeypatch.setattr('moto_ros.loops.preparing.PATIENCE', 0.1)
    graph = PlayedGraph(success_at=6)
    graph.refusal = 'far from home'
    call, calls = graph.call, []

    def refused(node, name, flag=None):
        calls.append(name)
        if name == 'arm':
            raise MotoError(graph.refusal)
        return call(node, name, flag)

    monkeypatch.setattr(graph, 'call', refused)
    with pytest.raises(MotoError, match='far from home'):
        run(graph)


def test_what_a_session_waits_for_is_said_and_no_more_is_if_all_is_there(capsys, monkeypatch):
    graph, console = PlayedGraph(success_at=6), Console(soft_wrap=True, no_color=True)
    Session(graph, SessionConfig(episodes=0), console).run()
    assert 'waiting' not in capsys.readouterr().out
    graph = PlayedGraph(success_at=6)
    recorder, graph.latest.recorder = graph.latest.recorder, None
    wait, asked = graph.wait, []

    def slow(condition, seconds, what):
        asked.append((seconds, what))
        if len(asked) == 1:
            raise MotoError('not yet')
        graph.latest.recorder = recorder
        wait(condition, seconds, what)

    monkeypatch.setattr(graph, 'wait', slow)
    Session(graph, SessionConfig(episodes=0), console).run()
    assert 'waiting for recorder, up to 60 s: start moto-up' in capsys.readouterr().out
    assert asked[:2] == [
        (3.0, 'the states of guard, policy, recorder, task'),
        (57.0, 'the states of guard, policy, recorder, task'),
    ]


def test_a_way_home_that_is_refused_is_the_operators_to_mend(monkeypatch):
    graph, console, asked = PlayedGraph(success_at=6), Console(quiet=True), []
    monkeypatch.setattr(console, 'input', lambda text: asked.append(text) or 'y')
    call, refusals = graph.call, ['where its controller holds the arm is not known']

    def refused(node, name, flag=None):
        if name == 'home' and refusals:
            raise MotoError(refusals.pop())
        return call(node, name, flag)

    monkeypatch.setattr(graph, 'call', refused)
    result = Session(graph, SessionConfig(episodes=1, operator=True), console).run()
    assert result.successes == 1 and [name for name, _ in graph.calls].count('home') == 1
    assert asked[1].startswith('where its controller holds the arm is not known. Then press Enter')


@pytest.mark.parametrize('left', [KeyboardInterrupt, MotoError])
def test_a_session_that_is_stopped_says_what_its_episodes_came_to(left):
    class Stopped(PlayedGraph):
        def call(self, node, name, flag=None):
            if name == 'start_episode' and sum(n == name for n, _ in self.calls) == 2:
                raise left('no more')
            return super().call(node, name, flag)

    said = StringIO()
    with pytest.raises(left):
        Session(
            Stopped(), SessionConfig(episodes=5, max_steps=10), Console(file=said, width=200)
        ).run()
    assert 'until then 0 of 2 episodes succeeded' in said.getvalue()


def test_what_the_episodes_came_to_is_said_though_the_guard_answers_no_more():
    class Ending(PlayedGraph):
        def spin(self, seconds=0.0):
            if len([n for n, _ in self.calls if n == 'start_episode']) == 2:
                raise KeyboardInterrupt
            super().spin(seconds)

        def finish_call(self, future, what):
            if said.getvalue().count('ended:') == 1:
                raise MotoError('waited in vain')
            return future

    said = StringIO()
    with pytest.raises(KeyboardInterrupt):
        Session(
            Ending(), SessionConfig(episodes=5, max_steps=10), Console(file=said, width=200)
        ).run()
    assert 'until then 0 of 1 episodes succeeded' in said.getvalue()
