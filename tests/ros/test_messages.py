"""What the nodes tell each other as JSON comes back equal, or is refused by name."""

import json
import math
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moto_core.errors import MotoError
from moto_ros import messages
from moto_ros.messages import (
    Decision,
    EpisodeEvent,
    GuardState,
    MessageError,
    TaskState,
    from_json,
    to_json,
)

DECISION = Decision(
    stamp=1_763_000_000_123_456_789,
    episode='E',
    number=3,
    action=(0.1, -1.0),
    disagreement=0.5,
    surprise=2.5,
    speed_scale=0.75,
    proprioception=(0.25,),
    image_latency=5.0,
    inference_latency=2.0,
    request_latency=8.0,
    missed=0,
)
TASK = TaskState(stamp=1, reward=2.0, success=False, parts={'a': True, 'b': False}, seed=None)
GUARD = GuardState(
    state='HOLD',
    source='policy',
    reasons=('velocity',),
    cause=(),
    refusal='',
    scale=1.0,
    at_rest=True,
    from_home=0.02,
    profile='normal',
    limits='0123456789ab',
    interventions={'velocity': 3},
    ticks=7,
    late=0,
    dry_run=False,
)


@pytest.mark.parametrize(
    'message',
    [DECISION, replace(DECISION, proprioception=None), TASK, GUARD]
    + [EpisodeEvent(state='started', episode='E')],
)
def test_a_message_comes_back_equal(message):
    assert from_json(type(message), to_json(message)) == message


def test_the_schema_comes_first():
    assert to_json(TASK).startswith(f'{{"schema": {messages.SCHEMA}, "stamp"')


def test_what_is_not_finite_is_null_on_the_way_and_nan_at_the_end():
    told = to_json(replace(DECISION, disagreement=math.inf, action=(math.nan, 1.0)))
    assert 'NaN' not in told and 'Infinity' not in told
    found = from_json(Decision, told)
    assert math.isnan(found.disagreement) and math.isnan(found.action[0])


def test_a_whole_number_of_64_bits_comes_back():
    for number in (2**63 - 1, -(2**63)):
        assert from_json(Decision, to_json(replace(DECISION, stamp=number))).stamp == number


def test_done_parts_are_those_in_place():
    assert TASK.done_parts == ('a',)


def changed(message, **values):
    return json.dumps({**json.loads(to_json(message)), **values})


@pytest.mark.parametrize(
    'kind, text, error',
    [
        (Decision, 'no json', 'Decision is no JSON'),
        (Decision, '[' * 100_000, 'Decision is no JSON'),
        (Decision, '[]', 'Decision is not of schema'),
        (Decision, '{}', 'Decision is not of schema'),
        (Decision, changed(DECISION, schema=1), 'run every node from one version'),
        (Decision, to_json(TASK), r"keys \['parts', .*expected \['action', "),
        (Decision, changed(DECISION, more=1), 'Decision has keys'),
        (Decision, changed(DECISION, stamp=1.5), 'Decision.stamp is 1.5; expected'),
        (Decision, changed(DECISION, stamp=True), 'Decision.stamp is True'),
        (Decision, changed(DECISION, stamp=None), 'Decision.stamp is None'),
        (Decision, changed(DECISION, action=['1']), "Decision.action is '1'"),
        (Decision, changed(DECISION, action=1.0), 'Decision.action is 1.0'),
        (Decision, changed(DECISION, disagreement='0'), "Decision.disagreement is '0'"),
        (Decision, changed(DECISION, proprioception={}), 'Decision.proprioception is {}'),
        (Decision, changed(DECISION, surprise=10**400), 'surprise is a number of 401 digits'),
        (Decision, changed(DECISION, action=[-(10**400)]), 'action is a number of 401 digits'),
        (Decision, changed(DECISION, number=2**63), 'number is a number of 19 digits; exp'),
        (TaskState, changed(TASK, parts={'a': 1}), 'TaskState.parts is 1'),
        (TaskState, changed(TASK, success=0), 'TaskState.success is 0'),
        (GuardState, changed(GUARD, reasons='velocity'), "GuardState.reasons is 'velocity'"),
    ],
)
def test_what_is_not_the_message_is_refused_by_name(kind, text, error):
    with pytest.raises(MessageError, match=error):
        from_json(kind, text)


@given(
    st.text()
    | st.builds(
        json.dumps,
        st.dictionaries(
            st.sampled_from(['schema', 'stamp', 'reward', 'success', 'parts', 'seed']),
            st.integers() | st.none(),
        ),
    )
)
def test_no_text_raises_anything_but_a_moto_error(text):
    with suppress(MotoError):
        from_json(TaskState, text)
