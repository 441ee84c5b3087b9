"""An update waits for no number, so that a GPU need not stop and it can be one CUDA graph."""

import pytest
import torch

from moto_core.config import config_file, load_config
from moto_learning.agents.latent import take, to_tensors
from moto_learning.agents.learner import make_learner
from moto_learning.config import Config
from tests.learning import tiny_learner as tiny
from tests.learning.operations import Operations

WAITS = '_local_scalar_dense', 'nonzero', 'item', 'is_nonzero', 'equal', 'masked_select', 'unique'
ON = (
    *('actor_critic.actor.average=0.5', 'actor_critic.actor.beta_half=3'),
    *('actor_critic.actor.prior_steps=2', 'actor_critic.actor.relative=true'),
    *('actor_critic.critic.target_rate=0.1', 'actor_critic.penalty.relative=true'),
    *('model.shift=1', 'model.decoded=0.5', 'actor_critic.starts=4', 'model.behaviour_scale=1'),
    *('model.optimizer.decay_updates=9', 'model.optimizer.warmup_updates=2'),
)
ROWS = 'moto', 'no_unc', 'no_bc', 'no_bc_no_unc', 'dreamer_v2'


def name_and_shape(function, args, kwargs, found):
    """Says an operation's name, 'masked_select' for an index by a mask, and its result's shape."""
    by_mask = function.overloadpacket is torch.ops.aten.index and any(
        index is not None and index.dtype is torch.bool for index in args[1]
    )
    name = 'masked_select' if by_mask else function.overloadpacket._qualified_op_name[6:]
    return name, tuple(getattr(found, 'shape', ()))


def learner(row, *overrides):
    rows = config_file('train/rows', row)
    config = load_config(Config, tiny.TINY, rows, overrides=[*ON, *overrides])
    return make_learner(config, tiny.spec())


def calls_of(agent, batch):
    with Operations(name_and_shape) as calls:
        take(agent, to_tensors(batch, agent.device))
    agent.updates += 1
    return calls.seen


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
@pytest.mark.parametrize('row', ROWS)
def test_no_step_of_an_update_reads_a_number(row, precision):
    agent = learner(row, f'train.precision={precision}')
    for seed in range(3):
        seen = calls_of(agent, tiny.batch(seed))
        assert len(seen) > 500
        # on a processor Adam itself reads its rate and what it found, which no GPU does
        assert [name for name, _ in seen if name in WAITS] == []


@pytest.mark.parametrize('row', ROWS)
def test_every_update_is_the_same_operations_on_the_same_shapes_whatever_is_in_the_batch(row):
    agent = learner(row)
    calls_of(agent, tiny.batch(0))  # Adam makes its moments
    batches = [tiny.batch(1), tiny.batch(2), tiny.batch(3), tiny.batch(4)]
    batches[1]['bc_mask'][:] = 0
    batches[2]['reward'][0, 1] = float('nan')
    batches[3]['is_first'][:] = True
    first, *others = [calls_of(agent, batch) for batch in batches]
    assert all(other == first for other in others)


def test_what_waits_is_seen():
    with Operations(name_and_shape) as calls:
        x = torch.arange(3.0)
        float(x.sum()), x[x > 1], x.nonzero()
    assert {name for name, _ in calls.seen} & set(WAITS) == set(WAITS[:2]) | {'masked_select'}
