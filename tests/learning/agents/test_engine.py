"""A recorded update takes the steps of an ordinary one, whatever differs from update to update.

On a processor a recording is the same function once more, with what a CUDA graph would hold fixed
held fixed: the batch's place in memory, the knobs' numbers, the branches, the learner's own count.
"""

import pytest
import torch

from moto_core.config import config_file, load_config
from moto_core.errors import ConfigError
from moto_learning.agents import engine
from moto_learning.agents.engine import RecordedUpdate, check_engine
from moto_learning.agents.learner import LEARNERS, make_learner
from moto_learning.config import Config
from tests.learning import tiny_learner as tiny

CHANGING = (
    *('actor_critic.after=2', 'actor_critic.actor.average=0.1', 'actor_critic.actor.beta_from=7'),
    *('actor_critic.actor.beta_half=1', 'actor_critic.actor.beta_final=0'),
    *('actor_critic.actor.prior_steps=1', 'actor_critic.actor.relative=true'),
    *('model.optimizer.decay_updates=9', 'actor_critic.critic.target_every=2'),
)


def learner(row='moto', *overrides):
    rows = config_file('train/rows', row)
    config = load_config(Config, tiny.TINY, rows, overrides=[*CHANGING, *overrides])
    return make_learner(config, tiny.spec())


@pytest.fixture
def again(monkeypatch):
    """What records on a processor, and how often it did."""

    class Again:
        learner, made = None, 0

        def __init__(self, function, generator):
            assert generator is Again.learner.generator
            self.function, self.updates = function, Again.learner.updates
            Again.made += 1

        def replay(self):
            now, Again.learner.updates = Again.learner.updates, self.updates
            with monkeypatch.context() as patch:
                patch.setattr(engine, '_is_recording', lambda device: True)
                found = self.function()
            Again.learner.updates = now
            return found

    return Again


def recorded(again, *names):
    agent = learner(*names)
    again.learner, agent.recorded = agent, RecordedUpdate(agent, again)
    return agent


def trained(agent, updates=16, **data):
    metrics = [agent.update({**tiny.batch(seed), **data}) for seed in range(updates)]
    return metrics, agent.state_dict()


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize('row, graphs', [('moto', 2), ('dreamer_v2', 1), ('no_bc', 1)])
def test_recorded_updates_are_the_ordinary_ones_bit_for_bit(again, row, graphs):
    expected = trained(learner(row), 24)
    assert same(trained(recorded(again, row), 24), expected)
    assert again.made == graphs  # of a prior with its whole weight, and of one that fades


def test_successes_that_come_later_turn_the_knob_too(again):
    by = 'actor_critic.actor.beta_counts=successes', 'actor_critic.actor.beta_from=0'
    runs = []
    for agent in (learner('moto', *by), recorded(again, 'moto', *by)):
        runs.append([agent.update({**tiny.batch(n), 'successes': n // 3}) for n in range(20)])
    assert runs[0] == runs[1] and again.made >= 1


def test_the_batch_is_copied_to_where_the_recorded_one_lay(again):
    agent = recorded(again)
    trained(agent, 12)
    held = agent.recorded._held
    places = held['reward'].data_ptr(), held['images']['front'].data_ptr()
    batch = tiny.batch(77)
    agent.update(batch)
    assert (held['reward'].data_ptr(), held['images']['front'].data_ptr()) == places
    assert held['reward'].numpy().tolist() == batch['reward'].tolist()
    assert (held['images']['front'].numpy() == batch['images']['front']).all()


def test_a_knob_that_is_not_turned_would_be_seen(again, monkeypatch):
    expected = trained(learner())
    agent = recorded(again)
    monkeypatch.setattr(agent, 'schedule', lambda data: (True, True, agent.updates < 7))
    assert not same(trained(agent), expected)


@pytest.mark.parametrize('agent', LEARNERS)
def test_a_graph_is_refused_without_a_gpu_and_by_an_agent_that_waits(agent):
    waits = agent not in ('moto', 'dreamer_v2')
    said = 'waits for numbers' if waits else "device is 'cpu'.*train.device=cuda"
    config = load_config(Config, tiny.TINY, overrides=[f'agent={agent}', 'train.engine=graph'])
    with pytest.raises(ConfigError, match=said):
        make_learner(config, tiny.spec())
    check_engine(config, torch.device('cuda'), recorded=True)
