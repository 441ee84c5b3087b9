import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_learning.data.rewards import is_successful, learned_reward, parts_done

NONE, MARKED = np.zeros(4, bool), np.array([False, True, False, False])
BARE = np.zeros(4, np.float32)


@pytest.mark.parametrize(
    'outcome, success, reward, successful',
    [
        ('success', NONE, [0, 0, 0, 1], True),
        ('success', MARKED, [0, 1, 0, 1], True),
        ('failure', NONE, [0, 0, 0, 0], False),
        ('failure', MARKED, [0, 0, 0, 0], False),
        ('unlabelled', NONE, [0, 0, 0, 0], False),
        ('unlabelled', MARKED, [0, 0, 0, 0], False),
    ],
)
@pytest.mark.parametrize('source', ['robot', 'twin'])
def test_a_robots_reward_is_its_label(source, outcome, success, reward, successful):
    found = learned_reward(source, BARE, success, outcome)
    assert found.tolist() == reward and found.dtype == np.float32
    assert is_successful(source, BARE, success, outcome) is successful
    assert not BARE.any()


@pytest.mark.parametrize('source', ['sim', 'robot'])
@pytest.mark.parametrize('outcome', ['success', 'failure', 'unlabelled'])
def test_a_reward_in_the_log_is_taken_as_it_is(source, outcome):
    reward = np.array([0, 0.5, 0, 2], np.float32)
    assert learned_reward(source, reward, MARKED, outcome) is reward
    assert is_successful(source, reward, MARKED, outcome) is (outcome != 'failure')
    assert is_successful(source, reward, NONE, outcome) is (outcome == 'success')


@pytest.mark.parametrize('outcome', ['success', 'failure', 'unlabelled'])
def test_a_simulators_zeros_are_its_reward(outcome):
    assert not learned_reward('sim', BARE, MARKED, outcome).any()
    assert is_successful('sim', BARE, MARKED, outcome) is (outcome != 'failure')


def test_parts_are_done_together_at_one_row():
    parts = ('kettle', 'light', 'door')
    done = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 1]], bool)
    assert parts_done(done, parts, ['kettle', 'door'])
    assert parts_done(done, parts, ['door', 'light'])
    assert not parts_done(done, parts, ['kettle', 'light'])  # each once, never together
    assert not parts_done(done[:1], parts, ['door'])


@pytest.mark.parametrize(
    'parts, message',
    [(('kettle', 'door'), r"'ketle'\. Did you mean 'kettle'\? Valid: door, kettle"), ((), 'none')],
)
def test_an_unknown_part_is_an_error_that_names_the_valid_ones(parts, message):
    with pytest.raises(ConfigError, match=message):
        parts_done(np.zeros((2, len(parts)), bool), parts, ['ketle'])
