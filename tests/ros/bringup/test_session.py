"""The session's command: its exit code, and the file that it leaves."""

import json

import pytest

from moto_core.errors import MotoError
from moto_ros.bringup.session import _go_back, _parser, _run
from moto_ros.loops import stops
from moto_ros.loops.session import SessionConfig
from tests.ros.loops.test_session import PlayedGraph


@pytest.mark.parametrize(
    'episodes, fault_at, code',
    [
        (1, None, 0),  # a failure was judged
        (1, 4, 1),  # the only one ended by no fault of the policy
        (2, 4, 0),  # and one more was judged
        (0, None, 0),  # none was asked for
    ],
)
def test_the_exit_code_is_1_if_episodes_ran_and_none_was_judged(
    episodes, fault_at, code, tmp_path, monkeypatch
):
    monkeypatch.setattr(stops, 'ON_ITS_WAY', 0.0)  # a word of the guard that is played is not old
    file = tmp_path / 'result.json'
    config = SessionConfig(episodes=episodes, max_steps=10)
    assert _run(PlayedGraph(fault_at=fault_at), config, file) == code
    assert len(json.loads(file.read_text())['episodes']) == episodes


@pytest.mark.parametrize('refusal, code', [('', 0), ('no policy before', 1)])
def test_going_back_by_hand_says_what_drives_or_why_not(refusal, code, capsys):
    class Answering(PlayedGraph):
        def call(self, node, name, flag=None):
            self.calls.append(name)
            if refusal:
                raise MotoError(refusal)
            return 'c' * 64

    graph = Answering()
    assert _go_back(graph) == code
    assert graph.calls == ['rollback_policy']
    assert (refusal or 'policy cccccccccccc drives') in capsys.readouterr().out


def test_it_calls_itself_by_the_name_that_is_installed(capsys):
    with pytest.raises(SystemExit):
        _parser().parse_args(['--episodes', 'ten'])
    assert capsys.readouterr().err.startswith('usage: moto_session ')
